"""What `attach` tells of a session: everything once, as it streams, whoever told of it and in whatever order."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from eventsrc.cli.attached import Story, brief
from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockReceived,
    BlockStarted,
    ErrorReported,
    Fact,
    MessageStarted,
    ProcessGone,
    PromptSubmitted,
    Reading,
    RoundEnded,
    SessionEnded,
    SessionStarted,
    ToolCallEnded,
    ToolCallStarted,
    ToolResultReceived,
    Waiting,
)

T = 1_768_039_200.0  # 2026-01-10T10:00:00Z
_numbers = itertools.count(1)


def reading(*facts: Fact) -> Reading:
    position = next(_numbers)
    return Reading(position, f"e{position}", "test.fact", "urn:test", list(facts), recorded="2026-01-10T10:00:00Z")


def told(*facts: Fact) -> str:
    story = Story()
    pieces = [piece for fact in facts for piece in story.tell(reading(fact))]
    return "".join(piece.text for piece in [*pieces, *story.end()])


def start(kind: str = "text", index: int = 0, tool: str | None = None, flow: str = "req_1") -> BlockStarted:
    call = f"toolu_{index}" if tool else None
    return BlockStarted(sid="s", request_id=flow, index=index, block_type=kind, tool_use_id=call, tool_name=tool)


def piece(text: str, kind: str = "text", index: int = 0, flow: str = "req_1") -> BlockDelta:
    return BlockDelta(sid="s", request_id=flow, index=index, kind=kind, text=text)


def end(index: int = 0, time: float | None = None) -> BlockCompleted:
    return BlockCompleted(sid="s", request_id="req_1", index=index, time=time)


def prompt(text: str, id: str = "", time: float = T, kind: str = "prompt") -> PromptSubmitted:
    return PromptSubmitted(sid="s", prompt=text, prompt_id=id, time=time, kind=kind)


def result(content: str, *, time: float | None = None, is_error: bool = False) -> ToolResultReceived:
    return ToolResultReceived(sid="s", tool_use_id="toolu_1", content=content, time=time, is_error=is_error)


def whole(kind: str, content: str, key: str, tool: str | None = None) -> BlockReceived:
    block = BlockReceived(sid="s", request_id="req_1", message_id="msg_1", key=key, block_type=kind, content=content)
    return msgspec.structs.replace(block, tool_use_id=tool, tool_name="Bash" if tool else None)


def test_a_round_reads_from_the_prompt_to_its_end() -> None:
    text = told(
        prompt("list the files\nYour agent Id is: s"),
        start("thinking"),
        *(piece(word, "thinking") for word in ("I ", "should ", "look")),
        piece("Er0x", "signature"),
        end(),
        start("tool_use", 1, tool="Bash"),
        piece('{"command":', "json", 1),
        piece('"ls"}', "json", 1),
        end(1, time=T + 2),
        result("a.py\nb.py", time=T + 3.25),
        start("text", 2),
        piece("Two files.", index=2),
        end(2),
        RoundEnded(sid="s", outcome="complete", time=T + 12.4),
    )
    assert text == (
        "\n❯ list the files\n"
        "✻ I should look\n"
        '▸ Bash {"command":"ls"}\n'
        "  ✓ Bash · 1.2 s · 9 B\n    a.py\n    b.py\n"
        "⏺ Two files.\n"
        "■ round complete · 12.4 s\n"
    )


def test_a_piece_is_given_as_soon_as_it_came() -> None:
    story = Story()
    story.tell(reading(start()))
    assert [one.text for one in story.tell(reading(piece("Hel")))] == ["⏺ ", "Hel"]
    assert [one.text for one in story.tell(reading(piece("lo")))] == ["lo"]


def test_blocks_that_stream_at_the_same_time_take_turns_and_say_that_they_go_on() -> None:
    text = told(start(), piece("one"), start(flow="req_2"), piece("two", flow="req_2"), piece(" more"))
    assert text == "⏺ one\n⏺ two\n⏺ …  more\n"


def test_what_is_streamed_once_more_is_shown_once() -> None:
    again: list[Fact] = [start(), piece("Hel"), piece("lo")]
    assert told(*again, *again, piece("!")) == "⏺ Hello!\n"


STREAM: list[Fact] = [
    MessageStarted(sid="s", request_id="req_1", message_id="msg_1"),
    start(),
    piece("Hello"),
    end(),
    start("tool_use", 1, tool="Bash"),
    piece("{}", "json", 1),
    end(1),
]
TRANSCRIPT: list[Fact] = [whole("text", "Hello", "k1"), whole("tool_use", "{}", "k2", "toolu_1")]


def test_a_stream_and_its_transcript_are_told_once() -> None:
    assert told(*STREAM, *TRANSCRIPT, *TRANSCRIPT) == told(*STREAM) == "⏺ Hello\n▸ Bash {}\n"


def test_a_transcript_and_its_stream_are_told_once() -> None:
    first, *rest = STREAM
    assert told(first, *TRANSCRIPT, *rest) == "⏺ Hello\n▸ Bash {}\n"


def test_a_prompt_told_by_two_producers_is_one_and_the_same_words_later_are_another() -> None:
    assert told(prompt("go", "a"), prompt("go", "a", T + 99), prompt("go", "b", T + 1)).count("❯ go") == 1
    assert told(prompt("go", "a"), prompt("go", "b", T + 60)).count("❯ go") == 2


def test_a_result_of_many_lines_is_cut_and_says_so() -> None:
    text = told(start("tool_use", 1, tool="Read"), result("\n".join(["x" * 300] * 9), is_error=True))
    assert "  ✗ Read · 2.6 KiB\n" in text
    assert text.endswith("    … 4 more lines\n")
    assert max(map(len, text.splitlines())) <= 204


def test_a_call_that_only_hooks_tell_of_is_shown_and_one_that_a_stream_told_of_is_not_shown_twice() -> None:
    begins = ToolCallStarted(sid="s", tool_use_id="toolu_1", tool_name="Bash", tool_input='{"command":"ls"}', time=T)
    denied = ToolCallEnded(sid="s", tool_use_id="toolu_1", outcome="denied")
    assert told(begins, result("a.py", time=T + 2)) == ('▸ Bash {"command":"ls"}\n  ✓ Bash · 2.0 s · 4 B\n    a.py\n')
    assert told(start("tool_use", 1, tool="Bash"), piece("{}", "json", 1), begins, denied) == (
        "▸ Bash {}\n  ✗ Bash · denied\n"
    )
    assert told(begins, *STREAM[4:]) == '▸ Bash {"command":"ls"}\n'


def test_an_empty_result_is_one_line() -> None:
    assert told(start("tool_use", 1, tool="Bash"), result("")).endswith("  ✓ Bash · 0 B\n")


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (SessionStarted(sid="s", source="resume", pid=7), "● started resume, pid 7\n"),
        (SessionEnded(sid="s", reason="SIGINT"), "○ ended: SIGINT\n"),
        (ProcessGone(sid="s", pid=7, reason="exited", exit_code=2), "○ process 7 is gone: exited with exit code 2\n"),
        (ErrorReported(sid="s", error_type="overloaded_error", message="Busy"), "! overloaded_error: Busy\n"),
        (Waiting(sid="s", waiting=True, reason="permission"), "? waits for a person: permission\n"),
        (Waiting(sid="s", waiting=False), ""),
    ],
)
def test_what_is_seen_around_the_agent_is_a_line_of_its_own(fact: Fact, line: str) -> None:
    assert told(fact) == line
    assert told(piece("open"), fact) == "⏺ open\n" + line


def test_one_line_per_event_says_what_it_is() -> None:
    zone = brief(reading(prompt("list\nthe files")))
    assert zone[8:] == " prompt    list the files"
    assert brief(reading(piece("a\nb")))[9:] == 'text      "a\nb"', "the command makes it one harmless line"
    assert brief(reading())[9:] == "test.fact"
    assert brief(reading(start("tool_use", 1, tool="Bash"), end(1)))[9:] == "tool_use  begins Bash; whole     block 1"
    assert len(brief(reading(prompt("x" * 5_000)))) < 250
