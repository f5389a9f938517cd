"""Tables and the log, given out as a person asks for them."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from eventsrc.testing.generate import generate_transcript
from tests.end_to_end.service_kit import EVENTSRC, Eventsrc

pytestmark = pytest.mark.slow

LINES = 3_000


@pytest.fixture
def recorded(eventsrc: Eventsrc, tmp_path: Path) -> Eventsrc:
    transcript = tmp_path / "one.jsonl"
    transcript.write_bytes(b"".join(line + b"\n" for line in generate_transcript(LINES)))
    eventsrc.json("ingest", str(transcript))
    return eventsrc


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "duckdb"])
def test_every_form_says_what_it_wrote_and_replaces_nothing_unasked(
    recorded: Eventsrc, tmp_path: Path, form: str
) -> None:
    out = tmp_path / f"blocks.{form}"
    report = recorded.json("export", form, "agents", "content_blocks", "--out", str(out))
    rows = recorded.json("query", "agents", "SELECT count(*) AS n FROM content_blocks")[0]["n"]
    size = out.stat().st_size
    assert report == {"rows": rows, "bytes": size, "files": [{"path": str(out), "rows": rows, "bytes": size}]}
    refused = recorded.run("export", form, "agents", "content_blocks", "--out", str(out))
    assert refused.returncode == 1 and b"is there already" in refused.stderr and b"--force" in refused.stderr
    assert recorded.json("export", form, "agents", "content_blocks", "--out", str(out), "--force") == report


def test_one_table_goes_to_stdout_and_several_need_a_place(recorded: Eventsrc, tmp_path: Path) -> None:
    text = recorded.run("export", "csv", "agents", "sessions").stdout.decode()
    asked = recorded.json("query", "agents", "SELECT sid, cwd FROM sessions")
    assert [{"sid": row["sid"], "cwd": row["cwd"]} for row in csv.DictReader(io.StringIO(text))] == asked
    lines = recorded.run("export", "jsonl", "log").stdout
    assert lines == b"".join(path.read_bytes() for path in sorted((recorded.data / "log").glob("*.jsonl")))
    unplaced = recorded.run("export", "csv", "agents")
    assert unplaced.returncode == 2 and b"--out agents/" in unplaced.stderr and b"sessions" in unplaced.stderr
    assert recorded.run("export", "parquet", "agents", "sessions").returncode == 2
    told = recorded.run("export", "parquet", "agents", "--out", str(tmp_path / "all"))
    assert told.returncode == 0 and not told.stdout and b"files:" in told.stderr
    assert (tmp_path / "all/sessions.parquet").is_file()


@pytest.mark.parametrize("wait", [0.4, 0.8, 1.2])
def test_an_export_that_is_killed_leaves_nothing_under_the_name(
    recorded: Eventsrc, tmp_path: Path, wait: float
) -> None:
    out = tmp_path / "all.duckdb"
    command = [*EVENTSRC, "export", "duckdb", "agents", "--out", str(out), "--data", str(recorded.data)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        time.sleep(wait)  # wherever it is by then: every moment must do
        child.send_signal(signal.SIGKILL)
    assert not out.exists() or _tables(out) > 20
    report = recorded.json("export", "duckdb", "agents", "--out", str(out), "--force")
    assert report["rows"] > LINES and _tables(out) > 20
    assert sorted(path.name for path in tmp_path.glob("*all*")) == ["all.duckdb"] and not list(tmp_path.glob(".all*"))


def test_a_terminal_shows_how_far_it_is(recorded: Eventsrc, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*EVENTSRC, "export", "csv", "agents", "--out", str(tmp_path / "all"), "--data", str(recorded.data)]
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE, env={**os.environ, "TERM": "xterm"}) as child:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4_096)
            except OSError:  # the other side was closed
                break
            shown += piece
            if not piece:
                break
        assert child.wait() == 0
    os.close(ours)
    assert b" rows" in shown and "━".encode() in shown


def test_the_command_starts_without_the_libraries_that_it_may_not_need(recorded: Eventsrc) -> None:
    program = "import sys, eventsrc.cli.export; print(json.dumps(sorted({'duckdb', 'rich'} & set(sys.modules))))"
    done = subprocess.run([EVENTSRC[0], "-c", f"import json; {program}"], capture_output=True, check=True)
    assert json.loads(done.stdout) == []


def _tables(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return len(connection.execute("SHOW TABLES").fetchall())
