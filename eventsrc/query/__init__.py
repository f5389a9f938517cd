"""ROWS → ANSWERS: questions to the read models, answered read-only.

What it is for: opening the generation that answers now, running a named question or a person's SQL on it within bounds
(rows, bytes, seconds), saying how far the rows have read the log, and giving the answer out so that its content can
harm neither a terminal nor a spreadsheet nor a JSON parser.

What it must never know: how rows come about, what any table means, or how to write one. Every connection is opened
per question and read-only three times over (`mode=ro`, `query_only`, an authorizer), so a pointer that moves to a new
generation is followed by the next question, and the one under way keeps the rows that it began with.

(`Changes` keeps a connection that asks nothing but whether something changed, `Snapshot` one that sees one moment until
everything is read.)

What survives a crash here: nothing is kept, so nothing can be lost.
"""

from eventsrc.query.answer import Answer, Freshness
from eventsrc.query.changes import Changes
from eventsrc.query.models import ReadModels
from eventsrc.query.show import harmless
from eventsrc.query.snapshot import Column, Snapshot, Table

__all__ = ["Answer", "Changes", "Column", "Freshness", "ReadModels", "Snapshot", "Table", "harmless"]
