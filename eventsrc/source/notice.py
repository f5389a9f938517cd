"""What a source notices about its files, as records of its own (law L9: what is seen outside enters as an event).

The id is made of the facts, so that noticing the same thing again, after a crash, is the same event.
"""

from __future__ import annotations

import os
import urllib.parse
from typing import Any

import msgspec

from eventsrc.event import Cursor, Envelope, Record
from eventsrc.limits import ID_CHARS
from eventsrc.source.place import Place, digest, written


def uri(path: str) -> str:
    """A path as CloudEvents `source`; bytes that are not UTF-8 are kept as percent escapes."""
    return "file://" + urllib.parse.quote(os.fsencode(path))


def shown(path: str) -> str:
    """A path as text that is valid UTF-8 whatever its bytes are."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def subject(path: str) -> str:
    """The stream of what is noticed about a file; a path too long for a subject is named by its hash."""
    text = f"source/{shown(path)}"
    return text if len(text) <= ID_CHARS else f"source/{digest(os.fsencode(path))}"


def notice(kind: str, path: str, key: str, cursor: Cursor | None = None, **facts: str | int | None) -> Record:
    """A record of type `eventsrc.source.<kind>`; `cursor` is where the source goes on once it is durable."""
    data = msgspec.json.encode({"path": shown(path), **facts})
    return Record(
        source=uri(path),
        data=data,
        id=f"{key}:{kind}:{digest(data)}",
        cursor=cursor,
        envelope=Envelope(type=f"eventsrc.source.{kind}", subject=subject(path)),
        unique=True,
    )


def begun_anew(verdict: str, path: str, place: Place, size: int) -> Record:
    """The file is no longer what was read up to `place`: its content is read again from the beginning."""
    fresh = place.anew()
    return notice(
        verdict,
        path,
        fresh.prefix[:-1],
        written(fresh),
        generation=fresh.generation,
        read_bytes=place.offset,
        read_records=place.records,
        size=size,
    )


def copied(path: str, original: str, place: Place) -> Record:
    """The file begins with what was read of `original`: reading goes on behind it."""
    return notice("copied", path, place.prefix[:-1], written(place), original=shown(original), read_bytes=place.offset)


def rotated(path: str, now: str | None, place: Place) -> Record:
    """Another file has taken the name `path`; this one was read to its end under the name that it has `now`."""
    facts: dict[str, Any] = {"now": shown(now) if now else None, "read_bytes": place.offset, "file": place.key}
    return notice("rotated", path, place.prefix[:-1], **facts)


def vanished(path: str, place: Place, size: int) -> Record:
    """The file is gone; what was seen of it and could not be read is told."""
    unread = max(0, size - place.offset)
    return notice("vanished", path, place.prefix[:-1], read_bytes=place.offset, unread_bytes=unread)
