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
        """The files that may be a copy of what `tail` held before its content went away; it waits for them."""
        tail.copies_sought = True
        found: list[Tail] = []
        for seen in self._kin.get(tail.path, {}).values():
            known = self.tails.get(seen.key)
            if known is None and self._cursors(seen.key) is None:
                copy = self._add(seen, None, tail.path)
                copy.original, copy.only_copy = tail, True
                found.append(copy)
        for copy in found:
            tail.wait_for(copy)
        return found

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
        for member in left_behind(members, [tail.mtime_ns for tail in chain]):
            tail = self.tails.get(member.key)
            if tail is None and (member.known or strangers):
                tail = self._add(self._kin[path][member.path], self._cursor(member.key), path)
                if not member.known and chain:  # a copy that was put aside is not read twice
                    tail.original = chain[-1]
                if member.known and strangers:
                    tail.rotated = path
            if tail is None:
                continue
            if strangers and tail not in chain and current not in tail.waits:
                chain.append(tail)
            if strangers or not tail.place.holds(member.size, member.mtime_ns):
                visits[tail.key] = tail
        chain.sort(key=lambda tail: tail.mtime_ns)
        for earlier, later in pairwise([*chain, current]):
            later.wait_for(earlier)

    def _member(self, seen: Seen) -> Member:
        known = seen.key in self.tails or self._cursors(seen.key) is not None
        return Member(seen.path, seen.key, seen.size, seen.mtime_ns, known)
