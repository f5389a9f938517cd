"""Many records and their envelopes → drafts, all at once: one call where `draft.py` makes one per record.

Only for what nearly all records are: plain data, one source, one content type. What else a few of them have is drafted
one by one and put in its place; a batch that is odd as a whole, or cannot be drafted, goes one by one, so that what
comes out, and what is raised, is the same either way.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from eventsrc.errors import Rejected
from eventsrc.event import Envelope, Record
from eventsrc.limits import RECORD_BYTES
from eventsrc.log.draft import UNIQUE, draft, fingerprint_of_json, identity, origin
from eventsrc.log.drafts import Claim, Drafts, in_columns

_encode = msgspec.json.Encoder().encode
_BACKSLASH = ord("\\")


def drafted(records: Sequence[Record], envelopes: Sequence[Envelope]) -> Drafts:
    """The drafts of records whose data is known to be plain (`plain.lines_of`); raises like `draft`."""
    assert len(records) == len(envelopes), "no record is lost here"
    if not records:
        return in_columns(())
    unique = records[0].unique
    odd = [n for n, one in enumerate(records) if one.cursor is not None or one.extensions or one.unique is not unique]
    data = [one.data for one in records]
    heads: list[bytes] = []
    if 2 * len(odd) < len(records) and max(map(len, data)) <= RECORD_BYTES:
        try:
            heads = _heads(records, envelopes)
        except (Rejected, UnicodeEncodeError):
            heads = []  # found again below, with what is wrong with the first one
    if not heads:
        return in_columns(map(draft, records, envelopes))
    few = in_columns(draft(records[n], envelopes[n]) for n in odd)
    for n, head in zip(odd, few.heads, strict=True):
        heads[n] = head
    return Drafts(
        heads,
        data,
        [one.subject for one in envelopes],
        [(odd[n], cursor) for n, cursor in few.cursors],
        _claims(records, odd, few.claims),
    )


def _claims(records: Sequence[Record], odd: Sequence[int], few: Sequence[Claim]) -> list[Claim]:
    """All that are to be looked up, in order; `few` are those of the odd ones."""
    claims = [msgspec.structs.replace(claim, index=odd[claim.index]) for claim in few]
    if not records[0].unique:
        return claims
    apart = set(odd)
    for n, one in enumerate(records):
        if n not in apart:
            claims.append(Claim(n, identity(one.source, one.id), fingerprint_of_json(one.data), one.source, one.id))
    return sorted(claims, key=lambda claim: claim.index) if few else claims


def _heads(records: Sequence[Record], envelopes: Sequence[Envelope]) -> list[bytes]:
    """The heads without cursors, marks and extensions; empty when the batch is not of one kind. Raises what `origin`
    and encoding raise."""
    size, source, content_type = len(records), records[0].source, records[0].content_type
    ids = [one.id for one in records]
    if (
        [one.source for one in records].count(source) != size
        or [one.content_type for one in records].count(content_type) != size
        or not all(ids)
    ):
        return []
    origins = _Origins(source, content_type)
    close = (UNIQUE if records[0].unique else b"") + b',"data":'
    if envelopes.count(envelopes[0]) == size:
        subject, type_, time = envelopes[0].subject, envelopes[0].type, envelopes[0].time
        same = origins[type_, subject] + _time(time)
        return list(map((b'"id":"%%b"%b' % (same + close).replace(b"%", b"%%")).__mod__, _strings(ids)))
    kinds = zip([one.type for one in envelopes], [one.subject for one in envelopes], strict=True)
    columns = [_strings(ids), list(map(origins.__getitem__, kinds))]
    times = [one.time for one in envelopes]
    none = times.count(None)
    if not none:
        template, columns = b'"id":"%b"%b,"time":"%b"', [*columns, _strings(times)]
    elif none == size:
        template = b'"id":"%b"%b'
    else:
        template, columns = b'"id":"%b"%b%b', [*columns, [_time(time) for time in times]]
    return list(map((template + close).__mod__, zip(*columns, strict=True)))


def _time(time: str | None) -> bytes:
    return b"" if time is None else b',"time":' + _encode(time)


class _Origins(dict[tuple[str, str], bytes]):
    """(type, subject) → what returns with every record of them; of one source, and made when it is first met."""

    def __init__(self, source: str, content_type: str) -> None:
        super().__init__()
        self._source, self._content_type = source, content_type

    def __missing__(self, kind: tuple[str, str]) -> bytes:
        encoded = self[kind] = origin((self._source, *kind, self._content_type, True))
        return encoded


def _strings(texts: Sequence[str | None]) -> list[bytes]:
    """The texts as JSON, without their quotes: encoded together and cut apart, a tenth of the price. Where nothing is
    escaped there is no quote within a text, so no text looks like what stands between two of them."""
    encoded = _encode(texts)
    if _BACKSLASH in encoded:
        return [_encode(text)[1:-1] for text in texts]
    return encoded[2:-2].split(b'","')
