"""Files of streamed blocks: what stands in them, what they are called, and that they never disagree with their rows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eventsrc.errors import ReadModelDamaged
from eventsrc.plugin import (
    BlockCompleted,
    BlockDelta,
    BlockStarted,
    Fact,
    MessageStarted,
    Unknown,
    folder_name,
)
from eventsrc.testing.given import Given
from projections.deltas import Deltas


def piece(text: str, flow: str = "req_1", index: int = 0, kind: str = "text", message: str = "") -> BlockDelta:
    return BlockDelta(sid="s", request_id=flow, message_id=message, index=index, kind=kind, text=text)


def start(flow: str = "req_1", index: int = 0, text: str = "") -> BlockStarted:
    return BlockStarted(sid="s", request_id=flow, index=index, block_type="text", text=text)


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*.txt")}


def agreeing(given: Given) -> dict[str, int]:
    """Path → bytes of every row; each must be the size of its file, and no file may be without a row."""
    rows = dict(given.rows("SELECT path, bytes FROM files"))
    assert {f"deltas/{name}": len(text.encode()) for name, text in files(given.folder).items()} == rows
    return rows


def test_a_block_grows_in_a_file_of_its_own(tmp_path: Path) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(start(), piece("Hel"), piece("lo"))
        assert files(tmp_path) == {"req_1/index_0.txt": "Hello"}
        given.facts(piece(" wörld"), piece('{"a":', index=1, kind="json"))
        assert files(tmp_path) == {"req_1/index_0.txt": "Hello wörld", "req_1/index_1.txt": '{"a":'}
        given.facts(BlockCompleted(sid="s", request_id="req_1", index=0))
        rows = given.rows("SELECT path, bytes, pieces, is_complete FROM files WHERE block_index = 0")
        assert rows == [("deltas/req_1/index_0.txt", 12, 3, 1)]


def test_thinking_is_content_and_a_signature_is_not(tmp_path: Path) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(piece("hm", kind="thinking"), piece("Er0x", kind="signature"))
        assert files(tmp_path) == {"req_1/index_0.txt": "hm"}


def test_a_batch_is_one_append_per_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    write = os.write

    def counted(fd: int, data: bytes) -> int:
        written.append(len(data))
        return write(fd, data)

    monkeypatch.setattr(os, "write", counted)
    with Given(Deltas, tmp_path) as given:
        given.facts(*(piece("word ", index=number % 2) for number in range(100)))
    assert written == [250, 250]


def test_a_message_is_found_by_either_id(tmp_path: Path) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(
            MessageStarted(sid="s", request_id="req_1", message_id="msg_1"), piece("a", flow="", message="msg_1")
        )
        given.forget()
        given.facts(piece("b"))
        assert files(tmp_path) == {"req_1/index_0.txt": "ab"}


def test_two_messages_that_turn_out_to_be_one_go_on_in_one_file(tmp_path: Path) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(piece("a", flow="", message="msg_1"), piece("x", flow="req_1", index=7))
        given.facts(MessageStarted(sid="s", request_id="req_1", message_id="msg_1"), piece("b"))
        assert files(tmp_path) == {"msg_1/index_0.txt": "ab", "req_1/index_7.txt": "x"}
        assert given.rows("SELECT DISTINCT flow_id FROM files") == [("req_1",)]
        agreeing(given)


@pytest.mark.parametrize("forget", [False, True])
def test_what_is_streamed_once_more_is_there_once(tmp_path: Path, forget: bool) -> None:
    again: list[Fact] = [start(), piece("Hel"), piece("lö")]
    with Given(Deltas, tmp_path) as given:
        given.facts(*again)
        for fact in (*again, piece("!")):
            given.facts(fact)
            if forget:
                given.forget()
        assert files(tmp_path) == {"req_1/index_0.txt": "Hellö!"}


def test_what_is_streamed_once_more_and_differs_is_kept(tmp_path: Path) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(start(), piece("Hello"), start(), piece("Help"), piece("!"))
        assert files(tmp_path) == {"req_1/index_0.txt": "HelloHelp!"}


HOSTILE = [
    "../../etc/cron.d/x",
    "/",
    "..",
    ".",
    "",
    "nul\0",
    "a" * 300,
    "Case",
    "case",
    "CASE",
    "ünï",
    "a/../b",
    "-rf",
    "~",
]


def test_no_id_leads_out_of_the_folder_or_to_the_file_of_another(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    with Given(Deltas, inside) as given:
        given.facts(*(piece(str(number), flow) for number, flow in enumerate(HOSTILE)))
        agreeing(given)
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
    folders = [entry.name for entry in inside.iterdir()]
    assert len({name.casefold() for name in folders}) == len(HOSTILE)
    assert "Case" in folders
    assert all(len(name) <= 100 and name.isascii() and name[0] not in ".-" for name in folders)
    assert sorted(files(inside).values(), key=int) == [str(number) for number in range(len(HOSTILE))]


def test_a_name_follows_from_the_id_alone() -> None:
    assert folder_name("req_011CSynth.x-1") == "req_011CSynth.x-1"
    assert folder_name("a/b").startswith("a_b~")
    assert folder_name("a/b") != folder_name("a_b", taken=True) != folder_name("a_b")
    assert folder_name("\ud800")


@pytest.mark.parametrize(
    "poison",
    [piece("lost", index=2**70), BlockDelta(sid="\ud800", request_id="req_2", index=0, kind="text", text="lost")],
    ids=["while folding", "after the files were appended to"],
)
def test_a_batch_that_is_undone_leaves_the_files_as_they_were(tmp_path: Path, poison: BlockDelta) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(piece("kept"))
        before = agreeing(given)
        with pytest.raises((OverflowError, UnicodeEncodeError)):
            given.readings([given.reading(piece(" lost")), given.reading(poison)])
        assert given.rows("SELECT path, bytes FROM files") == list(before.items())
        assert files(tmp_path)["req_1/index_0.txt"] == "kept"
        given.facts(piece(" and more"), Unknown(sid="s"))
        assert files(tmp_path)["req_1/index_0.txt"] == "kept and more"


@pytest.mark.parametrize("extra", [b"x", b"much longer than what a row counts"])
def test_a_file_that_ran_ahead_of_its_row_is_cut_back(tmp_path: Path, extra: bytes) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(piece("kept"), piece("other", "req_2"))
        for name in ("req_1/index_0.txt", "req_1/index_9.txt"):
            with (tmp_path / name).open("ab") as file:
                file.write(extra)
        (tmp_path / "req_3").mkdir()
        (tmp_path / "req_3/index_0.txt").write_bytes(extra)
        given.projection.recover()
        agreeing(given)
        assert files(tmp_path) == {"req_1/index_0.txt": "kept", "req_2/index_0.txt": "other"}
        assert not (tmp_path / "req_3").exists()


def test_a_file_that_ran_ahead_is_cut_before_it_is_appended_to(tmp_path: Path) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(piece("kept"))
        with (tmp_path / "req_1/index_0.txt").open("ab") as file:
            file.write(b"ahead")
        given.facts(piece("!"))
        assert files(tmp_path) == {"req_1/index_0.txt": "kept!"}


@pytest.mark.parametrize("left", [None, 0, 3])
def test_a_file_that_lost_something_is_not_mended_by_guessing(tmp_path: Path, left: int | None) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(piece("kept"))
        path = tmp_path / "req_1/index_0.txt"
        path.unlink() if left is None else path.write_bytes(b"kept"[:left])
        with pytest.raises(ReadModelDamaged, match="its row counts 4"):
            given.projection.recover()
        with pytest.raises(ReadModelDamaged):
            given.facts(piece("!"))


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    folder = tmp_path / "in"
    (folder / "req_1").mkdir(parents=True)
    (folder / "req_1/index_0.txt").symlink_to(target)
    with Given(Deltas, folder) as given, pytest.raises(OSError):
        given.facts(piece("x"))
    assert target.read_text() == "precious"


def test_the_files_of_a_session_are_a_question(tmp_path: Path) -> None:
    with Given(Deltas, tmp_path) as given:
        given.facts(piece("one"), piece("two", index=1))
        found = given.ask("files", sid="s")
        assert [(row["path"], row["bytes"]) for row in found] == [
            ("deltas/req_1/index_0.txt", 3),
            ("deltas/req_1/index_1.txt", 3),
        ]
