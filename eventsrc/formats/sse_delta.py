"""The short way through the nine of ten rows that are Claude's deltas, where nothing about them is unusual.

It gives what `sse_claude.delta` gives (a test holds the two together) for half the time: it decodes less, and takes
who wrote the row and in which minute from what the long way remembers. Anything else, a row with one sentinel or
without one key, is left to the long way.
"""

from __future__ import annotations

import msgspec

from eventsrc.formats.sse_rows import origins
from eventsrc.formats.sse_times import millis, minutes, seconds
from eventsrc.plugin import BlockDelta

TYPE = "claude.content_block_delta"
_UUID_CHARS = 36


class _Row(msgspec.Struct, gc=False):
    line: str
    round: str
    metadata: str
    sid: str


class _Delta(msgspec.Struct, gc=False):
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None


class _Payload(msgspec.Struct, gc=False):
    index: int
    delta: _Delta
    request_id: str


class _Body(msgspec.Struct, gc=False):
    payload: _Payload
    timestamp: str


_decode_row = msgspec.json.Decoder(_Row).decode
_decode_body = msgspec.json.Decoder(_Body).decode


def usual_delta(data: msgspec.Raw) -> BlockDelta | None:
    """The piece in a row of type `TYPE` (so it is none of the proxy's); None when the long way has to look at it."""
    try:
        row = _decode_row(data)
        line = row.line
        body = _decode_body(line[6:])
        payload, stamp, sid = body.payload, body.timestamp, row.sid
        time = minutes[stamp[:17]] + seconds[stamp[17:20]] + millis[stamp[20:]]
        origin = origins[row.metadata]
    except (KeyError, msgspec.DecodeError, RecursionError):
        return None
    piece, kind = payload.delta, "text"
    if (text := piece.text) is None:
        if (text := piece.partial_json) is not None:
            kind = "json"
        elif (text := piece.thinking) is not None:
            kind = "thinking"
        else:
            return None
    if len(sid) != _UUID_CHARS or not payload.request_id or not line.startswith("data: "):
        return None
    return BlockDelta(
        sid=sid,
        time=time,
        pid=origin.pid,
        round=row.round,
        agent="claude_code",
        request_id=payload.request_id,
        index=payload.index,
        kind=kind,
        text=text,
    )
