"""What can be attached to. Another kind of thing is one more `Kind` in the table of the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec


class Found(msgspec.Struct, frozen=True):
    """Something that one can attach to."""

    id: str
    about: str
    """What a person tells it by: one line."""


class Options(msgspec.Struct, frozen=True):
    """How it is to be shown."""

    tail: bool = False
    as_json: bool = False


class Kind(msgspec.Struct, frozen=True):
    """A kind of thing that one can attach to."""

    name: str
    find: Callable[[Path, str], list[Found]]
    """(data directory, beginning of an id) → what has such an id, the newest first."""
    attach: Callable[[Path, Found, Options], int]
    """Shows it until it ends; returns its outcome as an exit code."""
