"""`eventsrc monitor`: everything that runs, full-screen, as k9s shows a cluster.

What it is for: one list per read model (sessions, experiments, threads of conversations), from which Enter leads into
one thing after the other; a snapshot of the first list where there is no terminal.

A list is a `View`: a named question, its columns, and the list that a row leads to. Adding one is adding a value to
`views.py`; a read model that nobody described there is shown with its question `list`, if it has one.

What it must never know: tables, SQL, the log. It asks named questions, and only when a read model has changed
(`query.Changes`), so that a refresh costs what is on the screen and not what there is. Ages grow by the reader's clock.

What survives a crash here: nothing is kept, so nothing can be lost.
"""
