"""Files that belong together because one was rotated into the other: `app.jsonl`, `app.jsonl.1`, `app.jsonl-20260110`.
Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

PACKED = (".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip")
"""Rotated files that were compressed cannot be read on where the original stopped."""


class Member(msgspec.Struct, frozen=True):
    """A file named after another one."""

    path: str
    key: str
    size: int
    mtime_ns: int
    known: bool = False
    """There is a cursor of it: it was followed before it got this name, or since."""


def named_after(name: str, names: Collection[str]) -> str:
    """The longest of `names` that `name` is a rotated form of; empty when there is none."""
    if name.endswith(PACKED):
        return ""
    for end in range(len(name) - 1, 0, -1):
        if name[end] in ".-_~" and name[:end] in names:
            return name[:end]
    return ""


def left_behind(members: Iterable[Member], since: Iterable[int] = ()) -> list[Member]:
    """Which members of a rotated family still have to be looked at, in the order in which they were written.

    The known ones; and those that are not older than a known one, because rotation happened more than once between
    two looks. Where nothing was ever followed, nothing is owed: history before the first start is not ours.
    `since` are change times of known members that stand elsewhere."""
    ordered = sorted(members, key=lambda member: (member.mtime_ns, member.path))
    oldest = min([*since, *(member.mtime_ns for member in ordered if member.known)], default=None)
    if oldest is None:
        return []
    return [member for member in ordered if member.known or member.mtime_ns >= oldest]
