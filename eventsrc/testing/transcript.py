"""A generated Claude Code transcript: one content block a line, each line repeating message id and usage."""

from __future__ import annotations

from collections.abc import Iterator

from eventsrc.testing.shapes import Chance, Fields, Hands, json_text


def transcript(chance: Chance, hands: Hands) -> Iterator[bytes]:
    """Prompt, messages with tool calls and their results, end of the turn; for ever."""
    chain = _Chain(chance, hands)
    while True:
        prompt_id = chance.uuid4()
        yield chain.line("user", {"message": {"role": "user", "content": chance.words(12)}, "promptId": prompt_id})
        started = hands.millis
        for _ in range(chance.number(1, 4)):
            calls: list[str] = []
            yield from _message(chance, chain, calls)
            for call in calls:
                yield _result(chance, chain, call, prompt_id)
        yield from _message(chance, chain, None)
        yield chain.line("system", {"subtype": "turn_duration", "durationMs": hands.millis - started, "isMeta": False})


class _Chain:
    """Records of one session, each pointing to the one before."""

    def __init__(self, chance: Chance, hands: Hands) -> None:
        self._chance = chance
        self._hands = hands
        self._sid = chance.uuid4()
        self.last: str | None = None

    def line(self, kind: str, fields: Fields) -> bytes:
        self._hands.move(self._chance.number(5, 3_000))
        uuid = self._chance.uuid4()
        record = {
            "parentUuid": self.last,
            "isSidechain": False,
            "userType": "external",
            "cwd": "/home/dev/app",
            "sessionId": self._sid,
            "version": "2.1.114",
            "gitBranch": "main",
            "type": kind,
            **fields,
            "uuid": uuid,
            "timestamp": f"{self._hands.text()}Z",
        }
        self.last = uuid
        return json_text(record).encode()


def _message(chance: Chance, chain: _Chain, calls: list[str] | None) -> Iterator[bytes]:
    """One API response in one line per block; tool calls go into `calls`, None means a final text."""
    blocks: list[Fields] = [{"type": "text", "text": chance.words(chance.number(20, 120))}]
    if chance.number(0, 1):
        thinking = {"type": "thinking", "thinking": chance.words(40), "signature": chance.token("Er")}
        blocks.insert(0, thinking)
    for _ in range(chance.number(1, 2) if calls is not None else 0):
        call = chance.token("toolu_01")
        blocks.append({"type": "tool_use", "id": call, "name": "Bash", "input": {"command": chance.words(4)}})
        assert calls is not None
        calls.append(call)
    message_id, request_id = chance.token("msg_01"), chance.token("req_01")
    usage = {
        "input_tokens": chance.number(1, 50),
        "cache_creation_input_tokens": chance.number(0, 3_000),
        "cache_read_input_tokens": chance.number(0, 90_000),
        "output_tokens": chance.number(1, 8),
    }
    for number, block in enumerate(blocks, 1):
        is_last = number == len(blocks)
        if is_last:
            usage |= {"output_tokens": chance.number(20, 2_000)}
        message = {
            "id": message_id,
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": [block],
            "stop_reason": ("end_turn" if calls is None else "tool_use") if is_last else None,
            "stop_sequence": None,
            "usage": usage,
        }
        yield chain.line("assistant", {"message": message, "requestId": request_id})


def _result(chance: Chance, chain: _Chain, call: str, prompt_id: str) -> bytes:
    output, failed = chance.words(chance.number(5, 80)), chance.number(1, 15) == 1
    block = {"type": "tool_result", "tool_use_id": call, "content": output, "is_error": failed}
    return chain.line(
        "user",
        {
            "message": {"role": "user", "content": [block]},
            "toolUseResult": f"Error: {output}" if failed else {"stdout": output, "stderr": "", "interrupted": False},
            "sourceToolAssistantUUID": chain.last,
            "promptId": prompt_id,
        },
    )
