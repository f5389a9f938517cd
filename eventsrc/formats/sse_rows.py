"""A row of `sse_lines.jsonl`: the flat envelope around the text `data: {json}`, in all its legacy variants."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from eventsrc.formats.counting import count
from eventsrc.limits import TEXT_CACHE

PROXY_SID_CHARS = 16  # the proxy add-on writes a hash of this length where the others write a UUID
TORN_MOST = 8  # torn heads skipped on one line; each costs a walk over the line, and hostile lines have a million
SENTINELS = frozenset({"", "unknown", "idle"})


class Head(msgspec.Struct, gc=False):
    """What recognising needs; everything else is skipped unread."""

    event: str | None = None
    line: msgspec.Raw = msgspec.Raw()
    sid: str | None = None
    url: msgspec.Raw = msgspec.Raw()


class Row(msgspec.Struct, gc=False):
    """What reading needs. `data_count` is not here: it only hints at gaps, and sorting by it garbles texts (E6, E7)."""

    event: str | None = None
    t: str | None = None
    line: str = ""
    round: str | None = None
    metadata: str | dict[str, Any] | None = None
    flow_id: str | None = None
    sid: str | None = None
    pid: int | str | None = None
    cwd: str | None = None
    url: msgspec.Raw = msgspec.Raw()

    def body(self) -> str:
        """The JSON text in `line`: the prefix `data:` and one blank are taken off once; "" when there is none."""
        line = self.line
        if line.startswith("data: "):
            return line[6:]
        return line[5:] if line.startswith("data:") else ""


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Who wrote a row, from its metadata: decoded once per process, because each of its rows repeats the text."""

    pid: int | None = None
    cwd: str | None = None
    version: str | None = None
    turn_id: str = ""
    """Codex: the turn; "" for its sentinel `unknown`."""
    agent: str = ""


decode_head = msgspec.json.Decoder(Head).decode
decode_heads = msgspec.json.Decoder(Head).decode_lines
decode_row = msgspec.json.Decoder(Row).decode
origins: dict[str, Origin] = {}
"""Metadata texts → who wrote them, as far as remembered."""


def origin_of(row: Row) -> Origin:
    """The writer of a row. Rows before metadata existed carry `pid` and `cwd` themselves (L2)."""
    text = row.metadata
    if type(text) is not str:
        return _origin(text if isinstance(text, dict) else {"pid": row.pid, "cwd": row.cwd})
    origin = origins.get(text)
    if origin is None:
        origin = _origin(_object(text))
        if len(origins) >= TEXT_CACHE:
            origins.clear()
        origins[text] = origin
    return origin


def is_proxy(sid: str | None, url: msgspec.Raw) -> bool:
    """True for a row of the HTTP proxy add-on, which looks alike but knows no sessions (L5, E17)."""
    return bool(url) or (sid is not None and len(sid) == PROXY_SID_CHARS)


def name_in(body: str) -> str:
    """The event name of a row that has none (L1), from its body; "" when nothing says it."""
    payload = _object(body).get("payload")
    name = payload.get("type") if isinstance(payload, dict) else None
    return name if isinstance(name, str) else ""


def pieces(data: bytes) -> Iterator[bytes | None]:
    """The records on a line that is not one JSON value in UTF-8: glued ones (E15), and what follows a torn one; None
    for a torn one.

    Broken UTF-8 is replaced and lone surrogates are mended, for reading only: the log keeps the bytes."""
    text = mended(data.decode("utf-8", "replace").removeprefix("\ufeff"))
    decode = json.JSONDecoder().raw_decode
    place, torn = 0, 0
    while 0 <= place < len(text) and torn < TORN_MOST:
        try:
            _, end = decode(text, place)
        except (ValueError, RecursionError):
            place = text.find('{"event":', place + 1)  # unescaped quotes: never inside the text of another record
            torn += 1
            yield None
            continue
        yield text[place:end].encode()
        place = text.find("{", end)


_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


def mended(text: str) -> str:
    """JSON text with U+FFFD for its lone surrogate escapes: they are no characters, and nothing can store them.

    Only for texts that failed to decode; it walks over every escape."""
    return _ESCAPE.sub(lambda match: "\\ufffd" if match[1] else match[0], text)


def _object(text: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _origin(metadata: dict[str, Any]) -> Origin:
    version = _text(metadata.get("ver"))
    turn_id = _text(metadata.get("turn_id")) or ""
    return Origin(
        pid=_pid(metadata.get("pid")),
        cwd=_text(metadata.get("cwd")),
        version=version,
        turn_id="" if turn_id in SENTINELS else turn_id,
        agent=_agent(version or ""),
    )


def _agent(version: str) -> str:
    if version.startswith("claude"):
        return "claude_code"
    return "codex" if version.startswith("codex") else ""


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def _pid(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    pid = count(value)
    return pid if pid is not None and pid > 0 else None
