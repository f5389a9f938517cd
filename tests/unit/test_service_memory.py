"""Few arenas, where the allocator has any."""

from __future__ import annotations

import platform
import subprocess
import sys

PROGRAM = "from eventsrc.service.memory import few_arenas; print(few_arenas())"


def test_glibc_is_asked_for_few_arenas_and_others_for_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(platform.libc_ver()[0] == "glibc")
