"""Tokens of Codex calls, from rollouts and from instrumented streams alike.

Three records tell of a call: `token_usage_record`, `token_count`, and its twin in the streams. All of them carry what
the session had used after it, so that counter names the call: repeats, twins and copies have one `usage_id`, and
folding them again changes nothing. Where a thread has the first kind, the others add nothing even if their counters
differ. A counter that did not move is no call, whatever "last" says; one that starts anew
names its calls like any other.
"""

from __future__ import annotations

import msgspec

from eventsrc.formats.sse_who import Object, Who, number_in, object_in, text_in
from eventsrc.plugin import Fact, UsageReported


def token_count(who: Who, payload: Object) -> list[Fact]:
    """The tokens of the last call; a sign of life where there was none yet, or where the counters only estimate how
    full the context is."""
    info = object_in(payload, "info")
    last, total = _numbers(object_in(info, "last_token_usage")), _numbers(object_in(info, "total_token_usage"))
    if not who.fields["sid"] or total is None or (last is not None and not any(last)):
        return who.activity("token_count")
    call = _usage(who, f"tokens/{_named(total)}", last, total)
    return [msgspec.structs.replace(call, rule="count", model=text_in(info, "model") or None)]


def token_usage_record(who: Who, payload: Object) -> list[Fact]:
    """The tokens of one response. The record names its thread: in a copied line another one than the file's."""
    thread, response_id = text_in(payload, "thread_id"), text_in(payload, "response_id")
    used = _numbers(object_in(payload, "usage"))
    if thread:
        who = Who({**who.fields, "sid": thread})
    if used is None or not who.fields["sid"]:
        return who.activity("token_usage_record")
    total = _numbers(object_in(payload, "thread_token_usage"))
    name = f"tokens/{_named(total)}" if total is not None else f"response/{response_id}"
    return [_usage(who, name, used, total)]


def _usage(who: Who, name: str, used: tuple[int, ...] | None, counter: tuple[int, ...] | None) -> UsageReported:
    uncached, output, written, cached, reasoning = used if used is not None else (None,) * 5
    return UsageReported(
        **who.fields,
        usage_id=f"{who.fields['sid']}/{name}",
        rule="replace",
        input_tokens=uncached,
        output_tokens=output,
        cache_creation_input_tokens=written,
        cache_read_input_tokens=cached,
        reasoning_tokens=reasoning,
        is_final=True,
        counter=counter,
    )


def _named(counter: tuple[int, ...]) -> str:
    return "-".join(map(str, counter))


def _numbers(usage: Object) -> tuple[int, ...] | None:
    """(uncached input, output, cache creation, cache read, reasoning); None when the record does not say. What was
    cached and written is part of the producer's input, and reasoning is part of the output."""
    given, output = number_in(usage, "input_tokens"), number_in(usage, "output_tokens")
    if given is None and output is None:
        return None
    cached, written = number_in(usage, "cached_input_tokens") or 0, number_in(usage, "cache_write_input_tokens") or 0
    uncached = max(0, (given or 0) - cached - written)
    return (uncached, output or 0, written, cached, number_in(usage, "reasoning_output_tokens") or 0)
