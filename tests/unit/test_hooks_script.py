"""The words of shell that an agent runs: one file per event, whole or not at all, and never a word or a bad end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from eventsrc.formats.claude_code_hooks import ClaudeCodeHooks
from eventsrc.hooks import handlers
from eventsrc.limits import SPOOL_FILES
from tests.conformance.formats import record_of

BODY = b'{"session_id":"s","hook_event_name":"Stop","x":"\\u00e9 \xc3\xa9 \'$(touch /tmp/no)`\\\\n"}'
SHELLS = [shell for shell in ("sh", "dash", "bash", "zsh", "busybox") if shutil.which(shell)]


def command(spool: Path) -> list[str]:
    handler = handlers("spool", str(spool), "")["Stop"]
    return [handler["command"], *handler["args"]]


def tell(spool: Path, body: bytes = BODY, **more: object) -> None:
    done = subprocess.run(command(spool), input=body, capture_output=True, timeout=20, check=False, **more)  # type: ignore[call-overload]
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def spooled(spool: Path) -> list[bytes]:
    return [path.read_bytes() for path in spool.glob("*.json")]


def test_an_event_becomes_a_file_that_says_whose_it_is(tmp_path: Path) -> None:
    spool = tmp_path / "deep" / "a folder with 'quotes' and $dollars"
    tell(spool)
    (data,) = spooled(spool)
    assert data == b'{"ppid":%d,"hook":%s}' % (os.getpid(), BODY)
    assert ClaudeCodeHooks().recognise(record_of(data)) is not None
    (path,) = spool.iterdir()
    assert (path.stat().st_mode & 0o777, spool.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_understands_it(shell: str, tmp_path: Path) -> None:
    words = {"busybox": ["busybox", "sh"], "zsh": ["zsh", "--emulate", "sh"]}.get(shell, [shell])  # as /bin/sh they do
    done = subprocess.run([*words, *command(tmp_path)[1:]], input=BODY, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert json.loads(spooled(tmp_path)[0])["hook"]["session_id"] == "s"


def test_many_at_once_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    running = [subprocess.Popen(command(tmp_path), stdin=subprocess.PIPE) for _ in range(20)]
    for number, one in enumerate(running):
        one.communicate(b'{"n":%d}' % number, timeout=20)
    assert sorted(json.loads(data)["hook"]["n"] for data in spooled(tmp_path)) == list(range(20))


@pytest.mark.slow
def test_a_spool_that_nobody_empties_has_a_bound_and_says_that_it_was_reached(tmp_path: Path) -> None:
    for number in range(SPOOL_FILES - 1):
        (tmp_path / f"{number}.json").touch()
    tell(tmp_path)
    assert len(spooled(tmp_path)) == SPOOL_FILES
    tell(tmp_path)
    tell(tmp_path)
    assert len(spooled(tmp_path)) == SPOOL_FILES + 1
    assert json.loads((tmp_path / "full.json").read_text()) == {"dropped": "hooks, since the spool is full"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_that_cannot_be_made_ends_well_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    tell(tmp_path / "file" / "spool")


def test_no_room_leaves_nothing_behind_and_ends_well(tmp_path: Path) -> None:
    limited = ["/bin/sh", "-c", 'ulimit -f 1; exec "$@"', "limited", *command(tmp_path)]
    done = subprocess.run(limited, input=b"x" * 1_000_000, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_killed_in_the_middle_leaves_no_record(tmp_path: Path) -> None:
    one = subprocess.Popen(command(tmp_path), stdin=subprocess.PIPE, start_new_session=True)
    assert one.stdin is not None
    one.stdin.write(b'{"half')
    one.stdin.flush()
    deadline = time.monotonic() + 20
    while not any(path.stat().st_size for path in tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(one.pid, signal.SIGKILL)
    one.wait(20)
    one.stdin.close()
    assert spooled(tmp_path) == []
    assert [path.name[0] for path in tmp_path.iterdir()] == ["."]
