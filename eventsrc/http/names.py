"""Names for what came without one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from uuid import uuid4


def fresh_names() -> Callable[[], str]:
    """A source of names that nobody else gives, in this process or another: one random number, and a count.

    May be asked by any thread. A random number for each name would cost more than the rest of a small request, because
    asking the system for one lets other threads take the interpreter.
    """
    first, numbers = uuid4().hex, count(1)
    return lambda: f"{first}-{next(numbers)}"
