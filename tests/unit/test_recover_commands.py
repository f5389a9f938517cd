"""`eventsrc recover` and `checkpoint diff` with good input, bad input and none, without a service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eventsrc.cli import main
from eventsrc.testing.generate import generate_transcript
from tests.recover_kit import HALF, LINES, copy, make, write


class Done:
    """What a command gave."""

    def __init__(self, returncode: int, stdout: bytes, stderr: bytes) -> None:
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


class Here:
    """Commands on one data directory, in this process."""

    def __init__(self, data: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        self.data = data
        self._capture = capture

    def run(self, *words: str) -> Done:
        self._capture.readouterr()
        code = main.run([*words, "--data", str(self.data)])
        return Done(code, *self._capture.readouterr())

    def json(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def halves(made: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Here:
    return Here(copy(made, tmp_path), capsysbinary)


def begun(kit: Here) -> list[Any]:
    """The data of what is in the log, oldest first."""
    found = map(json.loads, kit.run("tail", "-n", "1000", "--json").stdout.splitlines())
    return [one["data"] for one in found if one["type"] == "eventsrc.branch.begun"]


def test_a_branch_is_a_record_and_nothing_is_cut(halves: Here, tmp_path: Path) -> None:
    before = [path.read_bytes() for path in sorted((halves.data / "log").glob("*.jsonl"))]
    made = halves.json("recover", "--load", "one", "--name", "again", "--out", str(tmp_path / "out"))
    assert (made["base_position"], made["label"], made["name"], made["left_behind"]) == (30, "one", "again", 39)
    after = [path.read_bytes() for path in sorted((halves.data / "log").glob("*.jsonl"))]
    assert [new[: len(old)] for old, new in zip(before, after, strict=True)] == before
    assert begun(halves) == [{key: made[key] for key in begun(halves)[0]}]
    listed = halves.json("recover")
    assert [one["branch"] for one in listed["branches"]] == [made["branch"]]
    assert [(one["label"], one["branches"]) for one in listed["checkpoints"]] == [
        ("two", []),
        ("one", [made["branch"]]),
    ]
    assert halves.json("verify")["ok"]


def test_what_is_given_out_ends_where_the_checkpoint_does(halves: Here, tmp_path: Path) -> None:
    made = halves.json("recover", "--load", "one", "--out", str(tmp_path / "out"))
    files = {Path(path).suffix: Path(path) for path in made["files"]}
    transcript = files[".jsonl"].read_bytes().splitlines()
    about = made["conversation"]["transcript"]
    assert len(transcript) == about["lines"] == HALF - about["cut"]
    uuids = [json.loads(line)["uuid"] for line in transcript]
    assert uuids == [json.loads(line)["uuid"] for line in LINES[: len(uuids)]]
    assert {json.loads(line)["sessionId"] for line in transcript} == {files[".jsonl"].stem} == {about["session"]}
    document = json.loads(files[".json"].read_bytes())
    texts = [turn["text"] for turn in document["conversation"]["turns"] if turn["kind"] == "answer"]
    blocks = [
        json.loads(line)["message"]["content"] for line in LINES[:HALF] if json.loads(line)["type"] == "assistant"
    ]
    assert texts == [block["text"] for (block,) in blocks if block["type"] == "text"]
    page = files[".md"].read_text("utf-8")
    assert all(text in page for text in texts) and made["branch"] in page


def test_any_conversation_can_be_chosen(halves: Here, tmp_path: Path) -> None:
    out = ("--load", "two", "--out", str(tmp_path / "out"))
    assert halves.json("recover", *out, "--messages")["conversation"]["said"] == 9
    thread = halves.json("recover", *out, "--thread", "ctx-1")
    assert (thread["conversation"]["kind"], thread["conversation"]["said"], len(thread["files"])) == ("thread", 3, 2)
    sid = halves.json("agents", "sessions")[0]["sid"]
    assert halves.json("recover", *out, "--session", sid[:8])["conversation"]["name"] == sid
    for words in (("--session", "nobody"), ("--thread", "nowhere")):
        done = halves.run("recover", *out, *words)
        assert done.returncode == 1 and b"There is no" in done.stderr
    missing = halves.run("recover", "--load", "one", "--out", str(tmp_path / "out"), "--messages")
    assert missing.returncode == 1  # nobody had said anything to anybody up to there


def test_nothing_is_written_over_and_a_branch_that_failed_leaves_nothing(halves: Here, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    done = halves.run("recover", "--load", "one", "--out", str(tmp_path / "taken" / "out"))
    assert done.returncode == 1 and b"taken" in done.stderr and (tmp_path / "taken").read_text() == "mine"
    assert begun(halves) == []
    log = next((halves.data / "log").glob("0*.jsonl"))
    log.write_bytes(log.read_bytes().replace(b'"cwd":"/home/dev/app"', b'"cwd":"/home/dev/apq"', 1))
    done = halves.run("recover", "--load", "one", "--out", str(tmp_path / "out"))
    assert done.returncode == 12, done.stderr
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_log_is_refused(halves: Here, tmp_path: Path) -> None:
    other = Here(tmp_path / "other", halves._capture)
    other.json("ingest", str(write(tmp_path / "other.jsonl", list(generate_transcript(40, 9)))))
    (other.data / "checkpoints").symlink_to(halves.data / "checkpoints")
    for words in (("recover", "--load", "one"), ("checkpoint", "diff", "one", "two")):
        done = other.run(*words)
        assert done.returncode == 12 and b"was not taken from this log" in done.stderr


def test_the_difference_is_what_happened_in_between(halves: Here) -> None:
    found = halves.json("checkpoint", "diff", "two", "one")
    assert (found["older"]["label"], found["newer"]["label"], found["events"]) == ("one", "two", 39)
    assert sum(found["by_type"].values()) == 39 and found["by_type"]["conversation.message"] == 9
    assert found["rows"]["conversations"]["messages"] == 9
    assert found["figures"]["speakers"] == {"planner": 9}
    now = {name: halves.json("query", "agents", f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in ("rounds",)}
    assert found["newer"]["rows"]["agents"]["rounds"] == now["rounds"]
    tokens = halves.json("agents", "usage")
    assert found["newer"]["figures"]["tokens"]["output_tokens"] == sum(day["output_tokens"] for day in tokens)
    plain = halves.run("checkpoint", "diff", "one").stdout.decode()
    assert "39 events in" in plain and "+9 messages" in plain and "speakers       +9 planner" in plain
    same = halves.json("checkpoint", "diff", "one", "one")
    assert (same["events"], same["rows"], same["figures"]) == (0, {}, {})
    assert halves.run("checkpoint", "diff", "nothing").returncode == 1


def test_a_branch_on_nothing_keeps_what_there_was_in_a_checkpoint_of_this_very_moment(halves: Here) -> None:
    first, second = halves.json("recover", "--new"), halves.json("recover", "--new", "--name", "again")
    newest, before = halves.json("checkpoint", "list")[:2]
    assert (first["kept"], before["label"]) == (before["id"], "two")  # nothing had happened since
    assert (second["kept"], newest["position"]) == (newest["id"], first["position"])
    assert (first["base_position"], first["checkpoint"], first["left_behind"]) == (0, None, 69)


def test_view_search_and_diagnostics_answer_without_a_menu(halves: Here) -> None:
    said = halves.json("recover", "--view", "-n", "3")
    assert len(said) == 3 and {"kind", "time", "title", "text", "position"} <= set(said[0])
    found = halves.json("recover", "--search", "cache")
    assert found and all("cache" in one["snippet"].lower() for one in found)
    told = halves.json("recover", "--diagnostics")
    assert (told["recording"], told["head"], told["checkpoints"], told["lately"]["events"]) == (False, 69, 2, 69)
    assert told["messages"]["recorded"] == 9


@pytest.mark.parametrize(
    "words",
    [
        ("--load", "one", "--new"),
        ("--out", "x"),
        ("--load", "one", "--session", "s"),
        ("--load", "one", "--out", "x", "--session", "s", "--messages"),
        ("--name", "x"),
        ("--load", "one", "--name", " blank "),
    ],
)
def test_flags_that_contradict_each_other_do_nothing(halves: Here, words: tuple[str, ...]) -> None:
    done = halves.run("recover", *words)
    assert done.returncode == 2 and done.stderr and not done.stdout
    assert begun(halves) == []


def test_without_a_store_or_a_checkpoint_it_says_what_to_do(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    eventsrc = Here(tmp_path / "data", capsysbinary)
    assert eventsrc.run("recover").returncode == 10
    eventsrc.json("ingest", str(write(tmp_path / "session.jsonl", list(generate_transcript(9)))))
    done = eventsrc.run("recover")
    assert (done.returncode, done.stdout) == (0, b"") and b"'eventsrc checkpoint' makes one" in done.stderr
    assert eventsrc.json("recover") == {"data": str(eventsrc.data), "head": 9, "checkpoints": [], "branches": []}
    assert eventsrc.run("recover", "--load", "latest").returncode == 1


def test_a_checkpoint_can_be_taken_away_and_its_branch_still_says_what_it_builds_on(halves: Here) -> None:
    made = halves.json("recover", "--load", "one")
    assert halves.json("checkpoint", "remove", "one")["id"] == made["checkpoint"]
    assert [one["label"] for one in halves.json("checkpoint", "list")] == ["two"]
    (branch,) = halves.json("recover")["branches"]
    assert (branch["base_position"], branch["digest"]) == (HALF, made["digest"])
    assert halves.run("checkpoint", "remove", "one").returncode == 1
    assert halves.run("checkpoint", "remove").returncode == 2


def test_what_is_not_to_be_kept_is_pruned_and_labels_stay(halves: Here) -> None:
    plain = [halves.json("checkpoint", "create")["id"] for _ in range(3)]
    would = halves.json("checkpoint", "prune", "--keep-last", "1", "--dry-run")
    assert {one["id"] for one in would} == set(plain[:2])
    assert len(halves.json("checkpoint", "list")) == 5
    assert halves.json("checkpoint", "prune") == []  # the service keeps more than three
    assert halves.json("checkpoint", "prune", "--keep-last", "0", "--keep-daily", "1") == would
    assert b"1 checkpoints removed" in halves.run("checkpoint", "prune", "--keep-last", "0").stderr
    assert [one["label"] for one in halves.json("checkpoint", "list")] == ["two", "one"]
