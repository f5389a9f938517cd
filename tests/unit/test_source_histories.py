"""Any history of writing, rotating, copying away, restarting: every line that was written is recorded exactly once."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.follower import Memory, append, copy_truncate, following, read_once, rotate


class History:
    """A log file as a person's machine treats it; knows every line that was ever written."""

    def __init__(self, path: Path, seed: int, rotates: bool) -> None:
        self.path = path
        self.written: list[bytes] = []
        self._random = random.Random(seed)
        self._weights = [8, 2, 2, 0, 1] if rotates else [8, 2, 0, 2, 1]
        self._rotations = 0
        self._half = b""

    def go_on(self) -> None:
        """One more thing happens."""
        happenings = [self.write, self.write_half, self.rotate, self.copy_away, self.touch]
        self._random.choices(happenings, self._weights)[0]()

    def write(self) -> None:
        for _ in range(self._random.randint(1, 4)):
            line = b'{"n":%d,"pad":"%s"}' % (len(self.written), b"x" * self._random.choice([0, 3, 700]))
            self.written.append(line)
            append(self.path, line.removeprefix(self._half))
            self._half = b""

    def write_half(self) -> None:
        if not self._half:
            self._half = b'{"n":%d,' % len(self.written)
            with self.path.open("ab") as file:
                file.write(self._half)

    def rotate(self) -> None:
        self._finish()
        self._rotations += 1
        rotate(self.path, f".{self._rotations}")
        self.path.touch()

    def copy_away(self) -> None:
        self._finish()
        self._rotations += 1
        copy_truncate(self.path, f".{self._rotations}")

    def touch(self) -> None:
        os.utime(self.path)

    def _finish(self) -> None:
        if self._half:
            self.write()


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 200))])
@pytest.mark.parametrize("how", ["rotates", "copies"])
async def test_no_history_loses_or_doubles_a_line(tmp_path: Path, how: str, seed: int) -> None:
    log, choice = Memory(), random.Random(seed)
    history = History(tmp_path / "app.jsonl", seed, how == "rotates")
    history.write()
    await read_once(log, history.path)  # what was rotated away before the first start would not be ours
    for _ in range(6):
        for _ in range(choice.randint(0, 3)):
            history.go_on()
        if choice.random() < 0.5:
            await read_once(log, history.path)
        else:
            await follow_a_while(log, history, choice)
    await read_once(log, history.path)
    missing = Counter(history.written) - Counter(log.lines)
    surplus = Counter(log.lines) - Counter(history.written)
    assert (list(missing), list(surplus)) == ([], [])


async def follow_a_while(log: Memory, history: History, choice: random.Random) -> None:
    """Follows while things happen, now and then until all of it was seen."""
    async with following(log, history.path):
        for _ in range(choice.randint(0, 5)):
            history.go_on()
            if choice.random() < 0.5:
                await log.until(lambda log: len(log.lines) >= len(history.written), 5.0)
