"""`verify` names segment, line and byte of what is wrong, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from eventsrc.durable import SystemDisk
from eventsrc.errors import LogCorrupt
from eventsrc.limits import VERIFY_FAULTS
from eventsrc.log import Problem, verify
from eventsrc.log.codec import CHECKSUM_BYTES, CHECKSUM_TEMPLATE
from eventsrc.log.verified import Verified, last, note
from eventsrc.testing.clock import ManualClock
from tests.kit.log import append, build, files, newest, notes, open_log

SEGMENT_BYTES = 900  # three events of about 300 bytes


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three segments, of which two are sealed, with three, three and two events."""
    build(tmp_path, [1] * 8, segment_bytes=SEGMENT_BYTES)
    assert [len(lines(path)) for path in segments(tmp_path)] == [3, 3, 2]
    return tmp_path


def segments(data: Path) -> list[Path]:
    return sorted((data / "log").glob("0*.jsonl"))


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def change(path: Path, to: Callable[[list[bytes]], list[bytes]]) -> list[bytes]:
    """Rewrites a file; gives the lines it had."""
    before = lines(path)
    path.write_bytes(b"".join(to(before)))
    return before


def only(data: Path) -> Problem:
    """The one problem of a log, which opening does not touch either, unless it cannot see it."""
    before = files(data)
    verdict = verify(data)
    assert not verdict.ok and files(data) == before
    return verdict.problems[0]


def refused(data: Path) -> LogCorrupt:
    before = files(data)
    with pytest.raises(LogCorrupt) as caught:
        open_log(data, segment_bytes=SEGMENT_BYTES)
    assert files(data) == before
    assert "eventsrc verify" in caught.value.advice()
    return caught.value


def test_a_sound_log_is_counted(data: Path) -> None:
    verdict = verify(data)
    assert (verdict.ok, verdict.segments, verdict.events, verdict.problems) == (True, 3, 8, [])


def test_a_flipped_bit_is_named_by_line_and_byte(data: Path) -> None:
    path = segments(data)[1]
    before = change(path, lambda all_: [all_[0], all_[1].replace(b'"ab"', b'"ac"'), all_[2]])
    problem = only(data)
    assert (problem.segment, problem.line, problem.byte, problem.kind) == (path.name, 2, len(before[0]), "checksum")


def test_a_missing_line_is_named(data: Path) -> None:
    path = segments(data)[0]
    before = change(path, lambda all_: [all_[0], all_[2]])
    problems = verify(data).problems
    assert [problem.kind for problem in problems] == ["size", "sequence"]
    assert (problems[1].line, problems[1].byte) == (2, len(before[0]))
    assert refused(data).segment == path.name


def test_swapped_lines_are_named(data: Path) -> None:
    path = segments(data)[0]
    change(path, lambda all_: [all_[1], all_[0], all_[2]])
    problem = only(data)
    assert (problem.segment, problem.line, problem.byte, problem.kind) == (path.name, 1, 0, "sequence")


def test_a_line_that_was_written_twice_is_named(data: Path) -> None:
    path = newest(data)
    before = change(path, lambda all_: [all_[0], all_[0], all_[1]])
    problem = only(data)
    assert (problem.line, problem.byte, problem.kind) == (2, len(before[0]), "sequence")
    assert refused(data).byte == len(before[0])


def test_a_truncated_sealed_segment_is_named_and_refused(data: Path) -> None:
    path = segments(data)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    problem = only(data)
    assert (problem.segment, problem.kind, problem.byte) == (path.name, "size", len(whole) - 20)
    assert refused(data).segment == path.name


def test_a_sealed_segment_cut_between_two_events_is_named(data: Path) -> None:
    change(segments(data)[0], lambda all_: all_[:2])
    assert only(data).kind == "size"
    refused(data)


def test_a_deleted_sealed_segment_is_named_and_refused(data: Path) -> None:
    path = segments(data)[0]
    path.unlink()
    assert (only(data).segment, only(data).kind) == (path.name, "missing")
    assert refused(data).segment == path.name


def test_a_sealed_segment_in_the_place_of_another_is_named(data: Path) -> None:
    first, second, _ = segments(data)
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert {problem.segment for problem in verify(data).problems} == {first.name, second.name}


def test_a_sound_segment_of_another_log_breaks_the_chain(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    log = open_log(other, segment_bytes=SEGMENT_BYTES)
    for number in (7, 8, 9, 4):
        append(log, notes(number, 1))
    log.close()
    stranger = segments(other)[0].read_bytes()
    path = segments(data)[0]
    assert len(stranger) == path.stat().st_size
    path.write_bytes(stranger)
    assert (only(data).segment, only(data).kind) == (path.name, "digest")


def test_a_deleted_manifest_is_refused(data: Path) -> None:
    (data / "log" / "manifest.jsonl").unlink()
    assert not verify(data).ok
    assert "manifest is missing" in refused(data).detail


@pytest.mark.parametrize("line", [0, 1])
def test_a_changed_manifest_is_named_and_refused(data: Path, line: int) -> None:
    manifest = data / "log" / "manifest.jsonl"
    before = lines(manifest)
    changed = before[line].replace(b'"bytes":', b'"bytes":1')
    manifest.write_bytes(b"".join([*before[:line], changed, *before[line + 1 :]]))
    problem = only(data)
    assert (problem.segment, problem.line, problem.kind) == ("manifest.jsonl", line + 1, "chain")
    assert refused(data).segment == "manifest.jsonl"


def test_a_manifest_line_that_is_gone_is_named(data: Path) -> None:
    change(data / "log" / "manifest.jsonl", lambda all_: all_[1:])
    assert only(data).segment == "manifest.jsonl"
    assert refused(data).segment == "manifest.jsonl"


def test_a_torn_manifest_line_is_cut_only_where_the_segment_was_not_followed(tmp_path: Path) -> None:
    build(tmp_path, [1] * 3, segment_bytes=SEGMENT_BYTES)
    manifest = tmp_path / "log" / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes() + b'{"segment":"0000')
    log = open_log(tmp_path, segment_bytes=SEGMENT_BYTES)
    assert [cut.file for cut in log.recovery.cuts] == ["manifest.jsonl"]
    append(log, notes(4, 1))
    log.close()
    assert verify(tmp_path).ok


