"""Who runs under a number: asked of real processes, in both ways that there are of asking."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventsrc.liveness import Verdict, identify, look, system_processes
from eventsrc.liveness.identity import Boot, Found, Presence, Processes, judge
from eventsrc.liveness.linux import LinuxProcesses
from eventsrc.liveness.portable import PortableProcesses
from eventsrc.liveness.survey import capture

WAYS: list[Processes] = [LinuxProcesses(), PortableProcesses()]
ways = pytest.mark.parametrize("processes", WAYS, ids=["linux", "portable"])
NEVER = 4_194_304  # one past the largest pid that Linux can be set to give


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its input closes."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def found_by(processes: Processes, pid: int) -> Found:
    return processes.find(pid, processes.boot())


def captured(pid: int) -> tuple[Found, int | None]:
    return capture(LinuxProcesses(), pid, LinuxProcesses().boot())


def wait_until_ended(pid: int) -> None:
    """Waits for the end without reaping: the zombie stays."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@ways
def test_a_running_process_is_alive_with_its_start_time(processes: Processes, child: subprocess.Popen[bytes]) -> None:
    found = found_by(processes, child.pid)
    assert found.presence is Presence.RUNNING and found.started is not None
    assert abs(found.started - time.time()) < 10
    assert look(child.pid, found.started, processes=processes) is Verdict.ALIVE
    assert look(child.pid, processes=processes) is Verdict.ALIVE


@ways
def test_both_ways_name_a_process_alike(processes: Processes, child: subprocess.Popen[bytes]) -> None:
    one, other = identify(child.pid), identify(child.pid, processes)
    assert one is not None and other is not None
    assert one.pid == other.pid and abs(one.start_time - other.start_time) < 2
    assert identify(NEVER, processes) is None


@ways
def test_a_zombie_is_gone(processes: Processes, child: subprocess.Popen[bytes]) -> None:
    child.kill()
    wait_until_ended(child.pid)
    assert found_by(processes, child.pid).presence is Presence.ENDED
    assert look(child.pid, processes=processes) is Verdict.GONE


