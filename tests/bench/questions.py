"""How long the questions to `agents` take, on a read model of a million blocks; each asked as a command asks it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from eventsrc.limits import QUERY_ROWS
from eventsrc.plugin import Question
from eventsrc.query import ReadModels
from projections.agents import Agents
from tests.agents_filled import fill
from tests.bench.material import Material
from tests.bench.table import Row

TARGET_MS = 50.0
"""What 95 of 100 answers must stay below."""


def measure(material: Material) -> list[Row]:
    """Per question the median and the 95th percentile, in milliseconds; and the latter in processor time, which is what
    remains comparable on a machine that does other things."""
    now = time.time()
    path = filled(material, now)
    models = ReadModels(path.parent, {Agents.name: Agents.questions}, lambda _folder, _name: path)
    chance = random.Random(3)
    rows = []
    for question in Agents.questions:
        samples = samples_of(models, question, chance, now, material.sizes.questions)
        walls, works = zip(*(_ask(models, question, values) for values in samples), strict=True)
        name, p95 = f"`{question.name}`", _percentile(walls, 95)
        rows.append(Row(f"{name}, p50", _percentile(walls, 50), "ms", "the bound", TARGET_MS))
        rows.append(Row(f"{name}, p95", p95, "ms", "the bound", TARGET_MS, "≤ 50 ms", p95 <= TARGET_MS))
        rows.append(Row(f"{name}, p95, processor", _percentile(works, 95), "ms", "the bound", TARGET_MS))
    return rows


def filled(material: Material, now: float) -> Path:
    """The read model; made once per run."""
    path = material.folder / "agents" / "agents-1.db"
    if not path.exists():
        path.parent.mkdir()
        fill(path, material.sizes.blocks, now=now).close()
    return path


def samples_of(
    models: ReadModels, question: Question, chance: random.Random, now: float, many: int
) -> list[Mapping[str, str | float | None]]:
    """Values for a question: sessions, rounds and tools by chance, every other question with a `since`."""
    known = {
        "sid": _ids(models, "SELECT sid FROM sessions", chance, many),
        "other": _ids(models, "SELECT sid FROM sessions", chance, many),
        "round_id": _ids(models, "SELECT round_id FROM rounds", chance, many),
        "tool_use_id": _ids(models, "SELECT tool_use_id FROM tool_results", chance, many),
    }
    samples: list[Mapping[str, str | float | None]] = []
    for number in range(many):
        values: dict[str, str | float | None] = dict(question.defaults)
        for name in question.parameters:
            if name == "now":
                values[name] = now
            elif name == "since" and number % 2:
                values[name] = now - chance.choice((3_600, 86_400, 30 * 86_400))
            elif name == "by":
                values[name] = ("day", "session", "model")[number % 3]
            elif name in known:
                values[name] = known[name][number]
        samples.append(values)
    return samples


def _ids(models: ReadModels, sql: str, chance: random.Random, many: int) -> list[str]:
    rows = models.sql(Agents.name, f"{sql} LIMIT {QUERY_ROWS}").rows
    return [str(chance.choice(rows)[0]) for _ in range(many)]


def _ask(models: ReadModels, question: Question, values: Mapping[str, str | float | None]) -> tuple[float, float]:
    began, worked = time.perf_counter(), time.process_time()
    models.ask(Agents.name, question.name, values)
    return (time.perf_counter() - began) * 1000, (time.process_time() - worked) * 1000


def _percentile(values: Sequence[float], percent: int) -> float:
    found = sorted(values)
    return found[min(len(found) - 1, len(found) * percent // 100)]
