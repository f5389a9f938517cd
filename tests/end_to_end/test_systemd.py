"""The service under a real systemd: installed, killed, frozen, restarted under load. Nothing acknowledged is missing.

The tests are one story on one machine and run in their order.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventsrc.event import Event
from eventsrc.log import LogReader, verify
from eventsrc.log.verified import last
from tests.end_to_end.load_kit import Load, push
from tests.end_to_end.machine_kit import EVENTSRC, Machine, build, obstacle

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]
if (reason := obstacle()) is not None:
    pytestmark.append(pytest.mark.skip(reason=reason))

UNITS = "/etc/systemd/system"
SETTINGS = "etc/eventsrc/eventsrc.toml"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Booted, with eventsrc in /opt/eventsrc and its settings readable for root alone."""
    made = Machine(build(tmp_path_factory.mktemp("machine")))
    settings = made.root / SETTINGS
    settings.parent.mkdir(parents=True)
    settings.write_text("[log]\nsegment_bytes = 262144\n")
    settings.chmod(0o600)
    try:
        made.boot()
        yield made
    finally:
        made.close()


def socket(machine: Machine) -> Path:
    return machine.inside / "run/eventsrc/eventsrc.sock"


def restarts(machine: Machine) -> int:
    return int(machine.show("NRestarts"))


def is_up_again(machine: Machine, pid: str) -> bool:
    return machine.show("ActiveState") == "active" and machine.show("MainPID") not in ("0", pid)


def events(machine: Machine) -> Iterator[Event]:
    """The whole log, read from its files."""
    reader, position = LogReader(machine.data), 0
    while page := reader.read(position):
        yield from page
        position = page[-1].position


def assert_nothing_is_missing(machine: Machine, acknowledged: list[str]) -> None:
    """Every acknowledged id is in the log, and every id once."""
    counted = Counter(event.id for event in events(machine))
    assert acknowledged and [one for one in acknowledged if one not in counted] == []
    assert [one for one, times in counted.items() if times > 1] == []
    assert verify(machine.data).ok


def wait_for(load: Load, more: int) -> None:
    """Until so many more events were acknowledged."""
    before, deadline = len(load.acknowledged), time.monotonic() + 60
    while len(load.acknowledged) < before + more:
        assert time.monotonic() < deadline, "nothing is acknowledged any more"
        time.sleep(0.02)


def test_the_command_installs_it_and_it_runs(machine: Machine) -> None:
    shown = machine.run(EVENTSRC, "service", "install", "--dry-run").stdout
    assert f"write   {UNITS}/eventsrc.service" in shown and "systemctl enable --now eventsrc.socket" in shown
    assert machine.run("test", "-e", f"{UNITS}/eventsrc.service", check=False).returncode == 1
    machine.run(EVENTSRC, "service", "install", "--yes")
    assert machine.show("ActiveState") == "active" and machine.show("StatusText").startswith("at position ")
    told = json.loads(machine.run(EVENTSRC, "service", "status", "--json").stdout)
    states = {one["unit"]: (one["file"], one["active"], one["enabled"]) for one in told["units"]}
    assert told["running"] and states["eventsrc.service"] == ("as shipped", "active", "enabled")
    for unit in ("eventsrc.socket", "eventsrc-verify.timer", "eventsrc-checkpoint.timer"):
        assert states[unit] == ("as shipped", "active", "enabled")
    assert "keep" in machine.run(EVENTSRC, "service", "install", "--dry-run").stdout
    status = json.loads(machine.run(EVENTSRC, "status", "--json", "--data", "/var/lib/eventsrc").stdout)
    assert status["running"] and str(status["pid"]) == machine.show("MainPID")


def test_systemd_itself_finds_the_running_unit_closed(machine: Machine) -> None:
    machine.run("systemd-analyze", "verify", "eventsrc.service", "eventsrc.socket")
    machine.run("systemd-analyze", "security", "--no-pager", "--threshold=10", "eventsrc.service")
    pid = machine.show("MainPID")
    assert (machine.inside / f"proc/{pid}").stat().st_uid not in (0, 65534)  # a user of its own
    assert "CapEff:\t0000000000000000" in (machine.inside / f"proc/{pid}/status").read_text()


