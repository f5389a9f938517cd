"""Named questions. Ages are counted from `:now`, which the reader gives: nothing stored depends on the clock."""

from __future__ import annotations

from eventsrc.plugin import Question
from projections.agents.states import LIVE, state

_SESSION = f"""{state()} AS state, agent, last_activity_time, round_count, title, sid, waiting_reason,
  start_time, end_time, model, cwd, git_branch, version, pid, parent_sid, metadata, is_active"""
_LIMIT = 500
_SCREEN = 200
_NAMED = "substr(rtrim(:round_id, '0123456789'), 1, length(rtrim(:round_id, '0123456789')) - 1)"
ROUND = f"""coalesce((SELECT round_id FROM rounds WHERE round_id = :round_id),
  (SELECT iif(count(*) = 1 OR min(sid) = {_NAMED}, round_id, NULL) FROM rounds
    WHERE sid >= {_NAMED} AND sid < {_NAMED} || char(1114111) AND :round_id = {_NAMED} || '#' || round_number))"""
"""The round that `:round_id` names: by its id, or as SID#NUMBER, where the beginning of the session's id is enough if
no other begins so. (Of an aggregate with one `min`, SQLite takes other columns from the row that has it.)"""
SESSION = """(SELECT iif(count(*) = 1 OR min(sid) = :sid, min(sid), NULL) FROM sessions
    WHERE sid >= :sid AND sid < :sid || char(1114111))"""
"""The one session that `:sid` names: by its id, or by its beginning if no other begins so."""
_PREFIX = "sid >= :sid AND sid < :sid || char(1114111)"

