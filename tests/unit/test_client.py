"""The client of agents: the real HTTP application, real ZeroMQ, real threads."""

from __future__ import annotations

import json
import re
import socket
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
import pytest
import zmq

from eventsrc import client as client_module
from eventsrc import limits
from eventsrc.client import Client
from eventsrc.errors import NotDelivered, Rejected, TooLarge, TryAgain, UsageError
from eventsrc.event import Appended, Record
from tests.unit.http_kit import MemoryPort, serving
from tests.unit.zmq_kit import Mesh, free_endpoint, mesh

__all__ = ["mesh"]

T = TypeVar("T")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLIENT_BACKOFF_SECONDS", 0.01)


@pytest.fixture
def silent() -> Iterator[str]:
    """A recorder that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def aside(work: Callable[[], T]) -> T:
    """A program with a client, beside the server's event loop."""
    return await anyio.to_thread.run_sync(work)


async def test_a_receipt_has_the_position_once_the_event_is_durable(tmp_path: Path) -> None:
    port = MemoryPort()
    port.durable = anyio.Event()
    async with serving(tmp_path, port) as served:

        def program() -> tuple[int | None, int | None]:
            with Client(served.url, source="urn:agent:a") as client:
                first = client.send({"from": "a", "content": {"message": "grüße"}})
                with pytest.raises(NotDelivered):
                    first.wait(0.05)
                anyio.from_thread.run_sync(port.durable.set)
                second = client.send({"x": 1}, type="my.type", subject="my/stream", id="given")
                return first.wait(5), second.wait(5)

        assert await aside(program) == (1, 2)
    first, second = port.records
    assert first.source == "urn:agent:a" and first.data == '{"from":"a","content":{"message":"grüße"}}'.encode()
    assert first.envelope is None  # the formats recognise it
    assert second.envelope is not None and (second.id, second.envelope.subject) == ("given", "my/stream")


