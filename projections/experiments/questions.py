"""Named questions. Running, stalled and crashed follow from `:now` and `:stalled_after` seconds of silence.

An id is that of an experiment, its beginning, or its name; a conversation of no experiment stands for itself.
"""

from __future__ import annotations

from eventsrc.plugin import Question
from projections.experiments.states import CRASHED_FACTOR, OVER, STALLED_SECONDS, dialogue_state, experiment_state

_LIMIT = "CAST(:stalled_after AS REAL)"
_SILENT = """:now - coalesce((SELECT max(c.alive_at) FROM conversations c WHERE c.experiment_id = e.experiment_id),
      e.created_at, 0)"""
_QUIET = f"""CASE WHEN {_SILENT} < {_LIMIT} THEN 'running'
      WHEN {_SILENT} < {_LIMIT} * {CRASHED_FACTOR} THEN 'stalled' ELSE 'crashed' END"""
_NOT_BEGUN = (
    f"CASE WHEN e.claimed_completed_at IS NOT NULL THEN 'failed' ELSE {_QUIET.replace('running', 'created')} END"
)

_COUNTS = f"""count(c.conversation_id) AS seen, coalesce(sum({dialogue_state("c")} IN {OVER}), 0) AS ended,
    coalesce(sum({dialogue_state("c")} IN ('failed', 'crashed', 'never_started')), 0) AS failed,
    coalesce(sum({dialogue_state("c")} IN ('running', 'stalled')), 0) AS active,
    coalesce(sum(c.total_turns), 0) AS turns, coalesce(sum(c.max_turns), 0) AS turns_planned,
    coalesce(sum(c.message_count), 0) AS messages, coalesce(sum(c.error_count), 0) AS errors,
    coalesce(sum(max(c.total_tokens, c.message_tokens)), 0) AS tokens,
    max(c.last_convergence) AS convergence, max(c.alive_at) AS alive_at, max(c.zone) AS zone"""
"""Over the dialogues `c` of one run."""


def _runs(experiments: str, chats: str) -> str:
    """Experiments, and conversations that belong to none, side by side. Both conditions stand innermost, so that a
    question about one costs no more when there are thousands."""
    return f"""WITH runs AS (
  SELECT e.experiment_id AS id, e.name, 'experiment' AS kind,
    {experiment_state(dialogue_state("c"), _QUIET, _NOT_BEGUN)} AS state,
    coalesce(e.planned_conversations, d.seen) AS planned, e.created_at, e.started_at, e.completed_at, e.error,
    e.claimed_status, e.folder, e.loaded_at, e.last_position, e.config, d.*, x.agent_a_model, x.agent_b_model,
    (SELECT count(*) FROM contradictions k WHERE k.experiment_id = e.experiment_id) AS contradictions
  FROM (SELECT e.experiment_id AS of, {_COUNTS} FROM experiments e LEFT JOIN conversations c USING (experiment_id)
      WHERE {experiments} GROUP BY e.experiment_id) d
    JOIN experiments e ON e.experiment_id = d.of
    LEFT JOIN conversations x ON x.conversation_id =
      (SELECT min(conversation_id) FROM conversations y WHERE y.experiment_id = e.experiment_id)
  UNION ALL
  SELECT c.conversation_id, NULL, 'chat', {dialogue_state("c")}, 1, c.started_at, c.started_at, c.ended_at, c.error,
    NULL, c.folder, NULL, c.last_position, NULL, c.conversation_id, {_COUNTS}, c.agent_a_model, c.agent_b_model, 0
  FROM conversations c WHERE c.experiment_id IS NULL AND {chats} GROUP BY c.conversation_id)"""


_MEANT = """e.experiment_id >= :id AND e.experiment_id < :id || char(1114111) OR e.name = :id"""
_CHAT = "c.conversation_id >= :id AND c.conversation_id < :id || char(1114111)"
_DIALOGUES = f"(c.experiment_id IN (SELECT e.experiment_id FROM experiments e WHERE {_MEANT}) OR {_CHAT})"

_TURN_SECONDS = """(SELECT avg(seconds) FROM (SELECT t.time - t.started_at AS seconds,
      row_number() OVER (ORDER BY t.time - t.started_at) AS n, count(*) OVER () AS many
    FROM (SELECT conversation_id FROM conversations WHERE experiment_id = id UNION ALL SELECT id)
      JOIN turns t USING (conversation_id) WHERE t.started_at IS NOT NULL AND t.time IS NOT NULL)
  WHERE n IN ((many + 1) / 2, (many + 2) / 2))"""
"""The median duration of a turn of a run."""

_SHOWN = """id, name, kind, state, ended, planned, failed, active, turns, turns_planned, messages, tokens, errors,
  convergence, agent_a_model, agent_b_model, created_at, started_at, completed_at,
  CASE WHEN zone = 'local' THEN NULL ELSE :now - alive_at END AS age, claimed_status, error, contradictions, loaded_at,
  folder, last_position, config"""

