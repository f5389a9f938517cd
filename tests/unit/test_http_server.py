"""The server on real sockets: pushing, reading, guarding, administrating, starting and stopping."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.datastructures import Headers

from eventsrc.errors import DiskFull, EventsrcError, LogFailed, QueueFull
from eventsrc.http.guard import LOOPBACK, refusal
from eventsrc.http.names import fresh_names
from eventsrc.http.page import page
from eventsrc.http.push import BATCH, NDJSON, STRUCTURED
from eventsrc.http.server import Door, HttpServer
from eventsrc.limits import BODY_INLINE_BYTES
from tests.unit.http_kit import MemoryPort, event, serving


def typed(content_type: str, **more: str) -> dict[str, str]:
    return {"content-type": content_type} | more


# --- pushing -----------------------------------------------------------------------------------------------------


async def test_a_push_is_answered_with_its_positions(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        answer = await http.post("/v1/events", content=b'{"n":1}\n{"n":2}\n', headers=typed(NDJSON))
        assert (answer.status_code, answer.json()) == (
            201,
            {"positions": [1, 2], "first": 1, "last": 2, "duplicates": 0},
        )
        answer = await http.post("/v1/events", json=event(), headers=typed(STRUCTURED))
        assert answer.json()["positions"] == [3]
        again = await http.post("/v1/events", json=event(), headers=typed(STRUCTURED))
        assert (again.status_code, again.json()["positions"], again.json()["duplicates"]) == (200, [3], 1)
        assert served.port.counted == [("/v1/events", 201)] * 2 + [("/v1/events", 200)]


async def test_a_large_batch_is_taken_apart_like_a_small_one(tmp_path: Path) -> None:
    lines = b'{"n":1}\n' * 9_000
    assert len(lines) > BODY_INLINE_BYTES
    async with serving(tmp_path) as served, served.http() as http:
        answer = await http.post("/v1/events", content=lines, headers=typed(NDJSON))
        assert (answer.status_code, answer.json()["last"]) == (201, 9_000)
        answer = await http.post("/v1/events", content=lines + b"NaN", headers=typed(NDJSON))
        assert (answer.status_code, answer.json()["index"]) == (400, 9_000)


async def test_nothing_is_answered_before_it_is_durable(tmp_path: Path) -> None:
    port = MemoryPort()
    port.durable = anyio.Event()
    async with serving(tmp_path, port) as served, served.http() as http:
        answers: list[int] = []

        async def push() -> None:
            answers.append((await http.post("/v1/events", content=b"1", headers=typed(NDJSON))).status_code)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push)
            with anyio.move_on_after(0.1):
                await port.beyond(0)
            assert answers == []
            port.durable.set()
        assert answers == [201]


async def test_an_id_used_for_other_data_is_a_conflict_and_kept_aside(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        await http.post("/v1/events", json=event(), headers=typed(STRUCTURED))
        batch = [event(id="2"), event(data="other")]
        answer = await http.post("/v1/events", json=batch, headers=typed(BATCH))
        assert answer.status_code == 409
        assert {name: answer.json()[name] for name in ("index", "position", "kept_aside")} == {
            "index": 1,
            "position": 1,
            "kept_aside": True,
        }
        assert [record.data for record, _ in served.port.aside] == [b'"other"']
        assert len(served.port.records) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (QueueFull(name="ingest"), 429),
        (DiskFull(path="log", reason="no space"), 507),
        (LogFailed(operation="fdatasync", path="log", reason="EIO"), 503),
    ],
)
async def test_a_push_that_cannot_be_taken_says_when_to_come_back(
    tmp_path: Path, error: EventsrcError, status: int
) -> None:
    port = MemoryPort()
    port.refuse_with = error
    async with serving(tmp_path, port) as served, served.http() as http:
        answer = await http.post("/v1/events", content=b"1", headers=typed(NDJSON))
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["error"]) == (status, "1", str(error))


async def test_bad_requests_get_the_right_answer_and_nothing_is_stored(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        for content, headers, status in (
            (b"{", typed(STRUCTURED), 400),
            (b"{}", typed("text/plain"), 415),
            (b"{}", {}, 415),
            (b"1", typed(NDJSON, **{"content-encoding": "gzip"}), 415),
        ):
            answer = await http.post("/v1/events", content=content, headers=headers)
            assert (answer.status_code, bool(answer.json()["error"])) == (status, True)
        assert (await http.put("/v1/events")).status_code == 405
        assert (await http.get("/v1/nothing")).status_code == 404
        assert served.port.records == []
        assert served.port.counted[-1] == ("other", 404)


async def test_what_is_not_there_and_what_fails_is_answered_and_counted(tmp_path: Path) -> None:
    class Failing(MemoryPort):
        async def status(self) -> dict[str, Any]:
            raise ZeroDivisionError

    async with serving(tmp_path, Failing()) as served, served.http() as http:
        answer = await http.post("/metrics")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.json() == {"error": "Method Not Allowed", "exit_code": 1}
        answer = await http.get("/v1/events/")
        assert (answer.status_code, answer.json()) == (404, {"error": "Not Found", "exit_code": 1})
        assert answer.headers["x-content-type-options"] == "nosniff"
        answer = await http.head("/healthz")
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await http.get("/v1/status")).status_code == 500
        assert served.port.counted == [("/metrics", 405), ("other", 404), ("/healthz", 200), ("/v1/status", 500)]


def test_names_are_never_given_twice() -> None:
    one, other = fresh_names(), fresh_names()
    assert len({name() for _ in range(1_000) for name in (one, other)}) == 2_000


# --- reading -----------------------------------------------------------------------------------------------------


async def test_events_are_read_as_a_batch_or_as_lines(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        lines = b"".join(b"%d\n" % n for n in range(10))
        await http.post("/v1/events", content=lines, headers=typed(NDJSON), params={"type": "t.x"})
        await http.post("/v1/events", json=event(type="u.y"), headers=typed(STRUCTURED))
        answer = await http.get("/v1/events", params={"after": 3, "limit": 2})
        assert answer.headers["content-type"] == BATCH
        assert ([e["data"] for e in answer.json()], answer.headers["eventsrc-last"]) == ([3, 4], "5")
        answer = await http.get("/v1/events", params={"type": "u.*"}, headers={"accept": NDJSON})
        assert [json.loads(line)["type"] for line in answer.text.splitlines()] == ["u.y"]
        answer = await http.get("/v1/events", params={"after": 11})
        assert (answer.json(), answer.headers["eventsrc-last"]) == ([], "11")
        for wrong in ({"after": "-1"}, {"after": "x"}, {"limit": "1e3"}, {"after": "²"}):
            assert (await http.get("/v1/events", params=wrong)).status_code == 400


# --- guarding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"host": "localhost:8787"}, True),
        ({"host": "127.0.0.1"}, True),
        ({"host": "[::1]:8787"}, True),
        ({"host": "[::1]"}, True),
        ({"host": "LOCALHOST"}, True),
        ({"host": "localhost:8787", "origin": "http://localhost:8787"}, True),
        ({"host": "localhost:8787", "origin": "http://localhost:9999"}, False),
        ({"host": "localhost:8787", "origin": "http://evil.example"}, False),
        ({"host": "localhost:8787", "origin": "null"}, False),
        ({"host": "evil.example"}, False),
        ({"host": "evil.example:8787", "origin": "http://evil.example:8787"}, False),
        ({"host": "localhost.evil.example"}, False),
        ({"host": ""}, False),
        ({}, False),
    ],
)
def test_only_this_machine_and_its_own_pages_are_answered(headers: dict[str, str], allowed: bool) -> None:
    assert (refusal(Headers(headers), LOOPBACK) is None) is allowed


async def test_a_foreign_page_or_name_is_refused_on_loopback_and_not_on_the_unix_socket(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.http() as http, served.unix() as unix:
        for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
            answer = await http.post("/v1/events", content=b"1", headers=typed(NDJSON, **headers))
            assert (answer.status_code, answer.json()["exit_code"]) == (403, 4)
        assert served.port.records == []
        answer = await unix.post("/v1/events", content=b"1", headers=typed(NDJSON))
        assert answer.status_code == 201
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_administration_is_on_the_unix_socket_only(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.http() as http, served.unix() as unix:
        for path in ("/v1/checkpoint", "/v1/ingest", "/v1/rebuild"):
            assert (await http.post(path, json={"paths": []})).status_code == 403
        answer = await unix.post("/v1/checkpoint", json={"label": "before"})
        assert (answer.status_code, answer.json()) == (201, {"id": "0123abcd", "label": "before"})
        assert (await unix.post("/v1/checkpoint")).json()["label"] is None
        answer = await unix.post("/v1/ingest", json={"paths": ["a", "b"]})
        assert [json.loads(line) for line in answer.text.splitlines()] == [{"path": "a"}, {"path": "b"}, {"read": 2}]
        assert served.port.closed_iterators == 1
        assert (await unix.post("/v1/ingest", json={"path": "a"})).status_code == 400
        assert (await unix.post("/v1/rebuild", content=b"{")).status_code == 400
        served.port.refuse_with = DiskFull(path="read", reason="no space")
        answer = await unix.post("/v1/rebuild", json={"names": ["unknown"]})
        assert json.loads(answer.text)["exit_code"] == 75
        assert stat.S_IMODE(served.path.stat().st_mode) == 0o600


# --- operations ----------------------------------------------------------------------------------------------------


async def test_health_tells_its_reasons(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        for path in ("/healthz", "/readyz"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()) == (200, {"ok": True, "reasons": []})
        served.port.reasons = ("log: no progress for 31 s",)
        answer = await http.get("/healthz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["log: no progress for 31 s"])
        assert (await http.get("/metrics")).text == "eventsrc_head 1\n"


async def test_the_page_shows_everything_as_text_and_loads_nothing(tmp_path: Path) -> None:
    port = MemoryPort()
    hostile = "<script>alert(1)</script>\"'&\udcff"
    port.status_value = {"head": 1234567, hostile: [{"path": hostile}], "none": None, "empty": [], "up": True}
    async with serving(tmp_path, port) as served, served.http() as http:
        answer = await http.get("/")
        assert "<script" not in answer.text and "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;?" in answer.text
        assert "1,234,567" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert (await http.get("/v1/status")).json()[hostile] == [{"path": hostile}]
    assert "http" not in page({}).replace("healthz", "")


# --- starting and stopping -------------------------------------------------------------------------------------------


async def test_a_request_under_way_is_answered_while_the_server_stops(tmp_path: Path) -> None:
    port = MemoryPort()
    port.durable = anyio.Event()
    async with serving(tmp_path, port) as served, served.http() as http:
        answers: list[Any] = []

        async def push() -> None:
            answers.append(await http.post("/v1/events", content=b"1", headers=typed(NDJSON)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push)
            while not port.durable.statistics().tasks_waiting:
                await anyio.lowlevel.checkpoint()
            served.server.stop()
            port.durable.set()
        assert answers[0].status_code == 201
    assert not served.path.exists()


async def test_a_server_that_was_cancelled_can_be_started_again_on_the_same_sockets() -> None:
    port = MemoryPort()
    tcp = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(port, [Door(tcp)])
    for _ in range(2):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.run)
            async with await anyio.connect_tcp(*tcp.getsockname()) as stream:
                await stream.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert (await stream.receive()).startswith(b"HTTP/1.1 200 ")
            tasks.cancel_scope.cancel()
    server.stop()
    await server.run()
    assert tcp.fileno() == -1
