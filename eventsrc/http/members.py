"""JSON objects taken apart without touching their values: each member stays the bytes that were received."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from eventsrc.errors import Rejected
from eventsrc.limits import JSON_DEPTH

_T = TypeVar("_T")

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_value = msgspec.json.Decoder(msgspec.Raw).decode
_KEY = re.compile(rb'[\s{,]*"[^"\\]*(?:\\.[^"\\]*)*"\s*:\s*', re.S)


def members(text: bytes) -> dict[str, bytes]:
    """The members of a JSON object, values as received.

    Raises `Rejected` when it is not a JSON object in UTF-8, is nested too deeply, or has a member twice: which of two
    is meant would be a guess. Inside values repeated keys are kept like everything else.
    """
    found = {name: bytes(value) for name, value in _checked(text, _object).items()}
    if _is_all(found, text):
        return found
    place = 0
    for value in found.values():
        key = _KEY.match(text, place)
        if key is None or not text.startswith(value, key.end()):
            raise Rejected(reason="the object has a member twice")
        place = key.end() + len(value)
    if found and text[place:].strip() != b"}":
        raise Rejected(reason="the object has a member twice")
    return found


def _is_all(found: dict[str, bytes], text: bytes) -> bool:
    """Whether an object that is written as programs write it has these members and no other.

    Without blanks it is no longer than they are, so nothing else has room in it; with a blank after each comma and
    colon it equals what they make. False says nothing.
    """
    blanks = len(text) - (sum(map(len, found)) + sum(map(len, found.values())) + 4 * len(found) + 1)
    if blanks == 2 * len(found) - 1:
        return text == b"{%b}" % b", ".join([b'"%b": %b' % (name.encode(), value) for name, value in found.items()])
    return blanks == 0 and bool(found)


def elements(text: bytes) -> list[bytes]:
    """The elements of a JSON array, as received. Raises `Rejected` like `members`."""
    return [bytes(element) for element in _checked(text, _array)]


def check(text: bytes) -> None:
    """Raises `Rejected` when `text` is not exactly one JSON value in UTF-8."""
    _checked(text, _value)


def _checked(text: bytes, decode: Callable[[bytes], _T]) -> _T:
    try:
        if not text.isascii():
            text.decode()  # msgspec leaves the inside of strings unread
        return decode(text)
    except UnicodeDecodeError as error:
        raise Rejected(reason=f"it is not UTF-8 at byte {error.start}") from error
    except msgspec.DecodeError as error:
        raise Rejected(reason=str(error)) from error
    except RecursionError as error:
        raise Rejected(reason=f"it is nested deeper than about {JSON_DEPTH} levels") from error
