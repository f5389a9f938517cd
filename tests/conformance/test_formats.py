"""Every built-in format passes the suite; each in a few lines."""

from __future__ import annotations

from eventsrc.formats.claude_code import ClaudeCode
from eventsrc.formats.conversation import Conversation
from eventsrc.formats.sse_lines import SseLines
from eventsrc.testing.generate import generate_sse_lines, generate_transcript
from tests.conformance.formats import FormatConformance, lines_of, record_of


class TestConversation(FormatConformance):
    format = Conversation()
    samples = lines_of("conversation")


class TestSseLines(FormatConformance):
    format = SseLines()
    samples = lines_of("sse_lines")


class TestClaudeCodeGenerated(FormatConformance):
    format = ClaudeCode()
    samples = list(generate_transcript(300, seed=3))


def test_no_format_claims_the_records_of_another() -> None:
    streams, transcripts = TestSseLinesGenerated.samples, TestClaudeCodeGenerated.samples
    assert not [line for line in transcripts if SseLines().recognise(record_of(line))]
    assert not [line for line in streams if ClaudeCode().recognise(record_of(line))]


class TestSseLinesGenerated(FormatConformance):
    format = SseLines()
    samples = list(generate_sse_lines(400, seed=3, claude=1, codex=1))
