"""What the name of a transcript file says: whose session it is, and whether a sub-agent wrote it.

Layouts below `projects/<slug>/`: `<session>.jsonl`, `<session>/subagents/…/agent-<id>.jsonl` (with `.meta.json`), and
the older `agent-<id>.jsonl` beside the session files, which only its records tie to a session.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

import msgspec

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLACES = 4_096  # names kept parsed: more than the files that are read in turns at any one time


class Place(msgspec.Struct, frozen=True):
    """Where a record stands, read off the `source` of the record."""

    name: str
    """File name without folders."""
    stem: str
    """File name without `.jsonl`; "" when it is no JSON Lines file."""
    session: str
    """Session that the name tells: its own, or the parent's of a sub-agent; "" when it tells none."""
    agent_id: str | None
    """Sub-agent that wrote the file."""


@lru_cache(maxsize=_PLACES)
def place_of(source: str) -> Place:
    """`file:///…/projects/<slug>/<session>/subagents/agent-a1.jsonl` → session, agent `a1`."""
    folders = unquote(source).replace("\\", "/").split("/")
    name = folders.pop()
    stem = name.removesuffix(".jsonl") if name.endswith(".jsonl") else ""
    bare = stem or name.removesuffix(".meta.json")
    agent_id = bare.removeprefix("agent-") if bare.startswith("agent-") else None
    session = ""
    if "subagents" in folders[1:]:
        session = folders[folders.index("subagents", 1) - 1]
    elif _UUID.fullmatch(stem):
        session = stem
    return Place(name=name, stem=stem, session=session, agent_id=agent_id or None)
