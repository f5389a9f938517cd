"""Putting read models back: the copies become new generations, the log stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TypeAlias

import msgspec

from eventsrc.checkpoint.copying import copy_file, copy_tree
from eventsrc.checkpoint.meta import Meta
from eventsrc.checkpoint.place import Place, translated
from eventsrc.errors import CheckpointBroken, NotFound, NotThisLog
from eventsrc.event import Position
from eventsrc.projector.generations import Generations
from eventsrc.projector.lock import Lock
from eventsrc.projector.publish import lead_on

TakeLock: TypeAlias = Callable[[Path, str], AbstractContextManager[object]]
"""(folder of the read model, its name) → the right to write it; raises when somebody else has it."""


class Restored(msgspec.Struct, frozen=True):
    """What was put back."""

    id: str
    position: Position
    read_models: dict[str, int]
    """Name → number of the generation that answers now."""


def restore(
    place: Place, name: str, only: Collection[str] | None = None, *, take_lock: TakeLock | None = None
) -> Restored:
    """Lets the read models of a checkpoint (all, or `only` some) answer again; they catch up from where they stood.

    The generations before stay for going back. Every copy is in place and durable before the first pointer moves, so
    a failure on the way changes nothing. Whoever writes these read models must have stopped: by default their locks
    are taken. Raises `NotFound`, `UsageError`, `CheckpointBroken`, `NotThisLog`, `DiskFull`, `CheckpointFailed`.
    """
    meta = place.shelf.find(name)
    names = _chosen(meta, only)
    if problems := place.shelf.verify(meta.id):
        raise CheckpointBroken(id=meta.id, reason="; ".join(problems))
    check_log(place, meta)
    with ExitStack() as held, translated(place.read_dir):
        for model in names:
            folder = place.read_dir / model
            held.enter_context(take_lock(folder, model) if take_lock else Lock.take(folder, model, place.disk))
        numbers = {model: _install(place, meta, model) for model in names}
        for model, number in numbers.items():
            generations = Generations(place.read_dir, model)
            generations.switch(number, place.disk)
            lead_on(generations, number)
    return Restored(meta.id, meta.position, numbers)


def check_log(place: Place, meta: Meta) -> None:
    """Raises `NotThisLog` unless the log holds, up to the checkpoint's position, the very events that it held then."""
    found = place.log.digest_at(meta.position)
    if found is None:
        raise NotThisLog(id=meta.id, reason=f"the log ends before position {meta.position}")
    if found.sha256 != meta.log.sha256:
        raise NotThisLog(id=meta.id, reason=f"up to position {meta.position} it holds other events")


def _chosen(meta: Meta, only: Collection[str] | None) -> Sequence[str]:
    names = sorted(meta.read_models if only is None else only)
    for name in names:
        if name not in meta.read_models:
            raise NotFound(what=f"read model in checkpoint {meta.id}:", name=name)
    return names


def _install(place: Place, meta: Meta, name: str) -> int:
    """Copies one read model to where a new generation lies, durably; nothing points to it yet."""
    generations = Generations(place.read_dir, name)
    number = generations.next()
    source = place.shelf.path(meta.id)
    try:
        copy_tree(source / f"{name}.files", generations.files(number), place.disk)
        copy_file(source / f"{name}.db", generations.path(number), place.disk)
        place.disk.sync_directory(str(generations.folder))
    except BaseException:
        generations.remove(number)
        raise
    return number
