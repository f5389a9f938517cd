"""Which projections are installed: entry points of the group `eventsrc.projections`.

One that cannot be used is a problem to be told, never a reason for the others not to run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

import msgspec

from eventsrc.plugin import Projection
from eventsrc.projector.attempt import Attempt

GROUP = "eventsrc.projections"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


class Problem(msgspec.Struct, frozen=True):
    """A projection that cannot be used."""

    name: str
    where: str
    """The entry point's value, e.g. `projections.agents:Agents`."""
    reason: str


class Discovery(msgspec.Struct, frozen=True):
    """What was found: classes by name, in the order of their names, and what could not be used."""

    projections: dict[str, type[Projection]]
    problems: tuple[Problem, ...] = ()


def discover(points: Iterable[EntryPoint] | None = None) -> Discovery:
    """Imports the projections that the entry points name (default: all that are installed)."""
    found: dict[str, type[Projection]] = {}
    problems: list[Problem] = []
    for point in sorted(points if points is not None else entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        loaded: object = None
        with Attempt() as attempt:
            loaded = point.load()
        reason = attempt.reason or unfit(loaded, point.name)
        if not reason and point.name in found:
            reason = f"the name is already taken by {found[point.name].__module__}"
        if reason:
            problems.append(Problem(point.name, point.value, reason))
        else:
            assert isinstance(loaded, type)
            found[point.name] = loaded
    return Discovery(found, tuple(problems))


def furnished(discovery: Discovery, texts: Mapping[str, str]) -> Discovery:
    """The same with the texts that a person set for some of them, by name. One whose text is wrong is a problem."""
    projections = dict(discovery.projections)
    problems = list(discovery.problems)
    for name, text in texts.items():
        made: type[Projection] | None = None
        with Attempt() as attempt:
            made = projections[name].furnished(text)
        if made is None:
            where = projections.pop(name).__module__ if name in projections else name
            problems.append(Problem(name, where, f"the file that is set for it: {attempt.reason}"))
        else:
            projections[name] = made
    return Discovery(projections, tuple(problems))


def unfit(candidate: object, name: str) -> str:
    """Why this is not a projection that the engine can run under this name; "" when it is."""
    if not (isinstance(candidate, type) and issubclass(candidate, Projection)):
        return "it is not a subclass of eventsrc.plugin.Projection"
    if getattr(candidate, "name", None) != name:
        return f"its name is {getattr(candidate, 'name', None)!r}, the entry point's is {name!r}"
    if not _NAME.fullmatch(name):
        return "a name is a lower-case letter and then up to 63 letters, digits and '_'"
    version = getattr(candidate, "version", None)
    if not isinstance(version, int) or version < 1:
        return f"its version is {version!r}, not a number from 1"
    if isinstance(candidate.schema, str) or isinstance(candidate.late_schema, str):
        return "schema and late_schema are sequences of statements, not one string"
    return ""
