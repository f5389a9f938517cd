"""Every variant of captured streams, whole and damaged, against what a person found right: beside each `x.jsonl` lies
`x.facts`, which says of each line its type and stream, and what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventsrc.formats.anthropic_sse import AnthropicSse
from tests.conformance.formats import CORPUS, told

CAPTURES = sorted((CORPUS / "anthropic_sse").rglob("*.jsonl"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name.removesuffix(".jsonl"))
def test_lines_mean_what_stands_beside_them(path: Path) -> None:
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    expected = path.with_name(path.name.removesuffix(".jsonl") + ".facts").read_text("utf-8")
    assert "".join(told(AnthropicSse(), line, "file:///home/dev/capture.sse") for line in lines) == expected
