"""Can bytes stand in a line of the log as they are? Pure; for one value, and for many at once on the hot path.

*Plain* is exactly one JSON value in UTF-8, without blanks around it and without line breaks, and nested no deeper than
another reader can follow. Everything else is kept too, in another form (law L10); see `draft.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from eventsrc.limits import DATA_DEPTH

_is_json = msgspec.json.Decoder(msgspec.Raw).decode
_values_in = msgspec.json.Decoder(msgspec.Raw).decode_lines

_LINE_FEED, _CARRIAGE_RETURN = 10, 13  # as numbers: looking for a `bytes` in bytes costs ten times as much
_BRACKET = ord("[")
_LEVEL_BYTES = len('{"":}')  # what a level of objects takes at least
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NO_BRACKETS_NOR_QUOTES = bytes(byte for byte in _NO_BRACKETS if byte != ord('"'))


def is_plain(value: bytes) -> bool:
    """Whether these bytes are plain."""
    try:
        _is_json(value)
        if not value.isascii():
            value.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    # Strings cannot hold raw control characters, so what is left to exclude stands between tokens.
    if value[0] <= 0x20 or value[-1] <= 0x20 or _LINE_FEED in value or _CARRIAGE_RETURN in value:
        return False
    return len(value) <= 2 * DATA_DEPTH or not (_may_be_deep(value) and _is_deep(value))


def lines_of(values: Sequence[bytes]) -> bytes | None:
    """The values joined by line feeds when each of them is plain; else None. Costs a third of asking one by one.

    The result can be decoded in one go (`decode_lines`) and gives one item for each value.
    """
    lines = b"\n".join(values)
    if _CARRIAGE_RETURN in lines or not _are_json(values, lines):
        return None
    if not lines.isascii():
        try:
            for value in values:
                if not value.isascii():
                    value.decode()  # one by one: decoding them together needs four bytes for each of their characters
        except UnicodeDecodeError:
            return None
    long = [value for value in values if len(value) > 2 * DATA_DEPTH]
    return None if any(map(_is_deep, filter(_may_be_deep, long))) else lines


def _are_json(values: Sequence[bytes], lines: bytes) -> bool:
    """Whether each value is one JSON value without blanks around it and without line feeds. A JSON value never begins
    or ends with a blank, so the first value found is the first one given when both are equally long, then the second
    one, and so on."""
    try:
        sizes = list(map(len, _values_in(lines)))
    except (msgspec.DecodeError, RecursionError):
        return False
    return sizes == list(map(len, values)) and not [value for value in values if _LINE_FEED in value]


def _may_be_deep(value: bytes) -> bool:
    """Whether there are so many brackets that they could be nested too deeply."""
    if len(value) <= _LEVEL_BYTES * DATA_DEPTH:
        if _BRACKET not in value:
            return False
        as_if_objects = len(value) + (_LEVEL_BYTES - len("[]")) * value.count(b"[")
        if as_if_objects <= _LEVEL_BYTES * DATA_DEPTH:
            return False
    return len(value.translate(None, _NO_BRACKETS)) > 2 * DATA_DEPTH


def _is_deep(value: bytes) -> bool:
    """Whether nesting is so deep that another reader, with less stack left, may fail where this one did not."""
    bare = value.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_BRACKETS_NOR_QUOTES)
    rest = b"".join(bare.split(b'"')[::2])  # what stands between strings
    for _ in range(DATA_DEPTH // 2):  # each round takes away one or two levels, all over the value at once
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
        if not rest:
            return False
    return True
