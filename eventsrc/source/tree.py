"""What stands in the followed folders: passes over them, whole or partial, that tell what is different. Blocking, so it
runs on a thread; only one pass runs at a time.

Only folders are listed and sizes asked for; no file is opened. What a pass costs is counted in `Work`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from eventsrc.limits import COLD_LOOKS, HOT_LOOKS
from eventsrc.source.kin import named_after
from eventsrc.source.packed import is_packed, original_name
from eventsrc.source.pattern import Root
from eventsrc.source.place import Volumes
from eventsrc.source.work import Work


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A file that is new or different."""

    path: str
    key: str
    inode: int
    size: int
    mtime_ns: int
    whole: bool = False
    named_after: str = ""
    """Path of the followed file in the same folder that this one is a rotated form of."""
    matched: bool = True
    """False: it matches no pattern and is only told because it may be a rotated form, or has a known inode."""


class Look(msgspec.Struct):
    """What a pass found."""

    seen: list[Seen] = []
    gone: list[str] = []
    """Paths told earlier at which no file stands any more."""
    problems: dict[str, str] = {}
    """Path of a folder (or of a file asked for by name) → why it cannot be looked at, as of now."""
    looked: list[str] = []
    """Folders that were listed without trouble."""


class _Folder:
    """A folder as it was when last listed."""

    __slots__ = ("below", "depth", "files", "path", "root", "stirred")

    def __init__(self, path: str, root: int, depth: int) -> None:
        self.path = path
        self.root = root
        self.depth = depth
        self.files: dict[str, Seen] = {}
        self.below: set[str] = set()
        self.stirred = -HOT_LOOKS
        """Number of the look that last found something different."""


