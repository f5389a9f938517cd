"""The tables of the analytics database. Times are TIMESTAMP in UTC; text is never cut."""

from __future__ import annotations

RULES = 1
"""Version of what is loaded and how; another one in the ledger means that a file is loaded again."""

TABLES = (
    """CREATE TABLE IF NOT EXISTS events(
      stream_id VARCHAR, sequence BIGINT, experiment_id VARCHAR, conversation_id VARCHAR, event_type VARCHAR,
      timestamp TIMESTAMP, local_time BOOLEAN, event_data JSON, PRIMARY KEY (stream_id, sequence))""",
    """CREATE TABLE IF NOT EXISTS rejected(
      stream_id VARCHAR, line BIGINT, reason VARCHAR, head VARCHAR, PRIMARY KEY (stream_id, line))""",
    """CREATE TABLE IF NOT EXISTS loads(
      stream_id VARCHAR PRIMARY KEY, experiment_id VARCHAR, conversation_id VARCHAR, file VARCHAR, file_hash VARCHAR,
      bytes BIGINT, last_sequence BIGINT, rows BIGINT, rejected BIGINT, rule_version INTEGER, loaded_at TIMESTAMP)""",
    """CREATE TABLE IF NOT EXISTS experiments(
      experiment_id VARCHAR PRIMARY KEY, name VARCHAR, status VARCHAR, created_at TIMESTAMP, started_at TIMESTAMP,
      completed_at TIMESTAMP, planned_conversations BIGINT, ended_conversations BIGINT, failed_conversations BIGINT,
      claimed_status VARCHAR, error VARCHAR, config JSON, folder VARCHAR)""",
    """CREATE TABLE IF NOT EXISTS conversations(
      conversation_id VARCHAR PRIMARY KEY, experiment_id VARCHAR, status VARCHAR, agent_a_model VARCHAR,
      agent_b_model VARCHAR, initial_prompt VARCHAR, max_turns BIGINT, total_turns BIGINT, end_reason VARCHAR,
      final_convergence_score DOUBLE, started_at TIMESTAMP, completed_at TIMESTAMP, duration_ms DOUBLE,
      error_message VARCHAR, had_truncation BOOLEAN, local_time BOOLEAN)""",
    """CREATE TABLE IF NOT EXISTS messages(
      conversation_id VARCHAR, turn_number BIGINT, agent_id VARCHAR, timestamp TIMESTAMP, content VARCHAR,
      token_count BIGINT, duration_ms DOUBLE, PRIMARY KEY (conversation_id, turn_number, agent_id))""",
    """CREATE TABLE IF NOT EXISTS turns(
      conversation_id VARCHAR, turn_number BIGINT, timestamp TIMESTAMP, convergence_score DOUBLE, duration_ms DOUBLE,
      PRIMARY KEY (conversation_id, turn_number))""",
    """CREATE TABLE IF NOT EXISTS token_usage(
      conversation_id VARCHAR, number BIGINT, timestamp TIMESTAMP, agent_id VARCHAR, provider VARCHAR, model VARCHAR,
      prompt_tokens BIGINT, completion_tokens BIGINT, total_tokens BIGINT, PRIMARY KEY (conversation_id, number))""",
    """CREATE TABLE IF NOT EXISTS errors(
      conversation_id VARCHAR, number BIGINT, timestamp TIMESTAMP, agent_id VARCHAR, provider VARCHAR,
      error_type VARCHAR, error_message VARCHAR, retryable BOOLEAN, PRIMARY KEY (conversation_id, number))""",
    """CREATE OR REPLACE VIEW turn_metrics AS
      WITH said AS (SELECT *, regexp_extract_all(lower(content), '[\\p{L}\\p{N}'']+') AS w FROM messages)
      SELECT t.*, length(a.content) AS message_a_length, length(b.content) AS message_b_length,
        len(a.w) AS message_a_word_count, len(b.w) AS message_b_word_count,
        len(list_distinct(a.w)) AS message_a_unique_words, len(list_distinct(b.w)) AS message_b_unique_words,
        len(list_distinct(a.w)) / nullif(len(a.w), 0) AS message_a_type_token_ratio,
        len(list_distinct(b.w)) / nullif(len(b.w), 0) AS message_b_type_token_ratio,
        len(list_intersect(a.w, b.w)) / nullif(len(list_distinct(list_concat(a.w, b.w))), 0) AS vocabulary_overlap
      FROM turns t
        LEFT JOIN said a ON a.conversation_id = t.conversation_id AND a.turn_number = t.turn_number
          AND a.agent_id = 'agent_a'
        LEFT JOIN said b ON b.conversation_id = t.conversation_id AND b.turn_number = t.turn_number
          AND b.agent_id = 'agent_b'""",
    """CREATE OR REPLACE VIEW experiment_dashboard AS
      SELECT e.experiment_id, e.name, e.status, e.planned_conversations, count(c.conversation_id) AS conversations,
        round(100.0 * e.ended_conversations / nullif(e.planned_conversations, 0), 1) AS progress_percent,
        avg(c.final_convergence_score) AS average_convergence, median(c.final_convergence_score) AS median_convergence,
        stddev_samp(c.final_convergence_score) AS deviation_convergence, avg(c.duration_ms) AS average_duration_ms,
        sum(c.total_turns) AS turns,
        (SELECT sum(u.total_tokens) FROM token_usage u JOIN conversations x USING (conversation_id)
          WHERE x.experiment_id = e.experiment_id) AS tokens
      FROM experiments e LEFT JOIN conversations c USING (experiment_id) GROUP BY ALL""",
    """CREATE OR REPLACE VIEW convergence_trends AS
      SELECT conversation_id, turn_number, convergence_score,
        avg(convergence_score) OVER (PARTITION BY conversation_id ORDER BY turn_number ROWS 4 PRECEDING) AS mean_of_5,
        avg(convergence_score) OVER (PARTITION BY conversation_id ORDER BY turn_number ROWS 9 PRECEDING) AS mean_of_10,
        convergence_score - lag(convergence_score) OVER (PARTITION BY conversation_id ORDER BY turn_number) AS delta
      FROM turns""",
)
"""Made when they are missing; views follow the code."""
