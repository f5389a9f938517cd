"""GOING ON FROM A CHECKPOINT: branches, and what was said up to there in forms that an agent can be given again.

A branch is a record in the log and nothing else: from here on what happens builds on *that* position. Nothing is cut
and nothing is copied; what came between the base and the branch stays where it is and is listed. What was said up to
the base is given out as Markdown to read, as JSON to work with, and for a session of Claude Code as a transcript that
it can resume.

*Must never know*: files, sockets, SQL, which package a read model comes from, what time it is. Questions are asked
through a function that is handed in; events are handed in.

*What survives a crash here*: nothing, because nothing is kept. A branch is begun when its event is durable in the log,
and what it gave out is on the disk before.
"""

from eventsrc.branch.conversation import Ask, Conversation, Tool, Turn, of_messages, of_session, of_thread
from eventsrc.branch.difference import Counted, Difference, Side, difference
from eventsrc.branch.markdown import to_markdown
from eventsrc.branch.record import SOURCE, STREAM, TYPE, Begun, Branch, branches_of
from eventsrc.branch.transcript import Transcript, resumable

__all__ = [
    "SOURCE",
    "STREAM",
    "TYPE",
    "Ask",
    "Begun",
    "Branch",
    "Conversation",
    "Counted",
    "Difference",
    "Side",
    "Tool",
    "Transcript",
    "Turn",
    "branches_of",
    "difference",
    "of_messages",
    "of_session",
    "of_thread",
    "resumable",
    "to_markdown",
]
