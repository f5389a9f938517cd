"""`system` and `attachment` records: ends of rounds, errors and retries, compaction, hooks, notices."""

from __future__ import annotations

from typing import Any

import msgspec

from eventsrc.formats.claude_entry import Entry, Fields, count_of, object_of, observed, text_of
from eventsrc.plugin import (
    Activity,
    ContextCompacted,
    ErrorReported,
    Fact,
    PromptSubmitted,
    RoundEnded,
    Unknown,
)

ENDS = ("stop_hook_summary", "turn_duration")
"""What is written when a round has ended; nothing in it matters but that it is there."""

_NOTICES = {"away_summary", "local_command", "informational", "bridge_status", "session_start"}
_REFUSALS = {"api_refusal", "model_refusal_fallback"}
_HOOK_ERRORS = {"hook_blocking_error", "hook_non_blocking_error"}


def read_system(entry: Entry) -> list[Fact]:
    """Facts of one `system` record."""
    subtype = entry.line.subtype or ""
    if subtype in ENDS:
        return [observed(entry), *_end(entry, subtype)]
    if subtype in _NOTICES:
        return [observed(entry), Activity(**entry.common, what=f"system.{subtype}")]
    return [observed(entry), *_meaning(entry, subtype, entry.fields())]


def _end(entry: Entry, subtype: str) -> list[Fact]:
    return [] if entry.is_sidechain else [RoundEnded(**entry.common, outcome="complete", reason=subtype)]


def _meaning(entry: Entry, subtype: str, fields: Fields) -> list[Fact]:
    common, failed = entry.common, {**entry.common, "error_id": entry.identity}
    match subtype:
        case "compact_boundary":
            return [_compacted(common, object_of(fields, "compactMetadata"))]
        case "api_error":
            return [_api_error(failed, fields)]
        case "error":
            return [ErrorReported(**failed, error_type="error", message=_message(fields))]
        case "":
            return [_notice(entry, fields)]
        case refusal if refusal in _REFUSALS:
            reason = text_of(fields, "apiRefusalExplanation") or text_of(fields, "content")
            return [ErrorReported(**failed, error_type=refusal, message=reason, retryable=False)]
        case _:
            return [Unknown(**common, what=f"system.{subtype}")]


def _compacted(common: Fields, told: Fields) -> Fact:
    return ContextCompacted(
        **common,
        trigger=text_of(told, "trigger"),
        tokens_before=count_of(told, "preTokens"),
        tokens_after=count_of(told, "postTokens"),
    )


def _api_error(failed: Fields, fields: Fields) -> Fact:
    """Written once per attempt: it is retried until the attempts are used up."""
    error = object_of(fields, "error")
    attempt, most = count_of(fields, "retryAttempt"), count_of(fields, "maxRetries")
    status = count_of(error, "status")
    return ErrorReported(
        **failed,
        error_type="api_error" if status is None else f"api_error {status}",
        message=text_of(error, "formatted") or text_of(error, "message") or _message(fields),
        retryable=None if attempt is None or most is None else attempt < most,
    )


def _notice(entry: Entry, fields: Fields) -> Fact:
    """The bare records of 1.0: output of hooks, limits of a model; errors by their level."""
    if text_of(fields, "level") == "error":
        message = text_of(fields, "content")
        return ErrorReported(**entry.common, error_type="system", message=message, error_id=entry.identity)
    return Activity(**entry.common, what="system")


def _message(fields: Fields) -> str:
    return text_of(fields, "content") or text_of(fields, "message") or text_of(fields, "error")


def read_attachment(entry: Entry) -> list[Fact]:
    """Facts of one `attachment` record: hooks that failed, and prompts that were typed while the agent worked."""
    attached = object_of(entry.fields(), "attachment")
    kind = text_of(attached, "type")
    facts: list[Fact] = [observed(entry)]
    if kind in _HOOK_ERRORS:
        reason = text_of(attached, "stderr") or text_of(object_of(attached, "blockingError"), "blockingError")
        facts.append(ErrorReported(**entry.common, error_type=kind, message=reason, error_id=entry.identity))
    elif kind == "queued_command":
        identity = text_of(attached, "source_uuid") or entry.identity
        facts += _queued(entry.common, attached.get("prompt"), identity)
    else:
        facts.append(Activity(**entry.common, what=f"attachment.{kind}"))
    return facts


def read_queue_operation(entry: Entry) -> list[Fact]:
    """A prompt enters or leaves the queue. Its text counts when it enters: up to 2.1.100 a prompt that was typed while
    the agent worked stands nowhere else. One that is then submitted comes again, as an ordinary prompt."""
    fields = entry.fields()
    facts: list[Fact] = [observed(entry)]
    if text_of(fields, "operation") == "enqueue":
        facts += _queued(entry.common, fields.get("content"), f"queue@{entry.line.timestamp}")
    else:
        facts.append(Activity(**entry.common, what="queue-operation"))
    return facts


def _queued(common: Fields, prompt: Any, identity: str) -> list[Fact]:
    """Notices of background tasks travel through the same queue; they are no prompts."""
    text = _prompt_text(prompt)
    if not text.strip() or text.lstrip().startswith("<task-notification>"):
        return [Activity(**common, what="queue-operation")]
    return [PromptSubmitted(**common, prompt=text, prompt_id=identity, kind="queued")]


def _prompt_text(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, list):
        return "\n".join(text_of(block, "text") for block in prompt if isinstance(block, dict))
    return "" if prompt is None else msgspec.json.encode(prompt).decode()
