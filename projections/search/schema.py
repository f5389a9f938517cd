"""The tables, and the full-text indexes over them.

A document's words never change, so an index entry is written once and never deleted. While a read model is rebuilt
there are no triggers: the indexes are filled at the end, in one pass, which is several times faster.

`facets` makes the session a word too (in hex, so that any text is one token), because few documents have it. A kind is
no such word: a fifth of all documents have it, and counting them costs more than looking at the matches.
"""

from __future__ import annotations

_FACETS = "'s' || lower(hex({}sid))"

SCHEMA = (
    """CREATE TABLE documents(
      rowid INTEGER PRIMARY KEY, kind TEXT NOT NULL, ref TEXT NOT NULL, sid TEXT NOT NULL, time REAL,
      title TEXT NOT NULL, body TEXT NOT NULL, position INTEGER NOT NULL, key BLOB NOT NULL UNIQUE,
      has_code INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE open_blocks(
      flow TEXT NOT NULL, block_index INTEGER NOT NULL, sid TEXT NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL,
      title TEXT NOT NULL, body TEXT NOT NULL, time REAL,
      PRIMARY KEY (flow, block_index)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX open_blocks_by_session ON open_blocks(sid)",
    f"CREATE VIEW documents_text AS SELECT rowid, title, body, {_FACETS.format('')} AS facets FROM documents",
    f"""CREATE VIEW code_text AS SELECT rowid, title, body, {_FACETS.format("")} AS facets FROM documents
      WHERE has_code = 1""",
    """CREATE VIRTUAL TABLE words USING fts5(title, body, facets, content = 'documents_text', content_rowid = 'rowid',
      tokenize = "unicode61 remove_diacritics 2", prefix = '3 4')""",
    """CREATE VIRTUAL TABLE code USING fts5(title, body, facets, content = 'code_text', content_rowid = 'rowid',
      tokenize = 'trigram')""",
)

_FILL_BYTES, _LIVE_BYTES = 16 << 20, 1 << 20
"""What an index gathers in memory before it writes: to fill one, enough that hardly anything is written twice (which
halves the time); later, what SQLite takes by itself."""


_MERGED_AT_ONCE = 16
"""Pieces of an index of one size that make one of the next size: as many as SQLite allows. Each commit makes a piece,
and by fours, its default, an index of parts of words costs several times as much to merge."""


def _filled(index: str) -> tuple[str, ...]:
    option = f"INSERT INTO {index}({index}, rank) VALUES ('{{}}', {{}})"
    return (
        option.format("hashsize", _FILL_BYTES),
        f"INSERT INTO {index}({index}) VALUES ('rebuild')",
        option.format("hashsize", _LIVE_BYTES),
        option.format("automerge", _MERGED_AT_ONCE),
    )


LATE_SCHEMA = (
    *_filled("words"),
    *_filled("code"),
    f"""CREATE TRIGGER documents_are_found AFTER INSERT ON documents BEGIN
      INSERT INTO words(rowid, title, body, facets)
        SELECT new.rowid, new.title, new.body, {_FACETS.format("new.")};
      INSERT INTO code(rowid, title, body, facets)
        SELECT new.rowid, new.title, new.body, {_FACETS.format("new.")}
        WHERE new.has_code = 1;
    END""",
)
