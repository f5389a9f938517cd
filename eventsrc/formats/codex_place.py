"""What the name of a rollout file says: whose thread it is.

`rollout-2026-11-20T10-43-28-<thread id>.jsonl`, packed or not: the name goes with the file wherever it is moved, and is
the only place where every line of a thread is tied to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

import msgspec

_ROLLOUT = re.compile(r"rollout-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-(.+)")
_PLACES = 4_096  # names kept parsed: more than the files that are read in turns at any one time


class Place(msgspec.Struct, frozen=True):
    """Where a record stands, read off the `source` of the record."""

    thread: str
    """The thread that the name tells; any other name stands for itself."""
    is_rollout: bool
    """The name is one that the Codex CLI gives: every line of the file is its own."""


@lru_cache(maxsize=_PLACES)
def place_of(source: str) -> Place:
    """`file:///…/rollout-2026-11-20T10-43-28-019f….jsonl` → thread `019f…`."""
    name = unquote(source).replace("\\", "/").rpartition("/")[2]
    stem = name.removesuffix(".zst").removesuffix(".jsonl")
    found = _ROLLOUT.fullmatch(stem)
    return Place(found[1], True) if found else Place(stem, False)
