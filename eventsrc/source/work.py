"""What a source has cost so far, counted instead of timed."""

from __future__ import annotations

import msgspec


class Work(msgspec.Struct):
    """Counts of system calls and bytes; they only grow. Tests assert on differences of these."""

    looks: int = 0
    """Passes over folders, whole or partial."""
    folders: int = 0
    """Folders listed."""
    stats: int = 0
    """Files whose size was asked for."""
    opens: int = 0
    """Files opened."""
    hops: int = 0
    """Hops to a thread, to look into files."""
    reads: int = 0
    """Reads that asked for new content."""
    bytes_read: int = 0
    """Bytes of new content that were read, not counting heads and anchors."""
    batches: int = 0
    """Batches handed over and durable."""
    records: int = 0
    """Records handed over and durable."""
