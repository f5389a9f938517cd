"""What installing systemd's units takes is decided from what is there, and shown before it is done."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from eventsrc import units
from eventsrc.cli import main
from eventsrc.errors import CommandFailed, OutOfSight, UnitForeign
from eventsrc.units.shipped import MARK, quoted

ROOT = Path(__file__).resolve().parents[2]
NEEDS_SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
COMMAND = (str(Path(sys.executable).with_name("eventsrc")),)
FILES = [path for path in sorted((ROOT / "deploy/systemd").rglob("*")) if path.is_file()]


def wanted(user: bool = False) -> dict[str, str]:
    return units.adapted(units.shipped(user), COMMAND, {})


def scope(folder: Path) -> units.Scope:
    return units.Scope(user=False, folder=folder)


def written(folder: Path, user: bool = False) -> list[str]:
    for name, text in wanted(user).items():
        (folder / name).write_text(text)
    return sorted(str(path) for path in folder.iterdir())


def test_every_file_of_deploy_is_a_unit_that_is_installed() -> None:
    installed = {f"user/{name}" for name in units.shipped(user=True)} | set(units.shipped(user=False))
    assert {str(path.relative_to(ROOT / "deploy/systemd")) for path in FILES} == installed


@NEEDS_SYSTEMD
@pytest.mark.parametrize("user", [False, True], ids=["system", "user"])
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path, user: bool) -> None:
    (tmp_path / "units").mkdir()
    files = written(tmp_path / "units", user)
    done = subprocess.run(
        ["systemd-analyze", *(["--user"] if user else []), "verify", *files],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@NEEDS_SYSTEMD
def test_systemd_takes_the_drop_ins_that_the_unit_tells_a_person_to_write(tmp_path: Path) -> None:
    told = re.findall(r"^#   (\[Service\]\n(?:#   .+\n)+)", units.shipped(False)["eventsrc.service"], re.MULTILINE)
    assert len(told) == 2
    written(tmp_path)
    folder = tmp_path / "eventsrc.service.d"
    folder.mkdir()
    for more, wrong in (("", ""), ("[Service]\nNoSuchSetting=1\n", "NoSuchSetting")):
        (folder / "more.conf").write_text("".join(told).replace("#   ", "") + more)
        done = subprocess.run(
            ["systemd-analyze", "verify", str(tmp_path / "eventsrc.service")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert wrong in done.stderr and (done.stderr == "") == (wrong == "")


@NEEDS_SYSTEMD
@pytest.mark.parametrize("name", [name for name in units.shipped(user=False) if name.endswith(".service")])
def test_the_exposure_of_a_system_unit_is_at_most_one(name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=10", "--no-pager", f"./{name}"],
        cwd=ROOT / "deploy/systemd",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr  # --threshold counts in tenths


def test_a_first_installation_writes_everything_and_starts_it(tmp_path: Path) -> None:
    steps = units.install(scope(tmp_path), {}, wanted())
    assert [step.kind for step in steps] == ["write"] * len(wanted()) + ["run", "run"]
    assert steps[-2].command == ("systemctl", "daemon-reload")
    assert steps[-1].command[:4] == ("systemctl", "enable", "--now", "eventsrc.socket")
    assert list(tmp_path.iterdir()) == []  # deciding does nothing


def test_the_command_stands_in_every_unit_that_starts_something() -> None:
    for name, text in wanted().items():
        assert text.startswith(MARK)
        starts = [line for line in text.splitlines() if line.startswith("ExecStart=")]
        assert bool(starts) == name.endswith(".service")
        assert all(line.startswith(f"ExecStart={COMMAND[0]} ") for line in starts)


def test_a_variable_is_set_once_and_odd_paths_are_spelled_as_units_need_them() -> None:
    text = units.adapted(units.shipped(True), ("/a b/100%/eventsrc",), {"EVENTSRC_DATA": "/d $x"})
    checkpoint = text["eventsrc-checkpoint.service"]
    assert checkpoint.count('Environment="EVENTSRC_DATA=/d $$x"\n') == 1
    assert checkpoint.count('ExecStart="/a b/100%%/eventsrc" checkpoint ') == 2
    assert quoted("/usr/bin/eventsrc") == "/usr/bin/eventsrc"


def test_the_same_again_changes_no_file_and_an_update_stops_what_it_changes(tmp_path: Path) -> None:
    kept = units.install(scope(tmp_path), wanted(), wanted())
    assert {step.kind for step in kept if step.kind != "run"} == {"keep"}
    older = {name: text.replace("WatchdogSec=60", "WatchdogSec=30") for name, text in wanted().items()}
    steps = units.install(scope(tmp_path), older, wanted())
    (write,) = [step for step in steps if step.kind == "write"]
    assert write.target == str(tmp_path / "eventsrc.service")
    assert "-WatchdogSec=30" in write.change and "+WatchdogSec=60" in write.change
    stop = next(step for step in steps if step.kind == "run")
    assert stop.command == ("systemctl", "stop", "eventsrc.socket", "eventsrc.service")


def test_units_that_somebody_else_wrote_are_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    there = {**wanted(), "eventsrc.service": "[Service]\nExecStart=/bin/true\n"}
    with pytest.raises(UnitForeign, match=r"eventsrc\.service was not written by eventsrc"):
        units.install(scope(tmp_path), there, wanted())
    steps = units.uninstall(scope(tmp_path), there)
    kept = [step.target for step in steps if step.kind == "keep"]
    assert kept == [str(tmp_path / "eventsrc.service")]
    assert len([step for step in steps if step.kind == "remove"]) == len(there) - 1


def test_a_place_that_the_unit_is_denied_is_refused_before_anything_is_written() -> None:
    with pytest.raises(OutOfSight, match="denied everything in /home"):
        units.check_visible([Path("/opt/eventsrc/bin/eventsrc"), Path("/home/ann/.venv")])
    units.check_visible([Path("/opt/eventsrc/bin/eventsrc"), Path("/homes")])


def test_a_unit_with_a_data_directory_is_as_shipped_and_one_with_other_words_is_not(tmp_path: Path) -> None:
    tree = units.Scope(user=False, folder=tmp_path, root=tmp_path)
    there = units.adapted(units.shipped(False), COMMAND, {"EVENTSRC_DATA": "/some where"})
    assert {one.file for one in units.state(tree, there, wanted())} == {"as shipped"}
    there["eventsrc.service"] += "Nice=5\n"
    (found,) = [one for one in units.state(tree, there, wanted()) if one.file != "as shipped"]
    assert (found.unit, found.file, found.active) == ("eventsrc.service", "differs", "unknown")


def test_what_systemd_refuses_is_said_with_its_reason() -> None:
    step = units.Step("run", "false", "why", command=("ls", "/no/such/place"))
    with pytest.raises(CommandFailed, match="No such file or directory"):
        units.carry(step)
    with pytest.raises(CommandFailed, match="no-such-command"):
        units.carry(units.Step("run", "x", "why", command=("no-such-command",)))


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl here")
def test_install_look_and_uninstall_in_a_tree_that_does_not_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def service(*arguments: str, code: int = 0) -> str:
        assert main.run(["service", *arguments, "--root", str(tmp_path)]) == code
        return capfd.readouterr().out

    folder = tmp_path / "etc/systemd/system"
    assert "write" in service("install", "--dry-run") and not folder.exists()
    service("install", "--no-input", code=2)
    assert not folder.exists()
    assert json.loads(service("install", "--yes", "--json"))["done"] is True
    assert {path.name for path in folder.iterdir() if path.is_file()} == set(wanted())
    assert (folder / "sockets.target.wants/eventsrc.socket").is_symlink()
    shown = json.loads(service("status", "--json", code=3))
    assert {one["file"] for one in shown["units"]} == {"as shipped"} and shown["running"] is False
    assert "remove" in service("uninstall", "--yes")
    assert [path for path in folder.rglob("*") if not path.is_dir()] == []
    assert json.loads(service("uninstall", "--yes", "--json"))["steps"] == []


def test_where_no_systemd_runs_the_command_says_what_else_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("eventsrc.cli.service.RUNNING", tmp_path / "nowhere")
    assert main.run(["service", "install", "--yes"]) == 1
    said = capsys.readouterr().err
    assert "systemd does not run here" in said and "eventsrc serve" in said and "--root DIR" in said
    assert main.run(["service", "install", "--user", "--root", "x"]) == 2


def test_what_is_shown_is_plain_for_whoever_wants_no_colour(tmp_path: Path) -> None:
    line = ["service", "install", "--dry-run", "--root", str(tmp_path)]
    assert "\033[" in CliRunner().invoke(main.cli, line, color=True).stdout
    assert "\033[" not in CliRunner(env={"NO_COLOR": "1"}).invoke(main.cli, line, color=True).stdout
