"""Named questions that count: totals, rates, overlaps, errors, tokens, time series.

Values given on a command line are texts, so numbers are cast here.
"""

from __future__ import annotations

from eventsrc.plugin import Question
from projections.agents.questions import ROUND, SESSION

_TOTALS = """sid, agent, is_active, start_time, last_activity_time,
  round((last_activity_time - start_time) * 1000) AS duration_ms,
  (SELECT count(*) FROM rounds r WHERE r.sid = s.sid AND r.has_user_prompt = 1) AS rounds,
  (SELECT count(*) FROM rounds r WHERE r.sid = s.sid AND r.is_complete = 1) AS rounds_complete,
  (SELECT count(*) FROM rounds r WHERE r.sid = s.sid AND r.is_aborted = 1) AS rounds_aborted,
  (SELECT count(*) FROM messages m WHERE m.sid = s.sid) AS messages,
  (SELECT count(*) FROM content_blocks b WHERE b.sid = s.sid) AS blocks,
  (SELECT count(*) FROM content_blocks b WHERE b.sid = s.sid AND b.tool_use_id IS NOT NULL) AS tool_calls,
  (SELECT count(*) FROM tool_results t WHERE t.sid = s.sid AND t.is_error = 1) AS tool_errors,
  (SELECT count(*) FROM errors e WHERE e.sid = s.sid) AS errors,
  (SELECT coalesce(sum(rows), 0) FROM usage_totals u WHERE u.sid = s.sid) AS model_calls,
  (SELECT coalesce(sum(input_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid) AS input_tokens,
  (SELECT coalesce(sum(output_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid) AS output_tokens,
  (SELECT coalesce(sum(cache_creation_input_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid)
    AS cache_creation_input_tokens,
  (SELECT coalesce(sum(cache_read_input_tokens), 0) FROM usage_totals u WHERE u.sid = s.sid)
    AS cache_read_input_tokens,
  (SELECT group_concat(model, ', ') FROM (SELECT DISTINCT model FROM usage_totals u WHERE u.sid = s.sid AND model != ''
    ORDER BY model)) AS models,
  (SELECT json_group_object(tool_name, n) FROM (SELECT tool_name, count(*) AS n FROM content_blocks b
    WHERE b.sid = s.sid AND tool_use_id IS NOT NULL AND tool_name IS NOT NULL GROUP BY tool_name ORDER BY tool_name))
    AS tools"""

_OPEN = """SELECT state, last_activity_time, user_prompt, sid, round_number, start_time, pid, round_id FROM rounds"""

_CALLS = f"""SELECT b.tool_use_id, b.tool_name, b.flow_id, b.complete_time AS call_start, r.result_time AS call_end,
    r.is_error FROM messages m JOIN content_blocks b ON b.flow_id = m.flow_id
  JOIN tool_results r ON r.tool_use_id = b.tool_use_id
  WHERE m.round_id = {ROUND} AND b.complete_time IS NOT NULL AND r.result_time IS NOT NULL"""

_SLOT = "CAST(({time}) / max(CAST(:interval AS REAL), 1) AS INTEGER) * max(CAST(:interval AS REAL), 1)"

_TOKENS = "input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens, reasoning_tokens"

_HOUR, _DAY = "CAST(:since / 3600 AS INTEGER)", "CAST(:since / 86400 AS INTEGER)"
"""The slot in which `since` lies: sums are of whole slots, and what is left of this one is counted row by row."""

