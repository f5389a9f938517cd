"""Reading sealed segments again: their SHA-256 against the manifest. Damage before the tail is refused, wherever."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path

import anyio
import anyio.to_thread

from eventsrc.errors import LogCorrupt
from eventsrc.log.chain import Sealed
from eventsrc.log.layout import log_directory
from eventsrc.log.reading import reading
from eventsrc.log.recovery import read_manifest


def check_sealed(log: Path, entry: Sealed) -> None:
    """Raises `LogCorrupt` when a sealed segment is not what it was, `LogUnreadable` when it cannot be read. Blocks;
    `verify` then names line and byte."""
    with reading(log):
        try:
            with (log / entry.segment).open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise LogCorrupt(segment=entry.segment, line=0, byte=0, detail="the segment is missing") from None
    if found != entry.sha256:
        raise LogCorrupt(segment=entry.segment, line=0, byte=0, detail="its SHA-256 is not the one in the manifest")


def split(sealed: Sequence[Sealed], within: int) -> tuple[list[Sealed], list[Sealed]]:
    """(the newest segments that have up to `within` bytes together, the older ones), both newest first."""
    newest: list[Sealed] = []
    size = 0
    for entry in reversed(sealed):
        size += entry.bytes
        if size > within:
            break
        newest.append(entry)
    return newest, list(reversed(sealed[: len(sealed) - len(newest)]))


class Scrubber:
    """Reads the older sealed segments once, beside everything else, one at a time. What it raises ends the service:
    going on would build on a log that is no longer what was recorded."""

    name = "scrub"

    def __init__(self, directory: Path, within: int) -> None:
        """`within`: bytes of newest segments that were checked before the service was ready."""
        self._log = log_directory(directory)
        self._within = within
        self._thread = anyio.CapacityLimiter(1)

    async def run(self) -> None:
        """Ends when every segment was read."""
        _, older = split(read_manifest(self._log).sealed, self._within)
        for entry in older:
            await anyio.to_thread.run_sync(check_sealed, self._log, entry, limiter=self._thread)
