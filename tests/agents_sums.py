"""What the sums beside the rows of `agents` must be, said in SQL over the rows themselves."""

from __future__ import annotations

_SPENT = "CAST(round(max(-1e13, min(1e13, coalesce(execution_duration_ms, 0) * 1000))) AS INTEGER)"

SUMS = {
    "usage_totals": """
        SELECT sid, coalesce(CAST(floor(time / 3600) AS INTEGER), -1000000000), coalesce(model, ''), origin, count(*),
          sum(input_tokens), sum(output_tokens), sum(cache_creation_input_tokens), sum(cache_read_input_tokens),
          sum(reasoning_tokens)
        FROM usage GROUP BY 1, 2, 3, 4""",
    "tool_totals": f"""
        SELECT coalesce(CAST(floor(result_time / 86400) AS INTEGER), -1000000000), coalesce(tool_name, ''), count(*),
          sum(coalesce(is_error, 0)), count(execution_duration_ms),
          sum(coalesce(is_error, 0) AND execution_duration_ms IS NOT NULL),
          sum({_SPENT}),
          sum(iif(is_error = 1, {_SPENT}, 0))
        FROM tool_results GROUP BY 1, 2""",
    "awaited_results": """
        SELECT tool_use_id, sid, complete_time FROM content_blocks b
        WHERE is_complete = 1 AND block_type = 'tool_use' AND tool_use_id IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM tool_results r WHERE r.tool_use_id = b.tool_use_id)""",
}
"""Table → the SELECT that it must equal."""
