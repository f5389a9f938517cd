"""What is mounted where, as the kernel tells it (proc_pid_mountinfo(5))."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Mount(msgspec.Struct, frozen=True):
    """One line of mountinfo."""

    point: str
    kind: str
    options: tuple[str, ...]
    """Those of the mount and of the file system."""


UNKNOWN = Mount("", "", ())


def mount_of(proc: Path, path: Path) -> Mount:
    """The mount that a path lies on; UNKNOWN where there is no procfs."""
    resolved = path.resolve()
    under = [one for one in mounts(proc) if resolved.is_relative_to(one.point)]
    return max(reversed(under), key=lambda one: len(one.point), default=UNKNOWN)  # of two at one point the later counts


def mounts(proc: Path) -> list[Mount]:
    """All of them, in the order in which they were made; empty where there is no procfs."""
    try:
        text = (proc / "self/mountinfo").read_text()
    except OSError:
        return []
    return [_read(line) for line in text.splitlines() if " - " in line]


def _read(line: str) -> Mount:
    left, _, right = line.partition(" - ")
    fields, more = left.split(" "), right.split(" ")
    point = fields[4].encode("latin-1", "replace").decode("unicode_escape")  # blanks are written \040
    return Mount(point, more[0], (*fields[5].split(","), *more[-1].split(",")))
