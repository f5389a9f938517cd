"""How a session ended is what `attach` exits with."""

from __future__ import annotations

import pytest

from eventsrc.cli.attached import Outcome
from eventsrc.plugin import BlockDelta, Fact, ProcessGone, PromptSubmitted, RoundEnded, SessionEnded, SessionStarted

PROMPT = PromptSubmitted(sid="s", prompt="go", pid=1)
COMPLETE = RoundEnded(sid="s", outcome="complete", pid=1)
ABORTED = RoundEnded(sid="s", outcome="aborted", pid=1)
FAILED = RoundEnded(sid="s", outcome="failed", pid=1)
ENDED = SessionEnded(sid="s", pid=1, reason="prompt_input_exit")
GONE = ProcessGone(sid="s", pid=1)


@pytest.mark.parametrize(
    ("facts", "over", "code"),
    [
        ([], False, 0),
        ([PROMPT], False, 3),
        ([PROMPT, COMPLETE], False, 0),
        ([PROMPT, COMPLETE, ENDED], True, 0),
        ([PROMPT, COMPLETE, ABORTED, ENDED], True, 0),
        ([PROMPT, ABORTED, ENDED], True, 3),
        ([PROMPT, FAILED, ENDED], True, 1),
        ([PROMPT, FAILED, PROMPT, COMPLETE, ENDED], True, 0),
        ([PROMPT, ENDED], True, 3),
        ([PROMPT, GONE], True, 3),
        ([PROMPT, COMPLETE, ProcessGone(sid="s", pid=1, exit_code=137)], True, 1),
        ([PROMPT, COMPLETE, ENDED, GONE], True, 0),
        ([PROMPT, ENDED, SessionStarted(sid="s", pid=2)], False, 3),
        ([PROMPT, COMPLETE, ENDED, BlockDelta(sid="s", pid=2, index=0, kind="text", text="")], False, 0),
        ([PROMPT, SessionStarted(sid="s", pid=2), GONE], False, 3),
        ([PROMPT, COMPLETE, PromptSubmitted(sid="s", prompt="/clear", kind="command", pid=1), ENDED], True, 0),
    ],
)
def test_an_outcome_follows_from_the_facts(facts: list[Fact], over: bool, code: int) -> None:
    outcome = Outcome()
    for fact in facts:
        outcome.take(fact)
    assert (outcome.over, outcome.code()) == (over, code)
