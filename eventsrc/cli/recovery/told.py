"""What became of a choice, and how recording stands: the lines that a person reads."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eventsrc.cli.fit import shortened
from eventsrc.cli.output import duration, moment, safe, size

WHO_CELLS = 24
SLUG_CHARS = 200
"""Characters of a folder's name below which Claude Code does not shorten it."""


def begun_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """A branch that was begun."""
    name = f" '{safe(report['name'])}'" if report["name"] else ""
    yield f"branch {report['branch']}{name} begins at position {report['position']:,}"
    if report["checkpoint"]:
        yield f"its base is checkpoint {report['checkpoint']}, position {report['base_position']:,} of the log"
        yield f"{report['left_behind']:,} later events stay in the log; nothing was cut"
    else:
        yield f"it builds on nothing; what there was is in checkpoint {report['kept']}"
    if report["conversation"]:
        yield from _given_lines(report["conversation"], report["files"])


def _given_lines(about: Mapping[str, Any], files: list[str]) -> Iterator[str]:
    what = f"{about['kind']} {safe(about['name'])}".strip()
    yield f"given out: {what}"
    yield f"  {about['said']:,} prompts, answers and messages"
    for path in files:
        yield f"  {safe(path)}"
    if about["left_out"]:
        yield f"  {about['left_out']:,} older messages are left out: so many in one file help nobody"
    if about["behind"]:
        yield f"  the copies in the checkpoint were {about['behind']:,} events behind: so much is missing at the end"
    transcript = about.get("transcript")
    if transcript:
        yield from _resume_lines(transcript, next(path for path in files if path.endswith(".jsonl")))


def _resume_lines(transcript: Mapping[str, Any], path: str) -> Iterator[str]:
    if transcript["cut"]:
        yield f"  {transcript['cut']} records at the end are left out: a tool had not answered, or a thought not ended"
    if transcript["missing"]:
        yield f"  {transcript['missing']} records lack the one before them: the agent may not remember what was earlier"
    cwd = transcript["cwd"]
    if not cwd:
        return
    yield "to go on from there with Claude Code:"
    home = os.environ.get("CLAUDE_CONFIG_DIR") or str(Path.home() / ".claude")
    folder = shlex.quote(str(Path(home, "projects", slug(cwd))))
    yield f"  mkdir -p {folder}"
    yield f"  cp {shlex.quote(path)} {folder}/"
    yield f"  cd -- {shlex.quote(safe(cwd))} && claude --resume {transcript['session']}"


def slug(cwd: str) -> str:
    """The name under which Claude Code keeps the sessions of a folder."""
    return re.sub(r"[^A-Za-z0-9-]", "-", cwd)[:SLUG_CHARS]


def diagnosis_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """How recording stands."""
    lately, last, messages = found["lately"], found["last_event"], found["messages"]
    yield f"recording     {'ON, pid ' + str(found['pid']) if found['recording'] else 'OFF: no service runs'}"
    if found["unhealthy"]:
        yield f"unhealthy     {safe(found['unhealthy'])}"
    yield f"log           {found['head']:,} events, {size(found['log_bytes'])}"
    least = "" if lately["is_all"] else "at least "
    yield f"lately        {least}{lately['events']:,} events in the last {duration(lately['seconds'])}"
    if last:
        yield f"last event    {duration(last['age'])} ago: {safe(last['type'])} at {last['position']:,}"
    if messages:
        yield f"messages      {messages['recorded']:,} between agents, {messages['duplicates']:,} seen twice"
        rules = messages["rules"] or "not known yet"
        yield f"              {messages['empty']:,} empty, {messages['rejected']:,} rejected; rules {rules}"
    age = "none" if found["checkpoint_age"] is None else f"the newest {duration(found['checkpoint_age'])} old"
    yield f"checkpoints   {found['checkpoints']}, {size(found['checkpoint_bytes'])}; {age}"
    for name, model in found["read_models"].items():
        dead = f", {model['dead_letters']} dead letters" if model["dead_letters"] else ""
        yield f"read model    {name}: {model['state']}, {model['lag_events']:,} events behind{dead}"
    yield f"folder        {safe(found['data'])}"


def said_line(row: Mapping[str, Any], width: int) -> str:
    """One thing that was said: time, who, the beginning of its text."""
    who = row["title"] or {"prompt": "user", "answer": "agent"}.get(row["kind"], row["kind"])
    from rich.cells import set_cell_size

    name = set_cell_size(shortened(safe(" ".join(str(who).split())), WHO_CELLS), WHO_CELLS)
    return shortened(f"{moment(row['time'])[5:16]}  {name}  {safe(' '.join(row['text'].split()))}", width)
