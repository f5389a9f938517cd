"""The lines above and below a list. Pure."""

from __future__ import annotations

from typing import Protocol

from rich.cells import cell_len, set_cell_size

from eventsrc.cli.monitor.cells import Row, text_of
from eventsrc.cli.monitor.views import View

COUNTS = (
    ("active_sessions", "active"),
    ("open_rounds", "rounds open"),
    ("pending_tools", "tools pending"),
    ("stalled", "stalled"),
    ("orphaned_rounds", "orphaned"),
    ("recent_errors", "errors/h"),
)
KEYS = "Enter open  / filter  1-9 sort  a active  Tab next list  ? help  q back"


class Shown(Protocol):
    """What the lines are about."""

    view: View
    subject: str
    words: str
    only_active: bool
    problem: str

    @property
    def seen(self) -> bool:
        """Whether there was an answer yet."""
        ...


def head(list_: Shown, counts: Row, rows: int, width: int) -> str:
    """What is shown on the left, the counts on the right, as many as fit; those that are 0 go first."""
    subject = f" {text_of(list_.subject)}" if list_.subject else ""
    filtered = f" /{list_.words}" if list_.words else ""
    active = " (active)" if list_.only_active else ""
    left = f" {list_.view.name}{subject}{filtered}{active} · {rows if list_.seen else '…'}"
    parts = [(counts[name], f"{counts[name]} {said}") for name, said in COUNTS if counts.get(name) is not None]
    while parts and cell_len(left) + 2 + cell_len(_joined(parts)) > width:
        zero = next((one for one in reversed(parts) if not one[0]), parts[-1])
        parts.remove(zero)
    right = _joined(parts)
    return set_cell_size(left, max(1, width - cell_len(right))) + right


def foot(list_: Shown, width: int) -> str:
    """What is wrong, or the keys."""
    return set_cell_size(f" {text_of(list_.problem) or KEYS}", width)


def _joined(parts: list[tuple[int, str]]) -> str:
    return "  ".join(said for _, said in parts) + " " if parts else ""
