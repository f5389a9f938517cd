"""Decoding many lines of the log together with their data, though some of them may not be what was expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from eventsrc.plugin import ManyEvents, Shaped

DecodeLines: TypeAlias = Callable[[bytes], list[Shaped[Any]]]


def decode_lines_of(one: ManyEvents) -> DecodeLines:
    """What decodes lines whose data have the shape of a format."""
    return msgspec.json.Decoder(Shaped[one.shape]).decode_lines  # type: ignore[name-defined]


def shaped(decode_lines: DecodeLines, lines: Sequence[bytes]) -> list[Shaped[Any] | None]:
    """The event in each line, whosever it is; None where the data have another shape.

    Each line is one JSON object, so as many events as lines means one of each. Where one is odd the halves are tried,
    and so on, which costs as much as decoding everything about three times."""
    try:
        found = decode_lines(b"".join(lines))
        if len(found) == len(lines):
            return list[Shaped[Any] | None](found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if len(lines) < 2:
        return [None] * len(lines)
    half = len(lines) // 2
    return shaped(decode_lines, lines[:half]) + shaped(decode_lines, lines[half:])
