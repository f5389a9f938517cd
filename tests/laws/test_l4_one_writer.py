"""L4: one writer per log directory, by a lock that is held for life."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eventsrc.errors import LockHeld
from tests.kit.log import open_log, say, texts

HOLD = """
import sys, time
from pathlib import Path
from tests.kit.log import open_log, say
log = open_log(Path(sys.argv[1]))
say(log, "theirs")
print("ready", flush=True)
sys.stdin.read()
"""


def test_the_second_writer_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    with pytest.raises(LockHeld) as caught:
        open_log(tmp_path)
    assert f"pid {os.getpid()}" in str(caught.value) and caught.value.exit_code == 11
    say(log, "a")
    log.close()
    log = open_log(tmp_path)
    log.close()
    assert texts(tmp_path) == ["a"]


def test_a_writer_that_is_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )
    try:
        assert other.stdout is not None and other.stdout.readline() == b"ready\n"
        with pytest.raises(LockHeld, match=f"pid {other.pid}"):
            open_log(tmp_path)
    finally:
        other.kill()
        other.communicate()
    log = open_log(tmp_path)
    say(log, "ours")
    log.close()
    assert texts(tmp_path) == ["theirs", "ours"]
