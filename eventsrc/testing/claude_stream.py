"""A generated session of the Claude producer of `sse_lines`: rounds for ever."""

from __future__ import annotations

from collections.abc import Iterator

from eventsrc.testing.shapes import Chance, Fields, Hands, interleaved, json_text

OFFSET_SECONDS = 7 * 3600  # the producer's zone: its `t` is local and does not say so
_MODELS = ("claude-sonnet-4-5", "claude-opus-4-1", "claude-haiku-4-5")
_TOOLS = ("Bash", "Read", "Edit", "Grep", "Task")


class ClaudeSession:
    """One process of one session."""

    def __init__(self, chance: Chance, hands: Hands) -> None:
        self._chance = chance
        self._hands = hands
        self._sid = chance.uuid4()
        metadata = {"ver": "claude-code-2.0.42", "pid": chance.number(2_000, 60_000), "cwd": "/home/dev/app"}
        self._metadata = json_text(json_text(metadata))
        self._round = ""
        self._flow = "unknown"
        self._counts: dict[str, int] = {}

    def lines(self) -> Iterator[bytes]:
        """A start, then round after round."""
        self._round = self._chance.uuid7(self._hands.millis)
        yield self._line("session_start", {"source": "new"})
        while True:
            yield from self._rounds()

    def _rounds(self) -> Iterator[bytes]:
        chance = self._chance
        self._hands.move(chance.number(500, 5_000))
        self._round = chance.uuid7(self._hands.millis)
        prompt = {"prompt": chance.words(12), "mode": "prompt", "message_uuid": chance.uuid4()}
        yield self._line("user_prompt", prompt)
        for _ in range(chance.number(1, 3)):
            calls: list[str] = []
            together = 2 if chance.number(1, 4) == 1 else 1
            yield from interleaved(chance, [self._message(calls) for _ in range(together)])
            for call in calls:
                yield self._result(call)
        yield self._line("stop", {"agent_id": self._sid, "is_subagent": False})
        yield self._line("turn_end", {})

    def _message(self, calls: list[str]) -> Iterator[bytes]:
        """One model message; the ids of its tool calls go into `calls`."""
        chance = self._chance
        message_id, request_id = chance.token("msg_01"), chance.token("req_01")
        usage = {
            "input_tokens": chance.number(1, 50),
            "cache_creation_input_tokens": chance.number(0, 3_000),
            "cache_read_input_tokens": chance.number(0, 90_000),
            "output_tokens": chance.number(1, 8),
        }
        message: Fields = {"id": message_id, "type": "message", "role": "assistant", "model": chance.pick(_MODELS)}
        message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        self._flow = message_id
        yield self._line("message_start", {"message": message, "request_id": request_id}, message_id)
        kinds = ["thinking"] * chance.number(0, 1) + ["text"] + ["tool_use"] * chance.number(0, 2)
        for index, kind in enumerate(kinds):
            yield from self._block(index, kind, (message_id, request_id), calls)
        ended = {"stop_reason": "tool_use" if "tool_use" in kinds else "end_turn", "stop_sequence": None}
        final = {"output_tokens": chance.number(20, 2_000)}
        yield self._line("message_delta", {"delta": ended, "usage": final, "request_id": request_id}, message_id)
        yield self._line("message_stop", {"request_id": request_id}, message_id)

    def _block(self, index: int, kind: str, flow: tuple[str, str], calls: list[str]) -> Iterator[bytes]:
        message_id, request_id = flow
        chance = self._chance
        if kind == "tool_use":
            calls.append(chance.token("toolu_01"))
            block: Fields = {"type": kind, "id": calls[-1], "name": chance.pick(_TOOLS), "input": {}}
            pieces = self._input()
        else:
            block = {"type": kind, kind: ""}
            pieces = [({"type": f"{kind}_delta", kind: chance.piece()}) for _ in range(chance.number(30, 100))]
        if kind == "thinking":
            block["signature"] = ""
            pieces.append({"type": "signature_delta", "signature": chance.token("Er")})
        start = {"index": index, "content_block": block, "request_id": request_id}
        yield self._line("content_block_start", start, message_id)
        for piece in pieces:
            delta = {"index": index, "delta_type": piece["type"], "delta": piece, "request_id": request_id}
            yield self._line("content_block_delta", delta, message_id)
        yield self._line("content_block_stop", {"index": index, "request_id": request_id}, message_id)

    def _input(self) -> list[dict[str, str]]:
        """A tool's input as JSON text, cut at places that mean nothing; the first piece is empty, as it usually is."""
        chance = self._chance
        text = json_text({"command": chance.words(chance.number(5, 30)), "timeout": chance.number(1, 600)})
        cuts = [text[place : place + 9] for place in range(0, len(text), 9)]
        return [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *cuts)]

    def _result(self, call: str) -> bytes:
        self._hands.move(self._chance.number(20, 2_000))
        failed = self._chance.number(1, 15) == 1
        result = {"type": "tool_result", "tool_use_id": call, "content": self._chance.words(40), "is_error": failed}
        payload = {
            "message": {"role": "user", "content": [result]},
            "uuid": self._chance.uuid4(),
            "parent_tool_use_id": None,
            "tool_use_ids": [call],
            "session_id": self._sid,
            "is_replay": False,
            "is_api_error": False,
        }
        return self._line("tool_result", payload)

    def _line(self, name: str, payload: Fields, flow: str = "") -> bytes:
        """A row; those outside of messages carry the last flow of the process, which means nothing."""
        flow = flow or self._flow
        count = self._counts.get(flow, 0)
        self._counts[flow] = count + 1
        self._hands.move(self._chance.number(0, 12))
        body = json_text(
            {"timestamp": f"{self._hands.text()}Z", "type": "event_msg", "payload": {"type": name} | payload}
        )
        line = json_text(f"data: {body}")
        return (
            f'{{"event":"claude.{name}","t":"{self._hands.text(OFFSET_SECONDS)}","line":{line},'
            f'"round":"{self._round}","metadata":{self._metadata},"flow_id":"{flow}","data_count":{count},'
            f'"sid":"{self._sid}"}}'
        ).encode()
