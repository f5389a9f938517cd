"""A generated session of the Codex producer of `sse_lines`: turns for ever, one text in two channels."""

from __future__ import annotations

from collections.abc import Iterator

from eventsrc.testing.claude_stream import OFFSET_SECONDS
from eventsrc.testing.shapes import Chance, Fields, Hands, json_text


class CodexSession:
    """One process of one session."""

    def __init__(self, chance: Chance, hands: Hands) -> None:
        self._chance = chance
        self._hands = hands
        self._sid = chance.uuid7(hands.millis)
        self._pid = chance.number(2_000, 60_000)
        self._round = self._sid
        self._turn = 0
        self._sequence = 0
        self._count = 0
        self._total = [0, 0, 0, 0]

    def lines(self) -> Iterator[bytes]:
        """A start, then turn after turn."""
        configured = {"session_id": self._sid, "model": "gpt-5-codex", "cwd": "/home/dev/app", "history_entry_count": 0}
        yield self._line("turn.session_configured", configured)
        while True:
            yield from self._rounds()

    def _rounds(self) -> Iterator[bytes]:
        chance = self._chance
        self._hands.move(chance.number(500, 5_000))
        self._turn += 1
        self._round = chance.uuid7(self._hands.millis)
        yield self._line("turn.task_started", {"model_context_window": 272_000})
        yield self._line("turn.user_message", {"message": chance.words(10)})
        answer = ""
        for _ in range(chance.number(1, 3)):
            response = {"id": chance.token("resp_"), "model": "gpt-5-codex", "status": "in_progress"}
            yield self._line("response.created", {"response": response})
            yield from self._reasoning()
            if chance.number(0, 1):
                yield from self._call()
            answer = chance.words(12)
            yield from self._text(answer)
            yield self._line("response.completed", {"response": response | {"status": "completed"}})
            yield from self._tokens()
        yield self._line("turn.response.completed", {"last_agent_message": answer})

    def _reasoning(self) -> Iterator[bytes]:
        item: Fields = {"id": self._chance.token("rs_"), "type": "reasoning", "summary": []}
        part: Fields = {"item_id": item["id"], "output_index": 0, "summary_index": 0}
        yield self._line("response.output_item.added", {"output_index": 0, "item": item})
        yield self._line("response.reasoning_summary_part.added", part)
        for _ in range(self._chance.number(5, 25)):
            yield self._line("response.reasoning_summary_text.delta", part | {"delta": self._chance.piece()})
        yield self._line("response.reasoning_summary_text.done", part)
        yield self._line("response.output_item.done", {"output_index": 0, "item": item})

    def _text(self, answer: str) -> Iterator[bytes]:
        item: Fields = {"id": self._chance.token("msg_"), "type": "message", "role": "assistant", "content": []}
        part: Fields = {"item_id": item["id"], "output_index": 2, "content_index": 0}
        yield self._line("response.output_item.added", {"output_index": 2, "item": item})
        yield self._line("response.content_part.added", part)
        for place in range(0, len(answer), 11):
            piece: Fields = {"delta": answer[place : place + 11]}
            yield self._line("response.output_text.delta", part | piece)
            yield self._line("turn.response.delta", {"thread_id": self._sid, "item_id": item["id"]} | piece)
        yield self._line("response.output_text.done", part | {"text": answer})
        yield self._line("response.content_part.done", part)
        yield self._line("response.output_item.done", {"output_index": 2, "item": item})
        yield self._line("turn.agent_message", {"message": answer})

    def _call(self) -> Iterator[bytes]:
        """One call in all the records that tell about it, joined by its call_id."""
        chance = self._chance
        call_id, arguments = chance.token("call_"), json_text({"command": ["bash", "-lc", chance.words(5)]})
        call: Fields = {"type": "function_call", "call_id": call_id, "name": "shell"}
        item: Fields = call | {"id": chance.token("fc_"), "arguments": ""}
        part: Fields = {"item_id": item["id"], "output_index": 1}
        yield self._line("response.output_item.added", {"output_index": 1, "item": item})
        for place in range(0, len(arguments), 9):
            piece: Fields = {"delta": arguments[place : place + 9]}
            yield self._line("response.function_call_arguments.delta", part | piece)
        yield self._line("response.function_call_arguments.done", part | {"arguments": arguments})
        yield self._line("response.output_item.done", {"output_index": 1, "item": item | {"arguments": arguments}})
        yield self._line("turn.raw_response_item", {"item": call | {"arguments": arguments}})
        yield self._line("turn.exec.begin", {"call_id": call_id, "command": ["bash"], "cwd": "/home/dev/app"})
        self._hands.move(chance.number(20, 2_000))
        output, failed = chance.words(30), chance.number(1, 15) == 1
        ended: Fields = {"call_id": call_id, "stdout": output, "stderr": "", "aggregated_output": output}
        ended |= {"exit_code": int(failed), "duration": {"secs": 0, "nanos": chance.number(1, 999_999_999)}}
        yield self._line("turn.exec.end", ended)
        result = {"type": "function_call_output", "call_id": call_id, "output": output}
        yield self._line("turn.raw_response_item", {"item": result})

    def _tokens(self) -> Iterator[bytes]:
        """The same fact twice, as the producer writes it."""
        chance = self._chance
        last = [chance.number(1_000, 9_000), chance.number(0, 900), chance.number(10, 900), chance.number(0, 9)]
        self._total = [before + more for before, more in zip(self._total, last, strict=True)]
        info = {"total_token_usage": _usage(self._total), "last_token_usage": _usage(last)}
        for name in ("turn.token_count", "codex.token_count"):
            yield self._line(name, {"info": info, "rate_limits": None})

    def _line(self, name: str, payload: Fields) -> bytes:
        self._hands.move(self._chance.number(0, 12))
        if name.startswith("response."):
            self._sequence += 1
            body = json_text({"type": name} | payload | {"sequence_number": self._sequence})
        else:
            body = json_text({"type": name, "payload": payload})
        turn_id = str(self._turn) if self._turn else "unknown"
        metadata = {"turn_id": turn_id, "ver": "codex.0.60.1", "pid": self._pid, "cwd": "/home/dev/app"}
        self._count += 1
        return (
            f'{{"event":"{name}","t":"{self._hands.text(OFFSET_SECONDS)}","line":{json_text(f"data: {body}")},'
            f'"metadata":{json_text(json_text(metadata))},"flow_id":"{self._sid}__turn_{turn_id}",'
            f'"round":"{self._round}","data_count":{self._count - 1},"sid":"{self._sid}"}}'
        ).encode()


def _usage(counts: list[int]) -> dict[str, int]:
    read, cached, written, reasoning = counts
    return {
        "input_tokens": read,
        "cached_input_tokens": cached,
        "output_tokens": written,
        "reasoning_output_tokens": reasoning,
        "total_tokens": read + written,
    }
