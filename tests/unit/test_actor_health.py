"""Health is progress; systemd hears of it only while there is some."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from eventsrc.actor import Heartbeat, Mailbox, Pulse, mailbox_pulse, systemd
from eventsrc.actor.watchdog import WatchdogFeeder
from eventsrc.limits import PROGRESS_SECONDS
from eventsrc.testing.clock import ManualClock


async def test_an_idle_actor_is_healthy_for_ever() -> None:
    clock = ManualClock()
    heartbeat = Heartbeat(clock=clock)
    heartbeat.watch("idle", lambda: Pulse(waiting=0, done=7))
    await clock.advance(10 * PROGRESS_SECONDS)
    assert heartbeat.check().healthy


async def test_waiting_work_without_progress_is_unhealthy_after_the_stated_time() -> None:
    clock = ManualClock()
    heartbeat = Heartbeat(clock=clock)
    done = 0
    heartbeat.watch("projector:agents", lambda: Pulse(waiting=3, done=done))
    await clock.advance(PROGRESS_SECONDS - 1)
    assert heartbeat.check().healthy
    await clock.advance(1)
    health = heartbeat.check()
    assert health.reason == "projector:agents makes no progress (3 waiting)"
    done = 1
    assert heartbeat.check().healthy  # slow, but it moves
    heartbeat.forget("projector:agents")
    assert heartbeat.check().actors == ()


async def test_a_wall_clock_that_jumps_makes_nobody_unhealthy() -> None:
    clock = ManualClock()
    heartbeat = Heartbeat(clock=clock)
    heartbeat.watch("log", lambda: Pulse(waiting=1, done=0))
    clock.jump(86_400)
    assert heartbeat.check().healthy


async def test_an_actor_that_hangs_with_everything_in_hand_is_not_idle() -> None:
    clock = ManualClock()
    box: Mailbox[int] = Mailbox("log", clock=clock)
    heartbeat = Heartbeat(clock=clock)
    heartbeat.watch("log", mailbox_pulse(box))
    box.send_nowait(1)
    await box.drain(10, 10)  # and never comes back for more
    await clock.advance(PROGRESS_SECONDS - 1)
    assert heartbeat.check().healthy
    await clock.advance(1)
    assert heartbeat.check().reason == "log makes no progress (1 waiting)"


async def test_the_watchdog_is_fed_only_while_there_is_progress() -> None:
    clock = ManualClock()
    heartbeat = Heartbeat(clock=clock)
    done = 0
    heartbeat.watch("log", lambda: Pulse(waiting=1, done=done))
    said: list[tuple[str, ...]] = []

    def notify(*words: str) -> bool:
        said.append(words)
        return True

    feeder = WatchdogFeeder(heartbeat.check, lambda: "head 5", notify=notify, within=4.0, sleep=clock.sleep)
    async with anyio.create_task_group() as group:
        group.start_soon(feeder.run)
        await clock.advance(PROGRESS_SECONDS - 1)
        assert set(said) == {("STATUS=head 5", "WATCHDOG=1")}
        assert len(said) == 15  # every 2 s: half of the watchdog's patience
        said.clear()
        await clock.advance(4)
        assert set(said) == {("STATUS=log makes no progress (1 waiting)",)}
        done = 1
        said.clear()
        await clock.advance(2)
        assert said == [("STATUS=head 5", "WATCHDOG=1")]
        group.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_systemd_hears_what_is_said(tmp_path: Path, kind: str) -> None:
    name = f"@eventsrc-test-{os.getpid()}" if kind == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if kind == "abstract" else name)
        environ = {"NOTIFY_SOCKET": name}
        assert systemd.notify(systemd.READY, systemd.status("head 5\nlag 0"), environ=environ)
        assert manager.recv(4096) == b"READY=1\nSTATUS=head 5 lag 0"
        systemd.notify(systemd.STOPPING, systemd.extend_timeout(1.5), environ=environ)
        assert manager.recv(4096) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000"


@pytest.mark.parametrize("address", ["", "vsock:2:1", "/nobody/listens/here"])
def test_without_systemd_nothing_is_said_and_nothing_fails(address: str) -> None:
    assert not systemd.notify(systemd.READY, environ={"NOTIFY_SOCKET": address} if address else {})


def test_more_time_is_asked_for_until_the_work_is_done(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        with systemd.more_time(0.03, {"NOTIFY_SOCKET": str(tmp_path / "notify")}):
            assert [manager.recv(100) for _ in range(3)] == [b"EXTEND_TIMEOUT_USEC=30000"] * 3
        assert not any(thread.name == "more time" for thread in threading.enumerate())
    with systemd.more_time(60, {}):  # nobody to ask
        pass


def test_a_manager_that_does_not_read_never_blocks_the_service(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        sent = [
            systemd.notify("X=" + "x" * 1000, environ={"NOTIFY_SOCKET": str(tmp_path / "notify")}) for _ in range(2000)
        ]
    assert sent[0] and not sent[-1]


def test_the_watchdog_of_another_process_is_not_ours() -> None:
    assert systemd.watchdog_seconds({}) is None
    assert systemd.watchdog_seconds({"WATCHDOG_USEC": "20000000"}) == 20
    assert systemd.watchdog_seconds({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}) == 20
    assert systemd.watchdog_seconds({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}) is None
    assert systemd.watchdog_seconds({"WATCHDOG_USEC": "soon"}) is None


_TAKES_OVER = """
import os, socket, sys
from eventsrc.actor import systemd
os.environ["LISTEN_PID"] = str(os.getpid())
handed = systemd.listen_fds()
assert [(one.fd, one.name) for one in handed] == [(3, "http"), (4, "")], handed
assert not any(name.startswith("LISTEN_") for name in os.environ)
assert not os.get_inheritable(3) and systemd.listen_fds() == ()
for one in handed:
    with socket.socket(fileno=one.fd) as listener:
        listener.accept()[0].sendall(b"hello")
"""


def test_listening_sockets_are_taken_over(tmp_path: Path) -> None:
    """A real child with the sockets at 3 and 4, as systemd starts one."""
    paths = [str(tmp_path / name) for name in ("a.sock", "b.sock")]
    listeners = [socket.socket(socket.AF_UNIX) for _ in paths]
    for listener, path in zip(listeners, paths, strict=True):
        listener.bind(path)
        listener.listen(1)
    clients = [socket.socket(socket.AF_UNIX) for _ in paths]
    for client, path in zip(clients, paths, strict=True):
        client.connect(path)  # before the service is there: the connection is kept
    one, two = (listener.fileno() for listener in listeners)
    shuffle = f'exec 3<&{one} 4<&{two}; exec "$@"'
    child = subprocess.run(
        ["bash", "-c", shuffle, "bash", sys.executable, "-c", _TAKES_OVER],
        pass_fds=(one, two),
        env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http"},
        check=False,
        capture_output=True,
        timeout=30,
    )
    assert child.returncode == 0, child.stderr.decode()
    assert [client.recv(10) for client in clients] == [b"hello", b"hello"]
    for each in (*listeners, *clients):
        each.close()


def test_sockets_meant_for_another_process_are_left_alone() -> None:
    assert systemd.listen_fds({"LISTEN_PID": "1", "LISTEN_FDS": "1"}) == ()
    assert systemd.listen_fds({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"}) == ()
    assert systemd.listen_fds({}) == ()
