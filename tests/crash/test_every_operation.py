"""The n-th durable operation is the last, or fails, for every n; afterwards nothing that was acknowledged is missing.

The operations are those of two lives of a service that records from three sides, seals, projects into every built-in
read model, makes checkpoints, rebuilds and starts again (`scenario.py`). What must hold afterwards is in
`afterwards.py`, how lives are ended is in `lives.py`. What is *not* seen: what two read models do at the same time,
because the scenario projects one after the other, so that an n that fails can be played again.

To play one again: `python -m tests.crash.lives KIND FOLDER N 10000`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from eventsrc.log import Log
from eventsrc.projector.generations import current
from eventsrc.source.outbox import Outbox
from eventsrc.testing.disk import FaultyDisk
from tests.crash.lives import Found, Kind
from tests.crash.scenario import PROJECTIONS, SMALLER, play
from tests.crash.world import Kept, World

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3000)]
ROOT = Path(__file__).resolve().parents[2]
PARTS = (os.cpu_count() or 1) + 1
"""Processes that share the range: one more than processors, because each of them waits for the disk now and then."""

OPERATIONS = {"open", "write", "sync", "sync_directory", "truncate", "rename", "unlink", "mkdir"}
AT_LEAST = 300
"""Durable operations that the scenario makes; fewer would say that something is no longer in it."""


def played(kind: Kind, folder: Path) -> list[Found]:
    """What became of every n."""
    command = [sys.executable, "-m", "tests.crash.lives", kind, str(folder)]
    helpers = [
        subprocess.Popen([*command, str(part), str(PARTS)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for part in range(1, PARTS + 1)
    ]
    found: list[Found] = []
    for helper in helpers:
        out, said = helper.communicate()
        assert helper.returncode == 0, said.decode()[-4000:]
        found += msgspec.json.Decoder(Found).decode_lines(out)
    return sorted(found, key=lambda one: one.n)


def test_the_lives_have_in_them_what_they_are_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in SMALLER:
        monkeypatch.setattr(module, name, value)
    overlaps, flying = 0, 0
    store, settle = Log.store_and_plan, Outbox._durable

    def storing(*given: Any) -> Any:
        nonlocal overlaps
        overlaps += 1
        return store(*given)

    def settling(outbox: Outbox, *given: Any) -> None:
        nonlocal flying
        flying = max(flying, *outbox._flying.values())
        settle(outbox, *given)

    monkeypatch.setattr(Log, "store_and_plan", storing)
    monkeypatch.setattr(Outbox, "_durable", settling)
    world, disk = World(tmp_path), FaultyDisk()
    play(world, disk)
    Kept(world.data).is_whole()
    assert world.acknowledged() == Kept(world.data).head
    assert overlaps >= 8 and flying >= 2
    assert len(list((world.data / "log").glob("0*.jsonl"))) >= 4
    assert {projection.name for projection in PROJECTIONS} >= {
        "agents",
        "conversations",
        "deltas",
        "experiments",
        "search",
    }
    assert {current(world.data / "read", projection.name).stem[-2:] for projection in PROJECTIONS} == {"-2"}
    assert len(list((world.data / "checkpoints").iterdir())) == 2
    assert set(disk.did) == OPERATIONS and disk.count >= AT_LEAST


@pytest.mark.parametrize("kind", get_args(Kind))
def test_nothing_acknowledged_is_lost_whichever_operation_it_happens_at(tmp_path: Path, kind: Kind) -> None:
    found = played(kind, tmp_path)
    wrong = [
        f"{kind} at operation {one.n}, {one.operation}: {one.ended}\n{one.problem}" for one in found if one.problem
    ]
    assert not wrong, f"{len(wrong)} of {len(found)}\n" + "\n".join(wrong[:5])
    ended = {(one.ended.partition(":")[0], failed_in(one.ended)) for one in found if one.ended}
    if kind in ("ENOSPC", "short"):  # a full disk is survived, but for a sync, which must not be tried again
        assert ended <= {("LogFailed", "sync")}
    else:
        assert {name for name, _ in ended} <= {"LogFailed", "CheckpointFailed", "ReadModelBroken"}
    operations = Counter(one.operation for one in found)
    if kind == "short":
        assert set(operations) == {"write"} and operations["write"] > 50
        return
    assert set(operations) == OPERATIONS
    assert [one.n for one in found] == list(range(1, len(found) + 1)), "every n, and each once"
    assert len(found) >= AT_LEAST


def failed_in(error: str) -> str:
    """The operation that an error names. Threads share the disk, so the n-th that was counted may be a neighbour's."""
    said = re.search(r"\((\w+) on ", error)
    return said[1] if said else ""
