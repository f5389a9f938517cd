"""Experiments that end are in the analytics database without anybody's help; a load that is killed left nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.end_to_end.service_kit import EVENTSRC, Eventsrc
from tests.end_to_end.test_experiments_commands import lab
from tests.unit.experiments_kit import dialogue, line

pytestmark = pytest.mark.slow


def counted(database: Path) -> Any:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM experiments)").fetchone()


def test_by_hand_it_loads_once_and_says_what_it_did(eventsrc: Eventsrc, tmp_path: Path) -> None:
    folder = lab(tmp_path / "lab")
    eventsrc.json("ingest", str(folder))
    (report,) = eventsrc.json("load-db", "calm-lake")
    database = eventsrc.data / "analytics/experiments.duckdb"
    assert (report["id"], report["rows"], report["rejected"]) == ("experiment_0a1b2c3d", 15, 0)
    assert report["database"] == str(database) and counted(database) == (15, 1)
    marker = json.loads((folder / "experiments/calm-lake_0a1b2c3d/.loaded_to_db").read_text())
    assert marker["rows"] == 15 and marker["database"] == str(database)
    everything = eventsrc.json("load-db", "--all")
    assert {one["id"]: [stream["outcome"] for stream in one["streams"]] for one in everything} == {
        "experiment_0a1b2c3d": ["unchanged"],
        "100000_abcde": ["loaded"],
    }
    other = tmp_path / "other.duckdb"
    eventsrc.json("load-db", "calm-lake", "--database", str(other), "--force")
    assert counted(other) == (15, 1)


@pytest.mark.parametrize("wait", [0.0, 0.05, 0.3, 0.8])
def test_a_load_that_is_killed_leaves_nothing_and_the_next_one_everything(
    eventsrc: Eventsrc, tmp_path: Path, wait: float
) -> None:
    folder = lab(tmp_path / "lab")
    log = folder / "experiments/calm-lake_0a1b2c3d/conv_1_events.jsonl"
    chunk = line("MessageChunkEvent", 1, agent_id="agent_a", chunk="a piece of a message " * 5)
    log.write_bytes(log.read_bytes() + b"".join(chunk[:-1] + f',"chunk_index":{n}}}\n'.encode() for n in range(60_000)))
    eventsrc.json("ingest", str(folder))
    database = eventsrc.data / "analytics/experiments.duckdb"
    with subprocess.Popen(
        [*EVENTSRC, "load-db", "calm-lake", "--data", str(eventsrc.data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        eventsrc.until(database.exists)
        time.sleep(wait)  # anywhere in its transaction: each place must do
        child.kill()
    if child.returncode == -signal.SIGKILL:
        with duckdb.connect(str(database)) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() or (None,)
            events = connection.execute("SELECT count(*) FROM events").fetchone() if tables else (0,)
            assert events in ((0,), (60_015,)), "all of it, or nothing"
    (report,) = eventsrc.json("load-db", "calm-lake")
    assert (report["rows"], report["rejected"]) == (60_015, 0) and counted(database) == (60_015, 1)


def test_bad_input_is_said(eventsrc: Eventsrc, tmp_path: Path) -> None:
    assert eventsrc.run("load-db", "x").returncode == 10
    folder = lab(tmp_path / "lab")
    eventsrc.json("ingest", str(folder))
    for arguments, code, says in (
        ((), 2, b"--all"),
        (("x", "--all"), 2, b"--all"),
        (("nothing",), 1, b"no experiment nothing"),
        (("calm-lake", "--database", "/dev/null/x.duckdb"), 1, b"was not loaded"),
    ):
        done = eventsrc.run("load-db", *arguments)
        assert done.returncode == code and says in done.stderr and b"Traceback" not in done.stderr, arguments
    for file in (folder / "experiments/calm-lake_0a1b2c3d").iterdir():
        file.unlink()
    (folder / "experiments/calm-lake_0a1b2c3d").rmdir()
    gone = eventsrc.run("load-db", "calm-lake")
    assert gone.returncode == 1 and b"not there any more" in gone.stderr


def test_the_service_loads_an_experiment_when_it_ends(eventsrc: Eventsrc, tmp_path: Path) -> None:
    folder = lab(tmp_path / "lab", end=None)
    log = folder / "experiments/calm-lake_0a1b2c3d/conv_1_events.jsonl"
    # Not stale: the service would take an experiment of long ago for crashed, and load it as it stands.
    log.write_bytes(log.read_bytes().replace(b"2026-02-03", b"2999-02-03"))
    service = eventsrc.start(folder)
    eventsrc.until_applied(len(dialogue(end=None)) + 1 + len(dialogue(turns=1)))
    database = eventsrc.data / "analytics/experiments.duckdb"
    assert not database.exists(), "it goes on"
    with log.open("ab") as file:
        file.write(line("ConversationEndEvent", 50, reason="max_turns").replace(b"2026", b"2999") + b"\n")

    def loaded() -> bool:
        return bool(eventsrc.json("experiments", "status", "calm-lake")["loaded_at"])

    eventsrc.until(loaded)
    assert counted(database) == (15, 1)
    assert (folder / "experiments/calm-lake_0a1b2c3d/.loaded_to_db").exists()
    assert eventsrc.stop(service, signal.SIGTERM) == 0
