"""One followed file, as the source remembers it while it runs. Everything here is found again from the log and the
file system after a restart."""

from __future__ import annotations

import os

from eventsrc.source.notice import uri
from eventsrc.source.packed import is_packed
from eventsrc.source.place import Place
from eventsrc.source.tree import Seen


class Tail:
    """State of one file (one inode), whatever names it has. Owned by the source's tasks on one event loop; only the
    thread that visits the file touches `fd` and `searched` meanwhile."""

    __slots__ = (
        "before",
        "copy_found",
        "durable",
        "family",
        "fd",
        "inode",
        "key",
        "leaving",
        "mtime_ns",
        "only_copy",
        "original",
        "path",
        "paths",
        "place",
        "problem",
        "put_aside",
        "refused_ns",
        "rotated",
        "searched",
        "size",
        "sought",
        "then",
        "uri",
        "waits",
        "whole",
    )

    def __init__(self, seen: Seen, place: Place | None, path: str | None = None) -> None:
        self.key = seen.key
        self.inode = seen.inode
        self.whole = seen.whole
        self.path = seen.path
        self.paths = {seen.path}
        self.family = path or seen.path
        """The name that it was written under; a rotated file keeps it."""
        self.uri = uri(self.family)
        """Where its records say they are from."""
        self.place = place or Place(seen.key)
        """Up to here everything was handed over."""
        self.durable = place
        """Up to here everything is in the log; None when nothing is."""
        self.before: Place | None = None
        """Where it stood when its content was found to be gone."""
        self.size = seen.size
        self.mtime_ns = seen.mtime_ns
        self.searched = 0
        """Up to here there is no line feed behind the place: a long line is not looked through twice."""
        self.fd: int | None = None
        self.refused_ns = 0
        """Change time of a packed file that could not be unpacked: it is tried again when it has another one."""
        self.problem = ""
        """Why it cannot be read just now, as recorded; empty when it can."""
        self.original: Tail | None = None
        """The file that this one may be a copy of; asked once, before the first byte is handed over."""
        self.only_copy = False
        """It is none of ours unless it is a copy of `original`."""
        self.sought = ""
        """The state (generation and offset) in which copies of it were looked for last."""
        self.put_aside = False
        """A file that may be a copy appeared since."""
        self.copy_found = False
        """One of them was found: what was put aside after it is owed in full."""
        self.then: list[Tail] = []
        """Files that wait until this one is read to its end."""
        self.waits: list[Tail] = []
        """Files that it waits for."""
        self.rotated = ""
        """The name that another file has taken over; recorded once the end is reached."""
        self.leaving = False
        """It has no name any more: forgotten once the end is reached and the fact is recorded."""

    @property
    def behind(self) -> int:
        """Bytes seen but not durable yet."""
        return max(0, self.size - (self.durable.offset if self.durable else 0))

    @property
    def unread(self) -> int:
        """Bytes seen but not handed over yet."""
        return max(0, self.size - self.place.offset)

    @property
    def light(self) -> bool:
        """Reading it is nothing but reading lines, and what was seen of it says how many."""
        return self.original is None and not (self.whole or self.emptied or self.packed)

    @property
    def emptied(self) -> bool:
        """Nothing of its content was read yet, so it may have gone away unseen, into a file put aside."""
        unsought = self.place.generation > 0 and self.sought != self.place.state
        return self.place.offset == 0 and (self.put_aside or unsought)

    @property
    def packed(self) -> bool:
        """Its content is unpacked to be read: sizes found in folders say nothing about it."""
        return is_packed(self.path)

    def update(self, seen: Seen) -> None:
        """Takes over what a look found under one of its names."""
        self.paths.add(seen.path)
        self.size, self.mtime_ns = seen.size, seen.mtime_ns

    def lose(self, path: str) -> None:
        """A name is gone or belongs to another file; the file itself may live on under another one."""
        self.paths.discard(path)
        if self.path == path and self.paths:
            self.rename(min(self.paths))

    def rename(self, path: str) -> None:
        """It is found under `path` now. A rotated form of the old name keeps the old name as its source."""
        if not path.startswith(self.family):
            self.family, self.uri = path, uri(path)
        self.path = path

    def wait_for(self, other: Tail) -> None:
        """This one is not read before `other` is read to its end."""
        if self not in other.then and other is not self:
            other.then.append(self)
            self.waits.append(other)

    def release(self) -> list[Tail]:
        """Those that waited only for this one."""
        waiting, self.then = self.then, []
        for tail in waiting:
            tail.waits.remove(self)
        return [tail for tail in waiting if not tail.waits]

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
