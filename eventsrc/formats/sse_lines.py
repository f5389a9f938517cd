"""`sse_lines.jsonl`: logs of instrumented Claude Code and Codex, JSON inside JSON, in all variants L1 to L7.

Event types and streams:

* Claude and Codex: the type is the row's `event` (`claude.…`, `codex.…`, `turn.…`, `response.…`, `thread.…`, `item.…`),
  outside of these families `sse_lines.<event>`; the stream is `session/<sid>`.
* Rows without a name (Claude before November 2025, L1): `claude.<payload.type>`, and `sse_lines.event_line` for the
  `event: …` row before it.
* The HTTP proxy (`url`, or a sid of 16 characters): `mitm.<event>` in `proxy/<sid>`: signs of life that never become
  part of a session.

Rows whose sid is missing, empty or `unknown` share the stream `session/unknown`; their facts have the sid "".

Keys that a projection can rely on:

* **message**: Claude's facts carry the request id wherever the row has one and then leave the flow id out, because
  older builds wrote a wrong one (E3). `MessageStarted` carries both ids: a projection keeps that map.
* **usage**: `usage_id` is the message id, as in transcripts, where the row has it (`message_start`), else the request
  id, to be looked up in the same map (`message_delta`). The rule is `replace`: the last numbers are the final ones; a
  repeated start (E8) is not final and comes with `is_final` unset. Codex: see `codex_usage`.
* **round**: Claude's `round`; Codex `turn_<turn_id>@<pid>`, else its `round`. E4, E5 and L3 need memory: projections.
* **tool call**: `tool_use_id` is Claude's `toolu_…` and Codex's `call_id`, in every record.
* **Codex messages**: every streamed item is one (see `sse_codex_stream`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec

from eventsrc.formats import sse_claude, sse_codex, sse_codex_stream
from eventsrc.formats.sse_delta import piece_of
from eventsrc.formats.sse_envelope import FAMILIES, recognise, recognise_lines
from eventsrc.formats.sse_rows import Row, decode_row, is_proxy, mended, name_in, origin_of, pieces
from eventsrc.formats.sse_who import Who, codex_who
from eventsrc.plugin import Activity, Envelope, Event, Fact, Piece, Record, Shaped, Unknown


class SseLines:
    """The format of `sse_lines.jsonl`."""

    name: ClassVar[str] = "sse_lines"
    version: ClassVar[int] = 3
    types: ClassVar[tuple[str, ...]] = (*FAMILIES, "sse_lines.", "mitm.")
    shape: ClassVar[type] = Row

    def recognise(self, record: Record) -> Envelope | None:
        """The row's name, the session as the subject, the producer's own time."""
        return recognise(record)

    def recognise_lines(self, records: Sequence[Record], lines: bytes) -> list[Envelope | None]:
        """The same for many rows."""
        return recognise_lines(records, lines)

    def read(self, event: Event) -> Sequence[Fact]:
        """What the row means; several rows glued on one line mean what each of them means, in order."""
        if event.data_base64 is None:
            return _facts(decode_row(event.data), event.type)
        facts: list[Fact] = []
        for part in pieces(event.raw):
            if part is None:
                facts.append(Unknown(what="a part of the line is torn"))
            else:
                facts += _facts(decode_row(part), event.type)
        return facts

    def read_events(
        self, events: Sequence[Event | Shaped[Any] | None], data: Sequence[Row | None]
    ) -> list[Sequence[Fact] | Piece | None]:
        """The same for many rows."""
        return [
            None if row is None or event is None else piece_of(event, row) or _facts(row, event.type)
            for event, row in zip(events, data, strict=True)
        ]


def _facts(row: Row, event_type: str) -> list[Fact]:
    if is_proxy(row.sid, row.url):
        return [Activity(what=event_type)]
    name = row.event or _name_of(row)
    try:
        return _read(name, row)
    except msgspec.ValidationError:  # readable, but contradicts its own type: a dead letter
        raise
    except (msgspec.DecodeError, RecursionError):
        row.line = mended(row.line)
    try:
        return _read(name, row)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError):
        return _nobody(row).unknown(f"{name}: the body is not JSON")


def _read(name: str, row: Row) -> list[Fact]:
    if name == "claude.content_block_delta":
        return sse_claude.delta(row)
    reader = _READERS.get(name[: name.find(".") + 1])
    return _unknown(name, row) if reader is None else reader(name, row)


def _name_of(row: Row) -> str:
    if row.line.startswith("event:"):
        return "sse_lines.event_line"
    return f"claude.{name_in(row.body()) or 'unknown'}"


def _nobody(row: Row) -> Who:
    """Whoever wrote a row whose name does not tell: its version does, if anything."""
    who = codex_who(row)
    who.fields["agent"] = origin_of(row).agent or ("claude_code" if (row.event or "").startswith("claude.") else "")
    return who


def _unknown(name: str, row: Row) -> list[Fact]:
    who = _nobody(row)
    return who.activity(name) if name == "sse_lines.event_line" else who.unknown(name)


_READERS: dict[str, Callable[[str, Row], list[Fact]]] = {
    "claude.": sse_claude.other,
    "codex.": sse_codex.turn,
    "turn.": sse_codex.turn,
    "response.": sse_codex_stream.response,
}
