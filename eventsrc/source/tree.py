"""What stands in the followed folders: passes over them, whole or partial, that tell what is different. Blocking, so it
runs on a thread; only one pass runs at a time.

Only folders are listed and sizes asked for; no file is opened. What a pass costs is counted in `Work`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence

import msgspec

from eventsrc.limits import COLD_LOOKS, HOT_LOOKS
from eventsrc.source.kin import named_after
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

    def __init__(self, path: str, root: int, depth: int, look: int) -> None:
        self.path = path
        self.root = root
        self.depth = depth
        self.files: dict[str, Seen] = {}
        self.below: set[str] = set()
        self.stirred = look
        """Number of the look that last found something different."""


class Tree:
    """All followed folders. `tracked(inode)` says whether a file with that inode number is followed under another
    name, so that a rename is seen although the new name matches nothing."""

    def __init__(self, roots: Sequence[Root], volumes: Volumes, work: Work, tracked: Callable[[int], bool]) -> None:
        self._roots = list(roots)
        self._match: list[re.Pattern[str]] = [root.matcher() for root in roots]
        self._folders: dict[tuple[int, str], _Folder] = {}
        self._volumes = volumes
        self._work = work
        self._tracked = tracked
        self._rota: list[tuple[int, str]] = []

    @property
    def folders(self) -> int:
        return len(self._folders)

    def look(self) -> Look:
        """A pass over everything."""
        return self._pass([(index, root.folder) for index, root in enumerate(self._roots)], deep=True)

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
            folder = self._folders[index, path] = _Folder(path, index, depth, self._work.looks)
        deeper = root.depth is None or depth < root.depth
        below = {entry.path for entry in entries if deeper and entry.is_dir(follow_symlinks=False)}
        for child in folder.below - below:
            self._forget(index, child, look)
        fresh = below - folder.below
        folder.below = below
        before = (len(look.seen), len(look.gone))
        self._files(folder, root, entries, look)
        if fresh or before != (len(look.seen), len(look.gone)):
            folder.stirred = self._work.looks
        return fresh

    def _files(self, folder: _Folder, root: Root, entries: list[os.DirEntry[str]], look: Look) -> None:
        names = self._names(folder, entries)
        found: dict[str, Seen] = {}
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False) or not self._wanted(folder, entry, names, root):
                if root.exact and name == root.pattern:
                    look.problems[entry.path] = "is a directory"
                continue
            seen = self._seen(entry, root, names, folder.files.get(name), look)
            if seen is not None:
                found[name] = seen
        look.gone += [known.path for name, known in folder.files.items() if name not in found]
        folder.files = found

    def _names(self, folder: _Folder, entries: list[os.DirEntry[str]]) -> set[str]:
        """The names in the folder that match its pattern. What matched once is not matched again."""
        start = len(self._roots[folder.root].folder.rstrip("/")) + 1
        match, known = self._match[folder.root], folder.files
        return {
            entry.name
            for entry in entries
            if (known[entry.name].matched if entry.name in known else match.fullmatch(entry.path[start:]))
        }

    def _wanted(self, folder: _Folder, entry: os.DirEntry[str], names: set[str], root: Root) -> bool:
        if entry.name in names or entry.name in folder.files:
            return True
        if root.whole:
            return False
        return bool(named_after(entry.name, names)) or self._tracked(entry.inode())

    def _seen(self, entry: os.DirEntry[str], root: Root, names: set[str], old: Seen | None, look: Look) -> Seen | None:
        """The file as it is now, also told in `look` when it is different from `old`; None when it is none."""
        self._work.stats += 1
        try:
            now = entry.stat()
        except FileNotFoundError:  # deleted since the listing, or a link to nothing
            return None
        except OSError as error:
            look.problems[entry.path] = error.strerror or str(error)
            return old
        if not stat.S_ISREG(now.st_mode):
            if root.exact and entry.name == root.pattern:
                look.problems[entry.path] = "is a directory" if stat.S_ISDIR(now.st_mode) else "is no regular file"
            return None
        key = self._volumes.key(now.st_dev, now.st_ino, entry.path)
        if old is not None and (old.key, old.size, old.mtime_ns) == (key, now.st_size, now.st_mtime_ns):
            return old
        kin = "" if root.whole else old.named_after if old else named_after(entry.name, names)
        if kin and not old:
            kin = f"{entry.path.rpartition('/')[0]}/{kin}"
        seen = Seen(entry.path, key, now.st_ino, now.st_size, now.st_mtime_ns, root.whole, kin, entry.name in names)
        look.seen.append(seen)
        return seen

    def _forget(self, index: int, path: str, look: Look) -> None:
        folder = self._folders.pop((index, path), None)
        if folder is None:
            return
        look.gone += [seen.path for seen in folder.files.values()]
        for child in folder.below:
            self._forget(index, child, look)
