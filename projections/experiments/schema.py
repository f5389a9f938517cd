"""The tables. Columns of the contract keep their names and meanings; the others hold what the fold has to remember.

Nothing here depends on the clock: a dialogue without an end is `open`, and whether that means running, stalled or
crashed is the answer of a question. Times are seconds since the epoch; where a producer wrote local time without a
zone (`zone = 'local'`), they are that wall time taken as UTC.

Columns of a primary key come first: the integrity check of SQLite 3.40 looks for NULL in the wrong column otherwise.
"""

from __future__ import annotations

from projections.experiments.states import experiment_state

SCHEMA = (
    """CREATE TABLE experiments(
      experiment_id TEXT PRIMARY KEY, name TEXT, state TEXT NOT NULL, created_at REAL, started_at REAL,
      completed_at REAL, planned_conversations INTEGER, config TEXT, error TEXT, folder TEXT, phase TEXT,
      claimed_status TEXT, claimed_completed INTEGER, claimed_failed INTEGER, claimed_completed_at REAL,
      last_position INTEGER NOT NULL, loaded_at REAL, loaded_rows INTEGER, loaded_rejected INTEGER,
      loaded_position INTEGER NOT NULL, pid INTEGER, pid_time REAL, is_alive INTEGER, process_started REAL, boot_id TEXT
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE conversations(
      conversation_id TEXT PRIMARY KEY, experiment_id TEXT, agent_a_model TEXT, agent_b_model TEXT,
      initial_prompt TEXT, max_turns INTEGER, total_turns INTEGER NOT NULL, state TEXT NOT NULL, end_reason TEXT,
      started_at REAL, ended_at REAL, duration_ms REAL, error TEXT, folder TEXT, agent_a_name TEXT, agent_b_name TEXT,
      temperature_a REAL, temperature_b REAL, open_turn INTEGER, open_turn_at REAL, turns_started INTEGER NOT NULL,
      message_count INTEGER NOT NULL, message_tokens INTEGER NOT NULL, event_count INTEGER NOT NULL,
      end_count INTEGER NOT NULL, last_end_reason TEXT, reported_turns INTEGER, error_count INTEGER NOT NULL,
      truncation_count INTEGER NOT NULL, context_limit INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL, total_tokens INTEGER NOT NULL, last_convergence REAL, first_event_at REAL,
      last_event_at REAL, alive_at REAL, zone TEXT, file TEXT, last_position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE event_keys(
      conversation_id TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (conversation_id, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE turns(
      conversation_id TEXT NOT NULL, turn_number INTEGER NOT NULL, time REAL, convergence_score REAL, started_at REAL,
      PRIMARY KEY (conversation_id, turn_number)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE messages(
      conversation_id TEXT NOT NULL, turn_number INTEGER NOT NULL, agent_id TEXT NOT NULL, time REAL,
      content TEXT NOT NULL, duration_ms REAL, prompt_tokens INTEGER, completion_tokens INTEGER, total_tokens INTEGER,
      position INTEGER NOT NULL, PRIMARY KEY (conversation_id, turn_number, agent_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE thoughts(
      conversation_id TEXT NOT NULL, turn_number INTEGER NOT NULL, agent_id TEXT NOT NULL, time REAL,
      content TEXT NOT NULL, tokens INTEGER, position INTEGER NOT NULL,
      PRIMARY KEY (conversation_id, turn_number, agent_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE token_usage(
      conversation_id TEXT NOT NULL, position INTEGER NOT NULL, agent_id TEXT, model TEXT, prompt_tokens INTEGER,
      completion_tokens INTEGER, total_tokens INTEGER, provider TEXT, time REAL,
      PRIMARY KEY (conversation_id, position)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE errors(
      conversation_id TEXT NOT NULL, position INTEGER NOT NULL, time REAL, agent_id TEXT, provider TEXT,
      error_type TEXT NOT NULL, error_message TEXT NOT NULL, retryable INTEGER,
      PRIMARY KEY (conversation_id, position)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE claims(
      experiment_id TEXT NOT NULL, conversation_id TEXT NOT NULL, status TEXT, total_turns INTEGER, last_line INTEGER,
      total_tokens INTEGER, error TEXT, PRIMARY KEY (experiment_id, conversation_id)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE folders(folder TEXT PRIMARY KEY, experiment_id TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX experiments_by_name ON experiments(name)",
    "CREATE INDEX conversations_by_experiment ON conversations(experiment_id)",
    "CREATE INDEX conversations_by_folder ON conversations(folder)",
    """CREATE VIEW contradictions AS
      SELECT e.experiment_id, NULL AS conversation_id, 'state' AS what, e.claimed_status AS claimed, e.state AS found
        FROM experiments e WHERE e.claimed_status IN ('completed', 'failed', 'completed_with_failures', 'interrupted')
          AND e.claimed_status IS NOT e.state
      UNION ALL SELECT e.experiment_id, NULL, 'error beside completed', e.claimed_status, e.error
        FROM experiments e WHERE e.claimed_status = 'completed' AND e.error IS NOT NULL
      UNION ALL SELECT e.experiment_id, NULL, 'completed conversations', CAST(e.claimed_completed AS TEXT),
          (SELECT CAST(count(*) AS TEXT) FROM conversations c
            WHERE c.experiment_id = e.experiment_id AND c.state = 'completed')
        FROM experiments e WHERE e.claimed_completed IS NOT (SELECT count(*) FROM conversations c
          WHERE c.experiment_id = e.experiment_id AND c.state = 'completed') AND e.claimed_completed IS NOT NULL
      UNION ALL SELECT c.experiment_id, c.conversation_id, 'state', k.status, c.state
        FROM claims k JOIN conversations c USING (experiment_id, conversation_id)
        WHERE k.status IN ('completed', 'failed', 'interrupted') AND k.status IS NOT c.state
      UNION ALL SELECT c.experiment_id, c.conversation_id, 'turns', CAST(k.total_turns AS TEXT),
          CAST(c.total_turns AS TEXT)
        FROM claims k JOIN conversations c USING (experiment_id, conversation_id) WHERE k.total_turns != c.total_turns
      UNION ALL SELECT c.experiment_id, c.conversation_id, 'events', CAST(k.last_line AS TEXT),
          CAST(c.event_count AS TEXT)
        FROM claims k JOIN conversations c USING (experiment_id, conversation_id) WHERE k.last_line != c.event_count""",
)

LATE_SCHEMA = (
    "CREATE INDEX messages_by_position ON messages(position)",
    "CREATE INDEX errors_by_time ON errors(time)",
)

SETTLE = f"""UPDATE experiments AS e SET
  state = {experiment_state("c.state", "'open'", "'created'")},
  started_at = coalesce((SELECT min(c.started_at) FROM conversations c WHERE c.experiment_id = e.experiment_id),
    e.started_at)
  WHERE e.experiment_id = :id"""
"""What follows for an experiment from its dialogues, as far as it does not depend on the clock."""

COMPLETE = """UPDATE experiments AS e SET completed_at = CASE
    WHEN e.state IN ('created', 'open', 'paused', 'post_processing') THEN NULL
    ELSE coalesce((SELECT max(c.ended_at) FROM conversations c WHERE c.experiment_id = e.experiment_id),
      e.claimed_completed_at) END
  WHERE e.experiment_id = :id"""
"""An experiment is complete when its last dialogue ended; one that never began, when its manifest says so."""
