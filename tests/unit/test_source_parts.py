"""The pure parts: places, patterns, families, cutting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsrc.errors import UsageError
from eventsrc.source.cut import Block, batches, marked
from eventsrc.source.kin import Member, left_behind, named_after
from eventsrc.source.notice import shown, subject, uri
from eventsrc.source.pattern import SIDECARS, Root, roots
from eventsrc.source.place import Place, digest, judge, read, settled, written

NUMBERS = st.integers(min_value=0, max_value=2**63)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.binary(), st.binary())
def test_a_place_survives_being_a_cursor(
    offset: int, lines: int, generation: int, mtime_ns: int, head: bytes, anchor: bytes
) -> None:
    place = Place(
        "f:1:2", offset, lines, lines, generation, mtime_ns, len(head), digest(head), len(anchor), digest(anchor)
    )
    assert read(written(place)) == place
    assert written(place).split(" ")[0] == "f:1:2"


@pytest.mark.parametrize("text", ["", "f:1:2", "f:1:2 1,2,3", "f:1:2 a,0,0,0,0,0,,0,"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


def test_a_changed_byte_in_head_or_anchor_is_a_rewrite_and_a_shorter_file_a_truncation() -> None:
    content = bytes(range(256)) * 64
    place = settled(Place("f:1:2", offset=len(content)), content[:1024], content)
    anchor = content[-place.anchor_length :]
    assert judge(place, len(content) + 5, content[:1024], anchor) == "same"
    assert judge(place, len(content), b"x" + content[1:1024], anchor) == "rewritten"
    assert judge(place, len(content), content[:1024], anchor[:-1] + b"x") == "rewritten"
    assert judge(place, len(content) - 1, content[:1024], anchor[:-1]) == "truncated"
    assert judge(place, 0, b"", b"") == "truncated"
    assert judge(place, 1024, b"x" * 1024, b"") == "rewritten"


@given(st.lists(st.sampled_from([b"", b"\r", b"{}", b"x" * 30, b"\x00"]), max_size=30), st.integers(1, 5))
def test_cutting_loses_nothing_whatever_the_batch_size(lines: list[bytes], most: int) -> None:
    content = b"".join(line + b"\n" for line in lines) + b"unfinished"
    block = Block(content, content[:1024], len(content), 7)
    found = list(batches(block, Place("f:1:2"), "file:///a", most))
    records = [record for batch in found for record in batch.records]
    assert [record.data for record in records] == [line for line in lines if line not in (b"", b"\r")]
    for record in records:
        start = int(record.id.rpartition(":")[2])
        assert content[start : start + len(record.data) + 1] == record.data + b"\n"
    if found:
        assert found[-1].place.offset == len(content) - len(b"unfinished")
        assert found[-1].place.lines == len(lines)
    for batch in found:
        before = content[: batch.place.offset][-batch.place.anchor_length :] if batch.place.offset else b""
        assert judge(batch.place, len(content), content[:1024], before) == "same"
        assert not batch.records or marked(batch)[-1].cursor == written(batch.place)
        rest = Block(before + content[batch.place.offset :], content[:1024], len(content), 7)
        again = [record for batch in batches(rest, batch.place, "file:///a") for record in batch.records]
        assert again == [record for record in records if int(record.id.rpartition(":")[2]) >= batch.place.offset]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**/*.jsonl", "a.jsonl", True),
        ("**/*.jsonl", "deep/er/a.jsonl", True),
        ("**/*.jsonl", "a.jsonl.1", False),
        ("*.jsonl", "deep/a.jsonl", False),
        ("*/log-?.txt", "deep/log-1.txt", True),
        ("log-[0-9].txt", "log-7.txt", True),
        ("log-[!0-9].txt", "log-7.txt", False),
        ("a.b", "axb", False),
        ("deep/**", "deep/er/x", True),
        ("[", "[", True),
    ],
)
def test_patterns_match_whole_paths(pattern: str, path: str, matches: bool) -> None:
    assert bool(Root("/x", pattern).matcher().fullmatch(path)) is matches


def test_a_pattern_that_cannot_be_is_named() -> None:
    with pytest.raises(UsageError, match=r"\[z-a\]"):
        Root("/x", "[z-a].jsonl").matcher()


def test_targets_are_files_folders_and_globs(tmp_path: Path) -> None:
    (tmp_path / "odd[1].jsonl").touch()
    assert [(root.folder, root.pattern, root.whole, root.exact) for root in roots([tmp_path])] == [
        (str(tmp_path), "**/*.jsonl", SIDECARS, False),
    ]
    (root,) = roots([f"{tmp_path}/*/x-*.log"])
    assert (root.folder, root.pattern, root.depth) == (str(tmp_path), "*/x-*.log", 1)
    (root,) = roots([tmp_path / "odd[1].jsonl"])
    assert (root.pattern, root.exact, root.depth) == ("odd[1].jsonl", True, 0)
    assert root.matcher().fullmatch("odd[1].jsonl")


def test_rotated_names_are_known_by_the_name_they_begin_with() -> None:
    names = {"app.jsonl", "app", "other.log"}
    assert named_after("app.jsonl.1", names) == "app.jsonl"
    assert named_after("app.jsonl-20260110", names) == "app.jsonl"
    assert named_after("other.log.1.gz", names) == ""
    assert named_after("apple", names) == ""


def test_only_what_was_written_since_a_known_file_is_owed() -> None:
    old, known, new = (Member(f"a.{age}", f"f:1:{age}", 1, age, age == 2) for age in (1, 2, 3))
    assert left_behind([new, old, known]) == [known, new]
    assert left_behind([new, old]) == []
    assert left_behind([new, old], since=[2]) == [new]


def test_a_path_too_long_for_a_subject_is_named_by_its_hash() -> None:
    assert subject("/a") == "source//a"
    assert len(subject("/" + "a" * 4000)) < 40


def test_a_path_that_is_not_utf8_stays_valid_text() -> None:
    path = os.fsdecode(b"/tmp/\xff b.jsonl")
    assert uri(path) == "file:///tmp/%FF%20b.jsonl"
    assert shown(path) == "/tmp/\\xff b.jsonl"
