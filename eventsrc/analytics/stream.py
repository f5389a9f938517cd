"""A log of one dialogue, line by line: what can be loaded, and what was wrong with the rest. Only reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from eventsrc.clock import format_time, parse_time
from eventsrc.formats.experiment_fields import is_object, outer_of, text, wall_time
from eventsrc.limits import KIB, RECORD_BYTES

LOGS = ("*_events.jsonl", "events_*.jsonl", "events.jsonl")
"""Names of logs of every version."""
HEAD_CHARS = 200  # of a line that cannot be loaded: enough to recognise it
_BLOCK = 256 * KIB


class Line(msgspec.Struct, frozen=True):
    """A line that can be loaded."""

    sequence: int
    """Its number in the file, from 1."""
    event_type: str
    conversation_id: str
    timestamp: str | None
    """UTC, without saying so."""
    local_time: bool
    event_data: msgspec.Raw


class Rejected(msgspec.Struct, frozen=True):
    """A line that cannot."""

    line: int
    reason: str
    head: str


class Content(msgspec.Struct, frozen=True):
    """The whole lines of a file: what a load is made from."""

    bytes: int
    """Up to and with the last line feed; what comes after it is not finished."""
    digest: str


def logs_of(folder: Path) -> list[Path]:
    """The logs in a folder, each once, in the order of their names."""
    return sorted({path for pattern in LOGS for path in folder.glob(pattern) if path.is_file()})


def content_of(path: Path, most: int | None = None) -> Content:
    """SHA-256 of the whole lines, of the first `most` bytes at most. OSError as the system gives it."""
    digest, size = hashlib.sha256(), 0
    ends = _end_of_lines(path) if most is None else most
    with path.open("rb") as file:
        while size < ends and (block := file.read(min(_BLOCK, ends - size))):
            digest.update(block)
            size += len(block)
    return Content(size, digest.hexdigest())


def lines_of(path: Path, start: int, end: int, first: int) -> Iterator[Line | Rejected]:
    """The lines between two places of a file; the first has the number `first`. A longer one than a record may be is
    rejected without being held in memory."""
    with path.open("rb") as file:
        file.seek(start)
        number, at = first, start
        while at < end:
            raw = file.readline(RECORD_BYTES + 1)
            size = len(raw)
            while not raw.endswith(b"\n") and (rest := file.readline(_BLOCK)):
                size += len(rest)
                if rest.endswith(b"\n"):
                    break
            at += size
            yield _line(number, raw) if size == len(raw) else Rejected(number, f"{size} bytes long", _head(raw))
            number += 1


def _line(number: int, raw: bytes) -> Line | Rejected:
    try:
        outer = outer_of(raw)
        nested = is_object(outer.data)
        inner = outer_of(outer.data) if nested else outer
        data = bytes(outer.data) if nested else raw.strip()
        data.decode()
    except RecursionError:
        return Rejected(number, "nested too deeply", _head(raw))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected(number, str(error) if raw.strip() else "an empty line", _head(raw))
    kind, stamp, about = text(outer.event_type), text(outer.timestamp), text(inner.conversation_id)
    if kind is None or not about:
        return Rejected(number, "no event_type" if kind is None else "no conversation_id", _head(raw))
    local = wall_time(stamp)
    seconds = local if local is not None else parse_time(stamp or "")
    when = None if seconds is None else format_time(seconds).removesuffix("Z")
    return Line(number, kind, about, when, local is not None, msgspec.Raw(_slim(kind, data)))


def _slim(kind: str, data: bytes) -> bytes:
    """A request repeats everything that was said before it, which grows with the square of the turns; the rows before
    it say the same, so only how much it repeats is kept."""
    if kind != "MessageRequestEvent":
        return data
    fields: dict[str, Any] = msgspec.json.decode(data)
    history = fields.pop("conversation_history", None)
    if isinstance(history, list):
        fields["history_messages"] = len(history)
    return msgspec.json.encode(fields)


def _head(raw: bytes) -> str:
    return raw[: HEAD_CHARS * 4].decode("utf-8", "replace")[:HEAD_CHARS].rstrip("\r\n")


def _end_of_lines(path: Path) -> int:
    """The byte after the last line feed."""
    with path.open("rb") as file:
        at = file.seek(0, 2)
        while at:
            step = min(_BLOCK, at)
            file.seek(at - step)
            found = file.read(step).rfind(b"\n")
            if found >= 0:
                return at - step + found + 1
            at -= step
    return 0
