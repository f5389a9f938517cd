"""L7: every queue, batch, line, body and wait has a bound, in one place, with its reason."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsrc
from eventsrc import limits
from eventsrc.actor import Charge, Mailbox, Policy, Stage, Supervisor
from eventsrc.errors import ActorFailed, QueueFull
from eventsrc.testing.clock import ManualClock

PACKAGE = Path(eventsrc.__file__).parent
SOURCES = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "projections").rglob("*.py")]
LIMITS = PACKAGE / "limits.py"
UNITS = {"KIB", "MIB"}


def bounds() -> list[str]:
    body = ast.parse(LIMITS.read_text()).body
    names = [node.targets[0] for node in body if isinstance(node, ast.Assign)]
    return [name.id for name in names if isinstance(name, ast.Name) and name.id not in UNITS]


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


# --- one place, with a reason ----------------------------------------------------------------------------------------


def test_every_bound_is_a_number_above_zero_and_says_why() -> None:
    """The reason stands behind the number, on its line."""
    commented: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(LIMITS.read_text()).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("# ---"):
            commented.add(token.start[0])
    silent = []
    for node in ast.parse(LIMITS.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) not in UNITS:
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            if not commented.intersection(lines):
                silent.append(ast.unparse(node.targets[0]))
    assert silent == []
    assert all(getattr(limits, name) > 0 for name in bounds())


def test_every_bound_is_in_force_somewhere() -> None:
    code = "\n".join(path.read_text() for path in SOURCES if path != LIMITS)
    assert [name for name in bounds() if not re.search(rf"\b{name}\b", code)] == []


def test_bounds_that_depend_on_each_other_fit() -> None:
    assert limits.RECORD_HEAD_BYTES < limits.RECORD_BYTES < limits.COMMIT_BYTES < limits.SEGMENT_BYTES
    assert limits.BATCH_BYTES <= limits.MAILBOX_BYTES and limits.BATCH_EVENTS <= limits.COMMIT_EVENTS
    assert limits.BODY_EVENTS <= limits.COMMIT_EVENTS and limits.BODY_BYTES <= limits.COMMIT_BYTES
    assert limits.BACKOFF_SECONDS < limits.BACKOFF_MOST_SECONDS < limits.RESTART_SECONDS
    assert limits.HEALTH_SECONDS < limits.PROGRESS_SECONDS
    assert limits.HELD_PROCESSES < limits.WATCHED_PROCESSES
    assert limits.STOP_SECONDS < limits.DRAIN_SECONDS


# --- nothing beside them ---------------------------------------------------------------------------------------------

UNBOUNDED = {
    "queue.Queue": "a mailbox",
    "queue.SimpleQueue": "a mailbox",
    "asyncio.Queue": "a mailbox",
    "functools.cache": "lru_cache with a size",
    "cache": "lru_cache with a size",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_no_file_makes_a_queue_a_cache_or_a_wait_without_a_bound(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for name, call in calls(tree):
        where = f"{path}:{call.lineno}: {name}"
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert name not in UNBOUNDED, f"{where} has no bound; use {UNBOUNDED.get(name)}"
        if name.endswith("create_memory_object_stream"):
            assert path == PACKAGE / "actor" / "mailbox.py", f"{where}: channels are mailboxes"
        if name.endswith("lru_cache"):
            assert call.args or keywords.get("maxsize", "None") != "None", f"{where} never forgets"
        if name.endswith("to_thread.run_sync"):
            assert "limiter" in keywords, f"{where} shares the default threads with everybody; give it a limiter"
        if name.startswith("subprocess.") and name.endswith(("run", "check_output", "check_call", "call")):
            assert "timeout" in keywords, f"{where} may wait for ever"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            assert not decorators & {"cache", "functools.cache"}, f"{path}:{node.lineno}: {node.name} never forgets"


# --- broken on purpose -----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 5),
    weight=st.integers(1, 20),
    steps=st.lists(st.one_of(st.integers(0, 30), st.none()), max_size=40),
)
def test_a_mailbox_never_holds_more_than_it_says_whatever_is_sent(
    size: int, weight: int, steps: list[int | None]
) -> None:
    """A number is an item of that weight; None takes everything that is there."""

    async def play() -> None:
        box: Mailbox[int] = Mailbox("box", size, lambda item: item, weight=weight)
        accepted: list[int] = []
        taken: list[int] = []
        for step in steps:
            if step is None:
                taken += await box.drain(size, 10**9) if box.stats().waiting else []
                continue
            try:
                box.send_nowait(step)
                accepted.append(step)
            except QueueFull:
                waiting = accepted[len(taken) :]
                assert len(waiting) == size or sum(waiting) + step > weight  # only a full one refuses
            stats = box.stats()
            assert stats.waiting <= size
            assert stats.waiting_weight <= weight or stats.waiting == 1
        box.close()
        while box.stats().waiting:
            taken += await box.drain(1, 1)
        assert taken == accepted

    anyio.run(play)


async def test_producers_without_end_fill_a_mailbox_and_then_wait() -> None:
    box: Mailbox[bytes] = Mailbox("box", 4, len, weight=10)

    async def produce() -> None:
        while True:
            await box.send(b"xxx")

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(produce)
        for _ in range(5):
            await wait_all_tasks_blocked()
            stats = box.stats()
            assert (stats.waiting, stats.waiting_weight, stats.blocked) == (3, 9, 10)
            await box.receive()
        group.cancel_scope.cancel()


async def test_an_actor_that_always_fails_is_restarted_only_so_often() -> None:
    clock = ManualClock()
    starts = 0

    class Broken:
        name = "broken"

        async def run(self) -> None:
            nonlocal starts
            starts += 1
            raise ValueError

    supervisor = Supervisor(clock=clock, sleep=clock.sleep)
    supervisor.add(Charge(name="broken", make=Broken, policy=Policy.RESTART, stage=Stage.INGEST))
    async with anyio.create_task_group() as group:
        group.start_soon(clock.advance, limits.RESTART_SECONDS)
        with pytest.raises(ActorFailed):
            await supervisor.run()
    assert starts == limits.RESTARTS + 1


async def test_a_drain_ends_at_its_deadline_whatever_an_actor_does() -> None:
    clock = ManualClock()
    box: Mailbox[int] = Mailbox("deaf")

    class Deaf:
        name = "deaf"

        async def run(self) -> None:
            await anyio.sleep_forever()

    supervisor = Supervisor(clock=clock, sleep=clock.sleep)
    supervisor.add(Charge(name="deaf", make=Deaf, policy=Policy.RESTART, stage=Stage.LOG, close=box.close, mailbox=box))
    async with anyio.create_task_group() as group:
        group.start_soon(supervisor.run)
        await wait_all_tasks_blocked()
        group.start_soon(clock.advance, limits.DRAIN_SECONDS)
        report = await supervisor.stop()
    assert report.seconds == limits.DRAIN_SECONDS and [left.actor for left in report.leftovers] == ["deaf"]
