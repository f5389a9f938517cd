"""The tables. Times are REAL seconds since the epoch, UTC; booleans are 0/1.

`messages.time` is what the writer says (`tz_source` tells what that is worth), `received_at` when the log accepted the
first observation; `at` is the one of the two by which everything is ordered.
"""

from __future__ import annotations

SCHEMA = (
    """CREATE TABLE messages(
      message_id TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT, type TEXT, priority TEXT, topic TEXT, role TEXT,
      context_id TEXT, time REAL, received_at REAL NOT NULL, position INTEGER NOT NULL, text TEXT NOT NULL,
      word_count INTEGER NOT NULL, char_count INTEGER NOT NULL, content_hash TEXT NOT NULL, chain_type TEXT,
      ace_tier TEXT NOT NULL, observed TEXT, at REAL NOT NULL, thread_id TEXT NOT NULL, written_id TEXT,
      written_time TEXT, tz_source TEXT, chain_score INTEGER NOT NULL, runner_up TEXT, runner_up_score INTEGER NOT NULL,
      observations INTEGER NOT NULL, is_placeholder INTEGER NOT NULL, is_text_json INTEGER NOT NULL,
      shape TEXT NOT NULL, content TEXT, metadata TEXT, extras TEXT, key TEXT NOT NULL UNIQUE,
      PRIMARY KEY(message_id, sender)) STRICT""",
    """CREATE TABLE message_tags(message_id TEXT NOT NULL, sender TEXT NOT NULL, tag TEXT NOT NULL,
      PRIMARY KEY(message_id, sender, tag)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE message_keywords(message_id TEXT NOT NULL, sender TEXT NOT NULL, keyword TEXT NOT NULL,
      place INTEGER NOT NULL, PRIMARY KEY(message_id, sender, keyword)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE observations(position INTEGER PRIMARY KEY, message_id TEXT NOT NULL, sender TEXT NOT NULL,
      observed TEXT, observer TEXT, time REAL, received_at REAL NOT NULL, source TEXT NOT NULL,
      shape TEXT NOT NULL) STRICT""",
    """CREATE TABLE compat_readings(message_id TEXT NOT NULL, sender TEXT NOT NULL, rules TEXT NOT NULL,
      chain_type TEXT, ace_tier TEXT NOT NULL, tags TEXT NOT NULL, keywords TEXT NOT NULL, content_hash TEXT NOT NULL,
      PRIMARY KEY(message_id, sender, rules)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE refused(position INTEGER PRIMARY KEY, reason TEXT NOT NULL, shape TEXT, message_id TEXT,
      sender TEXT, context_id TEXT, time REAL, received_at REAL NOT NULL, source TEXT NOT NULL, event_id TEXT NOT NULL,
      metadata TEXT, extras TEXT) STRICT""",
    # Runs of messages: one per context, and one per stretch of messages without context and without a long pause.
    """CREATE TABLE runs(run_id TEXT PRIMARY KEY, context_id TEXT, start_time REAL NOT NULL, end_time REAL NOT NULL,
      message_count INTEGER NOT NULL, last_position INTEGER NOT NULL, last_status TEXT) STRICT, WITHOUT ROWID""",
    "CREATE INDEX runs_without_context ON runs(end_time) WHERE context_id IS NULL",
    """CREATE TABLE run_speakers(run_id TEXT NOT NULL, speaker TEXT NOT NULL,
      PRIMARY KEY(run_id, speaker)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE enrichment_rules(version TEXT PRIMARY KEY, applied_at REAL NOT NULL, name TEXT NOT NULL,
      in_force INTEGER NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID""",
    # A run is a thread when somebody answered: at least two messages, and five seconds between the first and the last.
    """CREATE VIEW threads AS SELECT run_id AS thread_id, context_id, start_time, end_time,
      CAST(round((end_time - start_time) * 1000) AS INTEGER) AS duration_ms, message_count,
      coalesce(last_status, 'unknown') AS final_status
      FROM runs WHERE message_count >= 2 AND end_time - start_time >= 5""",
    """CREATE VIEW thread_participants AS SELECT run_id AS thread_id, speaker FROM run_speakers
      WHERE run_id IN (SELECT thread_id FROM threads)""",
    # The domain changed and stayed for two messages: said of a thread's messages in their order.
    """CREATE VIEW context_shifts AS
      WITH ordered AS (SELECT thread_id, chain_type, position, row_number() OVER w - 1 AS message_index,
          lag(chain_type) OVER w AS before, lead(chain_type) OVER w AS after
        FROM messages WHERE chain_type IS NOT NULL WINDOW w AS (PARTITION BY thread_id ORDER BY at, position))
      SELECT thread_id, before AS from_topic, chain_type AS to_topic, message_index, position FROM ordered
      WHERE before <> chain_type AND after = chain_type""",
    "CREATE INDEX messages_thread ON messages(thread_id, at, position)",  # a run that is bridged is renamed
)

LATE_SCHEMA = (
    "CREATE INDEX messages_at ON messages(at, position)",
    "CREATE INDEX messages_hash ON messages(content_hash)",
    "CREATE INDEX messages_received ON messages(received_at)",
    "CREATE INDEX messages_sender ON messages(sender, at)",
    "CREATE INDEX messages_chain ON messages(chain_type, at)",
    "CREATE INDEX messages_pair ON messages(type, sender, recipient, at)",
    "CREATE INDEX runs_start ON runs(start_time)",
    "CREATE INDEX message_tags_tag ON message_tags(tag)",
    "CREATE INDEX observations_message ON observations(message_id, sender)",
)
