"""Every built-in format passes the suite; each in a few lines."""

from __future__ import annotations

from eventsrc.formats.anthropic_sse import AnthropicSse
from eventsrc.formats.claude_code import ClaudeCode
from eventsrc.formats.codex import Codex
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


class TestCodex(FormatConformance):
    format = Codex()
    samples = lines_of("codex")
    source = "file:///home/dev/.codex/sessions/rollout-2026-11-01T09-00-00-019f0000-0000-7000-8000-000000000006.jsonl"


class TestCodexUnderAnotherName(FormatConformance):
    format = Codex()
    samples = lines_of("codex")


class TestAnthropicSse(FormatConformance):
    format = AnthropicSse()
    samples = lines_of("anthropic_sse")
    source = "file:///home/dev/capture.sse"


class TestClaudeCodeGenerated(FormatConformance):
    format = ClaudeCode()
    samples = list(generate_transcript(300, seed=3))


def test_every_record_of_the_corpus_has_one_format_at_most() -> None:
    formats = [SseLines(), ClaudeCode(), Codex(), AnthropicSse()]
    for corpus in ("sse_lines", "claude_code", "codex", "anthropic_sse"):
        for line in lines_of(corpus):
            claimed = [one.name for one in formats if one.recognise(record_of(line))]
            assert claimed in ([], [corpus]), line


def test_no_format_claims_the_records_of_another() -> None:
    streams, transcripts = TestSseLinesGenerated.samples, TestClaudeCodeGenerated.samples
    assert not [line for line in transcripts if SseLines().recognise(record_of(line))]
    assert not [line for line in streams if ClaudeCode().recognise(record_of(line))]


class TestSseLinesGenerated(FormatConformance):
    format = SseLines()
    samples = list(generate_sse_lines(400, seed=3, claude=1, codex=1))