@ways
def test_a_reaped_process_is_gone(processes: Processes, child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    assert look(child.pid, processes=processes) is Verdict.GONE


@ways
@pytest.mark.parametrize("pid", [NEVER, 0, -1, 2**31, 2**70])
def test_a_number_that_is_no_process_is_gone(processes: Processes, pid: int) -> None:
    assert look(pid, processes=processes) is Verdict.GONE


@ways
def test_another_process_with_the_same_number_is_not_the_one_we_mean(
    processes: Processes, child: subprocess.Popen[bytes]
) -> None:
    started = found_by(processes, child.pid).started
    assert started is not None
    assert look(child.pid, started - 60, processes=processes) is Verdict.REUSED
    # It wrote a record a minute before this one started: it cannot have been this one.
    assert look(child.pid, seen_time=started - 60, processes=processes) is Verdict.REUSED
    assert look(child.pid, seen_time=started + 60, processes=processes) is Verdict.ALIVE


@ways
def test_what_was_seen_before_this_boot_is_gone_with_it(processes: Processes) -> None:
    before = processes.boot().time - 60
    assert look(os.getpid(), seen_time=before, processes=processes) is Verdict.REBOOTED
    assert look(os.getpid(), before, processes=processes) is Verdict.REBOOTED
    assert judge(found_by(processes, os.getpid()), processes.boot(), boot_id="another") is Verdict.REBOOTED


def test_start_times_that_differ_by_rounding_are_the_same_process() -> None:
    boot = Boot("b", 1000.0)
    found = Found(Presence.RUNNING, 2000.0)
    assert judge(found, boot, expected_start=2001.0) is Verdict.ALIVE
    assert judge(found, boot, seen_time=1999.5) is Verdict.ALIVE
    assert judge(Found(Presence.HIDDEN), boot, expected_start=2001.0) is Verdict.INVISIBLE


@pytest.mark.parametrize(("how", "code"), [("exit", 3), ("kill", -9)])
def test_a_zombie_tells_how_it_ended(how: str, code: int) -> None:
    with subprocess.Popen(["sh", "-c", "read x; exit 3"], stdin=subprocess.PIPE) as process:
        if how == "kill":
            process.send_signal(signal.SIGKILL)
        else:
            assert process.stdin is not None
            process.stdin.close()
        wait_until_ended(process.pid)
        assert found_by(LinuxProcesses(), process.pid).exit_code == code


def test_a_process_named_to_confuse_is_read_right(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 (b"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with subprocess.Popen([str(program), "60"]) as process:
        found = found_by(LinuxProcesses(), process.pid)
        process.kill()
    assert found.presence is Presence.RUNNING
    assert found.started is not None and abs(found.started - time.time()) < 10


_MAIN_THREAD_ENDS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
print("ready", flush=True)
ctypes.CDLL(None).syscall(60, 0)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of the system call is that of x86_64")
def test_a_process_whose_main_thread_has_ended_still_runs() -> None:
    with subprocess.Popen([sys.executable, "-c", _MAIN_THREAD_ENDS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        stat = Path(f"/proc/{process.pid}/stat")
        while b") Z " not in stat.read_bytes():
            time.sleep(0.001)
        found = found_by(LinuxProcesses(), process.pid)
        process.kill()
    assert found.presence is Presence.RUNNING


def test_a_descriptor_is_given_only_for_what_runs(child: subprocess.Popen[bytes]) -> None:
    found, fd = captured(child.pid)
    assert found.presence is Presence.RUNNING and fd is not None
    os.close(fd)
    child.kill()
    wait_until_ended(child.pid)
    found, fd = captured(child.pid)
    assert found.presence is Presence.ENDED and fd is None
    assert captured(NEVER) == (Found(Presence.ABSENT), None)


def test_how_a_held_process_ended_is_known_after_it_was_reaped_or_honestly_unknown() -> None:
    """Kernels before 6.15 do not tell; no kernel tells before the parent has asked."""
    table = LinuxProcesses()
    with subprocess.Popen(["sh", "-c", "read x; exit 7"], stdin=subprocess.PIPE) as process:
        fd = table.hold(process.pid)
        assert fd is not None and table.exit_code(fd) is None
        process.communicate()
        told = table.exit_code(fd)
        os.close(fd)
    major, minor = (int(part) for part in os.uname().release.split(".")[:2])
    assert told == (7 if (major, minor) >= (6, 15) else None)
    assert table.exit_code(fd) is None  # closed: what the system refuses to say is unknown too


def test_every_platform_has_a_way() -> None:
    assert isinstance(system_processes("linux"), LinuxProcesses)
    assert isinstance(system_processes("darwin"), PortableProcesses)
    assert PortableProcesses().hold(os.getpid()) is None


# --- namespaces: what only an administrator can set up; CI runs as one -----------------------------------------------

as_root = pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="needs namespaces of Linux, as root")

_LOOK = """
import sys, psutil
from eventsrc.liveness import Verdict, look
from eventsrc.liveness.linux import LinuxProcesses
from eventsrc.liveness.portable import PortableProcesses
pid, never = int(sys.argv[1]), int(sys.argv[2])
assert not psutil.pid_exists(pid)
for way in (LinuxProcesses(), PortableProcesses()):
    print(look(pid, processes=way).value, look(never, processes=way).value)
"""


@as_root
@pytest.mark.parametrize("hidepid", ["noaccess", "invisible"])
def test_a_process_that_procfs_hides_is_unknown_and_never_gone(child: subprocess.Popen[bytes], hidepid: str) -> None:
    """A new mount of procfs in a mount namespace of its own (a remount would change everybody's), as another user."""
    other_user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    readable = subprocess.run([*other_user, sys.executable, "-c", "import psutil, eventsrc"], capture_output=True)
    if readable.returncode:
        pytest.skip("another user cannot read this Python environment")
    script = _LOOK if hidepid == "invisible" else _LOOK.replace("assert not psutil.pid_exists(pid)\n", "")
    inside = (
        f'mount -t proc -o hidepid={hidepid} proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
    )
    command = [sys.executable, "-c", script, str(child.pid), str(NEVER)]
    out = subprocess.run(["unshare", "-m", "sh", "-c", inside, "sh", *command], capture_output=True, timeout=60)
    assert out.stdout.decode().split("\n")[:2] == ["invisible gone"] * 2, out.stderr.decode()


_REUSE = """
import os, subprocess, time
from eventsrc.liveness import Verdict, identify, look
from eventsrc.liveness.linux import LinuxProcesses
from eventsrc.liveness.survey import capture
import select
first = subprocess.Popen(["sleep", "60"])
who = identify(first.pid)
found, fd = capture(LinuxProcesses(), first.pid, LinuxProcesses().boot())
first.kill(); first.wait()
time.sleep(2.5)  # start times are compared with a tolerance
with open("/proc/sys/kernel/ns_last_pid", "w") as file:
    file.write(str(first.pid - 1))
second = subprocess.Popen(["sleep", "60"])
assert second.pid == first.pid, (second.pid, first.pid)
assert select.select([fd], [], [], 0)[0] == [fd]  # the descriptor is not fooled by the number
print(look(first.pid).value, look(first.pid, who.start_time).value, look(first.pid, seen_time=who.start_time).value)
second.kill(); second.wait()
"""


@as_root
@pytest.mark.slow
def test_a_number_that_was_really_given_away_is_noticed() -> None:
    command = ["unshare", "-pf", "--mount-proc", sys.executable, "-c", _REUSE]
    out = subprocess.run(command, capture_output=True, timeout=60)
    assert out.stdout == b"alive reused reused\n", out.stderr.decode()
