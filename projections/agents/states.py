"""States of sessions: verdicts of the moment of reading, counted from the reader's clock; nothing of them is stored.

    waiting      for a person: a permission, a question, a plan
    stalled      in a round, and silent for longer than what it is doing may be silent
    active       in a round
    background   its round is over, and what it left running in the background is not
    idle         alive, and nobody has asked it for anything
    orphaned     its process went away in the middle of a round
    ended        anything else

How long silence is fine depends on what is being waited for: pieces of a stream come all the time, a model may think
for minutes without a sign, a tool may run for an hour. Time for which the machine slept is no silence.

Whether a session lives is known of its process, where one is known. Of the others it is concluded: one that was heard
of lately lives, and one in a round, or with a question to a person, may be silent for longer.
"""

from __future__ import annotations

from eventsrc.plugin import Question

STATES = ("active", "waiting", "stalled", "background", "idle", "orphaned")
"""Those that are counted."""
PATIENCE = {"stream": 1, "silent": 20, "waiting_tool": 240}
"""What is waited for → how many times `after` the silence may last: 30 s, 10 min, 2 h."""
HEARD_IDLE, HEARD_IN_ROUND, HEARD_ASKING = 600, 7_200, 86_400
"""Seconds for which a session without a known process lives on in silence: idle, in a round, waiting for a person."""
LATE = 5
"""Seconds after its end in which a session may still be told of without having begun again."""
RECENTLY = 259_200
"""Seconds of sessions that are looked at at all, where no process is known to live: longer than any silence, sleep
included."""
DAY = 86_400
"""Seconds after which an orphaned session is no news."""

SILENCE = """max(0.0, :now - s.last_activity_time
  - coalesce((SELECT sum(w.seconds) FROM wakes w WHERE w.time > s.last_activity_time), 0.0))"""
_IN_ROUND = "s.open_rounds != '[]'"
_SINCE = "coalesce((SELECT r.start_time FROM rounds r WHERE r.round_id = s.current_round), 0.0)"
PENDING = f"""((SELECT count(*) FROM awaited_results a WHERE a.sid = s.sid AND a.complete_time >= {_SINCE}
    AND NOT EXISTS (SELECT 1 FROM tool_calls c WHERE c.tool_use_id = a.tool_use_id AND c.outcome IS NOT NULL))
  + (SELECT count(*) FROM tool_calls c WHERE c.sid = s.sid AND c.outcome IS NULL AND c.start_time >= {_SINCE}
    AND NOT EXISTS (SELECT 1 FROM awaited_results a WHERE a.tool_use_id = c.tool_use_id)))"""
"""Calls of the round that have no result yet."""
_KIND = f"""CASE WHEN s.waiting_reason IS NOT NULL THEN 'waiting_person' WHEN {PENDING} > 0 THEN 'waiting_tool'
  WHEN EXISTS (SELECT 1 FROM content_blocks b WHERE b.sid = s.sid AND b.is_complete = 0 AND b.start_time >= {_SINCE})
    THEN 'stream' ELSE 'silent' END"""
LIVE = f"""(s.is_active = 1 OR ((s.end_time IS NULL OR s.last_activity_time > s.end_time + {LATE})
  AND s.last_activity_time > :now - {RECENTLY} AND {SILENCE} < CASE WHEN s.waiting_reason IS NOT NULL
    THEN {HEARD_ASKING} WHEN {_IN_ROUND} THEN {HEARD_IN_ROUND} ELSE {HEARD_IDLE} END))"""
_ORPHANED = "EXISTS (SELECT 1 FROM rounds r WHERE r.round_id = s.current_round AND r.state = 'orphaned')"
_BACKGROUND = "CAST(coalesce(json_extract(s.metadata, '$.background'), 0) AS INTEGER) > 0"
_RECENT = f"""(SELECT sid FROM sessions WHERE is_active = 1
    UNION SELECT sid FROM sessions WHERE last_activity_time > :now - {RECENTLY}) n
  CROSS JOIN sessions s ON s.sid = n.sid"""
"""The sessions `s` that may live. Two halves, each found by its index, which SQLite does not do for an OR."""


def state(after: str = "30.0") -> str:
    """SQL of the state of the session `s`; `after`: seconds of silence in a stream that are one stall."""
    patience = " ".join(f"WHEN '{kind}' THEN {times}" for kind, times in PATIENCE.items())
    return f"""CASE WHEN NOT {LIVE} THEN iif({_ORPHANED}, 'orphaned', 'ended')
      WHEN s.waiting_reason IS NOT NULL THEN 'waiting'
      WHEN NOT {_IN_ROUND} THEN iif({_BACKGROUND}, 'background', 'idle')
      WHEN {SILENCE} >= CAST({after} AS REAL) * CASE {_KIND} {patience} END THEN 'stalled' ELSE 'active' END"""


_COUNTED = f"""counted AS (SELECT CASE WHEN {_ORPHANED} AND s.is_active = 0 AND s.end_time <= :now - {DAY} THEN 'ended'
    ELSE {state(":after")} END AS state, count(*) AS sessions FROM {_RECENT} GROUP BY 1),
  states AS (SELECT column1 AS state, coalesce(sessions, 0) AS sessions
    FROM (VALUES {", ".join(f"('{one}')" for one in STATES)}) LEFT JOIN counted ON counted.state = column1)"""
