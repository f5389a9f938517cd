"""What a branch gives out: a conversation up to its base, chosen and written. Blocks."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

import msgspec

from eventsrc.branch import Begun, Conversation, Transcript, of_messages, of_session, of_thread, resumable, to_markdown
from eventsrc.durable import Disk, write_all
from eventsrc.errors import CannotWrite, EventsrcError, NotFound, UsageError
from eventsrc.limits import BRANCH_STREAMS
from eventsrc.log import LogReader
from eventsrc.service.as_of import AsOf
from eventsrc.service.whole import writing

Kind = Literal["session", "thread", "messages"]
NAMES: Mapping[Kind, str] = {"session": "session", "thread": "thread", "messages": "message between agents"}
LISTED: Mapping[Kind, str] = {
    "session": "'eventsrc agents sessions' lists them; what began after the checkpoint is not in it.",
    "thread": "'eventsrc conversations threads' lists them; what began after the checkpoint is not in it.",
    "messages": "'eventsrc checkpoint list' shows later checkpoints.",
}
"""What to do when there is none."""


class Choice(msgspec.Struct, frozen=True):
    """One conversation that a checkpoint knows."""

    kind: Kind
    name: str = ""
    """Id of the session or thread, or its beginning; "" for all messages between agents."""


class Listed(Choice, frozen=True, kw_only=True):
    """One conversation, for a list to choose from."""

    title: str
    count: int
    """Rounds of a session, messages of the others."""
    last_time: float | None


class GivenOut(msgspec.Struct, frozen=True):
    """Files by name, not written yet, and what is to be said of them."""

    files: Mapping[str, bytes]
    about: dict[str, Any]


def conversations(as_of: AsOf) -> list[Listed]:
    """What a checkpoint knows, the newest first, at most `limits.BRANCH_STREAMS` of each kind."""
    found: list[Listed] = []
    for row in _rows(as_of, "agents", "sessions", limit=BRANCH_STREAMS):
        title, count, last = row["title"] or row["cwd"] or "", row["round_count"], row["last_activity_time"]
        found.append(Listed("session", row["sid"], title=title, count=count, last_time=last))
    for row in _rows(as_of, "conversations", "threads", limit=BRANCH_STREAMS):
        title, count = ", ".join(msgspec.json.decode(row["participants"])), row["message_count"]
        found.append(Listed("thread", row["thread_id"], title=title, count=count, last_time=row["end_time"]))
    for row in _rows(as_of, "conversations", "report_totals"):
        if row["recorded"]:
            title, count = "all messages between agents", row["recorded"]
            found.append(Listed("messages", title=title, count=count, last_time=row["last_time"]))
    return sorted(found, key=lambda one: one.last_time or 0.0, reverse=True)


def given_out(data: Path, meta: Mapping[str, Any], begun: Begun, choice: Choice | None) -> GivenOut:
    """The conversation as Markdown and JSON, a session of Claude Code also as a transcript. Without a choice it is the
    one that went on last. Raises `NotFound` when the checkpoint knows no such conversation."""
    with AsOf(meta["id"], Path(meta["path"])) as as_of:
        said = found(as_of, choice or _newest(as_of, meta["id"]))
    stem = f"branch-{begun.branch}"
    about = {name: getattr(said, name) for name in ("kind", "name", "title", "said", "left_out")}
    model = "agents" if said.kind == "session" else "conversations"
    about["behind"] = meta["position"] - meta["read_models"][model]["position"]
    document = {"branch": msgspec.to_builtins(begun, str_keys=True), "conversation": said}
    files = {
        f"{stem}.md": to_markdown(said, begun).encode("utf-8", "replace"),
        f"{stem}.json": msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n",
    }
    transcript = _transcript(data, said.name, begun) if said.kind == "session" else None
    if transcript is not None:
        files[f"{transcript.session}.jsonl"] = b"".join(line + b"\n" for line in transcript.lines)
        told: dict[str, Any] = msgspec.to_builtins(transcript)
        about["transcript"] = {**told, "lines": len(transcript.lines)}
    return GivenOut(files, about)


def put(given: GivenOut, folder: Path, disk: Disk) -> list[Path]:
    """Writes the files, durably; all of them or none, and never over one that is there. Raises `CannotWrite`."""
    done: list[Path] = []
    with writing(folder):
        disk.mkdir(str(folder))
        try:
            for name, content in given.files.items():
                path = folder.absolute() / name
                _put(path, content, disk, done)
            disk.sync_directory(str(folder))
        except BaseException:
            for path in done:
                disk.unlink(str(path))
            raise
    return done


def _put(path: Path, content: bytes, disk: Disk, done: list[Path]) -> None:
    try:
        fd = disk.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError as error:
        raise CannotWrite(path=path, reason="it is there already") from error
    done.append(path)  # from here on it is ours
    try:
        write_all(disk, fd, content)
        disk.sync(fd)
    finally:
        disk.close(fd)


def _newest(as_of: AsOf, id_: str) -> Choice:
    known = conversations(as_of)
    if not known:
        raise NotFound(what=f"conversation in checkpoint {id_};", name="nothing was said up to there")
    return known[0]


def found(as_of: AsOf, choice: Choice) -> Conversation:
    """What was said in one of them up to the checkpoint. Raises `NotFound`, `UsageError` when several ids begin so."""
    said: Conversation | None = None
    if choice.kind == "messages":
        said = of_messages(as_of.ask)
    elif choice.kind == "thread":
        said = of_thread(as_of.ask, choice.name)
    else:
        sids = [row["sid"] for row in as_of.ask("agents", "session", {"sid": choice.name})]
        if choice.name not in sids and len(sids) > 1:
            raise UsageError(reason=f"several sessions begin with {choice.name}: {', '.join(sids[:4])} …")
        sid = choice.name if choice.name in sids or not sids else sids[0]
        said = of_session(as_of.ask, sid, lambda call: _whole(as_of, call))
    if said is None:
        raise NotFound(what=NAMES[choice.kind], name=choice.name or "up to there", next=LISTED[choice.kind])
    return said


def _whole(as_of: AsOf, call: str) -> str | None:
    """A result that is too large for the rows: its file."""
    rows = [row for row in as_of.ask("agents", "tool", {"tool_use_id": call}) if row["tool_use_id"] == call]
    name = rows[0]["content_file_path"] if rows else None
    return as_of.beside("agents", name) if name else None


def _transcript(data: Path, sid: str, begun: Begun) -> Transcript | None:
    events = LogReader(data).stream(f"session/{sid}")
    return resumable(takewhile(lambda event: event.position <= begun.base_position, events), str(uuid.uuid4()))


def _rows(as_of: AsOf, model: str, question: str, **parameters: Any) -> list[dict[str, Any]]:
    """Nothing of a read model that the checkpoint does not hold, or holds in a form that is no longer known."""
    try:
        return as_of.ask(model, question, parameters)
    except EventsrcError:
        return []
