"""`python -m tests.crash.lives KIND FOLDER PART PARTS`: plays the scenario for every n of its part, with a fault at the
n-th durable operation, and looks afterwards.

A process of its own, because it forks: every life is a child of it, killed for real where the fault says so, and every
look afterwards is another child. Forking is safe here as long as this process itself starts no thread. What it finds
goes to standard output, one JSON line for every n.
"""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import anyio
import anyio.lowlevel
import msgspec

from eventsrc.errors import EventsrcError
from eventsrc.formats.catalogue import Formats
from eventsrc.testing.disk import Fault, FaultyDisk, Loss
from eventsrc.testing.unsynced import Unsynced
from tests.crash.afterwards import check
from tests.crash.scenario import play, shrink
from tests.crash.world import World

Kind: TypeAlias = Literal["SIGKILL", "EIO", "ENOSPC", "short"]
LOSSES: tuple[Loss, ...] = ("kept", "lost", "torn", "zeros")
"""What is left when a process is killed, and when the machine loses its power at that moment."""


class Found(msgspec.Struct):
    """What became of one n."""

    n: int
    operation: str
    ended: str
    """What the life said when the fault ended it; empty when it went on to its end, or was killed."""
    problem: str = ""
    """A traceback; empty when everything was as it must be."""


class Ended(msgspec.Struct):
    """What a life leaves for the look afterwards."""

    did: list[str]
    error: str = ""
    unsynced: Unsynced | None = None


def main() -> None:
    kind, folder, part, parts = sys.argv[1:]
    assert kind in get_args(Kind)
    shrink()
    warm()
    for found in every(kind, Path(folder), int(part), int(parts)):  # type: ignore[arg-type]
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.flush()


def warm() -> None:
    """Imports what every child would import again."""
    Formats.load()
    anyio.run(anyio.lowlevel.checkpoint)


def every(kind: Kind, folder: Path, part: int, parts: int) -> Iterator[Found]:
    """Every n from `part` on in steps of `parts`, until a life ends before its n-th operation."""
    for n in count(part, parts):
        with world_in(folder / f"{kind}-{n}") as world:
            ended = lived(kind, n, world)
            counted = [name for name in ended.did if kind != "short" or name == "write"]  # only a write can be short
            if len(counted) < n:
                return
            yield Found(n, counted[n - 1], ended.error, afterwards(kind, n, world, ended))


@contextmanager
def world_in(folder: Path) -> Iterator[World]:
    """A world that ends with the block."""
    folder.mkdir(parents=True)
    try:
        yield World(folder)
    finally:
        shutil.rmtree(folder)


def lived(kind: Kind, n: int, world: World) -> Ended:
    """Plays in a child. What is written by it last is what a machine would know, and no process of it."""
    note = world.folder / "ended"

    def leave(disk: FaultyDisk, error: str = "") -> None:
        note.write_bytes(msgspec.msgpack.encode(Ended(disk.did, error, disk.unsynced)))

    def work() -> None:
        disk = FaultyDisk(fault(kind, n), last_words=leave)
        try:
            play(world, disk)
        except EventsrcError as error:  # nothing else may end a life, whatever fails
            leave(disk, f"{type(error).__name__}: {error}")
        else:
            leave(disk)

    status, said = in_a_child(work)
    assert note.exists(), f"operation {n}: {said}"
    ended = msgspec.msgpack.decode(note.read_bytes(), type=Ended)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed == (kind == "SIGKILL" and len(ended.did) == n), status
    return ended


def fault(kind: Kind, n: int) -> Fault:
    match kind:
        case "EIO":
            return Fault(n, "error", errno.EIO)
        case "ENOSPC":
            return Fault(n, "error", errno.ENOSPC)
        case "short":
            return Fault(n, "short", errno.ENOSPC, only="write")
        case _:
            return Fault(n, "kill")


def afterwards(kind: Kind, n: int, world: World, ended: Ended) -> str:
    """What is wrong, "" when nothing is. After a kill the ruins are looked at for each kind of loss; ruins that are the
    same to the last byte are looked at once."""
    if kind != "SIGKILL":
        return looked(world)
    assert ended.unsynced is not None
    seen = set[bytes]()
    outside, untouched = world.remember(), world.folder / "untouched"
    if world.data.exists():
        shutil.copytree(world.data, untouched, symlinks=True)
    for loss in LOSSES:
        chance = random.Random(f"{n} {loss}")
        ended.unsynced.lose(loss, lambda size, chance=chance: chance.randint(0, size))  # type: ignore[misc]
        beyond(world.data, loss, chance)
        left = state(world.data)
        if left not in seen and (problem := looked(world)):
            return f"{loss}: {problem}"
        seen.add(left)
        world.restore(outside)
        shutil.rmtree(world.data, ignore_errors=True)
        if untouched.exists():
            shutil.copytree(untouched, world.data, symlinks=True)
    return ""


def state(data: Path) -> bytes:
    """Of every name and every byte below a folder, but for SQLite's shared memory, which it makes anew."""
    hashed = hashlib.sha256()
    for path in sorted(data.rglob("*")):
        if not path.name.endswith("-shm"):
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
            hashed.update(b"%d %d " % (len(name := str(path).encode()), len(content)) + name + content)
    return hashed.digest()


def beyond(data: Path, loss: Loss, chance: random.Random) -> None:
    """What SQLite and projections write past the disk and do not sync: the journals of living databases, and the files
    beside their rows."""
    if loss in ("kept", "zeros"):
        return
    beside = (path for path in data.glob("read/*/*.files/**/*") if path.is_file())
    for path in (*data.rglob("*.db-wal"), *beside):
        os.truncate(path, 0 if loss == "lost" else chance.randint(0, path.stat().st_size))


def looked(world: World) -> str:
    status, said = in_a_child(lambda: check(world))
    return "" if status == 0 else said or f"the look ended with {status}"


def in_a_child(work: Callable[[], None]) -> tuple[int, str]:
    """(status as of `waitpid`, what it said) of a child that does the work and ends; 0 when it did."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(theirs, 2)
        code = 1
        try:
            work()
            code = 0
        finally:
            if code:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    return os.waitpid(child, 0)[1], said


if __name__ == "__main__":
    main()
