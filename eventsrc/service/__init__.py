"""The composition root: the only place where rooms meet. Builds mailboxes and actors, and joins them.

    sources ─▶ ingest ─▶ log ─▶ files ─▶ projectors        http, prober ─▶ ingest        checkpointer, watchdog

What a command does without a running service is here too (`here.py`): the same rooms, for as long as it takes.

*Must never know*: how any room does its work; it hands collaborators over and starts things in order.

*What survives a crash here*: nothing is kept. A start after a crash is an ordinary start: the log is recovered, sources
go on at their cursors, read models at their positions.
"""

from eventsrc.service.around import hook_spool
from eventsrc.service.here import checkpoint_here, ingest_here, rebuild_here
from eventsrc.service.hooks_told import hooks_told
from eventsrc.service.offline import checkpoints, client, read_models, status_of_files
from eventsrc.service.serve import serve
from eventsrc.service.there import ingest_stdin_there

__all__ = [
    "checkpoint_here",
    "checkpoints",
    "client",
    "hook_spool",
    "hooks_told",
    "ingest_here",
    "ingest_stdin_there",
    "read_models",
    "rebuild_here",
    "serve",
    "status_of_files",
]
