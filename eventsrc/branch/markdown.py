"""A conversation as Markdown: for a person to read, and to paste to an agent that is to go on from there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eventsrc.branch.conversation import Conversation, Tool, Turn
from eventsrc.branch.record import Begun
from eventsrc.clock import format_time
from eventsrc.limits import BRANCH_RESULT_CHARS

_FENCES = re.compile(r"`{3,}")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def to_markdown(conversation: Conversation, begun: Begun) -> str:
    """The whole page. Thinking is left out, long results of tools are cut and say so: JSON has everything."""
    return "\n".join([*_head(conversation, begun), *(line for turn in conversation.turns for line in _turn(turn))])


def _head(conversation: Conversation, begun: Begun) -> Iterator[str]:
    yield f"# {_one_line(begun.name or conversation.title or conversation.name)}"
    yield ""
    what = f"{conversation.kind} {conversation.name}".strip()
    base = f"checkpoint {begun.checkpoint}" + (f" ({_one_line(begun.label)})" if begun.label else "")
    yield f"What was said in {_one_line(what)} up to {base}, position {begun.base_position} of the log."
    yield f"This is the base of branch {begun.branch}; whatever was said later is not part of it."
    yield ""
    facts = (("agent", conversation.agent), ("folder", conversation.cwd), ("git branch", conversation.git_branch))
    for name, value in facts:
        if value:
            yield f"- {name}: `{_one_line(value)}`"
    yield f"- {conversation.said} prompts, answers and messages"
    yield ""


def _turn(turn: Turn) -> Iterator[str]:
    if turn.kind == "thinking":
        return
    when = format_time(turn.time)[:19].replace("T", " ") + " UTC" if turn.time is not None else ""
    if turn.tool is not None:
        yield from _tool(turn.tool)
        return
    who = f"{turn.sender} → {turn.recipient}" if turn.recipient and turn.sender != "user" else turn.sender
    about = "" if turn.kind in ("prompt", "answer", "message") else f" ({turn.kind})"
    yield f"## {_one_line(who + about)}"
    if when:
        yield f"*{when}*"
    yield ""
    yield _contained(turn.text)
    yield ""


def _tool(tool: Tool) -> Iterator[str]:
    yield f"### tool {_one_line(tool.name)}"
    yield ""
    yield _fenced(tool.input)
    yield ""
    if tool.result is None:
        yield "No result up to here."
    else:
        yield "Error:" if tool.is_error else "Result:"
        yield ""
        yield _fenced(_cut(tool.result))
    yield ""


def _cut(text: str) -> str:
    left = len(text) - BRANCH_RESULT_CHARS
    return text if left <= 0 else f"{text[:BRANCH_RESULT_CHARS]}\n… {left} characters more"


def _contained(text: str) -> str:
    """Text of others, without letting a heading or an open fence of theirs swallow what comes after it."""
    shown: list[str] = []
    fence = ""
    for line in text.strip("\n").split("\n"):
        shown.append(f"\\{line}" if not fence and line.startswith("#") else line)
        found = _FENCE.match(line)
        if found is not None and not fence:
            fence = found[1]
        elif found is not None and found[1].startswith(fence) and not line.strip(" " + fence[0]):
            fence = ""
    return "\n".join([*shown, fence] if fence else shown)


def _fenced(text: str) -> str:
    """A block of code whose fence is longer than any that stands in the text."""
    longest = max(map(len, _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _one_line(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