QUESTIONS = (
    Question(
        "list",
        f"""{_runs("1", "CAST(:chats AS INTEGER)")} SELECT {_SHOWN} FROM runs
        WHERE (:state IS NULL OR state = :state) AND (:since IS NULL OR coalesce(started_at, created_at) >= :since)
        ORDER BY coalesce(started_at, created_at) DESC, id""",
        "Experiments, newest first; with chats, conversations that belong to none too.",
        ("state", "since", "chats", "now", "stalled_after"),
        defaults={"stalled_after": STALLED_SECONDS, "chats": 1},
    ),
    Question(
        "status",
        f"""{_runs(f"({_MEANT})", _CHAT)} SELECT {_SHOWN}, {_TURN_SECONDS} AS turn_seconds FROM runs ORDER BY id""",
        "One experiment; the beginning of its id, or its name, is enough.",
        ("id", "now", "stalled_after"),
        ("id",),
        defaults={"stalled_after": STALLED_SECONDS},
    ),
    Question(
        "conversations",
        f"""SELECT c.conversation_id, {dialogue_state("c")} AS state, c.total_turns AS turns, c.max_turns,
          c.last_convergence AS convergence, c.message_count AS messages,
          max(c.total_tokens, c.message_tokens) AS tokens, c.error_count AS errors, c.end_reason, c.end_count,
          c.context_limit, c.truncation_count AS truncations, c.started_at, c.ended_at, c.duration_ms,
          c.agent_a_model, c.agent_b_model, c.event_count AS events, c.zone, c.error, c.experiment_id, c.file,
          c.initial_prompt
        FROM conversations c WHERE {_DIALOGUES} ORDER BY c.started_at IS NULL, c.started_at, c.conversation_id""",
        "The conversations of an experiment.",
        ("id", "now", "stalled_after"),
        ("id",),
        defaults={"stalled_after": STALLED_SECONDS},
    ),
    Question(
        "turns",
        f"""SELECT t.conversation_id, t.turn_number, t.time, t.convergence_score,
          round((t.time - t.started_at) * 1000) AS duration_ms
        FROM turns t JOIN conversations c USING (conversation_id) WHERE {_DIALOGUES}
        ORDER BY t.conversation_id, t.turn_number""",
        "Completed turns of an experiment or a conversation.",
        ("id",),
        ("id",),
    ),
    Question(
        "messages",
        f"""SELECT m.conversation_id, m.turn_number, m.agent_id, m.time, m.content, m.total_tokens, m.duration_ms
        FROM messages m JOIN conversations c USING (conversation_id) WHERE {_DIALOGUES}
        ORDER BY m.conversation_id, m.turn_number, m.position""",
        "What was said in an experiment or a conversation.",
        ("id",),
        ("id",),
    ),
    Question(
        "usage",
        f"""SELECT u.conversation_id, u.time, u.agent_id, u.provider, u.model, u.prompt_tokens, u.completion_tokens,
          u.total_tokens, u.position
        FROM token_usage u JOIN conversations c USING (conversation_id) WHERE {_DIALOGUES}
        ORDER BY u.conversation_id, u.position""",
        "Tokens of each call of a model in an experiment or a conversation.",
        ("id",),
        ("id",),
    ),
    Question(
        "errors",
        """SELECT r.conversation_id, r.time, r.agent_id, r.provider, r.error_type, r.error_message, r.retryable,
          r.position,
          EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = r.conversation_id AND m.position > r.position
            AND (r.agent_id IS NULL OR m.agent_id = r.agent_id)) AS resolved
        FROM errors r JOIN conversations c USING (conversation_id)
        WHERE (:since IS NULL OR r.time >= :since) AND (:id IS NULL OR c.experiment_id = :id OR c.conversation_id = :id)
        ORDER BY r.time DESC""",
        "Errors on the way, newest first; resolved: the same agent spoke later in the same conversation.",
        ("since", "id"),
    ),
    Question(
        "contradictions",
        """SELECT experiment_id, conversation_id, what, claimed, found FROM contradictions
        WHERE :id IS NULL OR experiment_id = :id ORDER BY experiment_id, conversation_id, what""",
        "Where a manifest says otherwise than the log.",
        ("id",),
    ),
    Question(
        "watched_processes",
        """SELECT experiment_id AS sid, pid, 'experiment' AS agent, pid_time AS seen_time, process_started, boot_id
        FROM experiments WHERE pid IS NOT NULL AND pid_time IS NOT NULL AND is_alive IS NOT 0
          AND state IN ('created', 'open', 'paused', 'post_processing') ORDER BY pid_time DESC""",
        "Processes of experiments that may still run: the service watches them.",
    ),
    Question(
        "unloaded",
        f"""{_runs("e.folder IS NOT NULL AND e.last_position > e.loaded_position", "0")}
        SELECT id, state, last_position FROM runs
        WHERE state NOT IN ('running', 'stalled', 'paused', 'created', 'post_processing')
        ORDER BY last_position LIMIT 10000""",
        "Experiments that ended and are not in the analytics database as they stand.",
        ("now", "stalled_after"),
        defaults={"stalled_after": STALLED_SECONDS},
    ),
)
