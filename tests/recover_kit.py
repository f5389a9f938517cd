"""A store with two checkpoints, for whoever goes on from one; made in this process, which costs a second."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from eventsrc.cli import main
from eventsrc.testing.generate import generate_transcript
from tests.conversation_kit import flat_message

LINES = tuple(generate_transcript(60, 3))
"""One session of Claude Code; `one` is taken after half of it."""
HALF, MESSAGES = 30, 9


def write(path: Path, lines: list[bytes]) -> Path:
    """A file of lines."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def make(folder: Path) -> Path:
    """Checkpoint `one` after half a session, `two` after messages between agents and the other half; the data
    directory."""
    data, session, mesh = folder / "data", folder / "session.jsonl", folder / "mesh.jsonl"
    steps = [
        ["ingest", str(write(session, list(LINES[:HALF])))],
        ["checkpoint", "--label", "one"],
        ["ingest", str(write(mesh, [msgspec.json.encode(flat_message(number)) for number in range(MESSAGES)]))],
    ]
    for step in steps:
        assert main.run([*step, "--data", str(data)]) == 0
    write(session, list(LINES))
    for step in (["ingest", str(session)], ["checkpoint", "--label", "two"]):
        assert main.run([*step, "--data", str(data)]) == 0
    return data


def copy(made: Path, folder: Path) -> Path:
    """The same store in another place."""
    return Path(shutil.copytree(made, folder / "data", symlinks=True))
