"""Where the log's files are and what they are called. Names only; no I/O but listing.

<data>/log/00000000000000000001.jsonl    a segment, named by its first position
<data>/log/manifest.jsonl                one line per sealed segment
<data>/log/lock                          held by the writer
<data>/log/aside/                        what opening cut off the end
<data>/index/log.db                      derived: ids, streams, cursors
"""

from __future__ import annotations

from pathlib import Path

from eventsrc.event import Position
from eventsrc.log.reading import reading

DIGITS = 20
SUFFIX = ".jsonl"
MANIFEST = "manifest.jsonl"
LOCK = "lock"
ASIDE = "aside"


def log_directory(data: Path) -> Path:
    """The folder of segments inside a data directory."""
    return data / "log"


def index_path(data: Path) -> Path:
    """The derived index of a data directory."""
    return data / "index" / "log.db"


def segment_name(first: Position) -> str:
    """The file name of the segment that begins at a position."""
    return f"{first:0{DIGITS}d}{SUFFIX}"


def segment_first(name: str) -> Position | None:
    """The position that a file name promises; None when it is not the name of a segment."""
    digits = name.removesuffix(SUFFIX)
    if len(name) != DIGITS + len(SUFFIX) or len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) or None


def segments(log: Path) -> list[Position]:
    """First positions of all segments in a log folder, ascending; empty when the folder is not there. Raises
    `LogUnreadable`, `TryAgain`."""
    with reading(log):
        try:
            names = [path.name for path in log.iterdir()]
        except FileNotFoundError:
            return []
    return sorted(first for name in names if (first := segment_first(name)) is not None)
