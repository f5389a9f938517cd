"""The tables. Columns of the contract keep their names and meanings; the others hold what the fold has to remember."""

from __future__ import annotations

SCHEMA = (
    """CREATE TABLE sessions(
      sid TEXT PRIMARY KEY, agent TEXT, pid INTEGER, start_time REAL, end_time REAL, is_active INTEGER NOT NULL,
      last_activity_time REAL, parent_sid TEXT, cwd TEXT, git_branch TEXT, version TEXT, title TEXT,
      metadata TEXT NOT NULL, model TEXT, title_rank INTEGER NOT NULL, round_count INTEGER NOT NULL,
      current_round TEXT, open_rounds TEXT NOT NULL, zone_offset REAL, waiting_reason TEXT, held_prompt TEXT,
      waiting_tool TEXT, waiting_time REAL, went_on_time REAL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE runs(
      sid TEXT NOT NULL, pid INTEGER NOT NULL, start_time REAL NOT NULL, end_time REAL, exit_reason TEXT,
      last_time REAL NOT NULL, process_started REAL, boot_id TEXT, exit_code INTEGER, is_current INTEGER NOT NULL,
      PRIMARY KEY (sid, pid, start_time)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE rounds(
      round_id TEXT PRIMARY KEY, sid TEXT NOT NULL, pid INTEGER, round_number INTEGER NOT NULL, start_time REAL,
      end_time REAL, duration_ms REAL, has_user_prompt INTEGER NOT NULL, has_stop INTEGER NOT NULL,
      is_complete INTEGER NOT NULL, is_aborted INTEGER NOT NULL, state TEXT NOT NULL, user_prompt TEXT,
      user_prompt_time REAL, last_activity_time REAL, kind TEXT, reason TEXT, evidence INTEGER NOT NULL,
      last_said TEXT, begun INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE prompts(prompt_id TEXT PRIMARY KEY, round_id TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE flows(alias TEXT PRIMARY KEY, flow_id TEXT NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE messages(
      flow_id TEXT PRIMARY KEY, request_id TEXT, sid TEXT NOT NULL, pid INTEGER, round_id TEXT, agent_id TEXT,
      is_sidechain INTEGER NOT NULL, role TEXT, model TEXT, start_time REAL, end_time REAL, stop_reason TEXT,
      is_complete INTEGER NOT NULL, message_id TEXT, parent_tool_use_id TEXT, block_count INTEGER NOT NULL,
      streamed_blocks INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX messages_of_agents ON messages(sid, agent_id) WHERE agent_id IS NOT NULL",
    """CREATE TABLE content_blocks(
      flow_id TEXT NOT NULL, block_index INTEGER NOT NULL, block_type TEXT, tool_use_id TEXT, tool_name TEXT,
      start_time REAL, complete_time REAL, delta_count INTEGER NOT NULL, total_bytes INTEGER NOT NULL,
      content TEXT NOT NULL, delta_file_path TEXT, is_complete INTEGER NOT NULL, sid TEXT NOT NULL, round_id TEXT,
      last_time REAL, block_key TEXT, replayed INTEGER, PRIMARY KEY (flow_id, block_index)
    ) STRICT, WITHOUT ROWID""",
    "CREATE UNIQUE INDEX blocks_by_tool ON content_blocks(tool_use_id) WHERE tool_use_id IS NOT NULL",
    """CREATE TABLE block_keys(
      block_key TEXT PRIMARY KEY, flow_id TEXT NOT NULL, block_index INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE tool_results(
      tool_use_id TEXT PRIMARY KEY, flow_id TEXT, block_index INTEGER, result_time REAL, is_error INTEGER,
      content_size INTEGER NOT NULL, content_preview TEXT NOT NULL, content_file_path TEXT,
      execution_duration_ms REAL, content TEXT, result_id TEXT, measured_ms REAL, sid TEXT NOT NULL,
      tool_name TEXT, stands_in INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # Few at any time, where "calls without a result" would be looked for among all calls there ever were.
    """CREATE TABLE awaited_results(
      tool_use_id TEXT PRIMARY KEY, sid TEXT NOT NULL, complete_time REAL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE tool_totals(
      day INTEGER NOT NULL, tool_name TEXT NOT NULL, rows INTEGER NOT NULL, errors INTEGER NOT NULL,
      timed INTEGER NOT NULL, timed_errors INTEGER NOT NULL, duration_us INTEGER NOT NULL,
      error_duration_us INTEGER NOT NULL, PRIMARY KEY (day, tool_name)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE usage(
      usage_id TEXT PRIMARY KEY, sid TEXT NOT NULL, flow_id TEXT, origin TEXT NOT NULL, time REAL, model TEXT,
      input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_creation_input_tokens INTEGER NOT NULL,
      cache_read_input_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, is_final INTEGER NOT NULL,
      is_sidechain INTEGER NOT NULL, request_id TEXT, first_time REAL, source TEXT NOT NULL,
      rule TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE usage_totals(
      sid TEXT NOT NULL, hour INTEGER NOT NULL, model TEXT NOT NULL, origin TEXT NOT NULL, rows INTEGER NOT NULL,
      input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_creation_input_tokens INTEGER NOT NULL,
      cache_read_input_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
      PRIMARY KEY (sid, hour, model, origin)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE counters(
      sid TEXT PRIMARY KEY, copy_of TEXT, reached TEXT, is_reported INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # The key's columns first: otherwise `integrity_check` of SQLite 3.40 sees NULLs that are not there.
    """CREATE TABLE errors(
      position INTEGER NOT NULL, number INTEGER NOT NULL, event_id TEXT NOT NULL, sid TEXT NOT NULL, round_id TEXT,
      time REAL, error_type TEXT NOT NULL, message TEXT NOT NULL, retryable INTEGER, error_id TEXT,
      PRIMARY KEY (position, number)
    ) STRICT, WITHOUT ROWID""",
    "CREATE UNIQUE INDEX errors_by_id ON errors(error_id) WHERE error_id IS NOT NULL",
    """CREATE TABLE raw_events(
      event_id TEXT NOT NULL, position INTEGER NOT NULL, event_type TEXT NOT NULL, timestamp REAL,
      raw_json TEXT NOT NULL, processed INTEGER NOT NULL, PRIMARY KEY (event_id, position)
    ) STRICT, WITHOUT ROWID""",
    # Two halves, because SQLite uses a partial index only for its very own condition.
    """CREATE VIEW incomplete_rounds AS
      SELECT round_id, sid, pid, round_number, state, user_prompt, start_time, last_activity_time
      FROM rounds WHERE state = 'open'
      UNION ALL
      SELECT round_id, sid, pid, round_number, state, user_prompt, start_time, last_activity_time
      FROM rounds WHERE state = 'orphaned'""",
    """CREATE VIEW pending_tool_calls AS
      SELECT b.tool_use_id, b.tool_name, b.flow_id, b.block_index, b.sid, b.round_id, b.complete_time, b.content
      FROM awaited_results a CROSS JOIN content_blocks b ON b.tool_use_id = a.tool_use_id
      WHERE NOT EXISTS (SELECT 1 FROM tool_calls c WHERE c.tool_use_id = a.tool_use_id AND c.outcome IS NOT NULL)
      UNION ALL
      SELECT c.tool_use_id, c.tool_name, NULL, NULL, c.sid, c.round_id, c.start_time, c.input
      FROM tool_calls c WHERE c.outcome IS NULL
        AND NOT EXISTS (SELECT 1 FROM awaited_results a WHERE a.tool_use_id = c.tool_use_id)
        AND NOT EXISTS (SELECT 1 FROM tool_results r WHERE r.tool_use_id = c.tool_use_id)""",
)

LATE_SCHEMA = (
    "CREATE INDEX sessions_by_start ON sessions(start_time DESC, sid)",
    "CREATE INDEX sessions_by_activity ON sessions(last_activity_time)",
    "CREATE INDEX sessions_active ON sessions(last_activity_time) WHERE is_active = 1",
    "CREATE INDEX runs_current ON runs(last_time) WHERE end_time IS NULL",
    "CREATE INDEX rounds_by_session ON rounds(sid, round_number)",
    "CREATE INDEX rounds_open ON rounds(sid) WHERE state = 'open'",
    "CREATE INDEX rounds_orphaned ON rounds(last_activity_time) WHERE state = 'orphaned'",
    "CREATE INDEX rounds_unbalanced ON rounds(last_activity_time) WHERE has_user_prompt = 1 AND evidence = 0",
    "CREATE INDEX messages_by_round ON messages(round_id, start_time)",
    "CREATE INDEX messages_by_session ON messages(sid, start_time)",
    # What a block adds to a time series stands in the index, so that a long session is counted without its texts.
    """CREATE INDEX blocks_by_session
      ON content_blocks(sid, last_time, complete_time, start_time, total_bytes, delta_count)""",
    "CREATE INDEX blocks_of_tools ON content_blocks(sid, tool_name) WHERE tool_use_id IS NOT NULL",
    "CREATE INDEX blocks_unfinished ON content_blocks(sid, start_time) WHERE is_complete = 0",
    "CREATE INDEX awaited_by_session ON awaited_results(sid)",
    "CREATE INDEX awaited_by_time ON awaited_results(complete_time)",
    "CREATE INDEX results_by_time ON tool_results(result_time, tool_name, is_error, execution_duration_ms)",
    "CREATE INDEX results_failed ON tool_results(sid, result_time) WHERE is_error = 1",
    "CREATE INDEX usage_by_session ON usage(sid, time)",
    "CREATE INDEX usage_by_time ON usage(time)",
    "CREATE INDEX errors_by_time ON errors(time)",
    "CREATE INDEX errors_by_session ON errors(sid, time)",
)
