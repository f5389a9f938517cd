"""The composition root: the only place where rooms meet. Builds mailboxes and actors, and joins them.

    sources ─▶ ingest ─▶ log ─▶ files ─▶ projectors        http, prober ─▶ ingest        checkpointer, watchdog

What a command does without a running service is here too (`here.py`): the same rooms, for as long as it takes. Names
are imported from the files that have them, so that a command with one question imports no web server.

*Must never know*: how any room does its work; it hands collaborators over and starts things in order.

*What survives a crash here*: nothing is kept. A start after a crash is an ordinary start: the log is recovered, sources
go on at their cursors, read models at their positions.
"""
