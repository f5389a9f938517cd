"""EXPERIMENT → DUCKDB: ended experiments in a database for analysis, in one transaction each, once or again.

The database is a derived copy that other programs open, and only one process can write it. So it is never opened in
the service: an actor there (`loader.py`) starts `eventsrc load-db ID` as a child, a bounded number of times, and
records what came of it. Only `load.py`, `export.py` and `rows.py` import duckdb; an export (tables as Parquet or as a
database of their own) is a command's work, in its process.

*Must never know*: how experiments are folded (it is handed a dossier), who looks at the database.

*What survives a crash here*: what was committed, with a ledger of which bytes of which file it was made from; a load
that was killed leaves nothing, and is tried again. The marker file in the experiment's folder is for people: nobody
believes it.
"""
