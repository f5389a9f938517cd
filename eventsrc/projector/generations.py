"""Where the generations of one read model lie, and which one answers.

A generation is a database file of its own, and a database that runs in WAL mode is never renamed over another: a
reader would see the old rows first and a malformed file afterwards. What moves is one small pointer file, which is
replaced atomically. So a reader with the old generation open keeps its answer and finds the new one on its next
question.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from eventsrc.durable import Disk, write_file
from eventsrc.errors import NotFound, ReadModelBroken

POINTER = "current"


def current(read_dir: Path, name: str) -> Path:
    """The database of the read model `name` that answers now; open it read-only (`mode=ro`), per question.

    Raises `NotFound` when none has been built yet, `ReadModelBroken` when the pointer leads nowhere.
    """
    generations = Generations(read_dir, name)
    number = generations.current()
    if number is None:
        raise NotFound(what="read model", name=name, next=f"'eventsrc rebuild {name}' makes it from the log.")
    path = generations.path(number)
    if not path.is_file():
        raise ReadModelBroken(name=name, reason=f"{path.name} is missing")
    return path


class Generations:
    """The folder `read/<name>`: numbers, paths, the pointer. Whoever changes anything here holds the lock."""

    def __init__(self, read_dir: Path, name: str) -> None:
        self.name = name
        self.folder = read_dir / name
        self._pattern = re.compile(
            rf"{re.escape(name)}-([0-9]{{1,18}})(?:\.db(?:-wal|-shm|-journal)?|\.files|\.closed)"
        )

    def path(self, number: int) -> Path:
        """The database file of a generation."""
        return self.folder / f"{self.name}-{number}.db"

    def files(self, number: int) -> Path:
        """The folder for a generation's files beside the rows; made by the projection when it needs it."""
        return self.folder / f"{self.name}-{number}.files"

    def current(self) -> int | None:
        """The number of the generation that answers; None when there is none. Raises `ReadModelBroken`."""
        try:
            text = (self.folder / POINTER).read_text("ascii", "replace")
        except FileNotFoundError:
            return None
        match = re.fullmatch(rf"{re.escape(self.name)}-([0-9]{{1,18}})\.db\n?", text)
        if match is None:
            raise ReadModelBroken(name=self.name, reason=f"the pointer reads {text[:80]!r}")
        return int(match[1])

    def numbers(self) -> list[int]:
        """Every generation of which there is something, ascending."""
        if not self.folder.is_dir():
            return []
        matches = (self._pattern.fullmatch(entry.name) for entry in self.folder.iterdir())
        return sorted({int(match[1]) for match in matches if match is not None})

    def next(self) -> int:
        """A number that was not used before, so that nobody mistakes an old file for a new one."""
        return max([0, *self.numbers(), self.current_or_none() or 0]) + 1

    def current_or_none(self) -> int | None:
        """Like `current`, with a pointer that cannot be read counting as none."""
        try:
            return self.current()
        except ReadModelBroken:
            return None

    def previous(self) -> int | None:
        """The generation kept for going back; None when there is none."""
        number = self.current_or_none()
        older = [n for n in self.numbers() if number is not None and n < number and self.path(n).is_file()]
        return older[-1] if older else None

    def switch(self, number: int, disk: Disk) -> None:
        """Lets generation `number`, which is complete and durable, answer from now on."""
        assert self.path(number).is_file(), f"generation {number} of {self.name} is not there"
        disk.sync_directory(str(self.folder))
        write_file(disk, str(self.folder / POINTER), f"{self.path(number).name}\n".encode())

    def rollback(self, disk: Disk) -> int:
        """Lets the generation before answer again, and returns its number; it catches up from its own position."""
        number = self.previous()
        if number is None:
            raise NotFound(what="earlier generation of", name=self.name)
        self.switch(number, disk)
        return number

    def sweep(self, *, keep_previous: bool = True) -> list[int]:
        """Removes what no longer serves: builds that never finished and generations before the previous one.

        `keep_previous=False` releases the generation kept for going back, too. Returns the numbers removed.
        """
        number = self.current_or_none()
        kept = {number, self.previous() if keep_previous else None}
        removed = [n for n in self.numbers() if n not in kept]
        for n in removed:
            self.remove(n)
        return removed

    def remove(self, number: int) -> None:
        """Removes every file of a generation. Readers that have it open keep their answer."""
        base = self.folder / f"{self.name}-{number}"
        # The marker goes first and the database last: a half-removed generation is still found, and never trusted.
        for suffix in (".closed", ".db-wal", ".db-shm", ".db-journal"):
            Path(f"{base}{suffix}").unlink(missing_ok=True)
        shutil.rmtree(self.files(number), ignore_errors=True)
        self.path(number).unlink(missing_ok=True)
