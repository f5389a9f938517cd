"""Generated records of the shape that real agents write: for `eventsrc demo`, benchmarks and tests.

The same seed gives the same bytes on every machine. Everything is invented; ids, times and order are as the formats'
documents say: JSON inside JSON, about 600 bytes a line, nine of ten lines deltas, blocks of concurrent messages
interleaved, results, usage, ends of rounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from eventsrc.testing.claude_stream import ClaudeSession
from eventsrc.testing.codex_stream import CodexSession
from eventsrc.testing.shapes import START, Chance, Hands, interleaved
from eventsrc.testing.transcript import transcript

__all__ = ["generate_sse_lines", "generate_transcript"]


def generate_sse_lines(events: int, seed: int = 1, *, claude: int = 3, codex: int = 1) -> Iterator[bytes]:
    """Lines of one `sse_lines.jsonl`, without line feeds: `claude` and `codex` sessions that write at the same time.

    It stops after so many lines, wherever that is: usually in the middle of a round, as a real file does."""
    chance, hands = Chance(seed), Hands(START)
    sessions: list[Iterator[bytes]] = [ClaudeSession(chance, hands).lines() for _ in range(claude)]
    sessions += [CodexSession(chance, hands).lines() for _ in range(codex)]
    return islice(interleaved(chance, sessions), events)


def generate_transcript(lines: int, seed: int = 1) -> Iterator[bytes]:
    """Lines of one Claude Code transcript, without line feeds: messages in several lines with repeated usage."""
    return islice(transcript(Chance(seed), Hands(START)), lines)