FIGURES = (
    Question(
        "unbalanced",
        f"{_OPEN} WHERE has_user_prompt = 1 AND evidence = 0 ORDER BY last_activity_time DESC, round_id",
        "Rounds that have a prompt and no end.",
    ),
    Question(
        "orphaned",
        f"{_OPEN} WHERE state = 'orphaned' ORDER BY last_activity_time DESC, round_id",
        "Rounds that were open when their process went away.",
    ),
    Question(
        "stats",
        f"""SELECT {_TOTALS} FROM sessions s WHERE sid >= :sid AND sid < :sid || char(1114111) ORDER BY sid""",
        "Totals of a session; the beginning of its id is enough.",
        ("sid",),
        ("sid",),
    ),
    Question(
        "compare",
        f"""SELECT {_TOTALS} FROM sessions s WHERE (sid >= :sid AND sid < :sid || char(1114111))
        OR (sid >= :other AND sid < :other || char(1114111)) ORDER BY substr(sid, 1, length(:sid)) != :sid, sid""",
        "Totals of two sessions side by side.",
        ("sid", "other"),
        ("sid", "other"),
    ),
    Question(
        "rates",
        f"""SELECT b.block_type, b.tool_name, b.delta_count, b.total_bytes,
          round((b.last_time - b.start_time) * 1000, 3) AS duration_ms,
          round(b.total_bytes / nullif(b.last_time - b.start_time, 0), 3) AS bytes_per_second,
          round(b.delta_count / nullif(b.last_time - b.start_time, 0), 3) AS deltas_per_second, b.block_index, b.flow_id
        FROM messages m JOIN content_blocks b ON b.flow_id = m.flow_id
        WHERE m.round_id = {ROUND} AND b.delta_count > 0 ORDER BY b.start_time, b.flow_id, b.block_index""",
        "Bytes and deltas per second of each block that was streamed in a round.",
        ("round_id",),
        ("round_id",),
    ),
    Question(
        "parallel",
        f"""WITH calls AS ({_CALLS})
        SELECT a.tool_name, b.tool_name AS other_tool_name,
          round((min(a.call_end, b.call_end) - max(a.call_start, b.call_start)) * 1000, 3) AS overlap_ms,
          max(a.call_start, b.call_start) AS overlap_start, a.tool_use_id, b.tool_use_id AS other_tool_use_id
        FROM calls a JOIN calls b ON (a.call_start, a.tool_use_id) < (b.call_start, b.tool_use_id)
          AND b.call_start < a.call_end AND b.call_end > a.call_start
        ORDER BY overlap_start, a.tool_use_id, b.tool_use_id""",
        "Pairs of tools of a round that ran at the same time, from the call to its result.",
        ("round_id",),
        ("round_id",),
    ),
    Question(
        "errors",
        f"""WITH parts AS (
          SELECT tool_name, rows, errors, timed, timed_errors, duration_us, error_duration_us FROM tool_totals
            WHERE :since IS NULL OR day > {_DAY}
          UNION ALL
          SELECT coalesce(tool_name, ''), 1, coalesce(is_error, 0), execution_duration_ms IS NOT NULL,
            coalesce(is_error, 0) AND execution_duration_ms IS NOT NULL, coalesce(execution_duration_ms, 0) * 1000,
            iif(is_error = 1, coalesce(execution_duration_ms, 0) * 1000, 0)
            FROM tool_results WHERE result_time >= :since AND result_time < ({_DAY} + 1) * 86400)
        SELECT coalesce(nullif(tool_name, ''), '?') AS tool_name, sum(rows) AS calls, sum(errors) AS errors,
          round(1.0 * sum(errors) / sum(rows), 4) AS error_rate,
          round(sum(duration_us) / 1000.0 / nullif(sum(timed), 0), 3) AS average_ms,
          round((sum(duration_us) - sum(error_duration_us)) / 1000.0 / nullif(sum(timed) - sum(timed_errors), 0), 3)
            AS success_ms,
          round(sum(error_duration_us) / 1000.0 / nullif(sum(timed_errors), 0), 3) AS error_ms
        FROM parts GROUP BY 1 ORDER BY errors DESC, calls DESC, 1""",
        "Calls with a result, errors and durations per tool.",
        ("since",),
    ),
    Question(
        "usage",
        f"""WITH parts AS (
          SELECT sid, hour, model, rows, {_TOKENS} FROM usage_totals WHERE :since IS NULL OR hour > {_HOUR}
          UNION ALL
          SELECT sid, CAST(time / 3600 AS INTEGER), coalesce(model, ''), 1, {_TOKENS}
            FROM usage WHERE time >= :since AND time < ({_HOUR} + 1) * 3600)
        SELECT CASE :by WHEN 'session' THEN sid WHEN 'model' THEN coalesce(nullif(model, ''), '?')
            ELSE coalesce(date(hour * 3600, 'unixepoch'), '?') END AS key, sum(rows) AS model_calls,
          {", ".join(f"sum({name}) AS {name}" for name in _TOKENS.split(", "))}
        FROM parts GROUP BY 1 ORDER BY 1""",
        "Tokens per day (UTC), session or model.",
        ("by", "since"),
        defaults={"by": "day"},
        choices={"by": ("day", "session", "model")},
    ),
    Question(
        "timeseries",
        f"""WITH parts AS (
          SELECT {_SLOT.format(time="coalesce(last_time, complete_time, start_time)")} AS slot, total_bytes AS bytes,
            delta_count AS deltas, 0 AS tokens FROM content_blocks
            WHERE sid = {SESSION} AND coalesce(last_time, complete_time, start_time) IS NOT NULL
          UNION ALL
          SELECT {_SLOT.format(time="time")}, 0, 0, input_tokens + output_tokens + cache_creation_input_tokens
            + cache_read_input_tokens FROM usage WHERE sid = {SESSION} AND time IS NOT NULL)
        SELECT slot AS slot_start, sum(bytes) AS bytes, sum(deltas) AS deltas, sum(tokens) AS tokens
        FROM parts GROUP BY slot ORDER BY slot""",
        "Bytes, deltas and tokens of a session per `interval` seconds; a block counts where its last piece came.",
        ("sid", "interval"),
        ("sid",),
        defaults={"interval": 60.0},
    ),
)