_PENDING_NOW = f"""(SELECT coalesce(sum({PENDING}), 0) FROM {_RECENT} WHERE {_IN_ROUND} AND {LIVE})"""
_KINDS = ("input", "output", "cache_creation_input", "cache_read_input", "reasoning")
_TOOLS = 20
"""Tools with a series of their own; the others, which anybody's servers may name as they like, are one."""
_BY_TOOL = f"""by_tool AS (SELECT iif(place <= {_TOOLS}, tool_name, 'other') AS tool, sum(calls) AS calls,
    sum(errors) AS errors FROM (SELECT coalesce(nullif(substr(tool_name, 1, 100), ''), '?') AS tool_name,
      sum(rows) AS calls, sum(errors) AS errors, row_number() OVER (ORDER BY sum(rows) DESC, tool_name) AS place
      FROM tool_totals GROUP BY 1) GROUP BY 1)"""

VERDICTS = (
    Question(
        "states",
        f"WITH {_COUNTED} SELECT state, sessions FROM states",
        "How many sessions are in which state.",
        ("now", "after"),
        defaults={"after": 30.0},
    ),
    Question(
        "waiting",
        f"""SELECT max(0.0, :now - s.waiting_time) AS age, s.waiting_reason AS reason, s.sid, s.title,
          coalesce(b.content, c.input) AS input, s.cwd, s.agent, coalesce(c.tool_name, b.tool_name) AS tool_name,
          s.pid, s.waiting_time, s.waiting_tool AS tool_use_id
        FROM sessions s LEFT JOIN tool_calls c ON c.tool_use_id = s.waiting_tool
        LEFT JOIN content_blocks b ON b.tool_use_id = s.waiting_tool
        WHERE s.waiting_reason IS NOT NULL AND {LIVE} ORDER BY s.waiting_time, s.sid""",
        "Sessions that wait for a person, the longest first: a permission, a question, a plan.",
        ("now",),
    ),
    Question(
        "stalled",
        f"""SELECT {SILENCE} AS age, {state(":after")} AS state, {_KIND} AS kind, s.sid, s.title, s.agent,
          s.waiting_reason, s.pid, s.last_activity_time
        FROM {_RECENT} WHERE s.last_activity_time <= :now - CAST(:after AS REAL)
          AND {SILENCE} >= CAST(:after AS REAL) AND {LIVE}
          AND ({_IN_ROUND} OR EXISTS (SELECT 1 FROM awaited_results a WHERE a.sid = s.sid))
        ORDER BY state != 'stalled', s.last_activity_time DESC, s.sid""",
        "Live sessions in a round, or with a pending tool, that have been silent for `after` seconds, and whether that "
        "is too long for what they wait for.",
        ("after", "now"),
        defaults={"after": 30.0},
    ),
    Question(
        "dashboard",
        f"""WITH {_COUNTED}
        SELECT (SELECT sum(sessions) FROM states WHERE state != 'orphaned') AS active_sessions,
          (SELECT coalesce(sum(json_array_length(s.open_rounds)), 0) FROM {_RECENT} WHERE {_IN_ROUND} AND {LIVE})
            AS open_rounds,
          {_PENDING_NOW} AS pending_tools,
          (SELECT sessions FROM states WHERE state = 'waiting') AS waiting,
          (SELECT sessions FROM states WHERE state = 'stalled') AS stalled,
          (SELECT count(*) FROM rounds WHERE state = 'orphaned') AS orphaned_rounds,
          (SELECT count(*) FROM errors WHERE time > :now - 3600)
            + (SELECT count(*) FROM tool_results WHERE is_error = 1 AND result_time > :now - 3600) AS recent_errors""",
        "One screen: live sessions, their open rounds and pending tools, who waits for you, errors of the last hour.",
        ("now", "after"),
        defaults={"after": 30.0},
    ),
    Question(
        "metrics",
        f"""WITH {_COUNTED}, {_BY_TOOL}
        SELECT 'sessions' AS metric, 'state' AS label, state AS key, sessions AS value FROM states
        UNION ALL SELECT 'pending_tools', NULL, NULL, {_PENDING_NOW}
        UNION ALL {
            " UNION ALL ".join(
                f"SELECT 'tokens', 'kind', '{kind}', coalesce(sum({kind}_tokens), 0) FROM usage_totals"
                for kind in _KINDS
            )
        }
        UNION ALL SELECT 'tool_calls', 'tool', tool, calls FROM by_tool
        UNION ALL SELECT 'tool_errors', 'tool', tool, errors FROM by_tool""",
        "Counts for the service's metrics: metric, label, key, value.",
        ("now", "after"),
        defaults={"after": 30.0},
    ),
)

LATE_SCHEMA = (
    "CREATE INDEX wakes_by_time ON wakes(time, seconds)",
    "CREATE INDEX sessions_waiting ON sessions(waiting_time) WHERE waiting_reason IS NOT NULL",
)
