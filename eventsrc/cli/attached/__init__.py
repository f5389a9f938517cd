"""What `eventsrc attach` shows of a session, apart from the showing: pure, readings in, text out.

    reading ─▶ Story (everything, as it streams) or brief (one line per event) ─▶ the command, which prints
            ─▶ Outcome (is it over, and how did it end)

*Must never know*: the terminal, the clock, where readings come from, whether they are old or new.

*What survives a crash here*: nothing is kept; who attaches again is told everything again.
"""

from eventsrc.cli.attached.brief import brief
from eventsrc.cli.attached.kind import Found, Kind, Options
from eventsrc.cli.attached.outcome import Outcome
from eventsrc.cli.attached.piece import Piece
from eventsrc.cli.attached.story import Story

__all__ = ["Found", "Kind", "Options", "Outcome", "Piece", "Story", "brief"]
