"""Experiments of Pidgin: one JSON Lines file of typed events per dialogue of two models, and a manifest beside them.

Two shapes: in 2025-06 the fields stand in `data`, since 2025-07 beside the type. Neither has ids or sequence numbers,
and times change from local to UTC. Which experiment a dialogue belongs to is told by its folder, so every fact
carries it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from eventsrc.formats.experiment_events import READERS, activity, common_of
from eventsrc.formats.experiment_fields import Outer, fields_of, is_object, outer_of, text
from eventsrc.formats.experiment_manifest import manifest_of, read_manifest
from eventsrc.limits import ID_CHARS
from eventsrc.plugin import Envelope, Event, Fact, Record, Unknown, parse_time

PREFIX = "experiment."
MANIFEST = PREFIX + "manifest"

_NAME = re.compile(r"[A-Z][A-Za-z]{2,60}Event")
_ID_CHARS = ID_CHARS - len("conversation/")


class _Ids(msgspec.Struct):
    conversation_id: Any = None
    experiment_id: Any = None


_IDS = msgspec.json.Decoder(_Ids)


class Experiments:
    """Event files of both eras, `manifest.json` and `metadata.json`."""

    name: ClassVar[str] = "experiments"
    version: ClassVar[int] = 1
    types: ClassVar[tuple[str, ...]] = (PREFIX,)

    def recognise(self, record: Record) -> Envelope | None:
        """`experiment.<event type>` with the conversation as the subject, or `experiment.manifest`. Never raises."""
        if b'"event_type"' not in record.data and b'"experiment_id"' not in record.data:
            return None
        try:
            outer = outer_of(record.data)
            return _event(outer) if outer.event_type is not None else _manifest(record.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def read(self, event: Event) -> Sequence[Fact]:
        """What an event means. A type that nobody knows yet is a sign of life, and kept."""
        data = event.data if event.data_base64 is None else event.raw
        if event.type == MANIFEST:
            return [read_manifest(data, event.source.rpartition("/")[0])]
        fields = fields_of(data)
        kind = event.type.removeprefix(PREFIX)
        common = common_of(event, fields)
        common["key"] = f"{kind}|{common['key']}"
        read = READERS.get(kind)
        if read is None:
            return [*activity(common, fields), Unknown(agent=self.name, what=kind)]
        return read(common, fields)


def _event(outer: Outer) -> Envelope | None:
    kind, stamp = text(outer.event_type), text(outer.timestamp)
    if kind is None or stamp is None or not _NAME.fullmatch(kind):
        return None
    ids = _IDS.decode(outer.data) if is_object(outer.data) else outer
    about = text(ids.conversation_id)
    subject = f"conversation/{about[:_ID_CHARS]}" if about else _of_experiment(text(ids.experiment_id))
    if subject is None:
        return None
    return Envelope(PREFIX + kind, subject, stamp if parse_time(stamp) is not None else None)


def _manifest(data: bytes) -> Envelope | None:
    found = manifest_of(data)
    subject = _of_experiment(text(found.experiment_id)) if found is not None else None
    return Envelope(MANIFEST, subject) if subject else None


def _of_experiment(name: str | None) -> str | None:
    return f"experiment/{name[:_ID_CHARS]}" if name else None
