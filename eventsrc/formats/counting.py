"""Whole numbers as producers write them. What is beyond any sense is no count; the record keeps it as written."""

from __future__ import annotations

from eventsrc.limits import COUNT_MOST


def count(value: object) -> int | None:
    """A whole number of a size that something can be counted in, else None."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -COUNT_MOST <= value <= COUNT_MOST else None
