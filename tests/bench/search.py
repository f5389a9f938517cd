"""Search on many documents: the first page of rare words, common ones, phrases and filters, and how it is built."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from eventsrc.clock import SystemClock
from eventsrc.query.connection import reading
from projections.search import Search
from projections.search.documents import Document, Documents
from tests.bench.material import Material
from tests.bench.table import Row, timed

KINDS = ("answer", "thinking", "tool_input", "tool_result", "prompt")
WORDS = 50_000
LENGTH = 40
SYLLABLES = ("ba", "ke", "li", "mo", "nu", "pra", "ste", "tri", "vo", "xa", "zen", "dor")
PAGE = {"kind": None, "session": None, "since": None, "limit": 20, "offset": 0}


def measure(material: Material) -> list[Row]:
    """Documents indexed per second, and the time of a first page: median and 95th percentile of many questions."""
    count = material.sizes.documents
    path = material.place("search") / "search-1.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = _built(path, count)
    question = next(one for one in Search.questions if one.name == "words")
    chance = random.Random(3)
    for name, values in _asked(chance, material.sizes.questions):
        times = sorted(timed(partial(_page, path, question.sql, one)) * 1000 for one in values)
        median, late = times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.95))]
        what = f"first page, {name}, {count / 1e6:g} M documents"
        rows.append(Row(f"{what}, median", median, "ms", "bound", 50, "", None))
        rows.append(Row(f"{what}, p95", late, "ms", "bound", 50, "≤ 50 ms", late <= 50))
    return rows


def _built(path: Path, count: int) -> list[Row]:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    for statement in Search.schema:
        connection.execute(statement)
    written = timed(lambda: _write(connection, count))
    indexed = timed(lambda: [connection.execute(statement) for statement in Search.late_schema])
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    megabytes = path.stat().st_size / 1e6
    return [
        Row("documents written", count / written, "/s"),
        Row("documents indexed at the end of a rebuild", count / indexed, "/s", "written", count / written),
        Row("size of the read model", megabytes, "MB"),
    ]


def _write(connection: sqlite3.Connection, count: int) -> None:
    documents = Documents(connection)
    connection.execute("BEGIN")
    for number, text in enumerate(_texts(random.Random(1), count)):
        kind, sid = KINDS[number % len(KINDS)], f"{number // 2_000:08x}-session"
        documents.add(Document(kind, f"ref{number}", sid, 1.7e9 + number, "", text, number))
        if number % 50_000 == 0:
            documents.flush()
    documents.flush()
    connection.execute("COMMIT")


def _word(number: int) -> str:
    text = ""
    while True:
        number, one = divmod(number, len(SYLLABLES))
        text += SYLLABLES[one]
        if not number:
            return text


def _texts(chance: random.Random, count: int) -> Iterator[str]:
    """Texts in which few words are very common and most are rare, as in any language."""
    words = [_word(number) for number in range(WORDS)]
    weights = [1 / (rank + 2) for rank in range(WORDS)]
    total = 0.0
    sums = [total := total + weight for weight in weights]
    for number in range(count):
        yield " ".join(chance.choices(words, cum_weights=sums, k=LENGTH)) + f" n{number}"


def _asked(chance: random.Random, times: int) -> list[tuple[str, list[dict[str, object]]]]:
    def quoted(*ranks: int) -> dict[str, object]:
        return {**PAGE, "words": " AND ".join(f'"{_word(rank)}"' for rank in ranks)}

    def some(low: int, high: int, many: int = 1) -> list[dict[str, object]]:
        return [quoted(*(chance.randrange(low, high) for _ in range(many))) for _ in range(times)]

    common = some(0, 20)
    return [
        ("a rare word", some(5_000, WORDS)),
        ("a word of every hundredth document", some(200, 800)),
        ("one of the twenty commonest words", common),
        ("three words", some(0, 2_000, 3)),
        ("a phrase of two common words", [
            {**PAGE, "words": f'"{_word(chance.randrange(20))} {_word(chance.randrange(20))}"'} for _ in range(times)
        ]),
        ("the beginning of a word", [
            {**PAGE, "words": f'"{_word(chance.randrange(2_000))[:4]}"*'} for _ in range(times)
        ]),
        ("a common word of one kind", [{**one, "kind": chance.choice(KINDS)} for one in common]),
        ("a common word of one session", [{**one, "session": f"{chance.randrange(400):08x}"} for one in common]),
    ]  # fmt: skip


def _page(path: Path, sql: str, values: dict[str, object]) -> int:
    """One question as the query room asks it: a fresh read-only connection each time."""
    with reading(path, SystemClock()) as connection:
        return len(connection.execute(sql, values).fetchall())
