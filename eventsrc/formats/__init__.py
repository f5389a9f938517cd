"""How records are read: recognise a record and fill the envelope; turn an event into domain events.

One class per producer, found by entry points of the group `eventsrc.formats`, so that a stranger's format is loaded
like a built-in one, and one file per noun of what it reads; `catalogue` is the only door of this room. A format is a
pure function of one record: no I/O, no clock, no memory between calls (what looks like one, a bounded cache of decoded
texts, never changes an answer).

It must never know where a record comes from, where it is stored, or what a read model does with its facts.

What survives a crash here: nothing, because nothing is kept. The record itself lies in the log, byte for byte
(law L10); a better reading is applied to the whole past by `rebuild`.
"""
