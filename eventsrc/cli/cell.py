"""How a value reads in a table, by the name of its column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eventsrc.cli.fit import is_id, shortened
from eventsrc.cli.output import duration, moment, size

LABELS = {"cache_creation_input_tokens": "cache_write", "cache_read_input_tokens": "cache_read"}
UNITS: Mapping[str, Callable[[Any], str]] = {
    "time": moment,
    "_start": moment,
    "_at": moment,
    "age": lambda value: duration(value),
    "_ms": lambda value: duration(None if value is None else value / 1000),
    "_bytes": size,
    "_size": size,
}
"""How a column reads, by the end of its name."""


def label(name: str) -> str:
    """How a table heads a column: without the unit, which its cells have."""
    if name in LABELS:
        return LABELS[name]
    return name.removesuffix("_time").removesuffix("_ms").removesuffix("_tokens").removeprefix("execution_")


def cell(name: str, value: Any, most: int) -> str:
    """A value as a person reads it, by the name of its column; texts are one line of at most `most` cells."""
    if value is None:
        return ""
    if name.startswith("is_"):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        shown = next((unit(value) for ending, unit in UNITS.items() if name.endswith(ending)), None)
        return shown if shown is not None else f"{value:g}" if isinstance(value, float) else str(value)
    text = " ".join(str(value).split())
    return text if is_id(name) else shortened(text, most)
