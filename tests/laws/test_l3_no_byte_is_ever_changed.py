"""L3: only an unfinished tail is cut, only while opening, and what was cut is kept aside; damage before is refused.

On a small log: prefixes, a flipped bit in every byte, every zeroed sector. Every prefix and every single bit are tried
in `tests/unit/test_log_damage.py`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eventsrc.errors import LogCorrupt
from eventsrc.log import verify
from tests.kit.log import forget_index, newest, open_log, say, texts

GROUPS = (("a",), ("b", "c", "d"), ("e",), ("f", "g"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of one segment with four groups, and no index that could know more than the files."""
    data = tmp_path_factory.mktemp("small")
    log = open_log(data)
    for group in GROUPS:
        say(log, *group)
    log.close()
    forget_index(data)
    return data


def outcome(small: Path, data: Path, changed: bytes) -> str:
    """Opens a copy with another newest segment: `clean`, `rolled back` or `corrupt`, each held to what it promises."""
    shutil.copytree(small, data)
    segment = newest(data)
    whole = segment.read_bytes()
    segment.write_bytes(changed)
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != "lock"}
    try:
        log = open_log(data)
    except LogCorrupt as error:
        after = {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != "lock"}
        assert after == before, "a refused log is not changed"
        assert error.segment == segment.name and error.line >= 1
        return "corrupt"
    log.close()
    rest = segment.read_bytes()
    assert whole.startswith(rest) or changed == whole, "what is left is what was written"
    flat = [name for group in GROUPS for name in group]
    ends = [sum(map(len, GROUPS[:number])) for number in range(len(GROUPS) + 1)]
    assert log.head in ends and texts(data) == flat[: log.head], "whole groups only"
    if log.recovery.clean:
        assert rest == changed
        return "clean"
    (cut,) = log.recovery.cuts
    assert Path(cut.aside).read_bytes() == changed[len(rest) :], "what was cut is kept"
    return "rolled back"


def test_every_prefix_is_clean_or_rolled_back(small: Path, tmp_path: Path) -> None:
    whole = newest(small).read_bytes()
    seen = {
        length: outcome(small, tmp_path / str(length), whole[:length]) for length in range(0, len(whole) + 1, 3)
    } | {len(whole): outcome(small, tmp_path / "whole", whole)}
    assert set(seen.values()) == {"clean", "rolled back"}
    assert list(seen.values()).count("clean") <= len(GROUPS) + 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_flipped_bit_in_any_byte_is_rolled_back_in_the_last_group_and_refused_before(
    small: Path, tmp_path: Path
) -> None:
    whole = newest(small).read_bytes()
    last = whole.rfind(b'{"specversion":"1.0","sequence":"00000000000000000006"')
    for byte in range(len(whole)):
        changed = bytearray(whole)
        changed[byte] ^= 1 << byte % 8
        data = tmp_path / f"{byte}"
        found = outcome(small, data, bytes(changed))
        assert found == ("rolled back" if byte >= last else "corrupt"), f"byte {byte}"
        shutil.rmtree(data)


@pytest.mark.parametrize("size", [16, 64])
def test_every_zeroed_sector_is_rolled_back_or_refused(small: Path, tmp_path: Path, size: int) -> None:
    whole = newest(small).read_bytes()
    found = set()
    for start in range(0, len(whole), size):
        changed = whole[:start] + bytes(len(whole[start : start + size])) + whole[start + size :]
        found.add(outcome(small, tmp_path / f"{size}.{start}", changed))
    assert found == {"rolled back", "corrupt"}


def test_a_tail_of_zeros_is_a_torn_tail(small: Path, tmp_path: Path) -> None:
    whole = newest(small).read_bytes()
    for zeros in (1, 7, 4096):
        assert outcome(small, tmp_path / str(zeros), whole + bytes(zeros)) == "rolled back"


def test_what_the_index_saw_durable_is_never_rolled_back(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    say(log, "a")
    say(log, "b")
    log.close()  # the index now knows that both are durable
    segment = newest(tmp_path)
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-5])
    with pytest.raises(LogCorrupt, match="durable"):
        open_log(tmp_path)
    assert segment.read_bytes() == whole[:-5]


def sealed(data: Path) -> list[Path]:
    """A log of several segments."""
    log = open_log(data, segment_bytes=700)
    for number in range(20):
        say(log, f"e{number}")
    log.close()
    return sorted((data / "log").glob("0*.jsonl"))


@pytest.mark.parametrize(
    "damage", ["flip", "line missing", "lines swapped", "truncated", "deleted", "extra", "manifest"]
)
def test_damage_of_a_sealed_segment_is_named_by_verify(tmp_path: Path, damage: str) -> None:
    segment = sealed(tmp_path)[1]
    data = segment.read_bytes()
    lines = data.splitlines(keepends=True)
    assert len(lines) >= 2
    if damage == "flip":
        segment.write_bytes(data[:50] + bytes([data[50] ^ 4]) + data[51:])
    elif damage == "line missing":
        segment.write_bytes(b"".join(lines[:1] + lines[2:]))
    elif damage == "lines swapped":
        segment.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    elif damage == "truncated":
        segment.write_bytes(data[:-1])
    elif damage == "deleted":
        segment.unlink()
    elif damage == "extra":
        segment.with_name(f"{999:020d}.jsonl").write_bytes(data)
    else:
        manifest = segment.with_name("manifest.jsonl")
        manifest.write_bytes(manifest.read_bytes().replace(b'"bytes":', b'"bytes":1', 1))
    verdict = verify(tmp_path)
    assert not verdict.ok
    named = {"extra": f"{999:020d}.jsonl", "manifest": "manifest.jsonl"}.get(damage, segment.name)
    assert named in {problem.segment for problem in verdict.problems}
    if damage != "flip" and damage != "lines swapped":
        with pytest.raises(LogCorrupt):
            open_log(tmp_path)


def test_a_log_whose_manifest_is_gone_is_refused_and_left_alone(tmp_path: Path) -> None:
    sealed(tmp_path)
    (tmp_path / "log/manifest.jsonl").unlink()
    before = sorted(path.name for path in (tmp_path / "log").iterdir())
    with pytest.raises(LogCorrupt):
        open_log(tmp_path)
    assert sorted(path.name for path in (tmp_path / "log").iterdir()) == before


def test_verify_beside_the_writer_tells_damage_from_a_group_under_way(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    for group in GROUPS:
        say(log, *group)
    segment = newest(tmp_path)
    whole = segment.read_bytes()
    segment.write_bytes(whole + b'{"specversion":"1.0","sequ')
    assert verify(tmp_path).ok
    segment.write_bytes(whole[:40] + b"X" + whole[41:])
    verdict = verify(tmp_path)
    assert not verdict.ok and verdict.problems[0].line == 1
    log.close()


def test_an_empty_newest_segment_does_not_block_the_start(tmp_path: Path) -> None:
    last = sealed(tmp_path)[-1]
    log = open_log(tmp_path)
    head = log.head
    log.close()
    assert last.exists()
    if last.stat().st_size:
        with last.open("ab"):
            pass
    fresh = tmp_path / "fresh"
    log = open_log(fresh)
    log.close()
    (fresh / "log" / f"{1:020d}.jsonl").touch()
    log = open_log(fresh)
    assert (log.head, say(log, "a").positions) == (0, (1,))
    log.close()
    assert head == 20
