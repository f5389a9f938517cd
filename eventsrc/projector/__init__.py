"""EVENT → ROWS: folds the log into read models, one SQLite file per projection, in generations.

A projector reads the log's files at its own pace; it is nudged by a watermark and never handed events, so there is no
hand-over between catching up and being live, and a slow read model slows nothing else.

    read/agents/current                 names the generation that answers
    read/agents/agents-3.db             that generation
    read/agents/agents-3.files/         files beside its rows
    read/agents/agents-3.closed         how the file looked when it was closed; missing while it is open
    read/agents/agents-2.db             the one before, kept for going back
    read/agents/lock                    held by whoever writes

*Must never know*: what any projection is about, how the log lays out its lines, who asks the read models questions.

*What survives a crash here*: everything, because nothing here is the truth. Rows and position are one transaction
(law L6), so a read model is always the fold of a whole prefix of the log. A power failure may undo the newest
transactions of a live read model (it syncs at checkpoints only): the position goes back with the rows and the events
are applied again. A read model that is damaged, outdated or from another log is noticed and built again beside the old
one; an interrupted build is removed at the next start.
"""
