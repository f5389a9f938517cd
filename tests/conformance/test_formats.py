"""Every built-in format passes the suite; each in a few lines."""

from __future__ import annotations

from itertools import islice

from eventsrc.formats.sse_lines import SseLines
from eventsrc.testing.generate import generate_sse_lines
from tests.conformance.formats import FormatConformance, lines_of


class TestSseLines(FormatConformance):
    format = SseLines()
    samples = lines_of("sse_lines")


class TestSseLinesGenerated(FormatConformance):
    format = SseLines()
    samples = list(islice(generate_sse_lines(400, seed=3, claude=1, codex=1), 400))
