"""Listening to a mesh of agents: real sockets, a log in memory."""

from __future__ import annotations

import base64

import anyio
import pytest
import zmq

from eventsrc import limits
from eventsrc.errors import DiskFull, EndpointUnusable, LogFailed
from eventsrc.source.zmq_listen import Endpoints, Listen
from tests.conformance.follower import Memory, eventually
from tests.unit.zmq_kit import Mesh, free_endpoint, listening, mesh, notices, said, subscribed

__all__ = ["mesh"]


async def test_what_is_published_is_recorded_with_its_topic_byte_for_byte(mesh: Mesh) -> None:
    log, endpoint = Memory(), free_endpoint()
    broker = mesh.publisher(endpoint)
    async with listening(log, Endpoints(subscribe=endpoint)):
        assert await subscribed(broker) == b"\x01"
        broker.send_multipart([b"gemini_cli", b'{"from":"a",  "content":{}}'])
        broker.send_multipart([b"gemini_cli", b"no json \xff"])
        broker.send_multipart([b"gemini_cli", b'{"from":"a"}', b"third"])
        broker.send_multipart([b"\xff\x00", b"{}"])
        broker.send(b"alone")
        await log.until_lines(5)
    first, second, third, fourth, fifth = said(log)
    assert (first.data, first.extensions) == (b'{"from":"a",  "content":{}}', {"topic": "gemini_cli"})
    assert (second.data, first.source) == (b"no json \xff", endpoint.replace("tcp", "zmq+sub"))
    assert third.extensions == {"topic": "gemini_cli", "frame2": base64.b64encode(b"third").decode()}
    assert fourth.extensions == {"topicbase64": base64.b64encode(b"\xff\x00").decode()}
    assert (fifth.data, fifth.extensions) == (b"alone", None)


async def test_only_the_wanted_topics_are_subscribed(mesh: Mesh) -> None:
    log, endpoint = Memory(), free_endpoint()
    broker = mesh.publisher(endpoint)
    async with listening(log, Endpoints(subscribe=endpoint, topics=("plan", "build"))):
        assert {await subscribed(broker), await subscribed(broker)} == {b"\x01plan", b"\x01build"}
        for topic in (b"other", b"planner", b"build"):
            broker.send_multipart([topic, topic])
        await log.until_lines(2)
    assert log.lines == [b"planner", b"build"]


async def test_what_agents_push_is_recorded_and_each_copy_is_an_event_of_its_own(mesh: Mesh) -> None:
    log, endpoint = Memory(), free_endpoint()
    async with listening(log, Endpoints(pull=endpoint)) as source:
        agent = mesh.pusher(endpoint)
        for _ in range(2):
            agent.send(b'{"event_type":"sent"}')
        await log.until_lines(2)
        assert source.counts("pull").messages == 2
    assert len({record.id for record in said(log)}) == 2


async def test_agents_that_come_and_go_are_events(mesh: Mesh) -> None:
    log, endpoint = Memory(), free_endpoint()
    async with listening(log, Endpoints(pull=endpoint)) as source:
        first = mesh.pusher(endpoint)
        await log.until_notice("connected")
        second = mesh.pusher(endpoint)
        await eventually(lambda: source.connections("pull") == 2)
        first.close()
        await log.until_notice("disconnected")
        second.close()
        await eventually(lambda: source.connections("pull") == 0)
    seen = [(one["connection"], one["connections"]) for one in notices(log, "connected") + notices(log, "disconnected")]
    assert seen == [(1, 1), (2, 2), (1, 1), (2, 0)]


async def test_a_broker_that_goes_and_comes_back_is_heard_again(mesh: Mesh) -> None:
    log, endpoint = Memory(), free_endpoint()
    async with listening(log, Endpoints(subscribe=endpoint)) as source:
        assert "no broker" in source.positions()[0].problem
        broker = mesh.publisher(endpoint)
        await subscribed(broker)
        await log.until_notice("connected")
        assert source.positions()[0].problem == ""
        broker.close(linger=0)
        await log.until_notice("disconnected")
        assert "is gone" in source.positions()[0].problem
        broker = mesh.publisher(endpoint)
        await subscribed(broker)
        broker.send_multipart([b"t", b"again"])
        await log.until_lines(1)
    assert [len(notices(log, kind)) for kind in ("connected", "disconnected")] == [2, 1]


