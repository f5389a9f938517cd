"""What generated records are made of: a clock that only moves on, ids of the right kind, words, all from one seed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

import msgspec

from eventsrc.clock import parse_time

Item = TypeVar("Item")
Fields: TypeAlias = dict[str, Any]

START = "2025-11-22T02:15:04.310Z"
_WORDS = (
    *(
        "the",
        "file",
        "list",
        "shows",
        "that",
        "tests",
        "pass",
        "on",
        "Linux",
        "while",
        "read",
        "write",
        "then",
        "commit",
    ),
    *("{json}", "[array]", "data:", "100%", "async", "return", "value;", "function", "call()", "error?", "retry,"),
    *("café", "naïve", "数据", "“quoted”", "back\\slash", "tab\there", "new\nline", "🙂"),
)


class Chance:
    """A seeded source of everything that looks random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def number(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random.random() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        return items[int(self.random.random() * len(items))]

    def words(self, number: int) -> str:
        return " ".join(self.pick(_WORDS) for _ in range(number))

    def piece(self) -> str:
        """A delta's text: about eleven bytes."""
        return f"{self.pick(_WORDS)} {self.pick(_WORDS)} "

    def token(self, prefix: str) -> str:
        """An id such as `msg_01…` or `toolu_01…`."""
        return f"{prefix}{self.random.getrandbits(96):024x}"

    def uuid4(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def uuid7(self, millis: int) -> str:
        """A UUID whose first 48 bits are the time, in milliseconds since the epoch."""
        low = self.random.getrandbits(74)
        value = (millis << 80) | (0x7 << 76) | ((low >> 62) << 64) | (0x2 << 62) | (low & ((1 << 62) - 1))
        return str(uuid.UUID(int=value))


class Hands:
    """The time of a generated stream, in whole milliseconds since the epoch."""

    def __init__(self, start: str = START) -> None:
        seconds = parse_time(start)
        if seconds is None:
            raise ValueError(f"not a time with zone: {start}")
        self.millis = round(seconds * 1000)

    def move(self, millis: int) -> None:
        self.millis += millis

    def text(self, offset_seconds: int = 0) -> str:
        """`2025-11-22T09:15:04.310`, in the zone that is so far from UTC; without a mark for it."""
        seconds, millis = divmod(self.millis, 1000)
        return f"{datetime.fromtimestamp(seconds + offset_seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03}"


def interleaved(chance: Chance, streams: Sequence[Iterator[bytes]]) -> Iterator[bytes]:
    """All items of all streams, each stream in its own order."""
    waiting = list(streams)
    while waiting:
        place = chance.number(0, len(waiting) - 1)
        item = next(waiting[place], None)
        if item is None:
            del waiting[place]
        else:
            yield item


def json_text(value: object) -> str:
    """Compact JSON, as the producers write it."""
    return msgspec.json.encode(value).decode()
