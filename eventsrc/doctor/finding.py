"""What a check came to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

Level: TypeAlias = Literal["ok", "careful", "wrong"]
"""`careful`: it works, and something is missing or will go wrong. `wrong`: data is being lost or nothing works."""

_ORDER: tuple[Level, ...] = ("ok", "careful", "wrong")


class Finding(msgspec.Struct, frozen=True):
    """One check. The shape of one element of `doctor --json`."""

    check: str
    level: Level
    reason: str
    mend: str = ""
    """A command line; empty when there is nothing to mend."""


def ok(check: str, reason: str) -> Finding:
    """Nothing to do."""
    return Finding(check, "ok", reason)


def careful(check: str, reason: str, mend: str) -> Finding:
    """Works for now."""
    return Finding(check, "careful", reason, mend)


def wrong(check: str, reason: str, mend: str) -> Finding:
    """Does not work, or loses something."""
    return Finding(check, "wrong", reason, mend)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among findings; `ok` without any."""
    return max((finding.level for finding in findings), key=_ORDER.index, default="ok")
