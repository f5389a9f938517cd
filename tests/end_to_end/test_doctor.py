"""Doctor on real data directories: each check is broken, found, and mended by the very command that it names."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventsrc.cli import main
from tests.kit.log import build

DAY = 86_400


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Doctor:
    """Doctor on a directory with one event, in a home of its own, with a port that nobody else here uses."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = probe.getsockname()[1]
    made = Doctor(tmp_path / "data", tmp_path / "home", number, capfd)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("CLAUDE_CONFIG_DIR", "CLAUDE_CODE_LOG_DIR", "CODEX_HOME", "EVENTSRC_SOURCE_PATHS"):
        monkeypatch.delenv(name, raising=False)
    build(made.data, [1])
    return made


class Doctor:
    """Asks doctor in this process, and does what it says in a shell."""

    def __init__(self, data: Path, home: Path, port: int, output: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self.home = home
        self.claude = home / ".claude"
        self.port = port
        self._output = output
        home.mkdir()
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "EVENTSRC_DATA": str(data),
            "EVENTSRC_HTTP_LISTEN": f"127.0.0.1:{port}",
        }

    def ask(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What it prints, to whom."""
        self._output.readouterr()
        assert main.run(["doctor", *arguments]) == code
        return self._output.readouterr()

    def finding(self, check: str) -> dict[str, Any]:
        """One check."""
        self._output.readouterr()
        code = main.run(["doctor", "--json"])
        told = json.loads(self._output.readouterr().out)
        assert code == (1 if told["level"] == "wrong" else 0)
        (found,) = [one for one in told["checks"] if one["check"] == check]
        assert isinstance(found, dict)
        return found

    def mend(self, found: dict[str, Any], more: str = "") -> None:
        """Runs the command that a finding names, as a shell does."""
        done = subprocess.run(["sh", "-c", found["mend"] + more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{found['mend']}\n{done.stderr}"

    def settings(self, **members: object) -> None:
        self.claude.mkdir(exist_ok=True)
        (self.claude / "settings.json").write_text(json.dumps(members))

    def transcript(self, name: str, days: float) -> Path:
        path = self.claude / "projects/x" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"some":"line"}\n')
        os.utime(path, (time.time() - days * DAY,) * 2)
        return path


def test_before_the_first_start_nothing_is_wrong_and_it_says_how_to_begin(doctor: Doctor) -> None:
    shutil.rmtree(doctor.data)
    found = doctor.finding("service")
    assert found["level"] == "careful" and f"eventsrc serve --data {doctor.data}" in found["mend"]
    assert not doctor.data.exists()  # it only looked


def test_a_person_reads_marks_reasons_and_commands(doctor: Doctor) -> None:
    out, err = doctor.ask()
    assert "✓ permissions" in out and "\033" not in out
    assert "! verify       the log was never checked as a whole\n               → eventsrc verify --record" in out
    assert err.endswith(" wrong\n")
    doctor.ask("--nonsense", code=2)


def test_a_directory_that_others_can_read(doctor: Doctor) -> None:
    assert doctor.finding("permissions")["level"] == "ok"
    for path in (doctor.data, *doctor.data.rglob("*")):
        path.chmod(path.stat().st_mode | 0o044 | (0o011 if path.is_dir() else 0))
    found = doctor.finding("permissions")
    assert found["level"] == "careful" and "other users can read" in found["reason"]
    doctor.mend(found)
    assert doctor.finding("permissions")["level"] == "ok"


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_files_that_another_user_left_behind(doctor: Doctor) -> None:
    os.chown(doctor.data / "log/lock", 12345, 12345)
    found = doctor.finding("permissions")
    assert found["level"] == "wrong" and "log/lock" in found["reason"]
    doctor.mend({"mend": found["mend"].removeprefix("sudo ")})
    assert doctor.finding("permissions")["level"] == "ok"


def test_a_log_that_was_never_checked_and_one_with_damage(doctor: Doctor) -> None:
    found = doctor.finding("verify")
    assert found["level"] == "careful"
    doctor.mend(found)
    assert doctor.finding("verify")["level"] == "ok"
    segment = next((doctor.data / "log").glob("0*.jsonl"))
    sound = segment.read_bytes()
    segment.write_bytes(sound[:20] + b"x" + sound[21:] + sound)
    assert main.run(["verify", "--record"]) == 12
    found = doctor.finding("verify")
    assert found["level"] == "wrong" and "problems found" in found["reason"]
    segment.write_bytes(sound)
    doctor.mend(found)
    assert doctor.finding("verify")["level"] == "ok"
    note = doctor.data / "verified.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "time": time.time() - 60 * DAY}))
    found = doctor.finding("verify")
    assert found["level"] == "careful" and "60 days ago" in found["reason"]


def test_a_store_without_a_checkpoint(doctor: Doctor) -> None:
    found = doctor.finding("checkpoint")
    assert found["level"] == "careful" and found["reason"] == "none yet"
    doctor.mend(found)
    assert doctor.finding("checkpoint")["level"] == "ok"


def test_transcripts_that_are_deleted_soon_and_are_not_recorded(doctor: Doctor) -> None:
    doctor.transcript("young", days=1)
    assert doctor.finding("transcripts")["reason"] == "deleted after 30 days; none is due"
    old = doctor.transcript("old", days=28)
    found = doctor.finding("transcripts")
    assert found["level"] == "wrong" and str(old) in found["reason"] and found["reason"].startswith("1 will be deleted")
    doctor.mend(found)
    found = doctor.finding("transcripts")
    assert found["level"] == "ok" and "all of them recorded" in found["reason"]
    with old.open("a") as file:
        file.write('{"more":1}\n')
    os.utime(old, (time.time() - 28 * DAY,) * 2)
    assert doctor.finding("transcripts")["level"] == "wrong"  # recorded, and not all of it


@pytest.mark.skipif(shutil.which("jq") is None, reason="the command needs jq")
def test_an_agent_that_deletes_within_days(doctor: Doctor) -> None:
    doctor.settings(cleanupPeriodDays=2, model="opus")
    found = doctor.finding("transcripts")
    assert found["level"] == "careful" and "deleted after 2 days" in found["reason"]
    doctor.mend(found)
    assert doctor.finding("transcripts")["level"] == "ok"
    assert json.loads((doctor.claude / "settings.json").read_text())["model"] == "opus"


def test_hooks_that_are_missing_unreachable_or_cannot_be_read(doctor: Doctor) -> None:
    assert doctor.finding("hooks")["reason"] == "no Claude Code of this user"
    doctor.settings(model="opus")
    found = doctor.finding("hooks")
    assert found["level"] == "careful" and found["reason"].startswith("not installed")
    doctor.mend(found, " --yes")
    assert doctor.finding("hooks")["level"] == "ok"
    there = json.loads((doctor.claude / "settings.json").read_text())
    doctor.settings(**there, disableAllHooks=True)
    found = doctor.finding("hooks")
    assert "switched off" in found["reason"] and "del(.disableAllHooks)" in found["mend"]
    (doctor.claude / "settings.json").write_text("{")
    found = doctor.finding("hooks")
    assert found["level"] == "wrong" and "cannot be read" in found["reason"] and found["mend"].startswith("jq . ")


def test_hooks_that_tell_a_service_which_does_not_run(doctor: Doctor) -> None:
    doctor.settings()
    doctor.mend({"mend": f"eventsrc hooks install --via http --yes --data {doctor.data}"})
    found = doctor.finding("hooks")
    assert found["level"] == "wrong" and "takes nothing now" in found["reason"] and "eventsrc serve" in found["mend"]
    with socket.create_server(("127.0.0.1", doctor.port)):
        assert doctor.finding("hooks")["level"] != "wrong"


def test_a_port_that_somebody_else_holds(doctor: Doctor) -> None:
    assert doctor.finding("port")["reason"].endswith(" is free")
    with socket.create_server(("127.0.0.1", doctor.port)):
        found = doctor.finding("port")
        assert found["level"] == "wrong" and f"pid {os.getpid()}" in found["reason"]
        assert found["mend"].startswith(f"EVENTSRC_HTTP_LISTEN=127.0.0.1:{doctor.port + 1} eventsrc serve")
    assert doctor.finding("port")["level"] == "ok"


def test_a_followed_folder_that_is_gone_or_silent(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = doctor.home / "logs"
    monkeypatch.setenv("EVENTSRC_SOURCE_PATHS", str(folder))
    found = doctor.finding("sources")
    assert found["level"] == "careful" and f"{folder} is not there" in found["reason"]
    folder.mkdir()
    (folder / "a.jsonl").write_text("{}\n")
    os.utime(folder / "a.jsonl", (time.time() - 30 * DAY,) * 2)
    found = doctor.finding("sources")
    assert found["level"] == "careful" and "for 30 days" in found["reason"]
    (folder / "b.jsonl").write_text("{}\n")
    assert doctor.finding("sources")["level"] == "ok"
    monkeypatch.setenv("EVENTSRC_SOURCE_PATHS", str(folder / "*.jsonl"))
    assert doctor.finding("sources")["level"] == "ok"


@pytest.fixture
def service(doctor: Doctor) -> Iterator[subprocess.Popen[bytes]]:
    """One that runs on the directory, with the sockets that it makes itself."""
    command = [sys.executable, "-m", "eventsrc.cli.main", "serve"]
    started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while doctor.finding("service")["level"] != "ok":
            assert time.monotonic() < deadline and started.poll() is None, "it did not start"
            time.sleep(0.1)
        yield started
    finally:
        started.send_signal(signal.SIGCONT)
        started.terminate()
        started.wait(60)


@pytest.mark.slow
def test_a_service_that_runs_and_one_that_holds_the_lock_and_does_not_answer(
    doctor: Doctor, service: subprocess.Popen[bytes]
) -> None:
    found = doctor.finding("service")
    assert found["level"] == "ok" and f"pid {service.pid} answers" in found["reason"]
    assert doctor.finding("port")["reason"].startswith("this service answers")
    assert doctor.finding("read models")["reason"] == "complete"
    service.send_signal(signal.SIGSTOP)
    found = doctor.finding("service")
    assert found["level"] == "wrong" and "does not answer" in found["reason"]
    assert found["mend"].startswith(f"kill {service.pid} && eventsrc serve")
    service.send_signal(signal.SIGCONT)
    assert doctor.finding("service")["level"] == "ok"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_is_nearly_full_and_forgets(doctor: Doctor, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=50", "tmpfs", str(small)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount")
    try:
        told = json.loads(doctor.ask("--json", "--data", str(small / "data"), code=1)[0])["checks"]
        levels = {one["check"]: one["level"] for one in told}
        assert (levels["disk"], levels["inodes"], levels["file system"]) == ("wrong", "wrong", "wrong")
    finally:
        subprocess.run(["umount", str(small)], check=True)
