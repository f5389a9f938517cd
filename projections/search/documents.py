"""What is worth finding, as documents: who said it is a kind, and the same words of one session are one document."""

from __future__ import annotations

import hashlib
import re
import sqlite3

import msgspec

from eventsrc.plugin import SEARCH_CHARS

KINDS = ("prompt", "answer", "thinking", "tool_input", "tool_result", "message", "experiment", "title")

BY_REF = ("tool_input", "message")
"""Kinds whose ref says which they are: the same input of a tool is written differently by two producers."""

_FENCE = "```"
_CODE = re.compile(
    r"```|[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]",
)
"""A fence of code, or a script that is written without blanks between words."""

_PUT = """INSERT INTO documents(kind, ref, sid, time, title, body, position, key, has_code)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT(key) DO UPDATE SET time = excluded.time, ref = excluded.ref, position = excluded.position
  WHERE excluded.time > documents.time"""


class Document(msgspec.Struct, frozen=True):
    """Something that was said, once it is whole."""

    kind: str
    """One of `KINDS`."""
    ref: str
    """What leads back to it: prompt, message or tool use id."""
    sid: str
    """Session, context of messages, or conversation of an experiment."""
    time: float | None
    title: str
    body: str
    position: int
    """Of the event that told it, or that completed it."""


class Documents:
    """Documents of this batch, in the order in which they became whole."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._new: list[tuple[object, ...]] = []

    def add(self, document: Document) -> None:
        """Takes a document; one without words is none. Said again later, it counts as said then."""
        body = document.body[:SEARCH_CHARS]
        if not body.strip():
            return
        one = document
        has_code = int(one.kind == "tool_input" or _has_code(body))
        key = _key(one, body)
        self._new.append((one.kind, one.ref, one.sid, one.time, one.title, body, one.position, key, has_code))

    def flush(self) -> None:
        """Writes them."""
        self._connection.executemany(_PUT, self._new)
        self._new.clear()


def _has_code(body: str) -> bool:
    return _FENCE in body if body.isascii() else _CODE.search(body) is not None


def _key(document: Document, body: str) -> bytes:
    what = document.ref if document.kind in BY_REF and document.ref else f"{document.sid}\0{body.strip()}"
    if document.kind == "tool_result":
        what = f"{document.ref}\0{what}"
    return hashlib.blake2b(f"{document.kind}\0{what}".encode("utf-8", "surrogatepass"), digest_size=12).digest()
