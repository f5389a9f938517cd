"""Tokens of Codex calls: `turn.token_count` and its twin `codex.token_count`.

A record repeats the last call's tokens as often as it likes; a call is new when the running total changed (E18). So
the total itself names the call: repeats and the twin have the same `usage_id`, and folding them again changes nothing.
Records of `response.*` repeat the same tokens under another name and are not counted.
"""

from __future__ import annotations

from eventsrc.formats.sse_who import Object, Who, number_in, object_in
from eventsrc.plugin import Fact, UsageReported

_COUNTERS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens", "total_tokens")


def token_count(who: Who, payload: Object) -> list[Fact]:
    """The tokens of the last call; a sign of life where there was none yet, or where the counters only estimate."""
    info = object_in(payload, "info")
    last, total = object_in(info, "last_token_usage"), object_in(info, "total_token_usage")
    input_tokens, output_tokens = number_in(last, "input_tokens"), number_in(last, "output_tokens")
    sid = who.fields["sid"]
    if not sid or not total or not (input_tokens or output_tokens):
        return who.activity("turn.token_count")
    cached = number_in(last, "cached_input_tokens")
    written = number_in(last, "cache_write_input_tokens")
    return [
        UsageReported(
            **who.fields,
            usage_id=f"{sid}/tokens/" + "-".join(str(number_in(total, name) or 0) for name in _COUNTERS),
            rule="replace",
            input_tokens=max(0, (input_tokens or 0) - (cached or 0) - (written or 0)),  # cached is part of input
            output_tokens=output_tokens,
            cache_creation_input_tokens=written,
            cache_read_input_tokens=cached,
            reasoning_tokens=number_in(last, "reasoning_output_tokens"),  # part of output
            is_final=True,
        )
    ]