def test_a_segment_that_nobody_made_is_named_and_refused(data: Path) -> None:
    (data / "log" / f"{99:020d}.jsonl").write_bytes(b"")
    assert only(data).kind == "strange"
    refused(data)


def test_a_batch_that_is_not_whole_is_named(tmp_path: Path) -> None:
    build(tmp_path, [1, 3])
    path = newest(tmp_path)
    before = change(path, lambda all_: all_[:-1])
    problem = only(tmp_path)
    assert (problem.kind, problem.byte) == ("group", sum(map(len, before[:-1])))


def test_beside_a_writer_the_group_under_way_is_not_judged(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    append(log, notes(1, 2))
    path = newest(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:100])
    assert verify(tmp_path).ok
    log.close()
    assert only(tmp_path).kind == "unfinished"


def test_the_outcome_is_noted_beside_the_log_when_asked(data: Path) -> None:
    assert last(data) is None
    note(data, verify(data), SystemDisk(), ManualClock(1000.0))
    assert last(data) == Verified(1000.0, ok=True, segments=3, events=8, problems=0)
    (data / "verified.json").write_text("{")
    assert last(data) is None


def test_everything_that_is_wrong_in_a_segment_is_told(tmp_path: Path) -> None:
    build(tmp_path, [1] * 12)
    path = newest(tmp_path)

    def broken(all_: list[bytes]) -> list[bytes]:
        all_[1] = all_[1].replace(b'"ab"', b'"ac"')  # 2: changed
        all_[3] = all_[3][:-1]  # 4 and 5: glued
        all_[6] = bytes(len(all_[6]))  # 7 and 8: zeros, their line feed too
        all_[9], all_[10] = all_[10], all_[9]  # 10 and 11: swapped
        return all_

    change(path, broken)
    verdict = verify(tmp_path)
    told = [(problem.line, problem.kind) for problem in verdict.problems]
    assert told == [
        (2, "checksum"),
        (4, "checksum"),
        (6, "checksum"),
        (8, "sequence"),
        (9, "sequence"),
        (10, "sequence"),
    ]
    content = path.read_bytes()
    for problem in verdict.problems:
        assert content[: problem.byte].count(b"\n") == problem.line - 1, "the byte is where the line begins"
    assert verdict.events == 7


def test_a_line_that_is_missing_is_one_problem_whatever_follows(tmp_path: Path) -> None:
    build(tmp_path, [3, 20, 2])
    change(newest(tmp_path), lambda all_: [*all_[:8], *all_[9:]])
    (problem,) = verify(tmp_path).problems
    assert (problem.line, problem.kind, problem.detail) == (9, "sequence", "position 9 is expected here, not 10")


def test_damage_in_several_segments_is_told_of_each(data: Path) -> None:
    for path in segments(data):
        change(path, lambda all_: [all_[0].replace(b'"ab"', b'"ac"'), *all_[1:]])
    assert [(problem.segment, problem.line) for problem in verify(data).problems] == [
        (path.name, 1) for path in segments(data)
    ]


def test_segments_behind_a_broken_manifest_are_looked_into_too(data: Path) -> None:
    manifest = data / "log" / "manifest.jsonl"
    manifest.write_bytes(b"x" + manifest.read_bytes())
    change(segments(data)[2], lambda all_: [all_[0], all_[1].replace(b'"ab"', b'"ac"')])
    problems = verify(data).problems
    assert [problem.kind for problem in problems] == ["chain", "strange", "strange", "checksum"]
    assert verify(data).events == 7


def test_a_segment_of_garbage_is_told_of_within_a_bound(tmp_path: Path) -> None:
    build(tmp_path, [1])
    newest(tmp_path).write_bytes(b"garbage\n" * (VERIFY_FAULTS + 500))
    assert len(verify(tmp_path).problems) == VERIFY_FAULTS


def test_a_line_with_its_checksum_that_is_no_event_is_told(tmp_path: Path) -> None:
    build(tmp_path, [1, 1, 1])

    def rewritten(all_: list[bytes]) -> list[bytes]:
        members = all_[1][: -CHECKSUM_BYTES - 1].replace(b'"revision":', b'"revision":x')
        return [all_[0], members + CHECKSUM_TEMPLATE % crc32(members), all_[2].replace(b'"ab"', b'"ac"')]

    before = change(newest(tmp_path), rewritten)
    problems = verify(tmp_path).problems
    assert (problems[0].line, problems[0].byte) == (2, len(before[0]))
    assert [one.kind for one in problems] == ["line", "checksum"]
