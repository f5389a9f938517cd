"""Small files that are one record each, e.g. the JSON sidecars beside transcripts: recorded when new or changed.

The id is the hash of the content, so a file that is touched, copied back or written again with the same content is the
same event.
"""

from __future__ import annotations

import hashlib

from eventsrc.event import Record
from eventsrc.source.cut import Batch, Block
from eventsrc.source.place import Place, digest


def whole(block: Block, place: Place, source: str) -> Batch:
    """The file's content as one record; no record when it is empty or what was recorded last."""
    content = digest(block.raw)
    records = 0 if not content or content == place.head_hash else 1
    passed = Place(
        place.key,
        offset=block.size,
        records=place.records + records,
        mtime_ns=block.mtime_ns,
        head_hash=content,
    )
    if not records:
        return Batch([], passed)
    return Batch([Record(source, block.raw, f"whole:{hashlib.sha256(block.raw).hexdigest()}", unique=True)], passed)
