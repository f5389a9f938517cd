"""The hooks of Claude Code pass what every format must pass, and are nobody else's records."""

from __future__ import annotations

from eventsrc.formats.claude_code import ClaudeCode
from eventsrc.formats.claude_code_hooks import ClaudeCodeHooks
from eventsrc.formats.sse_lines import SseLines
from eventsrc.testing.generate import generate_transcript
from tests.conformance.formats import FormatConformance, lines_of, record_of


class TestClaudeCodeHooks(FormatConformance):
    format = ClaudeCodeHooks()
    samples = lines_of("claude_code_hooks")


def test_no_other_format_claims_a_hook_and_a_hook_is_no_line_of_a_transcript() -> None:
    for one in (ClaudeCode(), SseLines()):
        assert not [line for line in TestClaudeCodeHooks.samples if one.recognise(record_of(line))]
    hooks = TestClaudeCodeHooks.format
    transcripts = [*generate_transcript(100, seed=3), *lines_of("claude_code")]
    assert not [line for line in transcripts if hooks.recognise(record_of(line))]