class Tree:
    """All followed folders. `tracked(inode)` says whether a file with that inode number is followed under another
    name, so that a rename is seen although the new name matches nothing."""

    def __init__(self, roots: Sequence[Root], volumes: Volumes, work: Work, tracked: Callable[[int], bool]) -> None:
        self._roots = list(roots)
        self._lines: list[re.Pattern[str]] = [root.matcher() for root in roots]
        self._wholes: list[re.Pattern[str] | None] = [root.whole_matcher() for root in roots]
        self._folders: dict[tuple[int, str], _Folder] = {}
        self._asked = {root.path for root in roots if root.exact}
        self._complete = False
        """Whether a first pass over everything was made: what is found later is news."""
        self._volumes = volumes
        self._work = work
        self._tracked = tracked
        self._rota: list[tuple[int, str]] = []

    @property
    def folders(self) -> int:
        return len(self._folders)

    def look(self) -> Look:
        """A pass over everything."""
        look = self._pass([(index, root.folder) for index, root in enumerate(self._roots)], deep=True)
        self._complete = True
        return look

    def look_some(self) -> Look:
        """A pass over the folders in which something happened lately, and the next few of the others: after COLD_LOOKS
        of these every folder was listed."""
        if not self._rota:
            self._rota = list(self._folders)
        share = -(-len(self._folders) // COLD_LOOKS)
        self._rota, cold = self._rota[:-share], self._rota[-share:]
        recent = self._work.looks - HOT_LOOKS
        hot = [place for place, folder in self._folders.items() if folder.stirred > recent]
        roots = [(index, root.folder) for index, root in enumerate(self._roots)]
        return self._pass(dict.fromkeys([*hot, *cold, *roots]), deep=False)

    def look_at(self, paths: Iterable[str]) -> Look:
        """A pass over the folders that these paths stand in, or are."""
        wanted: dict[tuple[int, str], None] = {}
        for path in paths:
            for index, root in enumerate(self._roots):
                for folder in (path, self._known_above(index, path)):
                    if (index, folder) in self._folders or folder == root.folder:
                        wanted[index, folder] = None
        return self._pass(wanted, deep=False)

    def _known_above(self, index: int, path: str) -> str:
        """The next folder above a path that was listed before: a hint may name a file in a folder that is new too."""
        above = path.rpartition("/")[0]
        while len(above) > len(self._roots[index].folder) and (index, above) not in self._folders:
            above = above.rpartition("/")[0]
        return above

    def _pass(self, wanted: Iterable[tuple[int, str]], deep: bool) -> Look:
        self._work.looks += 1
        look, done = Look(), set[tuple[int, str]]()
        waiting = [(index, path, self._depth(index, path)) for index, path in wanted]
        waiting.reverse()
        while waiting:
            index, path, depth = waiting.pop()
            if (index, path) in done:
                continue
            done.add((index, path))
            fresh = self._list(index, path, depth, look)
            folder = self._folders.get((index, path))
            below = (folder.below if deep and folder else fresh) or ()
            waiting += [(index, child, depth + 1) for child in sorted(below, reverse=True)]
        return look

    def _depth(self, index: int, path: str) -> int:
        known = self._folders.get((index, path))
        return known.depth if known else 0

    def _list(self, index: int, path: str, depth: int, look: Look) -> set[str]:
        """Lists one folder into `look`; returns the folders in it that are new."""
        root = self._roots[index]
        self._work.folders += 1
        try:
            with os.scandir(path) as listing:
                entries = list(listing)
        except (FileNotFoundError, NotADirectoryError):
            self._forget(index, path, look)
            return set()
        except OSError as error:
            look.problems[path] = error.strerror or str(error)
            return set()
        look.looked.append(path)
        folder = self._folders.get((index, path))
        if folder is None:
            folder = self._folders[index, path] = _Folder(path, index, depth)
        deeper = root.depth is None or depth < root.depth
        below = {entry.path for entry in entries if deeper and entry.is_dir(follow_symlinks=False)}
        for child in folder.below - below:
            self._forget(index, child, look)
        fresh = below - folder.below
        folder.below = below
        before = (len(look.seen), len(look.gone))
        self._files(folder, entries, look)
        if self._complete and (fresh or before != (len(look.seen), len(look.gone))):
            folder.stirred = self._work.looks
        return fresh

    def _files(self, folder: _Folder, entries: list[os.DirEntry[str]], look: Look) -> None:
        """Compares the files of a listing with those of the one before."""
        found: dict[str, Seen] = {}
        fresh: list[os.DirEntry[str]] = []
        for entry in entries:
            old = folder.files.get(entry.name)
            if old is None:
                fresh.append(entry)
            elif seen := self._seen(entry, old, look):
                found[entry.name] = seen
        if fresh:
            self._fresh(folder, fresh, found, look)
        look.gone += [known.path for name, known in folder.files.items() if name not in found]
        folder.files = found

    def _fresh(self, folder: _Folder, entries: list[os.DirEntry[str]], found: dict[str, Seen], look: Look) -> None:
        """Takes names that were not there before, or that matched nothing, into `found`."""
        kinds = {entry.name: self._kind(folder, entry) for entry in entries}
        names = {name for name, kind in kinds.items() if kind == "lines"}
        names |= {name for name, known in found.items() if known.matched and not known.whole}
        for entry in entries:
            kind = kinds[entry.name]
            if is_packed(entry.name) and original_name(entry.name) in names:
                continue  # while the plain file stands beside it, that one is read
            if entry.is_dir(follow_symlinks=False):
                self._blame(entry.path, "is a directory", look)
                continue
            kin = named_after(entry.name, names) if kind != "whole" else ""
            if kind == "lines" and is_packed(entry.name):
                kin = original_name(entry.name)  # packed from it just now, perhaps: then it is not read twice
            if kind or kin or self._tracked(entry.inode()):
                above = entry.path[: -len(entry.name)]
                unread = Seen(entry.path, "", 0, -1, 0, kind == "whole", above + kin if kin else "", bool(kind))
                if seen := self._seen(entry, unread, look):
                    found[entry.name] = seen

    def _kind(self, folder: _Folder, entry: os.DirEntry[str]) -> Literal["lines", "whole", ""]:
        """How a file is read, by its name; empty when its name matches nothing."""
        relative = entry.path[len(self._roots[folder.root].folder.rstrip("/")) + 1 :]
        if self._lines[folder.root].fullmatch(relative):
            return "lines"
        wholes = self._wholes[folder.root]
        return "whole" if wholes is not None and wholes.fullmatch(relative) else ""

    def _seen(self, entry: os.DirEntry[str], old: Seen, look: Look) -> Seen | None:
        """The file as it is now, also told in `look` when it is different from `old`; None when it is none."""
        self._work.stats += 1
        try:
            now = entry.stat()
        except FileNotFoundError:  # deleted since the listing, or a link to nothing
            return None
        except OSError as error:
            look.problems[entry.path] = error.strerror or str(error)
            return old if old.key else None
        if old.size == now.st_size and old.mtime_ns == now.st_mtime_ns and old.inode == now.st_ino:
            return old
        if not stat.S_ISREG(now.st_mode):
            self._blame(entry.path, "is a directory" if stat.S_ISDIR(now.st_mode) else "is no regular file", look)
            return None
        seen = msgspec.structs.replace(
            old,
            key=self._volumes.key(now.st_dev, now.st_ino, entry.path),
            inode=now.st_ino,
            size=now.st_size,
            mtime_ns=now.st_mtime_ns,
        )
        look.seen.append(seen)
        return seen

    def _blame(self, path: str, reason: str, look: Look) -> None:
        """Only what a person asked for by name is worth a word when it is no file."""
        if path in self._asked:
            look.problems[path] = reason

    def _forget(self, index: int, path: str, look: Look) -> None:
        folder = self._folders.pop((index, path), None)
        if folder is None:
            return
        look.gone += [seen.path for seen in folder.files.values()]
        for child in folder.below:
            self._forget(index, child, look)
