"""What a test cannot break on this machine is judged from facts: each check failing, and mended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from eventsrc.config import Settings
from eventsrc.doctor import Finding, Scene, disk, machine, sources, store, worst
from eventsrc.doctor.finding import careful, ok, wrong
from eventsrc.doctor.mounts import UNKNOWN, mount_of
from eventsrc.limits import MIB

GIB = 1024 * MIB
ROOM = disk.Room(Path("/d"), 100 * GIB, 50 * GIB, 1_000_000, 900_000, "ext4")
MACHINE = machine.Machine(
    user=1000,
    watches=65_536,
    folders=40,
    sqlite=(3, 51, 3),
    now=1_000.0,
    recorded=900.0,
    synchronised=True,
    hidepid="",
)
MOUNTINFO = (
    "22 27 0:21 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "23 22 0:22 / /proc rw,nosuid - proc proc rw,hidepid=invisible\n"
    "24 22 0:23 / /with\\040blank rw - nfs4 server:/x rw\n"
)


@pytest.mark.parametrize(
    ("check", "broken", "level", "says", "mend"),
    [
        (disk.space, {"free_bytes": 100 * MIB}, "wrong", "100 MiB free", "du -xh"),
        (disk.space, {"free_bytes": GIB}, "careful", "1.0 GiB free", "du -xh"),
        (disk.inodes, {"free_inodes": 10}, "wrong", "10 free", "df -i"),
        (disk.inodes, {"free_inodes": 3_000}, "careful", "3,000 free", "df -i"),
        (disk.keeps, {"kind": "tmpfs"}, "wrong", "gone when the machine restarts", "cp -a /d DIR"),
        (disk.keeps, {"kind": "nfs4"}, "careful", "not reliable over a network", "eventsrc serve --data DIR"),
    ],
)
def test_the_disk(
    check: Callable[[disk.Room], Finding], broken: dict[str, object], level: str, says: str, mend: str
) -> None:
    facts = {name: getattr(ROOM, name) for name in ROOM.__struct_fields__}
    found = check(disk.Room(**{**facts, **broken}))
    assert found.level == level and says in found.reason and mend in found.mend
    assert check(ROOM).level == "ok" and check(ROOM).mend == ""


@pytest.mark.parametrize(
    ("check", "broken", "level", "says", "mend"),
    [
        (
            machine.inotify,
            {"folders": 60_000},
            "careful",
            "65,536 watches allowed",
            "fs.inotify.max_user_watches=524288",
        ),
        (machine.sqlite, {"sqlite": (3, 36, 0)}, "wrong", "3.37 or newer", "--python-preference only-managed"),
        (machine.sqlite, {"sqlite": (3, 51, 2)}, "careful", "WAL reset", "--python-preference only-managed"),
        (machine.clock, {"recorded": 5_000.0}, "wrong", "4,000 s in the future", "timedatectl set-ntp true"),
        (machine.clock, {"synchronised": False}, "careful", "not synchronised", "timedatectl set-ntp true"),
        (machine.hidepid, {"hidepid": "2"}, "careful", "hidepid=2", "mount -o remount,hidepid=0 /proc"),
    ],
)
def test_the_machine(
    check: Callable[[machine.Machine], Finding], broken: dict[str, object], level: str, says: str, mend: str
) -> None:
    facts = {name: getattr(MACHINE, name) for name in MACHINE.__struct_fields__}
    found = check(machine.Machine(**{**facts, **broken}))
    assert found.level == level and says in found.reason and mend in found.mend
    assert check(MACHINE).level == "ok" and check(MACHINE).mend == ""


@pytest.mark.parametrize(
    ("broken", "level", "says", "mend"),
    [
        ({"unread": (("/l/a.jsonl", 700.0),)}, "wrong", "1 have unread lines, /l/a.jsonl for 300 s", "eventsrc status"),
        ({"problems": (("/l/b.jsonl", "Permission denied"),)}, "wrong", "/l/b.jsonl: Permission denied", "ls -l"),
        ({"roots": (sources.Root("/l", True, False, None),)}, "wrong", "cannot be read", "setfacl -R -m u:1000:rX /l"),
        ({"roots": ()}, "careful", "nothing is followed", "eventsrc serve PATH"),
    ],
)
def test_the_sources(broken: dict[str, object], level: str, says: str, mend: str) -> None:
    whole = {"unread": (("/l/a.jsonl", 990.0),), "problems": (), "roots": (sources.Root("/l", True, True, 990.0),)}

    def found(facts: Mapping[str, object]) -> Finding:
        return sources.sources(
            msgspec.convert({"at": "--data /d", "now": 1000.0, "user": 1000, **facts}, sources.Sources)
        )

    assert found(whole).level == "ok"
    told = found({**whole, **broken})
    assert told.level == level and says in told.reason and mend in told.mend


def test_a_service_that_is_unhealthy_and_read_models_that_lack_events(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Settings(), {}, 0.0, ())
    (tmp_path / "log").mkdir()
    good = {"state": "live", "dead_letters": 0}
    answer = {"pid": 7, "head": 3, "unhealthy": "", "projections": {"agents": good, "search": good}}
    assert store.service(store.look(scene, answer)).level == store.read_models(store.look(scene, answer)).level == "ok"
    sick = {**answer, "unhealthy": "log makes no progress", "projections": {"agents": {**good, "dead_letters": 2}}}
    assert store.service(store.look(scene, sick)).reason == "log makes no progress"
    assert store.read_models(store.look(scene, sick)).mend == f"eventsrc rebuild agents --data {tmp_path}"


def test_root_sees_every_process_whatever_is_hidden() -> None:
    facts = {name: getattr(MACHINE, name) for name in MACHINE.__struct_fields__}
    assert machine.hidepid(machine.Machine(**{**facts, "hidepid": "2", "user": 0})).level == "ok"


def test_mounts_are_read_as_the_kernel_writes_them(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text(MOUNTINFO)
    assert mount_of(tmp_path, Path("/with blank/data")).kind == "nfs4"
    assert mount_of(tmp_path, Path("/elsewhere")).kind == "ext4"
    assert "hidepid=invisible" in mount_of(tmp_path, Path("/proc")).options
    assert mount_of(tmp_path / "none", Path("/")) == UNKNOWN


def test_facts_of_another_procfs_reach_the_checks(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text(MOUNTINFO)
    (tmp_path / "sys/fs/inotify").mkdir(parents=True)
    (tmp_path / "sys/fs/inotify/max_user_watches").write_text("1\n")
    scene = Scene(tmp_path / "data", Settings(), {}, 0.0, (tmp_path,), tmp_path)
    facts = machine.look(scene)
    assert (facts.watches, facts.hidepid, facts.recorded) == (1, "invisible", None)
    assert machine.inotify(facts).level == "careful"


def test_this_machine_can_be_looked_at(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "not/yet", Settings(), {}, 0.0, (tmp_path,))
    facts, room = machine.look(scene), disk.look(scene)
    assert facts.folders == 1 and facts.sqlite > (3, 0) and room.bytes > room.free_bytes > 0


def test_the_worst_level_counts() -> None:
    assert worst([]) == "ok"
    assert worst([ok("a", ""), careful("b", "", "x"), ok("c", "")]) == "careful"
    assert worst([wrong("a", "", "x"), careful("b", "", "x")]) == "wrong"
