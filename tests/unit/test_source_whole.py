"""Small files that are one record each."""

from __future__ import annotations

import os
from pathlib import Path

from eventsrc import limits
from eventsrc.source.folder import Follow
from tests.conformance.follower import Memory, following, overwrite, read_once


def sidecar(folder: Path) -> Path:
    return folder / "agent-1.meta.json"


async def test_a_sidecar_is_recorded_when_new_and_when_changed(tmp_path: Path) -> None:
    log = Memory()
    async with following(log, tmp_path):
        overwrite(sidecar(tmp_path), b'{\n "type": 1}\n')
        await log.until_lines(1)
        overwrite(sidecar(tmp_path), b'{"type": 2}')
        await log.until_lines(2)
    assert log.lines[0] == b'{\n "type": 1}\n', "byte for byte"
    assert log.lines[-1] == b'{"type": 2}'
    assert log.notices == []


async def test_a_touched_or_known_sidecar_is_not_recorded_again(tmp_path: Path) -> None:
    log = Memory()
    overwrite(sidecar(tmp_path), b"{}")
    report = await read_once(log, tmp_path)
    assert (report.files, report.read) == (1, 1)
    os.utime(sidecar(tmp_path))
    report = await read_once(log, tmp_path)
    assert (report.known, report.read, report.unfinished) == (1, 0, {})
    again = Follow([tmp_path], log.cursor, once=True)
    await again.run(log.deliver)
    assert log.lines == [b"{}"]


async def test_other_json_files_are_left_alone(tmp_path: Path) -> None:
    log = Memory()
    overwrite(tmp_path / "settings.json", b"{}")
    assert (await read_once(log, tmp_path)).files == 0


async def test_a_large_file_is_no_sidecar_and_said_so(tmp_path: Path) -> None:
    log = Memory()
    overwrite(sidecar(tmp_path), b"x" * (limits.WHOLE_BYTES + 1))
    report = await read_once(log, tmp_path)
    assert log.lines == []
    assert "1048577 bytes" in report.problems[str(sidecar(tmp_path))]
