"""Where the checks look: everything that a test puts somewhere else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import msgspec

from eventsrc.config import Settings


class Scene(msgspec.Struct, frozen=True):
    """One data directory, its settings, and the machine as this user sees it."""

    data: Path
    settings: Settings
    environment: Mapping[str, str]
    now: float
    """Seconds since the epoch."""
    followed: tuple[Path, ...]
    """What the service follows: files, folders, globs."""
    proc: Path = Path("/proc")

    @property
    def at(self) -> str:
        """`--data DIR` as a person types it."""
        return f"--data {shell(self.data)}"


def shell(path: Path | str) -> str:
    """A path as one word of a command line."""
    return shlex.quote(str(path))
