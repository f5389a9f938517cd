"""What was refused but must not vanish: kept as an event of its own, with the reason (nothing is silently dropped)."""

from __future__ import annotations

import base64
import hashlib

import msgspec

from eventsrc.event import Envelope, Record
from eventsrc.limits import RECORD_HEAD_BYTES

TYPE = "eventsrc.quarantined"


def quarantined(refused: bytes, source: str, reason: str) -> Record:
    """The record that keeps `refused` (its head, when it is long) and says why it was refused.

    The same bytes refused twice for the same reason are one event.
    """
    digest = hashlib.sha256(refused).hexdigest()
    data = {
        "reason": reason,
        "source": source,
        "bytes": len(refused),
        "sha256": digest,
        "head_base64": base64.b64encode(refused[:RECORD_HEAD_BYTES]).decode(),
    }
    return Record(
        source="urn:eventsrc:quarantine",
        data=msgspec.json.encode(data),
        id=hashlib.sha256(f"{source}\0{reason}\0{digest}".encode()).hexdigest()[:32],
        envelope=Envelope(TYPE, "quarantine"),
        unique=True,
    )
