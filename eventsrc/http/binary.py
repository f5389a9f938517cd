"""A CloudEvent in binary mode: attributes in `ce-…` headers, data in the body. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from eventsrc.errors import Rejected
from eventsrc.event import Record
from eventsrc.http.cloudevents import Attribute, Naming, record
from eventsrc.http.members import check

PREFIX = "ce-"
_JSON = re.compile(r"(?:application|text)/(?:json|[^;]+\+json)\s*(?:;.*)?", re.I)
_ESCAPED = re.compile(r"\\(.)")


def binary(headers: Iterable[tuple[bytes, bytes]], content_type: str | None, body: bytes, naming: Naming) -> Record:
    """`headers` as received, names in lower case. Data of a JSON type must be JSON; of any other type it is bytes.

    Raises `Rejected`.
    """
    attributes: dict[str, Attribute] = {}
    for raw_name, value in headers:
        name = raw_name.decode("latin-1")
        if not name.startswith(PREFIX):
            continue
        name = name.removeprefix(PREFIX)
        if name in attributes:
            raise Rejected(reason=f"header ce-{name} is there twice")
        if name in ("datacontenttype", "data"):
            raise Rejected(reason=f"header ce-{name} has no meaning: Content-Type and the body are for that")
        attributes[name] = _decoded(name, value)
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    if body and (content_type is None or _JSON.fullmatch(content_type)):
        check(body)
    return record(attributes, body or None, naming, 0)


def _decoded(name: str, value: bytes) -> str:
    """Header text: quotes are taken off, percent-encoded bytes are UTF-8 (CloudEvents HTTP binding 3.1.3.2)."""
    if len(value) >= 2 and value[:1] == value[-1:] == b'"':
        value = _ESCAPED.sub(r"\1", value[1:-1].decode("latin-1")).encode("latin-1")
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise Rejected(reason=f"header ce-{name} is not percent-encoded UTF-8") from error