def test_what_is_pushed_through_both_sockets_is_there(machine: Machine) -> None:
    assert push(socket(machine), ["first", "second"])
    script = (
        "import urllib.request as r; q = r.Request('http://127.0.0.1:8787/v1/events', data=b'{\"tcp\":1}\\n', "
        "headers={'content-type': 'application/x-ndjson'}); print(r.urlopen(q).status)"
    )
    assert machine.run("/opt/eventsrc/bin/python", "-c", script).stdout.strip() in ("200", "201")
    assert_nothing_is_missing(machine, ["first", "second"])
    assert b'{"tcp":1}' in [event.raw for event in events(machine)]


def test_it_uses_settings_that_only_root_can_read(machine: Machine) -> None:
    with Load(socket(machine), "settings") as load:
        wait_for(load, 2000)
    assert len(list((machine.data / "log").glob("0*.jsonl"))) > 1  # segment_bytes of the file, not of the default


def test_killed_under_load_it_is_back_and_nothing_acknowledged_is_missing(machine: Machine) -> None:
    with Load(socket(machine), "killed") as load:
        for _ in range(3):
            wait_for(load, 400)
            pid = machine.show("MainPID")
            machine.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", "eventsrc.service")
            machine.until(lambda pid=pid: is_up_again(machine, pid))
        wait_for(load, 400)
    assert restarts(machine) >= 3
    assert load.refused == 0  # the socket unit went on listening
    assert_nothing_is_missing(machine, load.acknowledged)


def test_restarted_under_load_with_connections_waiting_no_client_is_refused(machine: Machine) -> None:
    with Load(socket(machine), "restarted", producers=12) as load:
        for _ in range(3):
            wait_for(load, 400)
            machine.run("systemctl", "restart", "eventsrc.service")
        wait_for(load, 400)
    assert load.refused == 0
    assert load.longest < 30
    assert_nothing_is_missing(machine, load.acknowledged)


def test_a_connection_to_a_stopped_service_starts_it_and_is_answered(machine: Machine) -> None:
    machine.run("systemctl", "stop", "eventsrc.service")
    assert machine.show("ActiveState") == "inactive"
    assert push(socket(machine), ["woken"])
    assert machine.show("ActiveState") == "active"
    assert_nothing_is_missing(machine, ["woken"])


def test_frozen_it_is_ended_by_the_watchdog_and_nothing_acknowledged_is_missing(machine: Machine) -> None:
    drop_in = machine.root / "etc/systemd/system/eventsrc.service.d/watchdog.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nWatchdogSec=3\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "eventsrc.service")
    with Load(socket(machine), "frozen") as load:
        wait_for(load, 200)
        pid, before = machine.show("MainPID"), restarts(machine)
        machine.run("systemctl", "kill", "--signal=STOP", "--kill-who=main", "eventsrc.service")
        machine.until(lambda: is_up_again(machine, pid))
        wait_for(load, 200)
    assert restarts(machine) == before + 1
    assert "Watchdog timeout" in machine.run("journalctl", "--no-pager", "-u", "eventsrc.service").stdout
    assert load.refused == 0
    assert_nothing_is_missing(machine, load.acknowledged)


def test_the_jobs_of_the_timers_check_the_log_and_make_a_checkpoint(machine: Machine) -> None:
    machine.run("systemctl", "start", "eventsrc-verify.service", "eventsrc-checkpoint.service")
    noted = last(machine.data)
    assert noted is not None and noted.ok and noted.events > 0
    listed = json.loads(machine.run(EVENTSRC, "checkpoint", "list", "--json", "--data", "/var/lib/eventsrc").stdout)
    assert listed[0]["position"] > 0
    rebuilt = json.loads(machine.run(EVENTSRC, "rebuild", "--json", "--data", "/var/lib/eventsrc").stdout)
    assert rebuilt["agents"]["events"] > 0  # by the service, inside its walls
    timers = machine.run("systemctl", "list-timers", "--no-pager", "--all").stdout
    assert "eventsrc-verify.timer" in timers and "eventsrc-checkpoint.timer" in timers


