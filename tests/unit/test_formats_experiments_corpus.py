"""Every shape of experiment records, whole and damaged, against what a person found right.

Beside each `x.jsonl` lies `x.facts`: of each record its type, stream and time, and what it means.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eventsrc.formats.experiments import Experiments
from tests.conformance.formats import CORPUS, told

RECORDS = sorted((CORPUS / "experiments").rglob("*.jsonl"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name.removesuffix(".jsonl"))
def test_records_mean_what_stands_beside_them(path: Path) -> None:
    lines = [line for line in path.read_bytes().split(b"\n") if line]
    expected = path.with_suffix(".facts").read_text("utf-8")
    assert "".join(told(Experiments(), line) for line in lines) == expected
