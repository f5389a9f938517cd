"""Who is who: what a look over the folders means for the files that are followed. Decides and remembers; does no I/O
besides asking for cursors."""

from __future__ import annotations

from itertools import pairwise

from eventsrc.errors import Rejected
from eventsrc.limits import SOURCE_FILES
from eventsrc.source.kin import Member, left_behind
from eventsrc.source.place import Place, read
from eventsrc.source.port import Cursors
from eventsrc.source.tail import Tail
from eventsrc.source.tree import Look, Seen


class Roster:
    """All followed files by identity and by name."""

    def __init__(self, cursors: Cursors) -> None:
        self.tails: dict[str, Tail] = {}
        self._names: dict[str, str] = {}
        """Path → key of the file that stands there."""
        self._kin: dict[str, dict[str, Seen]] = {}
        """Path → files named after it, by their paths."""
        self._inodes: set[int] = set()
        self._missing: dict[str, Tail] = {}
        """Files without a name since the last look: renamed into a folder not looked at yet, or gone."""
        self._cursors = cursors

    def tracked(self, inode: int) -> bool:
        """Whether a followed file has this inode number (on some volume)."""
        return inode in self._inodes

    def at(self, path: str) -> Tail | None:
        """The followed file at a path."""
        return self.tails.get(self._names.get(path, ""))

    def take(self, look: Look, periodic: bool = True) -> list[Tail]:
        """Learns what a look found; returns the files that want a visit. Only two periodic looks make a file that lost
        its name one that is gone: between two hints it may just be on its way to another folder."""
        lost_before = dict(self._missing) if periodic else {}
        visits: dict[str, Tail] = {}
        families: dict[str, bool] = {}
        for seen in look.seen:
            if seen.named_after:
                self._kin.setdefault(seen.named_after, {})[seen.path] = seen
            if seen.matched or seen.key in self.tails:
                self._place(seen, families, visits)
            else:
                families.setdefault(seen.named_after, False)
                self._put_aside(seen, visits)
        for path in look.gone:
            self._gone(path, visits)
        for path, strangers in families.items():
            self._resolve(path, strangers, visits)
        for key, tail in lost_before.items():
            if key in self._missing:
                self._leave(tail, visits)
        return list(visits.values())

    def drop(self, tail: Tail) -> None:
        """Forgets a file; its cursor stays in the log, so it goes on there should it come back."""
        tail.close()
        if self.tails.get(tail.key) is tail:
            del self.tails[tail.key]
            self._inodes.discard(tail.inode)
        self._missing.pop(tail.key, None)
        for path in tail.paths:
            if self._names.get(path) == tail.key:
                del self._names[path]

    def seek_copies(self, tail: Tail) -> list[Tail]:
        """The files that may be a copy of what `tail` held before its content went away, or were put aside since; each
        waits for the one before, and `tail` for the last.

        What is newer than the newest copy known so far is owed in full, unless it is a copy of what was read: the file
        may have been emptied more often than it was looked at."""
        tail.sought, tail.put_aside = tail.place.state, False
        kin = [seen for seen in self._kin.get(tail.family, {}).values() if seen.key != tail.key]
        newest = max((seen.mtime_ns for seen in kin if self._known(seen)), default=None)
        tail.copy_found = newest is not None
        found: list[Tail] = []
        for seen in sorted(kin, key=lambda seen: (seen.mtime_ns, seen.path)):
            if self._known(seen) or (newest is not None and seen.mtime_ns < newest):
                continue
            copy = self._add(seen, None, tail.family)
            copy.original, copy.only_copy = tail, True
            found.append(copy)
        for earlier, later in pairwise([*found, tail]):
            later.wait_for(earlier)
        return found

    def _known(self, seen: Seen) -> bool:
        return seen.key in self.tails or self._cursors(seen.key) is not None

    def _place(self, seen: Seen, families: dict[str, bool], visits: dict[str, Tail]) -> None:
        """A file that is followed (from now on) stands at a path."""
        tail, before = self.tails.get(seen.key), self.at(seen.path)
        if tail is None:
            tail = self._new(seen, families, visits)
        else:
            renamed = tail.path != seen.path and not tail.paths
            tail.update(seen)
            if renamed:
                tail.rename(seen.path)
            self._missing.pop(tail.key, None)
            tail.leaving = False
        self._names[seen.path] = tail.key
        if before is not None and before is not tail:
            self._displace(before, tail, seen.path, visits)
            families[seen.path] = True
        if not tail.place.holds(seen.size, seen.mtime_ns):
            visits[tail.key] = tail

    def _put_aside(self, seen: Seen, visits: dict[str, Tail]) -> None:
        """A file that may be a copy appeared: the one that it is named after may have been emptied."""
        tail = self.at(seen.named_after)
        if tail is not None and not self._known(seen):
            tail.put_aside = True
            visits[tail.key] = tail

    def _new(self, seen: Seen, families: dict[str, bool], visits: dict[str, Tail]) -> Tail:
        place = self._cursor(seen.key)
        tail = self._add(seen, place)
        families[seen.path] = place is None or families.get(seen.path, False)
        original = self.at(seen.named_after) if seen.named_after else None
        if original is not None and place is None and original.place.offset:
            tail.original = original
            tail.wait_for(original)
            visits[original.key] = original
        return tail

    def _add(self, seen: Seen, place: Place | None, named: str | None = None) -> Tail:
        if len(self.tails) >= SOURCE_FILES:
            raise Rejected(reason=f"more than {SOURCE_FILES} files are matched; name fewer folders")
        tail = self.tails[seen.key] = Tail(seen, place, named)
        self._names.setdefault(seen.path, seen.key)
        self._inodes.add(seen.inode)
        return tail

    def _cursor(self, key: str) -> Place | None:
        text = self._cursors(key)
        return read(text) if text is not None else None

    def _displace(self, old: Tail, new: Tail, path: str, visits: dict[str, Tail]) -> None:
        """Another file stands where `old` stood: `old` is read to its end first, under whatever name it has now."""
        old.lose(path)
        old.rotated = old.rotated or path
        new.wait_for(old)
        if not old.paths:
            self._missing[old.key] = old
        visits[old.key] = old

    def _gone(self, path: str, visits: dict[str, Tail]) -> None:
        for family in self._kin.values():
            family.pop(path, None)
        tail = self.at(path)
        if tail is None or self._names.pop(path, None) != tail.key:
            return
        tail.lose(path)
        if not tail.paths:
            self._missing[tail.key] = tail
            visits[tail.key] = tail

    def _leave(self, tail: Tail, visits: dict[str, Tail]) -> None:
        """It has no name for two looks: what can still be read of it is read, then it is forgotten."""
        del self._missing[tail.key]
        tail.leaving = True
        visits[tail.key] = tail

    def _resolve(self, path: str, strangers: bool, visits: dict[str, Tail]) -> None:
        """Puts a rotated family in order: what was written earlier is read earlier. With `strangers`, the file at
        `path` is one that was never followed, so others may have come and gone between."""
        current = self.at(path)
        if current is None or current.whole:
            return
        members = [self._member(seen) for seen in self._kin.get(path, {}).values() if seen.key != current.key]
        chain = list(current.waits) if strangers else []
        owed = left_behind(members, [tail.mtime_ns for tail in chain])
        known = [*chain]
        for member in sorted(owed, key=lambda member: not member.known):
            tail = self.tails.get(member.key) or self._take_in(member, path, strangers, known)
            if tail is None:
                continue
            if member.known:
                known.append(tail)
            if strangers and tail not in chain and current not in tail.waits:
                chain.append(tail)
            if strangers or not tail.place.holds(member.size, member.mtime_ns):
                visits[tail.key] = tail
        chain.sort(key=lambda tail: tail.mtime_ns)
        for earlier, later in pairwise([*chain, current]):
            later.wait_for(earlier)

    def _take_in(self, member: Member, path: str, strangers: bool, known: list[Tail]) -> Tail | None:
        """Follows a member of the family that was not followed in this run; None when there is no reason to."""
        if not (member.known or strangers):
            return None
        tail = self._add(self._kin[path][member.path], self._cursor(member.key), path)
        if member.known and strangers:
            tail.rotated = path
        elif not member.known:  # if it is a copy that was put aside, it is not read twice
            tail.original = max(known, key=lambda other: other.mtime_ns)
        return tail

    def _member(self, seen: Seen) -> Member:
        return Member(seen.path, seen.key, seen.size, seen.mtime_ns, self._known(seen))
