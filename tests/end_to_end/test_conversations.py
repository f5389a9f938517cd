"""What agents said to each other, from the record to the question, the export and the page, as a person asks."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventsrc.cli.main import run
from projections.conversations.rules import packaged
from tests.conversation_kit import agent_message, flat_message, mix, recorded, wrapped
from tests.end_to_end.service_kit import PATIENCE, Eventsrc

SEVERAL = 8


def mesh(path: Path, records: Iterable[dict[str, Any] | bytes]) -> Path:
    lines = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in records]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


class Told:
    """Commands in this process, on one data directory: what they print."""

    def __init__(self, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._data, self._capfd = data, capfd

    def text(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Standard output and standard error."""
        assert run([*arguments, "--data", str(self._data)]) == code
        out, error = self._capfd.readouterr()
        return out, error

    def json(self, *arguments: str) -> Any:
        return json.loads(self.text(*arguments, "--json")[0])


@pytest.fixture
def told(store: Eventsrc, capfd: pytest.CaptureFixture[str]) -> Told:
    return Told(store.data, capfd)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Eventsrc:
    """A store with some messages; nobody writes to it."""
    folder = tmp_path_factory.mktemp("store")
    filled = Eventsrc(folder / "data")
    filled.json("ingest", str(mesh(folder / "mesh.jsonl", messages())))
    return filled


def messages() -> list[dict[str, Any]]:
    """Pairs of observations, messages of scripts, and one record that holds nothing."""
    pairs = [wrapped(how, agent_message(n)) for n in range(SEVERAL) for how in ("sent", "received")]
    return [*pairs, *map(flat_message, range(SEVERAL)), recorded(1, Message="{}")]


def test_messages_threads_speakers_and_domains_are_told(told: Told) -> None:
    listed = told.json("conversations", "list")
    assert len(listed) == 2 * SEVERAL
    assert [one["message_time"] for one in listed] == sorted((one["message_time"] for one in listed), reverse=True)
    both = [one for one in listed if one["observed"] == "both"]
    assert len(both) == SEVERAL and all("@Chain-" in "".join(one["tags"]) or not one["chain_type"] for one in both)
    threads = told.json("conversations", "threads")
    assert {one["thread_id"] for one in threads} == {"ctx-0", "ctx-1", "ctx-2", "session_1"}
    assert threads[-1]["participants"] == ["claude_code", "gemini_cli"]
    assert len(told.json("conversations", "thread", "session_1")) == SEVERAL
    speakers = {one["speaker"]: one["messages"] for one in told.json("conversations", "speakers")}
    assert speakers == {"claude_code": SEVERAL // 2, "gemini_cli": SEVERAL // 2, "planner": SEVERAL}
    domains = {one["domain"]: one["messages"] for one in told.json("conversations", "domains")}
    assert sum(domains.values()) == 2 * SEVERAL and "unclassified" in domains
    assert [one["reason"] for one in told.json("conversations", "refused")] == ["empty"]
    (one,) = told.json("conversations", "show", both[0]["message_id"])
    assert one["observations"] == 2 and set(one["compat"]) == {"compat_broker", "compat_daemon", "compat_migration"}


def test_a_person_reads_them_in_a_table(told: Told) -> None:
    listed = told.text("conversations", "list", "--speaker", "claude_code")[0]
    assert "claude_code → gemini_cli" in listed and "Which cache layout should we test first?" in listed
    shown = told.text("conversations", "show", agent_message(0)["message_id"])[0]
    assert shown.endswith("    Which cache layout should we test first?\n")
    assert "session_1" in told.text("conversations", "threads")[0]


def test_nothing_found_says_so(told: Told) -> None:
    out, error = told.text("conversations", "list", "--speaker", "nobody")
    assert out == "" and "no messages" in error
    assert told.json("conversations", "list", "--speaker", "nobody") == []
    assert "no threads" in told.text("conversations", "threads", "--status", "none")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("conversations", "show", "nope"), 1, "no message nope"),
        (("conversations", "thread", "nope"), 1, "no thread nope"),
        (("conversations", "list", "--since", "soon"), 2, "not a time"),
        (("conversations", "list", "--limit", "0"), 2, "0 is not in the range"),
        (("conversations", "show"), 2, "Missing argument"),
        (("report", "--format", "md", "--format", "html"), 2, "--out DIR"),
        (("report", "--format", "pdf"), 2, "not one of"),
        (("export", "conversations", "--recorder", "nobody"), 2, "not one of"),
        (("export", "conversations", "--out", "/nowhere/x.jsonl"), 1, "Cannot write /nowhere/x.jsonl: No such file"),
        (("report", "--out", "/dev/null/x"), 1, "Cannot write /dev/null/x: Not a directory"),
    ],
)
def test_what_cannot_be_answered_says_why(told: Told, arguments: tuple[str, ...], code: int, says: str) -> None:
    out, error = told.text(*arguments, code=code)
    assert says in error and out == ""


