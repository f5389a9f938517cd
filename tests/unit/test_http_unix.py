"""Unix sockets at any path, and the client that commands use."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from eventsrc.errors import DiskFull, LockHeld, NotRunning, TryAgain
from eventsrc.http import unix as unix_module
from eventsrc.http.client import Client, ServiceError
from eventsrc.http.unix import bind_unix, connect_unix
from tests.unit.http_kit import serving
from tests.unit.test_http_stream import record


@pytest.fixture(params=["short", "long"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path if request.param == "short" else tmp_path / ("d" * 90) / ("e" * 90)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "eventsrc.sock"


@pytest.fixture(params=[True, False], ids=["proc", "link"])
def platform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of naming a file whose path is too long; the second one is for systems without /proc."""
    if not request.param:
        monkeypatch.setattr(unix_module, "_PROC", Path("/nowhere"))


@pytest.mark.usefixtures("platform")
def test_a_socket_works_at_a_path_of_any_length_and_is_for_its_owner_only(path: Path) -> None:
    before = Path.cwd()
    with bind_unix(path) as bound:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with connect_unix(path, 1) as connection:
            accepted, _ = bound.accept()
            with accepted:
                connection.sendall(b"x")
                assert accepted.recv(1) == b"x"
    assert Path.cwd() == before


def test_a_socket_file_that_was_left_behind_is_replaced(path: Path) -> None:
    bind_unix(path).close()
    assert path.exists()
    with bind_unix(path):
        connect_unix(path, 1).close()


def test_a_socket_on_which_somebody_answers_is_left_alone(path: Path) -> None:
    with bind_unix(path):
        with pytest.raises(LockHeld):
            bind_unix(path)
        connect_unix(path, 1).close()


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "eventsrc.sock"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        bind_unix(path)
    assert path.read_text() == "mine"


def test_a_failed_bind_leaves_no_descriptor_behind(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            bind_unix(tmp_path / "no" / "s.sock")
        with pytest.raises(FileNotFoundError):
            connect_unix(tmp_path / "no" / "s.sock")
    assert not before or len(os.listdir("/proc/self/fd")) == before


# --- the client ------------------------------------------------------------------------------------------------------


async def call(function: Callable[[], Any]) -> Any:
    return await anyio.to_thread.run_sync(function)


async def test_the_client_asks_and_streams(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = Client(served.path)
        assert await call(client.running)
        assert (await call(lambda: client.request("GET", "/v1/status")))["running"] is True
        answer = await call(lambda: client.request("POST", "/v1/checkpoint", {"label": "ü"}))
        assert answer == {"id": "0123abcd", "label": "ü"}
        lines = await call(lambda: list(client.lines("POST", "/v1/ingest", {"paths": ["a"]})))
        assert lines == [{"path": "a"}, {"read": 1}]


async def test_the_client_follows_the_live_stream_to_its_end(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        await served.port.append([record(1), record(2)])
        client = Client(served.path)
        events: list[tuple[str, str, str]] = []

        def follow() -> None:
            for event in client.events("/v1/stream?after=0", seconds=10):
                events.append(event)
                if event[1] == "2":
                    anyio.from_thread.run_sync(served.server.stop)

        await call(follow)
        assert [(name, identity) for name, identity, _ in events] == [
            ("message", "1"),
            ("message", "2"),
            ("goodbye", "2"),
        ]


async def test_an_error_of_the_service_keeps_its_message_hint_and_exit_code(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = Client(served.path)
        served.port.refuse_with = DiskFull(path="read", reason="no space")
        with pytest.raises(ServiceError) as caught:
            await call(lambda: list(client.lines("POST", "/v1/rebuild", {"names": ["unknown"]})))
        assert str(caught.value) == str(served.port.refuse_with)
        assert (caught.value.exit_code, "Free some space" in caught.value.advice()) == (75, True)
        with pytest.raises(ServiceError, match="Not Found"):
            await call(lambda: client.request("GET", "/v1/{braces}"))


def test_nobody_listening_is_said_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.sock", tmp_path / "stale.sock"):
        if path.stem == "stale":
            bind_unix(path).close()
        assert not Client(path).running()
        with pytest.raises(NotRunning):
            Client(path).request("GET", "/v1/status")


def test_a_service_that_does_not_answer_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with bind_unix(path), pytest.raises(TryAgain):
        Client(path, seconds=0.05).request("GET", "/v1/status")
    with socket.socket(socket.AF_UNIX) as odd:
        odd.bind(str(tmp_path / "odd.sock"))
        with pytest.raises(NotRunning):
            Client(tmp_path / "odd.sock").request("GET", "/v1/status")


def test_what_commands_import_is_quick_to_import() -> None:
    heavy = "{'uvicorn', 'starlette', 'anyio'} & set(sys.modules)"
    code = f"import sys, eventsrc.http, eventsrc.query, eventsrc.checkpoint.shelf; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
