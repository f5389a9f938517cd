"""What agents said to each other: messages as somebody observed them, and records that told of none.

A message is exchanged once and observed any number of times: the one who sent it and the one who received it both tell,
an import repeats it. `key` says which observations are of one message; a projection folds them into one.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class ConversationFactBase(
    msgspec.Struct, frozen=True, array_like=True, tag=True, kw_only=True, gc=False, omit_defaults=True
):
    """What every domain event of a conversation carries. It belongs to no session: agents' facts are another part."""

    message_id: str = ""
    """As the producer wrote it; "" when it has none. Not unique: two messages of one millisecond share it."""
    sender: str = ""
    """Never empty where a message was exchanged."""
    time: float | None = None
    """When the writer says it was written: seconds since the epoch. See `tz_source` for what that is worth."""
    written_time: str = ""
    """The same as the writer wrote it."""


class MessageExchanged(ConversationFactBase, frozen=True, kw_only=True):
    """One observation of one message between agents. It has a sender and a text that is not empty."""

    key: str
    """Identity of the message across observations: hash of (message id, sender, text), 32 hex digits. Without a message
    id the written time takes its place. Equal keys are the same message."""
    text: str
    """What was said, decoded: never JSON inside JSON."""
    recipient: str = ""
    kind: str = ""
    """What the producer calls its type: `request`, `response`, `inform`, `handshake`, …"""
    priority: str = ""
    """`NORMAL`, `HIGH`, `LOW`, `CRITICAL`, …"""
    topic: str = ""
    """The frame before the payload on the wire; else what the payload itself calls its topic."""
    role: str = ""
    """Role of the sender, e.g. `Agent`, `Architect`."""
    context_id: str = ""
    """The conversation; "" when the record names none (`unknown` is none)."""
    content: str = ""
    """The content as JSON text, with whatever it has beside the text."""
    metadata: str = ""
    """The sender's own metadata as JSON text; "" when there are none. Never trusted: enrichment is derived again."""
    observed: str = ""
    """`sent` or `received` when an agent told that it did so; "" when the message itself was seen."""
    observer: str = ""
    """The agent that observed it; "" when nobody says."""
    observed_time: float | None = None
    """When the observer says that it did, seconds since the epoch."""
    tz_source: str = ""
    """Where the zone of `time` is from: `zone` (written), `message_id` (its milliseconds fit), `unknown` (a wall time
    without zone, taken as if it were UTC), "" without a time."""
    shape: str = ""
    """`wrapped`, `flat`, `agent`, or `recorded` (an import of what another recorder wrote)."""
    is_text_json: bool = False
    """True when what stood where the text belongs was no text: `text` is its JSON then."""
    extras: str = ""
    """What an imported record holds beside the usual keys, as JSON text; "" when nothing."""


class MessageRefused(ConversationFactBase, frozen=True, kw_only=True):
    """A record in the shape of a message that holds none: kept in the log, counted, shown, never a message."""

    reason: str
    """`empty` (no text), `no sender`, `no shape`, or why it cannot be read."""
    shape: str = ""
    context_id: str = ""
    metadata: str = ""
    extras: str = ""
    """As in `MessageExchanged`: what a count of another recorder's records needs."""


ConversationFact: TypeAlias = MessageExchanged | MessageRefused
