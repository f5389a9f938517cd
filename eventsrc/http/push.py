"""The body of a push → records, or a refusal that says which event is wrong. Pure; decides by the content type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from eventsrc.errors import Rejected, TooLarge
from eventsrc.event import Envelope, Record
from eventsrc.http.answers import Refusal, status_of
from eventsrc.http.binary import binary
from eventsrc.http.cloudevents import DEFAULT_SOURCE, Naming, from_members, structured
from eventsrc.http.members import check, elements, members
from eventsrc.limits import BODY_EVENTS, ID_CHARS, RECORD_BYTES
from eventsrc.log.plain import lines_of

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NDJSON = "application/x-ndjson"
_LINES = frozenset((NDJSON, "application/ndjson", "application/jsonl", "application/x-jsonlines"))
_SPECVERSION = b'"specversion"'


class Push(msgspec.Struct, frozen=True):
    """A request to record something, as received."""

    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case."""
    query: Mapping[str, str]
    """For lines that are not CloudEvents: `source`, `type`, `subject`."""
    body: bytes

    def header(self, name: bytes) -> str | None:
        """The value of a header; None when it is missing. Raises `Refusal` when it is there twice."""
        values = [value for key, value in self.headers if key == name]
        if len(values) > 1:
            raise Refusal(400, f"the header {name.decode()} is there twice")
        return values[0].decode("latin-1").strip() if values else None


def records_of(push: Push, new_id: Callable[[], str]) -> list[Record]:
    """All records of a push, in order. Raises `Refusal` with the status, and the index of the event at fault.

    `new_id` names the request where its producer did not; events without id are then named by their numbers in it.
    """
    content_type = push.header(b"content-type")
    media = _media_type(content_type)
    naming = _naming(push.header(b"idempotency-key"), new_id)
    if media in _LINES:
        return _records_of_lines(push.body.split(b"\n"), _Lines.of(push.query), naming)
    if media == STRUCTURED:
        return _each([push.body], naming, structured)
    if media == BATCH:
        return _each(_split(push.body), naming, structured)
    if push.header(b"ce-specversion") is not None and not media.startswith("application/cloudevents"):
        return _each([push.body], naming, lambda body, naming, _index: binary(push.headers, content_type, body, naming))
    raise Refusal(
        415,
        f"the content type {media or 'none'!r} cannot be read here; send {STRUCTURED}, {BATCH}, {NDJSON}, "
        "or any other with ce-* headers",
    )


def _naming(key: str | None, new_id: Callable[[], str]) -> Naming:
    """With an Idempotency-Key the ids follow from it, so the same request sent again is recognised."""
    if key is None:
        return Naming(new_id())
    if not 0 < len(key) <= ID_CHARS // 2:
        raise Refusal(400, f"the Idempotency-Key has {len(key)} characters; it must have 1 to {ID_CHARS // 2}")
    return Naming(key, unique=True)


def _media_type(content_type: str | None) -> str:
    media, _, parameters = (content_type or "").partition(";")
    charset = parameters.lower().replace('"', "").partition("charset=")[2].partition(";")[0].strip()
    if charset not in ("", "utf-8", "utf8", "us-ascii") and media.strip().lower().startswith("application/"):
        raise Refusal(415, f"the character set {charset!r} is not UTF-8")
    return media.strip().lower()


def _split(body: bytes) -> list[bytes]:
    try:
        return elements(body)
    except Rejected as error:
        raise Refusal(400, f"the batch is not a JSON array: {error.reason}") from error


def _each(parts: Sequence[bytes], naming: Naming, read: Callable[[bytes, Naming, int], Record]) -> list[Record]:
    """One by one, which tells what is wrong with which."""
    records: list[Record] = []
    try:
        for part in parts:
            if len(records) >= BODY_EVENTS:
                raise Refusal(413, f"there are more than {BODY_EVENTS} events in one request")
            records.append(read(part, naming, len(records)))
    except Rejected as error:
        index = len(records)
        raise Refusal(status_of(error), f"event {index}: {error}", index=index) from error
    return records


class _Lines(msgspec.Struct, frozen=True):
    """What the query says of lines that are not CloudEvents."""

    source: str
    envelope: Envelope | None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> _Lines:
        """Raises `Refusal`."""
        source = _parameter(query, "source") or DEFAULT_SOURCE
        kind, subject = _parameter(query, "type"), _parameter(query, "subject")
        if subject is not None and kind is None:
            raise Refusal(400, "the parameter subject needs the parameter type beside it")
        return cls(source, Envelope(kind, subject or source) if kind is not None else None)

    def record(self, line: bytes, naming: Naming, index: int) -> Record:
        """The line as it is."""
        return Record(self.source, line, naming.of(index), None, self.envelope, "application/json", naming.unique)

    def read(self, line: bytes, naming: Naming, index: int) -> Record:
        """A CloudEvent when the line says `specversion`, else a record that is kept byte for byte."""
        value = line.removesuffix(b"\r")
        if _SPECVERSION in value and value.lstrip(b" \t")[:1] == b"{":
            found = members(value)
            if "specversion" in found:
                return from_members(found, naming, index)
        if len(line) > RECORD_BYTES:
            raise TooLarge(what="The line", size=len(line), limit=RECORD_BYTES)
        check(value)
        return self.record(line, naming, index)


def _records_of_lines(parts: list[bytes], lines: _Lines, naming: Naming) -> list[Record]:
    """All at once where every line is plain JSON and none may be a CloudEvent; else one by one."""
    if not parts[-1]:
        parts.pop()  # what follows the last line feed
    plain = lines_of(parts) if len(parts) <= BODY_EVENTS else None
    if plain is not None and _SPECVERSION not in plain and max(map(len, parts), default=0) <= RECORD_BYTES:
        return [lines.record(part, naming, index) for index, part in enumerate(parts)]
    return _each([part for part in parts if part.strip(b" \t\r")], naming, lines.read)


def _parameter(query: Mapping[str, str], name: str) -> str | None:
    value = query.get(name)
    if value is not None and (not 0 < len(value) <= ID_CHARS or not value.isprintable()):
        raise Refusal(400, f"the parameter {name} must have 1 to {ID_CHARS} printable characters")
    return value
