"""The transcripts of Claude Code, hand-made and generated, pass what every format must pass."""

from __future__ import annotations

from eventsrc.formats.claude_code import ClaudeCode
from eventsrc.testing.generate import generate_transcript
from tests.conformance.formats import FormatConformance, lines_of


class TestClaudeCode(FormatConformance):
    format = ClaudeCode()
    samples = lines_of("claude_code")


class TestClaudeCodeGenerated(FormatConformance):
    format = ClaudeCode()
    samples = list(generate_transcript(200, seed=3))
