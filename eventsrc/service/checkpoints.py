"""Checkpoints of one data directory, as commands see them: with no service, or beside one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsrc.checkpoint import Meta, Policy, kept
from eventsrc.checkpoint.create import create
from eventsrc.checkpoint.place import Place
from eventsrc.checkpoint.restore import check_log, restore
from eventsrc.clock import Clock, SystemClock
from eventsrc.durable import Disk, SystemDisk
from eventsrc.errors import NoStore
from eventsrc.log import Digests, LogReader


def checkpoints(data: Path) -> Checkpoints:
    """The checkpoints of a data directory. Raises NoStore when there is no log."""
    if not (data / "log").is_dir():
        raise NoStore(path=data)
    return Checkpoints(data, SystemDisk(), SystemClock())


class Checkpoints:
    """Made, shown and restored; blocks."""

    def __init__(self, data: Path, disk: Disk, clock: Clock) -> None:
        self._place = Place.of(data, Digests(data, LogReader(data).head), disk, clock)

    def create(self, label: str | None) -> dict[str, Any]:
        """Makes one now."""
        return self._described(create(self._place, label))

    def all(self) -> list[dict[str, Any]]:
        """All of them, newest first."""
        return [self._described(meta) for meta in self._place.shelf.all()]

    def latest(self) -> dict[str, Any] | None:
        """The newest one."""
        return next(iter(self.all()), None)

    def show(self, name: str) -> dict[str, Any]:
        """One by id, its beginning, label or `latest`."""
        return self._described(self._place.shelf.find(name))

    def check(self, name: str) -> dict[str, Any]:
        """As `show`. Raises `NotThisLog` unless the log holds, up to there, the very events that it held then."""
        meta = self._place.shelf.find(name)
        check_log(self._place, meta)
        return self._described(meta)

    def verify(self, name: str) -> list[str]:
        """What is wrong with one; empty when it is whole."""
        return self._place.shelf.verify(name)

    def remove(self, name: str) -> dict[str, Any]:
        """Takes one away, labelled or not; returns what it was."""
        meta = self._place.shelf.find(name)
        described = self._described(meta)
        self._place.shelf.remove(meta.id)
        return described

    def prune(self, policy: Policy, *, pretend: bool = False) -> list[dict[str, Any]]:
        """Takes away those without a label that are not to be kept; returns what they were. `pretend`: only says so."""
        every = self._place.shelf.all()
        stay = kept(every, policy)
        gone = [self._described(meta) for meta in every if meta.id not in stay]
        if not pretend:
            self._place.shelf.prune(policy)
        return gone

    def restore(self, name: str) -> dict[str, Any]:
        """Lets its read models answer again; they catch up when something projects."""
        done = restore(self._place, name)
        return {"id": done.id, "position": done.position, "read_models": done.read_models}

    def _described(self, meta: Meta) -> dict[str, Any]:
        return meta.describe(self._place.shelf.path(meta.id))
