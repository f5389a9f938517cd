"""Others that do a part of the same work, on the same lines."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, UUIDAsHex
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from tests.bench.material import Material
from tests.bench.table import best, timed

AT_ONCE = 1_000


@dataclass(frozen=True)
class Said(DomainEvent):
    """An event that carries one line."""

    line: str


def eventsourcing_replay(material: Material) -> float:
    """Events per second that the `eventsourcing` library reads back and decodes, building nothing from them."""
    path = material.place("eventsourcing.db")
    transcoder = JSONTranscoder()
    transcoder.register(UUIDAsHex())
    transcoder.register(DatetimeAsISO())
    mapper: Mapper[UUID] = Mapper(transcoder)
    store = SQLiteDatastore(str(path))
    recorder = SQLiteApplicationRecorder(store)
    recorder.create_table()
    originator, at = uuid4(), datetime.now(UTC)
    lines = _head(material).read_text().split("\n")[:-1]
    for start in range(0, len(lines), AT_ONCE):
        said = (
            Said(originator_id=originator, originator_version=start + number, timestamp=at, line=line)
            for number, line in enumerate(lines[start : start + AT_ONCE], 1)
        )
        recorder.insert_events([mapper.to_stored_event(one) for one in said])

    def replay() -> None:
        seen = 0
        while page := recorder.select_notifications(seen + 1, AT_ONCE):
            for stored in page:
                mapper.to_domain_event(stored)
            seen = page[-1].id
        assert seen == len(lines)

    seconds = best(material.sizes.repeats, lambda _: timed(replay))
    store.close()
    return len(lines) / seconds


def sqlite_utils_insert(material: Material) -> float:
    """Lines per second of `sqlite-utils insert --nl`, without what its start costs."""
    lines = _head(material)
    count = lines.read_bytes().count(b"\n")
    program = [sys.executable, "-m", "sqlite_utils"]
    start = best(material.sizes.repeats, lambda _: timed(lambda: _run([*program, "--version"])))
    seconds = timed(lambda: _run([*program, "insert", str(material.place("peer.db")), "t", str(lines), "--nl"]))
    return count / max(seconds - start, 1e-9)


def _head(material: Material) -> Path:
    path = material.folder / "head.jsonl"
    if not path.exists():
        with material.sse_lines.open("rb") as whole, path.open("wb") as head:
            head.writelines(islice(whole, material.sizes.peer_lines))
    return path


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
