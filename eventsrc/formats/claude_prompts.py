"""Which user records are prompts, and what the others are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from eventsrc.plugin import Activity, Fact, PromptSubmitted, RoundEnded

INTERRUPT = "[Request interrupted by user"
_NOTICES = ("Caveat:", "<local-command-caveat>", "<local-command-stdout>", "<bash-stdout>", "<bash-input>")
_COMMANDS = ("<command-name>", "<command-message>")
_WRAPPER = re.compile(r"\s*<(ide_opened_file|ide_selection)>.*?</\1>\s*", re.DOTALL)


def prompt_facts(record: dict[str, Any], base: dict[str, Any], text: str, identity: str) -> Iterator[Fact]:
    """What a user record without a tool result means: a prompt, an interrupt, a notice."""
    kind = kind_of(record, text)
    if kind == "interrupt":
        yield RoundEnded(**base, outcome="aborted", reason="interrupted")
    elif kind == "none":
        yield Activity(**base, what="user")
    else:
        yield PromptSubmitted(**base, prompt=text, prompt_id=identity, kind=kind)


def kind_of(record: dict[str, Any], text: str) -> str:
    """`prompt`, `command`, `notification`, `peer`, `interrupt`, or `none`. The text decides, after the flags."""
    if record.get("isSidechain") or record.get("isMeta"):
        return "none"
    if record.get("isCompactSummary") or record.get("isVisibleInTranscriptOnly"):
        return "none"
    plain = _WRAPPER.sub("", text)
    if plain.startswith(INTERRUPT):
        return "interrupt"
    if plain.startswith(_NOTICES):
        return "none"
    if plain.startswith(_COMMANDS):
        return "command"
    if plain.startswith("<task-notification>"):
        return "notification"
    return "peer" if plain.startswith("<teammate-message") else "prompt"
