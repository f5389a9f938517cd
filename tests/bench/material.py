"""What the measurements work on: generated once per run."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from eventsrc.testing.generate import generate_sse_lines, generate_transcript
from tests.bench.sizes import Sizes


class Material:
    """Files in a folder of this run, and room for more."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.sizes = sizes
        self._places = 0

    def place(self, name: str) -> Path:
        """A path that nobody has used yet."""
        self._places += 1
        return self.folder / f"{name}-{self._places}"

    @cached_property
    def sse_lines(self) -> Path:
        """A large `sse_lines.jsonl`: about 600 bytes a line, nine of ten lines deltas."""
        return _written(self.folder / "sse_lines.jsonl", generate_sse_lines(self.sizes.lines))

    @cached_property
    def transcript(self) -> Path:
        """A large Claude Code transcript."""
        return _written(self.folder / "transcript.jsonl", generate_transcript(self.sizes.transcript_lines))


def _written(path: Path, lines: Iterable[bytes]) -> Path:
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in lines)
    return path
