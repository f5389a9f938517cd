"""What a branch gives out, with files, disks and checkpoints that are not as they should be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventsrc import store
from eventsrc.branch import Conversation, of_messages
from eventsrc.durable import SystemDisk
from eventsrc.errors import CannotWrite, CheckpointBroken, LockHeld, NotFound, QueryError
from eventsrc.service.as_of import AsOf
from eventsrc.service.branches import begin, branches
from eventsrc.service.checkpoints import checkpoints
from eventsrc.service.pieces import Choice, GivenOut, conversations, put
from tests.recover_kit import MESSAGES, copy, make
from tests.unit.checkpoint_kit import FailingDisk

TWO = GivenOut({"a.md": b"one\n", "b.json": b"{}\n"}, {})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return copy(made, tmp_path)


@contextmanager
def as_of(data: Path, name: str) -> Iterator[AsOf]:
    meta = checkpoints(data).show(name)
    with AsOf(meta["id"], Path(meta["path"])) as found:
        yield found


def test_files_are_written_and_a_folder_is_made_for_them(tmp_path: Path) -> None:
    paths = put(TWO, tmp_path / "a" / "b", SystemDisk())
    assert [(path.name, path.read_bytes()) for path in paths] == [("a.md", b"one\n"), ("b.json", b"{}\n")]


@pytest.mark.parametrize("name", list(TWO.files))
def test_a_file_that_is_there_stays_as_it_is_and_the_others_do_not_come(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(CannotWrite, match="there already"):
        put(TWO, tmp_path, SystemDisk())
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"mine"


def test_a_link_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.md").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotWrite):
        put(TWO, tmp_path / "out", SystemDisk())
    assert not (tmp_path / "elsewhere").exists()


def test_whatever_operation_fails_nothing_is_left(tmp_path: Path) -> None:
    counting = FailingDisk()
    put(TWO, tmp_path / "whole", counting)
    assert counting.count >= 8
    for number in range(2, counting.count + 1):  # the first makes the folder
        folder = tmp_path / str(number)
        with pytest.raises(CannotWrite, match="injected"):
            put(TWO, folder, FailingDisk(number))
        assert list(folder.iterdir()) == []


def test_a_branch_that_cannot_be_recorded_leaves_no_files(data: Path, tmp_path: Path) -> None:
    with store.open(data), pytest.raises(LockHeld):
        begin(data, "one", None, None, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == [] and branches(data) == []
    begin(data, "one", None, None, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 3 and len(branches(data)) == 1


def test_a_checkpoint_answers_as_things_stood_then(data: Path) -> None:
    with as_of(data, "one") as one, as_of(data, "two") as two:
        assert [found.kind for found in conversations(one)] == ["session"]
        assert {found.kind for found in conversations(two)} == {"session", "thread", "messages"}
        assert of_messages(one.ask) is None
        said = of_messages(two.ask)
    assert isinstance(said, Conversation) and (said.said, said.left_out) == (MESSAGES, 0)


def test_a_read_model_that_the_checkpoint_lacks_is_not_found(data: Path) -> None:
    with as_of(data, "one") as there:
        for model in ("nothing", "../../read/agents/agents-1"):
            with pytest.raises(NotFound):
                there.ask(model, "sessions", {})
    (Path(checkpoints(data).show("one")["path"]) / "agents.db").unlink()
    with as_of(data, "one") as there:
        with pytest.raises(NotFound):
            there.ask("agents", "sessions", {})
        assert conversations(there) == []


def test_a_copy_of_another_version_or_a_damaged_one_says_so(data: Path) -> None:
    path = Path(checkpoints(data).show("one")["path"]) / "agents.db"
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE rounds RENAME TO turns")
    connection.commit()
    connection.close()
    with as_of(data, "one") as there, pytest.raises(QueryError, match="agents in checkpoint"):
        there.ask("agents", "rounds", {"sid": "x"})
    path.write_bytes(b"no database at all" * 100)
    with as_of(data, "one") as there, pytest.raises(CheckpointBroken):
        there.ask("agents", "sessions", {})


def test_only_files_of_the_read_model_are_read(data: Path) -> None:
    folder = Path(checkpoints(data).show("one")["path"]) / "agents.files"
    (folder / "results").mkdir(parents=True)
    (folder / "results" / "big.txt").write_text("a large result")
    with as_of(data, "one") as there:
        assert there.beside("agents", "results/big.txt") == "a large result"
        assert there.beside("agents", "results/none.txt") is None
        assert there.beside("agents", "../meta.json") is None


def test_nothing_said_is_nothing_to_give_out(data: Path, tmp_path: Path) -> None:
    folder = Path(checkpoints(data).show("one")["path"])
    for name in ("agents.db", "conversations.db"):
        (folder / name).unlink()
    with pytest.raises(NotFound):
        begin(data, "one", None, None, tmp_path / "out")
    with pytest.raises(NotFound):
        begin(data, "one", None, Choice("thread", "ctx-1"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
