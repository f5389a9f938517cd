"""Every version and variant of rollout lines, whole and damaged, against what a person found right.

Beside each `x.jsonl` lies `x.facts`: of each line its type, stream and time, and what it means, as if the file had the
name that the CLI gives. Damaged ones have a folder of their own, and names that say the damage.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eventsrc.formats.codex import Codex
from tests.conformance.formats import CORPUS, told

ROLLOUTS = sorted((CORPUS / "codex").rglob("*.jsonl"))
THREAD = "019f0000-0000-7000-8000-0000000000"


def source_of(path: Path) -> str:
    """The name of the file, with the thread that its first line tells."""
    first = path.read_bytes()[:400].decode("utf-8", "replace").partition(f'"id":"{THREAD}')[2][:2] or "00"
    return f"file:///home/dev/.codex/sessions/2026/11/01/rollout-2026-11-01T09-00-00-{THREAD}{first}.jsonl"


def told_of(path: Path) -> str:
    found, offset = "", 0
    for line in path.read_bytes().split(b"\n"):
        if line:
            found += told(Codex(), line, source_of(path), offset)
        offset += len(line) + 1
    return found


@pytest.mark.parametrize("path", ROLLOUTS, ids=lambda path: path.name.removesuffix(".jsonl"))
def test_lines_mean_what_stands_beside_them(path: Path) -> None:
    assert told_of(path) == path.with_name(path.name.removesuffix(".jsonl") + ".facts").read_text("utf-8")
