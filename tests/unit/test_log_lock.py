"""One writer per log directory; the lock is held for life and names its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eventsrc.errors import LockHeld
from eventsrc.log import LogReader, verify
from tests.kit.log import append, files, notes, open_log

HOLDER = """
import sys, time
from pathlib import Path
from eventsrc.clock import SystemClock
from eventsrc.durable import SystemDisk
from eventsrc.log import Log
log = Log.open(Path(sys.argv[1]), disk=SystemDisk(), clock=SystemClock())
print("open", flush=True)
sys.stdin.read()
"""


def test_the_second_writer_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    first = open_log(tmp_path)
    append(first, notes(1, 1))
    before = files(tmp_path)
    with pytest.raises(LockHeld, match=f"written by pid {os.getpid()} since 2026-01-01T00:00:00.000000Z"):
        open_log(tmp_path)
    assert files(tmp_path) == before
    append(first, notes(2, 1))
    first.close()
    second = open_log(tmp_path)
    assert second.head == 2
    second.close()


def test_a_killed_writer_holds_no_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(LockHeld, match=f"pid {holder.pid} "):
            open_log(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    open_log(tmp_path).close()


def test_readers_and_verify_work_beside_the_writer(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, notes(1, 3))
    assert len(LogReader(tmp_path).read(0)) == 3
    assert verify(tmp_path).ok
    append(log, notes(4, 1))
    log.close()
    log.close()


def test_a_log_that_is_refused_is_not_left_locked(tmp_path: Path) -> None:
    log = open_log(tmp_path, segment_bytes=1)
    append(log, notes(1, 1))
    append(log, notes(2, 1))
    log.close()
    sealed = sorted((tmp_path / "log").glob("0*"))[0]
    whole = sealed.read_bytes()
    sealed.write_bytes(whole[:-1])
    with pytest.raises(Exception, match="damaged"):
        open_log(tmp_path)
    sealed.write_bytes(whole)
    open_log(tmp_path).close()
