"""L9: what is seen outside enters as an event; a projection never asks the clock, processes, network or chance."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import anyio
import pytest

import eventsrc
from eventsrc.actor import Ticket
from eventsrc.event import Appended, Record
from eventsrc.formats.own import Own
from eventsrc.liveness import Prober, Watched, identify
from eventsrc.log.codec import decode, encode
from eventsrc.log.draft import draft
from eventsrc.plugin import ProcessGone, ProcessSeen, Projection
from eventsrc.testing.clock import ManualClock

ROOT = Path(eventsrc.__file__).parent.parent
PURE = [*(ROOT / "projections").rglob("*.py"), *(ROOT / "eventsrc" / "formats").rglob("*.py")]

OUTSIDE = {
    "anyio",
    "asyncio",
    "concurrent",
    "ctypes",
    "getpass",
    "glob",
    "http",
    "locale",
    "multiprocessing",
    "os",
    "platform",
    "psutil",
    "random",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
ASKS = re.compile(r"\.(now|utcnow|today|fromtimestamp)$")
SQL_ASKS = re.compile(
    r"'now'|\bCURRENT_(TIME|DATE|TIMESTAMP)\b|\b(random|randomblob|unixepoch)\s*\(\s*\)", re.IGNORECASE
)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def asks(tree: ast.AST) -> Iterator[str]:
    """Calls that need a clock. `fromtimestamp(x)` without a zone asks the machine where it is; with one it is pure."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            zoned = name.endswith("fromtimestamp") and len(node.args) + len(node.keywords) > 1
            if ASKS.search(name) and not zoned:
                yield f"{name} in line {node.lineno}"


def writes(tree: ast.AST) -> Iterator[str]:
    """SQL that changes rows. Views and questions are not among it: they may use the clock of the reader."""
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and re.match(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", text, re.IGNORECASE):
            yield text


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_projection_and_no_format_can_ask_anything_outside(path: Path) -> None:
    tree = ast.parse(path.read_text())
    asked = set(imports(tree)) - {"urllib.parse"}  # quoting text asks nobody
    assert {name.partition(".")[0] for name in asked} & OUTSIDE == set()
    assert list(asks(tree)) == []
    assert [statement for statement in writes(tree) if SQL_ASKS.search(statement)] == []


def test_no_table_of_a_built_in_read_model_fills_itself_from_a_clock() -> None:
    points = [point for point in entry_points(group="eventsrc.projections") if point.value.startswith("projections.")]
    assert points
    for point in points:
        projection: type[Projection] = point.load()
        stored = [text for text in (*projection.schema, *projection.late_schema) if "CREATE VIEW" not in text.upper()]
        assert [text for text in stored if SQL_ASKS.search(text)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from os import path",
        "import urllib.request",
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "date.today()",
        "datetime.fromtimestamp(5)",
        "c.execute('INSERT INTO t VALUES(datetime(\\'now\\'))')",
        "c.execute('UPDATE t SET at = CURRENT_TIMESTAMP')",
        "c.execute('insert into t values(random())')",
    ],
)
def test_the_scan_bites(code: str) -> None:
    tree = ast.parse(code)
    found = {name.partition(".")[0] for name in imports(tree)} & OUTSIDE
    sql = [statement for statement in writes(tree) if SQL_ASKS.search(statement)]
    assert found or list(asks(tree)) or sql


# --- liveness: seen once, then only read -----------------------------------------------------------------------------


async def test_a_dead_process_is_known_from_the_log_alone() -> None:
    """A process lives and ends; what was seen of it reads the same long after its number means nothing any more."""
    lines: list[bytes] = []
    grown = anyio.Event()

    async def deliver(records: Sequence[Record], after: Ticket[Appended] | None = None, /) -> Ticket[Appended]:
        nonlocal grown
        for record in records:
            lines.append(line_of(record, len(lines) + 1))
        ticket: Ticket[Appended] = Ticket()
        ticket.set(Appended(tuple(range(len(lines) - len(records) + 1, len(lines) + 1))))
        grown.set()
        grown = anyio.Event()
        return ticket

    process = await anyio.open_process(["cat"], stdin=subprocess.PIPE, stdout=None)
    who = identify(process.pid)
    assert who is not None
    clock = ManualClock()
    watched = [Watched("s", process.pid, who.start_time + 1, "codex")]
    async with anyio.create_task_group() as group:
        group.start_soon(Prober(lambda: watched, deliver, sleep=clock.sleep).run)
        with anyio.fail_after(10):
            await grown.wait()
            process.kill()
            while len(lines) < 2:
                await grown.wait()
        group.cancel_scope.cancel()
    await process.wait()
    await process.aclose()

    seen, gone = (fact for line in lines for fact in Own().read(decode(line)))
    assert isinstance(seen, ProcessSeen) and isinstance(gone, ProcessGone)
    assert (seen.sid, seen.pid, seen.boot_id, seen.process_started) == ("s", who.pid, who.boot_id, who.start_time)
    assert (gone.sid, gone.pid, gone.process_started, gone.reason) == ("s", who.pid, who.start_time, "exited")
    assert identify(who.pid) != who  # nobody could find that out now


def line_of(record: Record, position: int) -> bytes:
    """The record as the log would keep it."""
    assert record.envelope is not None
    made = draft(record, record.envelope)
    pieces, _ = encode([made.head], [made.data], [1], position, "2026-01-10T10:00:02.000000Z")
    return b"".join(pieces)
