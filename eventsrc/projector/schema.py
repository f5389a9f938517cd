"""The tables that every read model has beside its own, and how a read model is created.

`position` ties the rows to a place in the log, `schema_version` to the code that made them, `dead_letters` says what
is missing. No time here is the clock's: all come from the log, so a rebuild gives the same rows.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from eventsrc.errors import ReadModelBroken
from eventsrc.plugin import Projection
from eventsrc.projector.attempt import Attempt

TABLES_VERSION = 1
"""Version of the three tables below, kept as SQLite's `user_version`. Another one is a reason to rebuild."""


def create(connection: sqlite3.Connection, projection: type[Projection]) -> None:
    """Creates the engine's tables and the projection's, in one transaction, at position 0."""
    connection.execute("BEGIN IMMEDIATE")
    database = Database(connection, strict=True)
    database.table("position").create(
        {"name": str, "position": int, "digest": str, "applied_at": str},
        pk="name",
        not_null={"position", "digest", "applied_at"},
    )
    database.table("schema_version").create({"version": int, "applied_at": str}, pk="version", not_null={"applied_at"})
    database.table("dead_letters").create(
        {"position": int, "type": str, "reason": str, "raw_json": str, "recorded_at": str},
        pk="position",
        not_null={"type", "reason", "recorded_at"},
    )
    connection.execute("INSERT INTO position VALUES (?, 0, '', '')", (projection.name,))
    connection.execute("INSERT INTO schema_version VALUES (?, '')", (projection.version,))
    run(connection, projection, late=False)
    connection.execute(f"PRAGMA user_version = {TABLES_VERSION}")
    connection.execute("COMMIT")


def run(connection: sqlite3.Connection, projection: type[Projection], *, late: bool) -> None:
    """Runs the projection's own statements. Raises `ReadModelBroken` when one is wrong."""
    with Attempt() as attempt:
        for statement in projection.late_schema if late else projection.schema:
            connection.execute(statement)
    if attempt.reason:
        raise ReadModelBroken(name=projection.name, reason=f"its schema is wrong: {attempt.reason}")


def mismatch(connection: sqlite3.Connection, projection: type[Projection]) -> str:
    """Why these tables are not what the code in force would make; "" when they are."""
    (tables,) = connection.execute("PRAGMA user_version").fetchone()
    if tables != TABLES_VERSION:
        return f"its tables are of version {tables}, not {TABLES_VERSION}"
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    if row[0] != projection.version:
        return f"it was made by version {row[0]} of the projection, which is at {projection.version}"
    return ""
