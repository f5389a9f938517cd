"""What a power cut would take: contents and names that are not synced. A value, so that it can outlive its process.

Content and names are followed apart, as a file system does: a file whose bytes were synced is still lost when its name
was not. What is written past this (SQLite writes its own files) counts as durable.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

Loss: TypeAlias = Literal["lost", "torn", "zeros", "kept"]
"""What a power cut leaves of bytes that were not synced: nothing, the first part, zeros in their place, all of them.
Names that were not synced vanish with `lost` and `torn`."""


class NameChange(msgspec.Struct, frozen=True):
    """Something that happened to a name in a directory that was not synced since."""

    directory: str
    kind: Literal["file", "folder", "rename", "unlink"]
    path: str
    """The name that was made, that was renamed to, or that was removed."""
    former: str = ""
    """What it was called before."""
    content: bytes | None = None
    """What stood under the name before; None when nothing did."""

    def undo(self) -> None:
        """Takes the change back on the real disk."""
        path = Path(self.path)
        match self.kind:
            case "file":
                path.unlink(missing_ok=True)
            case "folder":
                shutil.rmtree(path, ignore_errors=True)
            case "rename" if path.exists():
                path.rename(self.former)
            case _:
                pass
        if self.content is not None:
            path.write_bytes(self.content)


class Unsynced(msgspec.Struct):
    """The memory of a machine for what has not reached its disk. Grows by what is done, shrinks by syncs."""

    contents: dict[str, bytes] = {}
    """Path → what would be left of a file whose newest writes were not synced."""
    dropped: set[str] = set()
    """Files of which a sync failed: the kernel forgot their pages, and later syncs say nothing."""
    names: list[NameChange] = []
    """Oldest first."""

    def touches(self, path: str) -> None:
        """A file's content is about to change."""
        if path not in self.contents:
            self.contents[path] = _content(Path(path)) or b""

    def synced(self, path: str) -> None:
        """A sync of a file returned."""
        if path not in self.dropped:
            self.contents.pop(path, None)

    def renames(self, old: str, new: str) -> None:
        """A file or a folder is about to get another name."""
        self.names.append(NameChange(_parent(new), "rename", new, old, _content(Path(new))))
        self.contents.pop(new, None)
        for path in [path for path in self.contents if path == old or path.startswith(f"{old}/")]:
            self.contents[new + path[len(old) :]] = self.contents.pop(path)

    def unlinks(self, path: str) -> None:
        """A name is about to be removed."""
        self.names.append(NameChange(_parent(path), "unlink", path, content=_content(Path(path))))
        self.contents.pop(path, None)

    def makes(self, kind: Literal["file", "folder"], path: str) -> None:
        """A name is about to be made."""
        self.names.append(NameChange(_parent(path), kind, path))

    def directory_synced(self, path: str) -> None:
        """A sync of a directory returned."""
        self.names = [change for change in self.names if change.directory != path]

    def lose(self, loss: Loss, part: Callable[[int], int] = lambda size: size // 2) -> None:
        """Leaves on the real disk what a power cut would. `part`: how many of n unsynced bytes a torn file keeps."""
        if loss == "kept":
            return
        for path, durable in self.contents.items():
            present = _content(Path(path))
            if present is not None and present != durable:
                Path(path).write_bytes(_left(present, durable, loss, part))
        if loss != "zeros":
            for change in reversed(self.names):
                change.undo()


def _left(present: bytes, durable: bytes, loss: Loss, part: Callable[[int], int]) -> bytes:
    more = present[len(durable) :] if present.startswith(durable) else b""
    if loss == "torn":
        return durable + more[: part(len(more))]
    return durable + bytes(len(more)) if loss == "zeros" else durable


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _parent(path: str) -> str:
    return str(Path(path).parent)
