"""Tokens of a Messages API response, from instrumented and from captured streams alike.

The start holds a first estimate, `message_delta` the cumulative numbers: each field that is there replaces the one
before. Work beside the answer (a compaction, an advisor, a model that declined) is not in those numbers: it only stands
among the iterations, which are calls of their own.
"""

from __future__ import annotations

from eventsrc.formats.sse_who import Object, Who, number_in, object_in, objects_in, text_in
from eventsrc.plugin import Fact, UsageReported

_MESSAGE, _FALLBACK = "message", "fallback_message"


def message_usage(who: Who, flow: Object, usage: Object, *, model: str | None, is_final: bool) -> UsageReported:
    """The call that answered. Message id before request id, as transcripts name the call; later records only know the
    request id or the stream, and the projection's map brings them together."""
    return UsageReported(
        **who.fields,
        **flow,
        usage_id=flow.get("message_id") or flow.get("request_id", ""),
        rule="replace",
        model=model,
        **_tokens(usage),
        is_final=is_final,
    )


def iterations(who: Who, message_id: str, usage: Object) -> list[Fact]:
    """The calls beside the answer, named `<message>#<number>`. After a fallback the declined message is one of them."""
    steps = objects_in(usage, "iterations")
    answered = _FALLBACK if any(text_in(step, "type") == _FALLBACK for step in steps) else _MESSAGE
    return [
        UsageReported(
            **who.fields,
            message_id=message_id,
            usage_id=f"{message_id}#{number}",
            origin="iteration",
            rule="replace",
            model=text_in(step, "model") or None,
            **_tokens(step),
            is_final=True,
        )
        for number, step in enumerate(steps)
        if text_in(step, "type") != answered
    ]


def _tokens(usage: Object) -> Object:
    return {
        "input_tokens": number_in(usage, "input_tokens"),
        "output_tokens": number_in(usage, "output_tokens"),
        "cache_creation_input_tokens": number_in(usage, "cache_creation_input_tokens"),
        "cache_read_input_tokens": number_in(usage, "cache_read_input_tokens"),
        "reasoning_tokens": number_in(object_in(usage, "output_tokens_details"), "thinking_tokens"),
    }
