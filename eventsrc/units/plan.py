"""Every step of an installation or a removal, decided from what is there. Pure: nothing is done here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from eventsrc.errors import UnitForeign
from eventsrc.units.shipped import MARK, enabled

Kind: TypeAlias = Literal["write", "remove", "keep", "run"]


class Step(msgspec.Struct, frozen=True):
    """One thing that is done, or left as it is."""

    kind: Kind
    target: str
    """The file, or the command as a person would type it."""
    why: str
    text: str = ""
    """What the file will hold."""
    change: tuple[str, ...] = ()
    """Lines of a unified diff, where a file is changed."""
    command: tuple[str, ...] = ()


class Scope(msgspec.Struct, frozen=True):
    """Whose units, and where they live."""

    user: bool
    folder: Path
    root: Path | None = None
    """A tree that is not running, e.g. of an image: files are written and enabled, nothing is started."""

    @property
    def systemctl(self) -> tuple[str, ...]:
        """How its manager is spoken to."""
        if self.root is not None:
            return ("systemctl", f"--root={self.root}")
        return ("systemctl", "--user") if self.user else ("systemctl",)


def install(scope: Scope, there: Mapping[str, str], wanted: Mapping[str, str]) -> list[Step]:
    """What leads from the units that are there to those that are wanted. Raises UnitForeign for one that somebody else
    wrote."""
    _refuse_foreign(scope, {name: text for name, text in there.items() if text != wanted.get(name, text)})
    steps = [_write(scope.folder / name, there.get(name), text) for name, text in wanted.items()]
    names = enabled(wanted)
    if scope.root is not None:
        return [*steps, _run(scope, "enable", *names, why="start them with the machine")]
    changed = [step for step in steps if step.kind == "write" and step.change]
    if changed:  # a socket cannot be changed under a service that uses it
        running = [name for name in names if not name.endswith(".timer")]
        steps.append(_run(scope, "stop", *running, why="what was changed takes effect with a start"))
    return [
        *steps,
        _run(scope, "daemon-reload", why="read the unit files"),
        _run(scope, "enable", "--now", *names, why="start now, and from now on by itself"),
    ]


def uninstall(scope: Scope, there: Mapping[str, str]) -> list[Step]:
    """What removes the units that are there; those that somebody else wrote stay."""
    ours = {name: text for name, text in there.items() if text.startswith(MARK)}
    steps = []
    if ours and enabled(ours):
        now = () if scope.root is not None else ("--now",)
        steps.append(_run(scope, "disable", *now, *enabled(ours), why="stop, and no longer start by itself"))
    for name in there:
        path = str(scope.folder / name)
        steps.append(Step("remove", path, "ours") if name in ours else Step("keep", path, "written by somebody else"))
    if ours and scope.root is None:
        steps.append(_run(scope, "daemon-reload", why="forget the unit files"))
    return steps


def _refuse_foreign(scope: Scope, different: Mapping[str, str]) -> None:
    for name, text in different.items():
        if not text.startswith(MARK):
            raise UnitForeign(path=scope.folder / name)


def _write(path: Path, before: str | None, text: str) -> Step:
    if before == text:
        return Step("keep", str(path), "is as it should be")
    if before is None:
        return Step("write", str(path), "new", text)
    change = unified_diff(before.splitlines(), text.splitlines(), "there", "then", lineterm="", n=1)
    return Step("write", str(path), "changed", text, tuple(change)[2:])


def _run(scope: Scope, *arguments: str, why: str) -> Step:
    command: Sequence[str] = (*scope.systemctl, *arguments)
    return Step("run", " ".join(command), why, command=tuple(command))
