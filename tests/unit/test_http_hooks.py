"""Hooks over HTTP: nothing is ever said to the agent, nothing makes it wait, and what it says is kept as it was."""

from __future__ import annotations

import json
import time
from pathlib import Path as Folder

import anyio
import httpx
import pytest

from eventsrc.errors import DiskFull, EventsrcError, LogFailed, QueueFull, Rejected
from eventsrc.http.body import Bodies
from eventsrc.http.hooks import HOOKS_PATH, SOURCE, Hooks
from eventsrc.http.paths import ADD, Path, Paths
from eventsrc.limits import BODY_BYTES, RECORD_BYTES
from tests.unit.http_kit import MemoryPort, serving

STOP = b'{"session_id":"s", "hook_event_name":"Stop","of_a_later_version":1.0}'
JSON = {"content-type": "application/json"}


async def test_a_hook_is_recorded_as_it_came_and_answered_with_nothing(tmp_path: Folder) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        for _ in range(2):  # the same words twice are two events: nothing repeats a hook
            answer = await http.post(HOOKS_PATH, content=STOP, headers=JSON)
            assert (answer.status_code, answer.content) == (200, b"")
        assert [(one.source, one.data) for one in served.port.records] == [(SOURCE, STOP)] * 2
        assert len({one.id for one in served.port.records}) == 2
        assert served.port.counted == [(HOOKS_PATH, 200)] * 2


@pytest.mark.parametrize("body", [b"not json", b"[1,2]", b'{"hook_event_name":"Stop"}', b"\xff\xfe"])
async def test_what_is_no_hook_is_kept_and_answered_alike(tmp_path: Folder, body: bytes) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        answer = await http.post(HOOKS_PATH, content=body, headers=JSON)
        assert (answer.status_code, answer.content, served.port.records[0].data) == (200, b"", body)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (QueueFull(name="log"), "full"),
        (DiskFull(path="/x", reason="no space"), "full"),
        (LogFailed(operation="sync", path="/x", reason="EIO"), "failed"),
        (Rejected(reason="odd"), "failed"),
    ],
)
async def test_an_agent_does_not_hear_that_there_was_no_room(
    tmp_path: Folder, error: EventsrcError, reason: str
) -> None:
    port = MemoryPort()
    port.refuse_with = error
    async with serving(tmp_path, port) as served, served.http() as http:
        answer = await http.post(HOOKS_PATH, content=STOP, headers=JSON)
        assert (answer.status_code, answer.content, port.dropped) == (200, b"", [reason])


async def test_an_agent_is_not_kept_waiting_by_a_slow_log(tmp_path: Folder) -> None:
    port = MemoryPort()
    port.durable = anyio.Event()
    async with serving(tmp_path, port) as served, served.http() as http:
        began = time.monotonic()
        answer = await http.post(HOOKS_PATH, content=STOP, headers=JSON)
        assert (answer.status_code, port.dropped) == (200, ["slow"])
        assert time.monotonic() - began < 3


async def test_a_hook_larger_than_a_record_is_kept_aside_and_one_beyond_all_limits_is_refused(tmp_path: Folder) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        large = json.dumps({"session_id": "s", "hook_event_name": "PostToolBatch", "x": "y" * RECORD_BYTES}).encode()
        answer = await http.post(HOOKS_PATH, content=large, headers=JSON)
        assert (answer.status_code, answer.content) == (200, b"")
        assert [record.data for record, _ in served.port.aside] == [large]
        answer = await http.post(HOOKS_PATH, content=b"x" * (BODY_BYTES + 1), headers=JSON)
        assert answer.status_code == 413
        assert (await http.post(HOOKS_PATH, content=b" \n", headers=JSON)).status_code == 400
        assert (await http.get(HOOKS_PATH)).status_code == 405


async def test_a_web_page_cannot_tell_hooks(tmp_path: Folder) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            assert (await http.post(HOOKS_PATH, content=STOP, headers=headers)).status_code == 403
        assert served.port.records == []


async def test_bodies_without_room_are_counted_not_told() -> None:
    port = MemoryPort()
    endpoint = Hooks(port, Bodies(most_together=8), lambda: "id").endpoint
    app = Paths({HOOKS_PATH: Path(endpoint, ADD)})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        answer = await http.post(HOOKS_PATH, content=STOP)
    assert (answer.status_code, answer.content, port.dropped) == (200, b"", ["full"])
