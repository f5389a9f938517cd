"""How the C library hands out memory to a service of many threads."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8  # as in glibc's <malloc.h>
ARENAS = 2


def few_arenas() -> bool:
    """Asks the allocator for few arenas; call it before threads are started. False where it knows no such thing.

    glibc gives every new thread an arena, up to eight for each processor, and keeps what was freed in each of them.
    A service whose threads take turns would hold half as much again (measured: 166 instead of 107 MiB after 300,000
    events)."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, ARENAS))
