"""Whether a session is over, and how it ended: what `attach` exits with. Pure.

0: its last round is complete · 1: it failed · 3: it was aborted, or ended in the middle of a round.
"""

from __future__ import annotations

from eventsrc.plugin import (
    BlockDelta,
    Fact,
    MessageStarted,
    ProcessGone,
    PromptSubmitted,
    RoundEnded,
    RoundStarted,
    SessionEnded,
    SessionStarted,
)

COMPLETE, FAILED, INTERRUPTED = 0, 1, 3
_OPENS_NOTHING = ("queued", "command")


class Outcome:
    """Folds the facts of one session."""

    def __init__(self) -> None:
        self.over = False
        """Its process ended, and no other has taken the session up."""
        self.round = ""
        """How the last round stands: `open`, `complete`, `aborted`, `failed`; "" before the first."""
        self._pid: int | None = None
        self._exit_code: int | None = None

    def take(self, fact: Fact) -> None:
        """One fact, in the order of the log."""
        if isinstance(fact, SessionEnded | ProcessGone):
            if fact.pid is None or self._pid in (None, fact.pid):
                self.over = True
                self._exit_code = fact.exit_code if isinstance(fact, ProcessGone) else None
        elif isinstance(fact, SessionStarted):
            self.over, self._pid = False, fact.pid
        elif isinstance(fact, RoundEnded):
            if self.round != "complete":  # an end that a producer states outranks what others infer
                self.round = fact.outcome
        elif isinstance(fact, PromptSubmitted | RoundStarted | MessageStarted | BlockDelta):
            self._goes_on(fact)

    def code(self) -> int:
        """The exit code, as if it ended now."""
        if self.round == "failed" or self._exit_code:
            return FAILED
        return INTERRUPTED if self.round in ("open", "aborted") else COMPLETE

    def _goes_on(self, fact: PromptSubmitted | RoundStarted | MessageStarted | BlockDelta) -> None:
        """Work of another process than the one that ended: the session was taken up again."""
        if fact.pid is not None and fact.pid != self._pid:
            self.over, self._pid = False, fact.pid
        if isinstance(fact, RoundStarted) or (isinstance(fact, PromptSubmitted) and fact.kind not in _OPENS_NOTHING):
            self.round = "open"