async def test_the_unix_socket_of_a_service_is_reached_by_its_path(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:

        def program() -> int | None:
            with Client(f"unix://{served.path}") as client:
                return client.send({"n": 1}).wait(5)

        assert await aside(program) == 1


class ForgetfulPort(MemoryPort):
    """Stores every batch and says twice that it did not."""

    denials = 2

    async def append(self, records: Sequence[Record]) -> Appended:
        answer = await super().append(records)
        if self.denials:
            self.denials -= 1
            raise TryAgain(reason="the answer was lost")
        return answer


async def test_what_was_recorded_and_not_answered_is_recorded_once(tmp_path: Path) -> None:
    port = ForgetfulPort()
    async with serving(tmp_path, port) as served:

        def program() -> list[int | None]:
            with Client(served.url) as client:
                return [receipt.wait(5) for receipt in [client.send({"n": n}) for n in range(50)]]

        assert await aside(program) == list(range(1, 51))
    assert [json.loads(record.data)["n"] for record in port.records] == list(range(50))


async def test_one_message_that_cannot_be_taken_leaves_the_others_alone(tmp_path: Path) -> None:
    port = MemoryPort()
    port.durable = anyio.Event()
    async with serving(tmp_path, port) as served:

        def program() -> Client:
            with Client(served.url) as client:
                client.send({"n": 0})  # holds the connection until the others are queued
                receipts = [client.send({"n": 1}), client.send({}, type="t" * 2000), client.send({"n": 2})]
                anyio.from_thread.run_sync(port.durable.set)
                with pytest.raises(Rejected):
                    receipts[1].wait(5)
                assert (receipts[0].wait(5), receipts[2].wait(5)) == (2, 3)
            return client

        stats = (await aside(program)).stats
    assert (stats.delivered, stats.refused, stats.dropped, stats.waiting) == (3, 1, 0, 0)


async def test_a_recorder_that_starts_later_gets_everything(tmp_path: Path) -> None:
    client = Client(f"unix://{tmp_path}/s.sock")
    receipts = [client.send({"n": n}) for n in range(10)]
    async with serving(tmp_path) as served:
        assert await aside(lambda: [receipt.wait(5) for receipt in receipts]) == list(range(1, 11))
        await aside(client.close)
    assert len(served.port.records) == 10


def test_a_full_queue_drops_and_counts_and_never_stops_the_program(silent: str) -> None:
    with Client(silent, queue=3, linger=0.05) as client:
        receipts = [client.send({"n": n}) for n in range(10)]
        assert client.stats.dropped == 7 and client.stats.waiting == 3
        with pytest.raises(NotDelivered, match="the queue is full"):
            receipts[9].wait()
        began = time.monotonic()
        client.send({"n": 10}, wait=0.1)
        assert 0.05 < time.monotonic() - began < 5
        assert not client.flush(0.05)
    assert client.stats.dropped == 11 and client.stats.waiting == 0


def test_memory_is_bounded_whatever_the_number_of_messages(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventsrc.client.outbound.CLIENT_BYTES", 1000)
    with Client(silent, linger=0) as client:
        for _ in range(10):
            client.send({"text": "x" * 300})
        assert client.stats.waiting == 3 and client.stats.dropped == 7


def test_the_end_is_never_later_than_linger(silent: str) -> None:
    began = time.monotonic()
    with Client(silent, linger=0.2) as client:
        receipt = client.send({"n": 1})
    assert 0.15 < time.monotonic() - began < 3
    assert not client._thread.is_alive()
    with pytest.raises(NotDelivered, match="client was closed"):
        receipt.wait()
    assert client.stats.dropped == 1
    client.close()
    with pytest.raises(NotDelivered):
        client.send({"n": 2}).wait()


def test_what_can_never_be_sent_is_refused_at_once(silent: str) -> None:
    with Client(silent, linger=0) as client:
        with pytest.raises(UsageError):
            client.send({}, subject="without/type")
        with pytest.raises(TooLarge):
            client.send({"x": "y" * limits.RECORD_BYTES})
        with pytest.raises(ValueError, match="JSON"):
            client.send({"x": float("nan")})
    for nowhere in ("nonsense", "http://", "http://x:nonsense", "zmq+push://nonsense", "zmq+pull://127.0.0.1:1"):
        with pytest.raises(UsageError):
            Client(nowhere)


async def test_the_example_of_the_documentation_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"\n((?:    .*\n|\n)+)`send`", client_module.__doc__ or "")
    async with serving(tmp_path) as served:
        program = textwrap.dedent(block).replace("http://127.0.0.1:8787", served.url)
        await aside(lambda: exec(program, {}))
    assert capsys.readouterr().out == "1 2 0\n"


def test_over_zeromq_messages_are_numbered_and_arrive_in_order(mesh: Mesh) -> None:
    endpoint = free_endpoint()
    with Client(endpoint.replace("tcp", "zmq+push")) as client:
        receipts = [client.send({"from": "a", "n": n}) for n in range(300)]  # before anybody listens
        recorder = mesh.socket(zmq.PULL)
        recorder.bind(endpoint)
        assert receipts[-1].wait(5) is None  # handed over; ZeroMQ does not say more
        got = [json.loads(recorder.recv()) for _ in range(300) if recorder.poll(5000)]
        with pytest.raises(UsageError, match="HTTP"):
            client.send({}, type="x")
    assert [one["n"] for one in got] == list(range(300))
    assert [one["eventsrc"]["n"] for one in got] == list(range(1, 301))
    assert len({one["eventsrc"]["run"] for one in got}) == 1


def test_without_a_recorder_over_zeromq_the_program_ends_in_time_and_knows_what_is_lost() -> None:
    began = time.monotonic()
    with Client(free_endpoint().replace("tcp", "zmq+push"), linger=0.2) as client:
        for n in range(5):
            client.send({"n": n})
    assert time.monotonic() - began < 3
    assert client.stats.dropped == 5


async def test_many_threads_share_one_client(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:

        def program() -> None:
            with Client(served.url) as client:

                def speak(name: int) -> None:
                    for n in range(50):
                        client.send({"name": name, "n": n})

                threads = [threading.Thread(target=speak, args=(name,)) for name in range(4)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert client.flush(5)

        await aside(program)
    said = [json.loads(record.data) for record in served.port.records]
    for name in range(4):
        assert [one["n"] for one in said if one["name"] == name] == list(range(50))
