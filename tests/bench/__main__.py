"""`python -m tests.bench [--quick | --full | --tiny] [NAME…]`: prints the table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import append, attach, hooks, idle, ingest, latency, memory, opening, questions, rebuild, search
from tests.bench.material import Material
from tests.bench.sizes import FULL, QUICK, TINY, sized
from tests.bench.table import Row, table

MEASURES = {
    "append": append.measure,
    "ingest": ingest.measure,
    "rebuild": rebuild.measure,
    "opening": opening.measure,
    "latency": latency.measure,
    "attach": attach.measure,
    "hooks": hooks.measure,
    "idle": idle.measure,
    "memory": memory.measure,
    "questions": questions.measure,
    "search": search.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """Measures what is named, or everything; always succeeds, because a number is not a test."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    for name, base, help_ in (
        ("--quick", QUICK, "about two minutes; the default"),
        ("--full", FULL, "the sizes that the targets speak of"),
        ("--tiny", TINY, "only to see that it works"),
    ):
        size.add_argument(name, dest="sizes", action="store_const", const=base, default=QUICK, help=help_)
    parser.add_argument("--folder", help="where to write; on the disk that is to be measured")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    given = parser.parse_args(arguments)
    unknown = set(given.names) - MEASURES.keys()
    if unknown:
        parser.error(f"there is no measurement named {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="eventsrc-bench-") as folder:
        for name in given.names or MEASURES:
            began = time.monotonic()
            rows += MEASURES[name](Material(Path(folder, name), sized(given.sizes)))
            sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
    cores, load = os.cpu_count(), os.getloadavg()[0]
    sys.stdout.write(f"{table(rows)}\n\nPython {sys.version.split()[0]}, {cores} cores, load {load:.1f} at the end\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
