"""How the installed units are doing, as systemd tells it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from eventsrc.errors import CommandFailed
from eventsrc.units.carry import run
from eventsrc.units.plan import Scope

PROPERTIES = "Id,ActiveState,SubState,UnitFileState,MainPID,StatusText,NRestarts,Result"


class UnitState(msgspec.Struct, frozen=True):
    """One unit."""

    unit: str
    file: str
    """`absent`, `as shipped` or `differs`."""
    active: str
    """`active`, `inactive`, `failed` …; `unknown` where systemd does not answer."""
    enabled: str
    """`enabled`, `disabled`, `static` …; `unknown` where systemd does not answer."""
    detail: str


def state(scope: Scope, there: Mapping[str, str], wanted: Mapping[str, str]) -> list[UnitState]:
    """Every unit that eventsrc brings along, whether installed or not."""
    told = _told(scope, list(wanted))
    return [_one(name, there.get(name), text, told.get(name, {})) for name, text in wanted.items()]


def _one(name: str, there: str | None, wanted: str, told: Mapping[str, str]) -> UnitState:
    file = "absent" if there is None else "as shipped" if _bare(there) == _bare(wanted) else "differs"
    active = told.get("ActiveState", "unknown")
    return UnitState(name, file, active, told.get("UnitFileState") or "unknown", _detail(told))


def _bare(text: str) -> list[str]:
    """A unit without the variables that an installation sets, e.g. the data directory."""
    return [line for line in text.splitlines() if not line.replace('"', "").startswith("Environment=EVENTSRC_")]


def _detail(told: Mapping[str, str]) -> str:
    parts = [told.get("SubState", "")]
    if told.get("MainPID", "0") != "0":
        parts.append(f"pid {told['MainPID']}")
    if told.get("NRestarts", "0") != "0":
        parts.append(f"{told['NRestarts']} restarts")
    if told.get("Result", "success") not in ("success", ""):
        parts.append(told["Result"])
    return ", ".join(part for part in [*parts, told.get("StatusText", "")] if part)


def _told(scope: Scope, names: list[str]) -> dict[str, dict[str, str]]:
    """Name → properties; empty where no systemd answers, which is an answer too."""
    if scope.root is not None:
        return {}
    try:
        text = run((*scope.systemctl, "show", f"--property={PROPERTIES}", *names))
    except CommandFailed:
        return {}
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in text.split("\n\n")]
    return {block["Id"]: block for block in blocks if block.get("Id")}