@pytest.mark.parametrize("arguments", [("conversations", "list"), ("report",), ("export", "conversations")])
def test_without_a_store_every_command_says_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--data", str(tmp_path / "none")]) == 10
    assert "no event store" in capfd.readouterr().err


@pytest.mark.parametrize("recorder", ["daemon", "broker"])
def test_an_export_is_in_the_historical_form_and_can_be_taken_in_again(
    store: Eventsrc, tmp_path: Path, recorder: str
) -> None:
    out = tmp_path / "export.jsonl"
    told = store.json("export", "conversations", "--recorder", recorder, "--out", str(out))
    assert told == {"records": 2 * SEVERAL, "path": str(out)}
    assert out.read_bytes() == store.run("export", "conversations", "--recorder", recorder).stdout
    records = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    keys = ["Id", "Timestamp", "SpeakerName", "SpeakerRole", "Message", "ConversationType", "ContextId", "Metadata"]
    assert all(list(record) == keys for record in records)
    assert all(record["Message"].isascii() for record in records)
    (tmp_path / "other").mkdir()
    other = Eventsrc(tmp_path / "other" / "data")
    other.json("ingest", str(out))

    def said(where: Eventsrc) -> list[Any]:
        return sorted([one["sender"], one["text"]] for one in where.json("conversations", "list"))

    assert said(other) == said(store)


def test_a_report_tells_the_same_in_every_form(told: Told, tmp_path: Path) -> None:
    shown = told.json("report")
    assert shown["total_items"] == 2 * SEVERAL and shown["empty"] == 1
    assert "| messages recorded | 16 |" in told.text("report")[0]
    assert told.text("report", "--format", "html")[0].startswith("<!doctype html>")
    files = [Path(path) for path in told.json("report", "--out", str(tmp_path / "reports"))["files"]]
    assert [path.suffix for path in files] == [".md", ".json", ".html"]
    assert all(path.stat().st_size > 500 for path in files)
    assert sorted((tmp_path / "reports").iterdir()) == sorted(files)


def test_rules_of_a_persons_own_build_the_read_model_again(eventsrc: Eventsrc, tmp_path: Path) -> None:
    store = eventsrc
    store.json("ingest", str(mesh(tmp_path / "mesh.jsonl", messages())))
    mine = tmp_path / "mine.toml"
    mine.write_text(packaged("default").replace('name = "default"', 'name = "mine"').replace('"index"', '"layout"'))
    config = tmp_path / "eventsrc.toml"
    config.write_text(f'[projections]\nfiles = ["conversations={mine}"]\n')
    assert store.json("conversations", "rules")[0]["name"] == "default"
    store.json("rebuild", "conversations", "--config", str(config))
    assert store.json("conversations", "rules")[0]["name"] == "mine"
    (first,) = store.json("conversations", "show", agent_message(0)["message_id"])
    assert "layout" in first["keywords"]
    mine.write_text("name = 5")
    done = store.run("rebuild", "conversations", "--config", str(config))
    assert done.returncode == 1 and b"cannot be used" in done.stderr and b"eventsrc config" in done.stderr
    assert store.json("conversations", "rules")[0]["name"] == "mine"  # the old one answers still


def test_messages_that_are_appended_while_the_service_runs_are_told_at_once(eventsrc: Eventsrc, tmp_path: Path) -> None:
    file = mesh(tmp_path / "mesh.jsonl", mix(20))
    service = eventsrc.start(file)
    with file.open("ab") as end:
        end.write(msgspec.json.encode(wrapped("sent", agent_message(99, text="only just said"))) + b"\n")
    eventsrc.until(lambda: b"only just said" in eventsrc.run("conversations", "list", "--limit", "200").stdout)
    assert eventsrc.stop(service) == 0


@pytest.mark.slow
def test_a_browser_shows_the_page_with_its_charts_and_loads_nothing(store: Eventsrc, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert browser is not None, "this test needs a browser: apt-get install chromium"
    page, picture = tmp_path / "report.html", tmp_path / "report.png"
    page.write_bytes(store.run("report", "--format", "html").stdout)
    headless = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    log = ["--enable-logging=stderr", "--v=0"]
    shot = subprocess.run(
        [*headless, *log, "--window-size=900,3000", f"--screenshot={picture}", page.as_uri()],
        capture_output=True, timeout=PATIENCE * 3, check=True,
    )  # fmt: skip
    assert b"CONSOLE" not in shot.stderr, shot.stderr.decode()  # nothing refused by the page's own policy, no script
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20_000
    measured = subprocess.run(
        [*headless, "--dump-dom", page.as_uri()], capture_output=True, timeout=PATIENCE * 3, check=True
    ).stdout.decode()
    assert measured.count("<svg") >= 6 and "Collaboration metrics" in measured
