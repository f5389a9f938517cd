"""What the text of a `user` record is: transcripts put prompts, commands, notices and interrupts into one type.

The first rule that matches decides, and each record is of exactly one class.
"""

from __future__ import annotations

from enum import Enum

from eventsrc.formats.claude_line import Line


class TextClass(Enum):
    """What a `user` record without a tool result is."""

    SUMMARY = "summary of what was compacted"
    NOTICE = "injected, not typed"
    SIDECHAIN = "task of a sub-agent"
    INTERRUPT = "interrupt"
    OUTPUT = "output of a local command"
    SHELL = "shell command or memory note of the user: nothing is asked of the model"
    COMMAND = "command"
    NOTIFICATION = "notification"
    PEER = "peer"
    EMPTY = "nothing"
    PROMPT = "prompt"


ROUND_KINDS = {
    TextClass.PROMPT: "prompt",
    TextClass.COMMAND: "command",
    TextClass.NOTIFICATION: "notification",
    TextClass.PEER: "peer",
}
"""Classes that open a round, with the kind of the prompt. Whether a command does is known when an answer follows."""

_BEGINNINGS = (
    ("[Request interrupted by user", TextClass.INTERRUPT),
    ("<local-command-stdout>", TextClass.OUTPUT),
    ("<local-command-stderr>", TextClass.OUTPUT),
    ("<bash-stdout>", TextClass.OUTPUT),
    ("<bash-stderr>", TextClass.OUTPUT),
    ("<command-name>", TextClass.COMMAND),
    ("<command-message>", TextClass.COMMAND),
    ("<command-args>", TextClass.COMMAND),
    ("<bash-input>", TextClass.SHELL),
    ("<user-memory-input>", TextClass.SHELL),
    ("<task-notification>", TextClass.NOTIFICATION),
    ("<system-reminder>", TextClass.NOTIFICATION),
    ("<teammate-message", TextClass.PEER),
    ("Caveat:", TextClass.NOTICE),
    ("<local-command-caveat>", TextClass.NOTICE),
)


def classify(line: Line, text: str, *, is_sidechain: bool, has_content: bool) -> TextClass:
    """The class of a `user` record that holds no tool result. `text`: its text blocks, joined; `has_content`: there is
    text, a picture or a document at all."""
    if line.is_compact_summary is True:
        return TextClass.SUMMARY
    if line.is_visible_in_transcript_only is True or line.is_meta is True:
        return TextClass.NOTICE
    if is_sidechain:
        return TextClass.SIDECHAIN
    start = text.lstrip()
    for beginning, found in _BEGINNINGS:
        if start.startswith(beginning):
            return found
    return TextClass.PROMPT if has_content else TextClass.EMPTY