def test_doctor_finds_nothing_wrong_with_it(machine: Machine) -> None:
    told = json.loads(machine.run(EVENTSRC, "doctor", "--json", "--data", "/var/lib/eventsrc").stdout)
    found = {one["check"]: (one["level"], one["reason"]) for one in told["checks"]}
    assert found["service"][0] == found["permissions"][0] == found["verify"][0] == found["checkpoint"][0] == "ok"
    assert found["port"] == ("ok", "this service answers on 127.0.0.1:8787")


def test_damage_is_told_by_the_job_and_by_systemd(machine: Machine) -> None:
    segment = min((machine.data / "log").glob("0*.jsonl"))
    sound = segment.read_bytes()
    segment.write_bytes(sound[:1000] + bytes([sound[1000] ^ 1]) + sound[1001:])
    machine.run("systemctl", "start", "eventsrc-verify.service", check=False)
    assert machine.show("Result", "eventsrc-verify.service") == "exit-code"
    assert segment.name in machine.run("journalctl", "--no-pager", "-u", "eventsrc-verify.service").stdout
    noted = last(machine.data)
    assert noted is not None and not noted.ok
    segment.write_bytes(sound)
    machine.run("systemctl", "start", "eventsrc-verify.service")


def test_wrong_settings_are_told_once_and_not_tried_again(machine: Machine) -> None:
    right = (machine.root / SETTINGS).read_text()
    (machine.root / SETTINGS).write_text("no_such_setting = 1\n")
    machine.run("systemctl", "restart", "eventsrc.service", check=False)
    machine.until(lambda: machine.show("ActiveState") == "failed")
    assert (machine.show("ExecMainStatus"), restarts(machine)) == ("2", 0)
    assert "no_such_setting" in machine.run("journalctl", "--no-pager", "-u", "eventsrc.service").stdout
    (machine.root / SETTINGS).write_text(right)
    machine.run("systemctl", "reset-failed", "eventsrc.service", "eventsrc.socket")
    machine.run("systemctl", "start", "eventsrc.socket", "eventsrc.service")
    assert machine.show("ActiveState") == "active"


def test_the_unit_of_a_user_follows_the_transcripts_of_that_user(machine: Machine) -> None:
    machine.run("useradd", "--create-home", "ann")
    uid = machine.run("id", "--user", "ann").stdout.strip()
    folder = machine.root / "home/ann/.claude/projects/x"
    folder.mkdir(parents=True)
    (folder / "sse_lines.jsonl").write_text('{"some":"line"}\n')
    machine.run("chown", "-R", "ann:ann", "/home/ann/.claude")
    machine.run("loginctl", "enable-linger", "ann")
    machine.until(lambda: machine.show("ActiveState", f"user@{uid}.service") == "active")

    def as_ann(*command: str, check: bool = True) -> str:
        variables = {"HOME": "/home/ann", "XDG_RUNTIME_DIR": f"/run/user/{uid}", "EVENTSRC_HTTP_LISTEN": ""}
        return machine.run("runuser", "-u", "ann", "--", *command, environment=variables, check=check).stdout

    as_ann("systemctl", "--user", "set-environment", "EVENTSRC_HTTP_LISTEN=")  # the port is the system's service's
    as_ann(EVENTSRC, "service", "install", "--user", "--yes")
    assert json.loads(as_ann(EVENTSRC, "service", "status", "--user", "--json"))["running"]
    machine.until(lambda: json.loads(as_ann(EVENTSRC, "status", "--json"))["head"] >= 1)
    as_ann("systemctl", "--user", "start", "eventsrc-verify.service", "eventsrc-checkpoint.service")
    as_ann(EVENTSRC, "service", "uninstall", "--user", "--yes")
    assert not json.loads(as_ann(EVENTSRC, "service", "status", "--user", "--json", check=False))["running"]


def test_uninstalled_nothing_is_left_but_the_data(machine: Machine) -> None:
    machine.run(EVENTSRC, "service", "uninstall", "--yes")
    assert machine.show("LoadState") == "not-found"
    left = machine.run("find", UNITS, "-name", "eventsrc*", "-not", "-path", "*.service.d*").stdout
    assert left == ""
    assert verify(machine.data).ok and verify(machine.data).events > 0
