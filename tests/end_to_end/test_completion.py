"""Completion in the shells themselves."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eventsrc.cli import main

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} here")


def script(shell: str, folder: Path) -> Path:
    done = subprocess.run(
        ["eventsrc", "completion", shell], capture_output=True, env={**os.environ, "PATH": PATH}, check=True
    )
    assert done.stderr == b""
    file = folder / f"_eventsrc_{shell}"
    file.write_bytes(done.stdout)
    return file


def completed(command: list[str], folder: Path) -> list[str]:
    environment = {"PATH": PATH, "HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


@needs("bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("eventsrc stat", ["status"]),
        ("eventsrc checkpoint re", ["remove", "restore"]),
        ("eventsrc service ", ["install", "status", "uninstall"]),
        ("eventsrc verify --re", ["--record"]),
        ("eventsrc query --js", ["--json"]),
    ],
)
def test_bash_completes_commands_their_commands_and_options(tmp_path: Path, typed: str, offered: list[str]) -> None:
    words = [word or "''" for word in typed.split(" ")]
    press = (
        f"source {script('bash', tmp_path)}; complete -p eventsrc >/dev/null || exit 9; "
        f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
        '_eventsrc_completion eventsrc; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    found = completed(["bash", "--norc", "--noprofile", "-c", press], tmp_path)
    assert sorted(one for one in found if one) == offered


@needs("bash")
def test_every_command_is_offered_with_none_of_them_imported(tmp_path: Path) -> None:
    environment = {"PATH": PATH, "_EVENTSRC_COMPLETE": "bash_complete", "COMP_WORDS": "eventsrc ", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", Path(sys.executable).with_name("eventsrc")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == list(main.COMMANDS)
    assert "eventsrc.cli.serve" not in done.stderr


@needs("fish")
def test_fish_completes_and_says_what_a_command_does(tmp_path: Path) -> None:
    source = f"source {script('fish', tmp_path)}; complete -C 'eventsrc stat'; complete -C 'eventsrc checkpoint ver'"
    found = completed(["fish", "--no-config", "-c", source], tmp_path)
    assert found[0] == f"status\t{main.ABOUT['status'].replace(',', ';')}" and found[1].startswith("verify\t")


@needs("zsh")
def test_zsh_completes_what_is_typed_and_runs_it(tmp_path: Path) -> None:
    folder = tmp_path / "functions"
    folder.mkdir()
    script("zsh", tmp_path).rename(folder / "_eventsrc")
    (tmp_path / ".zshrc").write_text(f"fpath=({folder} $fpath)\nautoload -Uz compinit\ncompinit -u -D\n")
    environment = {"PATH": PATH, "HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "xterm", "LANG": "C.UTF-8"}
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(["zsh", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    try:
        os.write(ours, b"print rea''dy\n")
        until(ours, b"ready")
        os.write(ours, b"eventsrc complet\t--help\n")
        until(ours, b"Usage: eventsrc completion")
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


def until(terminal: int, wanted: bytes) -> None:
    """Reads until it was said."""
    said, deadline = b"", time.monotonic() + 30
    while wanted not in said:
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, said.decode(errors="replace")
        said += os.read(terminal, 65536)


def test_an_unknown_shell_is_named_with_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
    assert main.run(["completion"]) == 2