QUESTIONS = (
    Question(
        "sessions",
        f"""SELECT {_SESSION} FROM sessions s WHERE (:active IS NULL OR {LIVE})
        AND (:since IS NULL OR last_activity_time >= :since) ORDER BY start_time DESC, sid
        LIMIT coalesce(:limit, {_LIMIT})""",
        f"Sessions, newest first; at most `limit` ({_LIMIT}).",
        ("active", "since", "limit", "now"),
        defaults={"limit": _LIMIT},
    ),
    Question(
        "session",
        f"""SELECT {_SESSION},
          (SELECT count(*) FROM runs r WHERE r.sid = s.sid) AS runs,
          (SELECT count(*) FROM messages m WHERE m.sid = s.sid) AS messages,
          (SELECT count(*) FROM content_blocks b WHERE b.sid = s.sid AND b.tool_use_id IS NOT NULL) AS tool_calls,
          (SELECT count(*) FROM tool_results t WHERE t.sid = s.sid AND t.is_error = 1) AS tool_errors,
          (SELECT coalesce(sum(input_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid) AS input_tokens,
          (SELECT coalesce(sum(output_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid) AS output_tokens,
          (SELECT coalesce(sum(cache_creation_input_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid)
            AS cache_creation_input_tokens,
          (SELECT coalesce(sum(cache_read_input_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid)
            AS cache_read_input_tokens
        FROM sessions s WHERE {_PREFIX} ORDER BY sid""",
        "One session in full; the beginning of its id is enough.",
        ("sid", "now"),
        ("sid",),
    ),
    Question(
        "rounds",
        f"""SELECT round_number, state, start_time, duration_ms, user_prompt, round_id, pid, kind, end_time, reason
        FROM rounds WHERE {_PREFIX} AND (:pid IS NULL OR pid = :pid) ORDER BY sid, round_number""",
        "Rounds of a session, in order.",
        ("sid", "pid"),
        ("sid",),
    ),
    Question(
        "round",
        f"""SELECT b.block_type, b.tool_name, b.content, r.is_error, r.execution_duration_ms,
          coalesce(r.content, r.content_preview) AS result, b.tool_use_id, m.role, m.model, m.agent_id, m.is_sidechain,
          m.start_time AS message_start, m.stop_reason, b.is_complete, b.delta_count, b.total_bytes,
          r.content_size AS result_size, m.message_id, m.flow_id, b.block_index
        FROM messages m LEFT JOIN content_blocks b ON b.flow_id = m.flow_id
        LEFT JOIN tool_results r ON r.tool_use_id = b.tool_use_id
        WHERE m.round_id = {ROUND} ORDER BY m.start_time, m.flow_id, b.block_index""",
        "Everything in a round (its id, or SID#NUMBER): messages, their blocks with content, results of tools.",
        ("round_id",),
        ("round_id",),
    ),
    Question(
        "tool",
        """SELECT b.tool_name, r.is_error, r.execution_duration_ms, b.content AS input,
          coalesce(r.content, r.content_preview) AS result, r.content_size, r.content_file_path, b.start_time,
          b.complete_time, r.result_time, b.tool_use_id, b.sid, b.round_id, b.flow_id, b.block_index
        FROM content_blocks b LEFT JOIN tool_results r ON r.tool_use_id = b.tool_use_id
        WHERE b.tool_use_id >= :tool_use_id AND b.tool_use_id < :tool_use_id || char(1114111)
        ORDER BY b.tool_use_id LIMIT 100""",
        "Input and result of a tool call; the beginning of its id is enough.",
        ("tool_use_id",),
        ("tool_use_id",),
    ),
    Question(
        "pending",
        f"""WITH newest AS MATERIALIZED (
          SELECT a.tool_use_id, a.sid, a.complete_time FROM awaited_results a WHERE NOT EXISTS (
            SELECT 1 FROM tool_calls c WHERE c.tool_use_id = a.tool_use_id AND c.outcome IS NOT NULL)
          UNION ALL
          SELECT c.tool_use_id, c.sid, c.start_time FROM tool_calls c WHERE c.outcome IS NULL AND NOT EXISTS (
            SELECT 1 FROM awaited_results a WHERE a.tool_use_id = c.tool_use_id)
          ORDER BY 3 DESC LIMIT coalesce(:limit, {_LIMIT}))
        SELECT coalesce(b.tool_name, c.tool_name) AS tool_name, :now - n.complete_time AS age, {state()} AS state,
          coalesce(b.content, c.input) AS input, n.tool_use_id, n.sid, n.complete_time,
          coalesce(b.round_id, c.round_id) AS round_id, s.is_active
        FROM newest n CROSS JOIN sessions s ON s.sid = n.sid
        LEFT JOIN content_blocks b ON b.tool_use_id = n.tool_use_id
        LEFT JOIN tool_calls c ON c.tool_use_id = n.tool_use_id ORDER BY n.complete_time DESC""",
        f"Tool calls without a result, with their age and the state of their session; the newest `limit` ({_LIMIT}).",
        ("now", "limit"),
        defaults={"limit": _LIMIT},
    ),
    Question(
        "overview",
        f"""WITH shown AS MATERIALIZED (
          SELECT * FROM (SELECT sid FROM sessions WHERE is_active = 1 ORDER BY last_activity_time DESC LIMIT {_SCREEN})
          UNION SELECT * FROM (SELECT sid FROM sessions ORDER BY last_activity_time DESC LIMIT {_SCREEN}))
        SELECT {LIVE} AS is_active, {state()} AS state, s.agent, s.sid, s.pid, s.title, s.cwd, s.model,
          s.waiting_reason, s.start_time, s.last_activity_time, s.round_count, r.round_number, r.state AS round_state,
          r.user_prompt, coalesce(b.tool_name, c.tool_name) AS tool_name,
          coalesce(b.complete_time, c.start_time) AS tool_start_time,
          (SELECT coalesce(sum(input_tokens + cache_creation_input_tokens + cache_read_input_tokens), 0)
            FROM usage_totals u WHERE u.sid = s.sid) AS input_tokens,
          (SELECT coalesce(sum(output_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid) AS output_tokens,
          (SELECT count(*) FROM tool_results t WHERE t.sid = s.sid AND t.is_error = 1)
            + (SELECT count(*) FROM errors e WHERE e.sid = s.sid) AS errors
        FROM shown n CROSS JOIN sessions s ON s.sid = n.sid
        LEFT JOIN rounds r ON r.round_id = (SELECT round_id FROM rounds o WHERE o.sid = s.sid
          ORDER BY o.round_number DESC LIMIT 1)
        LEFT JOIN content_blocks b ON r.state = 'open' AND b.tool_use_id = (SELECT tool_use_id FROM awaited_results a
          WHERE a.sid = s.sid AND a.complete_time >= coalesce(r.start_time, 0) AND NOT EXISTS (SELECT 1
            FROM tool_calls o WHERE o.tool_use_id = a.tool_use_id AND o.outcome IS NOT NULL)
          ORDER BY a.complete_time DESC LIMIT 1)
        LEFT JOIN tool_calls c ON r.state = 'open' AND c.tool_use_id = (SELECT tool_use_id FROM tool_calls o
          WHERE o.sid = s.sid AND o.outcome IS NULL AND o.start_time >= coalesce(r.start_time, 0)
          ORDER BY o.start_time DESC LIMIT 1)
        ORDER BY 1 DESC, s.last_activity_time DESC, s.sid""",
        f"What a screen shows: sessions that live, and the {_SCREEN} last ones, with state, round, tool and tokens.",
        ("now",),
    ),
    Question(
        "watched_processes",
        """SELECT sid, pid, (SELECT agent FROM sessions s WHERE s.sid = r.sid) AS agent, last_time AS seen_time,
          process_started, boot_id FROM runs r WHERE end_time IS NULL ORDER BY last_time DESC LIMIT 1000""",
        "Processes of runs that have not ended, for the liveness prober.",
    ),
)
