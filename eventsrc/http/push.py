"""The body of a push → records, or a refusal that says which event is wrong. Pure; decides by the content type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from eventsrc.errors import Rejected, TooLarge
from eventsrc.event import Envelope, Record
from eventsrc.http.answers import Refusal, status_of
from eventsrc.http.binary import binary
from eventsrc.http.cloudevents import DEFAULT_SOURCE, Naming, from_members, structured
from eventsrc.http.members import check, elements, members
from eventsrc.limits import BODY_EVENTS, ID_CHARS, RECORD_BYTES

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NDJSON = "application/x-ndjson"
_LINES = frozenset((NDJSON, "application/ndjson", "application/jsonl", "application/x-jsonlines"))


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
    """All records of a push, in order. Raises `Refusal` with the status, and the index of the event at fault."""
    content_type = push.header(b"content-type")
    media = _media_type(content_type)
    key = push.header(b"idempotency-key")
    if key is not None and not 0 < len(key) <= ID_CHARS // 2:
        raise Refusal(400, f"the Idempotency-Key has {len(key)} characters; it must have 1 to {ID_CHARS // 2}")
    if media in (STRUCTURED, BATCH) or media in _LINES:
        if media == STRUCTURED:
            parts = [push.body]
        elif media == BATCH:
            parts = _split(push.body)
        else:
            parts = push.body.split(b"\n")
        read = _line_reader(push.query) if media in _LINES else structured
        return _each(parts, key, new_id, read)
    if push.header(b"ce-specversion") is not None and not media.startswith("application/cloudevents"):
        naming = _naming(key, 0, new_id)
        return [_located(0, lambda: binary(push.headers, content_type, push.body, naming))]
    raise Refusal(
        415,
        f"the content type {media or 'none'!r} cannot be read here; send {STRUCTURED}, {BATCH}, {NDJSON}, "
        "or any other with ce-* headers",
    )


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


def _each(
    parts: Iterable[bytes], key: str | None, new_id: Callable[[], str], read: Callable[[bytes, Naming], Record]
) -> list[Record]:
    records: list[Record] = []
    for part in parts:
        if not part.strip(b" \t\r") and read is not structured:
            continue  # an empty line, such as after the last line feed
        if len(records) >= BODY_EVENTS:
            raise Refusal(413, f"there are more than {BODY_EVENTS} events in one request")
        index = len(records)
        naming = _naming(key, index, new_id)
        records.append(_located(index, lambda part=part, naming=naming: read(part, naming)))  # type: ignore[misc]
    return records


def _naming(key: str | None, index: int, new_id: Callable[[], str]) -> Naming:
    """With an Idempotency-Key the ids follow from it, so the same request sent again is recognised."""
    return Naming(new_id) if key is None else Naming(lambda: f"{key}/{index}", unique=True)


def _located(index: int, read: Callable[[], Record]) -> Record:
    try:
        return read()
    except Rejected as error:
        raise Refusal(status_of(error), f"event {index}: {error}", index=index) from error


def _line_reader(query: Mapping[str, str]) -> Callable[[bytes, Naming], Record]:
    """Reads one line: a CloudEvent when it says `specversion`, else a record that is kept byte for byte."""
    source = _parameter(query, "source") or DEFAULT_SOURCE
    kind, subject = _parameter(query, "type"), _parameter(query, "subject")
    if subject is not None and kind is None:
        raise Refusal(400, "the parameter subject needs the parameter type beside it")
    envelope = Envelope(kind, subject or source) if kind is not None else None

    def read(line: bytes, naming: Naming) -> Record:
        value = line.removesuffix(b"\r")
        if b'"specversion"' in value and value.lstrip(b" \t")[:1] == b"{":
            found = members(value)
            if "specversion" in found:
                return from_members(found, naming)
        if len(line) > RECORD_BYTES:
            raise TooLarge(what="The line", size=len(line), limit=RECORD_BYTES)
        check(value)
        return Record(source=source, data=line, id=naming.new_id(), envelope=envelope, unique=naming.unique)

    return read


def _parameter(query: Mapping[str, str], name: str) -> str | None:
    value = query.get(name)
    if value is not None and (not 0 < len(value) <= ID_CHARS or not value.isprintable()):
        raise Refusal(400, f"the parameter {name} must have 1 to {ID_CHARS} printable characters")
    return value