async def test_the_wrong_port_of_a_broker_is_noticed_and_the_right_one_later_used(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ZMQ_RECONNECT_MOST_MS", 50)
    log, endpoint = Memory(), free_endpoint()
    wrong = mesh.socket(zmq.XSUB)
    wrong.bind(endpoint)
    async with listening(log, Endpoints(subscribe=endpoint)) as source:
        await eventually(lambda: "no publisher" in source.positions()[0].problem)
        wrong.close(linger=0)
        broker = mesh.publisher(endpoint)
        await subscribed(broker)
        await log.until_notice("connected")


async def test_a_slow_log_makes_agents_that_push_wait_and_nothing_is_lost(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ZMQ_HWM", 10)
    log, endpoint = Memory(), free_endpoint()
    async with listening(log, Endpoints(pull=endpoint)) as source:
        source._links[0].intake._most = 20
        agent = mesh.socket(zmq.PUSH)
        agent.setsockopt(zmq.SNDHWM, 10)
        agent.setsockopt(zmq.SNDBUF, 4096)
        agent.connect(endpoint)
        await log.until_notice("connected")
        log.gate = anyio.Event()
        sent = 0
        payload = b"x" * 50_000
        with anyio.fail_after(10):
            blocked = 0
            while blocked < 20:  # libzmq's own threads move what fits into the kernel; then nothing moves any more
                try:
                    agent.send(b"%d " % sent + payload, zmq.NOBLOCK)
                    sent, blocked = sent + 1, 0
                except zmq.Again:
                    blocked += 1
                    await anyio.sleep(0.01)
        assert 10 < sent < 1000  # it was made to wait
        log.gate.set()
        await log.until_lines(sent)
    assert [int(line.split()[0]) for line in log.lines] == list(range(sent))
    assert notices(log, "gap") == []


async def test_a_slow_log_lets_a_publisher_go_on_and_counts_what_is_lost(mesh: Mesh) -> None:
    log, endpoint = Memory(), free_endpoint()
    broker = mesh.publisher(endpoint)
    async with listening(log, Endpoints(subscribe=endpoint)) as source:
        await subscribed(broker)
        source._links[0].intake._most = 20
        await log.until_notice("connected")
        log.gate = anyio.Event()
        for number in range(100):
            broker.send_multipart([b"t", b"%d" % number])
        await eventually(lambda: source.counts("sub").messages == 100)
        log.gate.set()
        await log.until_notice("gap")
        broker.send_multipart([b"t", b"after"])
        await log.until(lambda log: log.lines[-1:] == [b"after"])
        lost = source.counts("sub").overflowed
    (gap,) = notices(log, "gap")
    assert gap["messages"] == lost == 101 - len(log.lines) > 0
    assert log.notices.index("gap") == len(log.notices) - 2  # told where it is missing: then only `closed` comes


async def test_missing_numbers_of_a_sender_are_told_also_after_a_restart(mesh: Mesh) -> None:
    def numbered(n: int) -> bytes:
        return b'{"content":{},"eventsrc":{"run":"r-1","n":%d}}' % n

    log, endpoint = Memory(), free_endpoint()
    agent = mesh.pusher(endpoint)
    async with listening(log, Endpoints(pull=endpoint)):
        for n in (5, 6, 9):
            agent.send(numbered(n))
        await log.until_lines(3)
    async with listening(log, Endpoints(pull=endpoint)):
        agent.send(numbered(12))
        await log.until_lines(4)
    assert [(gap["first"], gap["last"], gap["messages"]) for gap in notices(log, "gap")] == [(7, 8, 2), (10, 11, 2)]


async def test_a_message_that_is_too_large_leaves_a_stub_and_the_others_are_recorded(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventsrc.source.zmq_frames.RECORD_BYTES", 1000)
    log, endpoint = Memory(), free_endpoint()
    async with listening(log, Endpoints(pull=endpoint)):
        agent = mesh.pusher(endpoint)
        agent.send(b"x" * 1001)
        agent.send_multipart([b"t" * (limits.ZMQ_EXTRA_BYTES + 1), b"{}"])
        agent.send(b"fits")
        await log.until_lines(1)
    assert [one["bytes"] for one in notices(log, "refused")] == [1001, 2]


async def test_a_disk_that_is_full_for_a_while_loses_nothing(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DISK_FULL_RETRY_SECONDS", 0.01)
    log, endpoint = Memory(), free_endpoint()
    log.refuse = lambda number: DiskFull(path="x", reason="full") if 1 < number < 5 else None
    async with listening(log, Endpoints(pull=endpoint)):
        agent = mesh.pusher(endpoint)
        for number in range(10):
            agent.send(b"%d" % number)
        await log.until_lines(10)
    assert log.lines == [b"%d" % number for number in range(10)]


async def test_a_stop_records_what_was_sent_before(mesh: Mesh) -> None:
    log, endpoint = Memory(), free_endpoint()
    async with listening(log, Endpoints(pull=endpoint)):
        agent = mesh.pusher(endpoint)
        for number in range(3000):
            agent.send(b"%d" % number)
    assert log.lines == [b"%d" % number for number in range(3000)]
    assert notices(log, "closed")[0]["messages"] == 3000


async def test_what_the_log_raises_leaves_run(mesh: Mesh) -> None:
    log = Memory()
    log.refuse = lambda number: LogFailed(operation="sync", path="x", reason="gone")
    with pytest.raises(ExceptionGroup) as caught:
        await Listen(Endpoints(pull=free_endpoint()), log.cursor).run(log.deliver)
    assert caught.group_contains(LogFailed)


async def test_an_address_that_is_taken_is_named(mesh: Mesh) -> None:
    endpoint = free_endpoint()
    mesh.publisher(endpoint)
    with pytest.raises(EndpointUnusable, match=endpoint):
        await Listen(Endpoints(pull=endpoint), Memory().cursor).run(Memory().deliver)


async def test_a_run_can_be_cancelled_at_any_time(mesh: Mesh) -> None:
    log, endpoint = Memory(), free_endpoint()
    with anyio.move_on_after(0.05):
        await Listen(Endpoints(pull=endpoint), log.cursor).run(log.deliver)
    async with listening(log, Endpoints(pull=endpoint)):
        mesh.pusher(endpoint).send(b"1")
        await log.until_lines(1)
