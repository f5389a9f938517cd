"""How soon a command answers: what it imports is most of what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eventsrc.cli import main
from eventsrc.config import Settings

HEAVY = ("uvicorn", "starlette", "prometheus_client", "anyio", "sqlite_utils", "textual", "duckdb", "zmq", "watchfiles")
PROGRAM = "import sys; from eventsrc.cli.main import run; code = run(sys.argv[1:]); print(*sys.modules); sys.exit(code)"


def _imported(*words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("filled") / "data"
    record = data.with_name("record.jsonl")
    record.write_text('{"from": "a", "to": "b", "message_id": "1", "content": {"message": "hello"}}\n')
    assert main.run(["ingest", str(record), "--data", str(data)]) == 0
    return data


@pytest.mark.parametrize(
    "words",
    [
        "agents sessions",
        "agents dashboard",
        "conversations list",
        "experiments list",
        "search hello",
        "query agents VALUES(1)",
        "tail",
        "verify",
    ],
)
def test_a_command_that_asks_imports_neither_the_service_nor_what_it_is_made_of(words: str, filled: Path) -> None:
    assert not _imported(*words.split(), "--data", str(filled)) & set(HEAVY)


def test_the_version_is_told_before_anything_is_imported() -> None:
    assert not _imported("--version") & {*HEAVY, "msgspec", "rich", "sqlite3"}


def test_an_empty_listen_means_no_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listened: list[str] = []

    def served(settings: Settings, *_: object, **__: object) -> int:
        listened.append(settings.http.listen)
        return 0

    monkeypatch.setattr("eventsrc.service.serve.serve", served)
    for words in (["--listen", ""], ["--listen", "127.0.0.1:0"], []):
        assert main.run(["serve", str(tmp_path), "--data", str(tmp_path / "data"), *words]) == 0
    assert listened == ["", "127.0.0.1:0", Settings().http.listen]
