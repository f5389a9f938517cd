"""The read model `deltas`: the text of every streamed block as a file that grows while the model types.

    <data>/deltas/<flow_id>/index_<n>.txt      follow one with `tail -F`

One file per block that came in pieces: thinking, text, or the JSON of a tool's input, as UTF-8, in the order of the
log; signatures are not content. `flow_id` is that of `agents`, spelled as `folder_name` spells it. A row in `files`
says how many bytes of a file are true.

*Must never know*: which format an event came from, whether it is live or replayed, what time it is; what other read
models hold, although `agents` names the same files by the same rules.

*What survives a crash here*: every byte that a committed row counts, once. A batch is appended to its files before its
rows are committed, so a process that ends in between leaves files that are too long: they are cut back to their rows
when the read model is opened, and once more before they are appended to. Files are not synced. One that is shorter than
its row (a power failure, a hand) cannot be mended from here: the read model is built again from the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockStarted,
    GrowingFiles,
    MessageEnded,
    MessageStarted,
    Projection,
    Question,
    Reading,
)
from projections.deltas.blocks import BELOW, Blocks
from projections.deltas.flows import Flows

__all__ = ["Deltas"]

SCHEMA = (
    """CREATE TABLE flows(
      flow_id TEXT PRIMARY KEY, message_id TEXT, request_id TEXT
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE aliases(alias TEXT PRIMARY KEY, flow_id TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE folders(name TEXT COLLATE NOCASE PRIMARY KEY, flow_id TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE files(
      flow_id TEXT NOT NULL, block_index INTEGER NOT NULL, path TEXT NOT NULL, sid TEXT NOT NULL,
      bytes INTEGER NOT NULL, pieces INTEGER NOT NULL, is_complete INTEGER NOT NULL, replayed INTEGER,
      PRIMARY KEY (flow_id, block_index)
    ) STRICT, WITHOUT ROWID""",
)

LATE_SCHEMA = ("CREATE INDEX files_by_session ON files(sid)",)


class Deltas(Projection):
    """Folds the pieces of streamed blocks into files and keeps count of their bytes."""

    name = "deltas"
    version = 2
    schema = SCHEMA
    late_schema = LATE_SCHEMA
    published = True
    questions = (
        Question(
            "files",
            """SELECT flow_id, block_index, path, bytes, pieces, is_complete FROM files
            WHERE sid >= :sid AND sid < :sid || char(1114111) ORDER BY sid, flow_id, block_index""",
            "Files of the streamed blocks of a session, below `<data>`; the beginning of its id is enough.",
            ("sid",),
            ("sid",),
        ),
    )

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        super().__init__(connection, folder)
        self._files = GrowingFiles(folder, self.name)
        self._flows = Flows(connection)
        self._blocks = Blocks(connection, self._files)

    def fold(self, reading: Reading) -> None:
        """Takes one event in."""
        for fact in reading.facts:
            way = WAYS.get(type(fact))  # `isinstance` of a struct costs as much as the rest of this
            if way is not None and fact.sid:  # type: ignore[union-attr]
                way(self, fact)

    def flush(self) -> None:
        """Appends once to each file, then writes how long it is."""
        self._blocks.flush()
        self._flows.flush()

    def committed(self) -> None:
        """What was appended is true from now on."""
        self._files.keep()

    def recover(self) -> None:
        """Cuts every file back to its row."""
        rows = self.connection.execute("SELECT path, bytes FROM files")
        self._files.recover((path.removeprefix(BELOW), size) for path, size in rows)

    def close(self) -> None:
        """Takes back what was appended and never committed."""
        self._files.undo()

    def _delta(self, fact: BlockDelta) -> None:
        self._blocks.delta(fact, self._flows.of(fact.message_id, fact.request_id))

    def _started(self, fact: BlockStarted) -> None:
        self._blocks.started(fact, self._flows.of(fact.message_id, fact.request_id))

    def _completed(self, fact: BlockCompleted) -> None:
        self._blocks.completed(fact, self._flows.of(fact.message_id, fact.request_id))

    def _begun(self, fact: MessageStarted) -> None:
        """A record that names both ids says that they are one message."""
        if fact.message_id and fact.request_id:
            lost, kept = self._flows.bind(fact.message_id, fact.request_id, begins=True)
            if lost:
                self._blocks.move(lost, kept)
        if fact.stream:
            self._flows.stands_for(fact.stream, fact.message_id, fact.request_id)

    def _ended(self, fact: MessageEnded) -> None:
        if fact.message_id and fact.request_id:
            self._flows.bind(fact.message_id, fact.request_id, begins=False)


WAYS: Mapping[type, Callable[[Deltas, Any], None]] = {
    BlockDelta: Deltas._delta,
    BlockStarted: Deltas._started,
    BlockCompleted: Deltas._completed,
    MessageStarted: Deltas._begun,
    MessageEnded: Deltas._ended,
}
"""What is done with a fact of a session, by its type."""
