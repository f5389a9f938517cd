"""The tables that every read model has beside its own, and how a read model is created.

`position` ties the rows to a place in the log, `schema_version` to the code that made them and to what a person set for
it, `dead_letters` says what is missing. No time here is the clock's: all come from the log, so a rebuild gives the same
rows.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from eventsrc.errors import ReadModelBroken
from eventsrc.plugin import Projection
from eventsrc.projector.attempt import Attempt

TABLES_VERSION = 2
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
    database.table("schema_version").create(
        {"version": int, "applied_at": str, "variant": str}, pk="version", not_null={"applied_at", "variant"}
    )
    database.table("dead_letters").create(
        {"position": int, "type": str, "reason": str, "raw_json": str, "recorded_at": str},
        pk="position",
        not_null={"type", "reason", "recorded_at"},
    )
    connection.execute("INSERT INTO position VALUES (?, 0, '', '')", (projection.name,))
    connection.execute("INSERT INTO schema_version VALUES (?, '', ?)", (projection.version, projection.variant))
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
    version, variant = connection.execute("SELECT max(version), variant FROM schema_version").fetchone()
    if version != projection.version:
        return f"it was made by version {version} of the projection, which is at {projection.version}"
    if variant != projection.variant:
        return f"it was made with {variant or 'nothing'}, and {projection.variant or 'nothing'} is in force now"
    return ""
