"""What became of a dialogue and its experiment, by the table of reasons; what is open depends on who asks when."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from eventsrc.clock import parse_time
from eventsrc.formats.experiments import Experiments as Format
from eventsrc.plugin import ExperimentLoaded, ExperimentProcess
from eventsrc.testing.given import Given
from projections.experiments import Experiments
from tests.conformance.formats import record_of
from tests.unit.experiments_kit import FOLDER, at, dialogue, line, manifest, readings, renumbered, said

EXPERIMENT = "experiment_0a1b2c3d"


def seconds(text: str) -> float:
    found = parse_time(text)
    assert found is not None
    return found


AT_ONCE, LATER = seconds("2026-02-03T10:00:30Z"), seconds("2026-02-03T10:05:00Z")
LONG_AFTER = seconds("2026-02-04T10:00:00Z")


def given(tmp_path: Path, records: Iterable[tuple[str, bytes]]) -> Given:
    return Given(Experiments, tmp_path).readings(readings(list(records)))


def log(lines: Iterable[bytes], name: str = "conv_1") -> list[tuple[str, bytes]]:
    return at(FOLDER, (f"{name}_events.jsonl", lines))


def claimed(*conversations: str, **claims: Any) -> list[tuple[str, bytes]]:
    return at(FOLDER, ("manifest.json", [manifest(*conversations, **claims)]))


def state(found: Given, now: float, name: str = EXPERIMENT) -> str:
    (row,) = found.ask("status", id=name, now=now)
    return str(row["state"])


@pytest.mark.parametrize(
    ("reason", "fields", "expected"),
    [
        *((reason, {}, "completed") for reason in ("max_turns", "max_turns_reached", "high_convergence")),
        *((reason, {}, "completed") for reason in ("convergence_threshold", "context_limit_reached", "completed")),
        *((reason, {}, "interrupted") for reason in ("interrupted", "user_interrupt", "pause")),
        *((reason, {}, "failed") for reason in ("error", "api_error", "timeout", "rate_limit", "exception")),
        ("max_turns", {"error": "it broke"}, "failed"),
        ("max_turns", {"status": "failed"}, "failed"),
        ("what nobody knows", {}, "ended"),
        ("what nobody knows", {"total_turns": 0}, "empty"),
        ("what nobody knows", {"status": "empty"}, "empty"),
        ("what nobody knows", {"status": "interrupted"}, "interrupted"),
    ],
)
def test_the_reason_of_the_end_decides(tmp_path: Path, reason: str, fields: dict[str, Any], expected: str) -> None:
    end = line("ConversationEndEvent", 9, reason=reason, **{"total_turns": 2, **fields})
    with given(tmp_path, log([*dialogue(end=None), end])) as found:
        row = found.row("SELECT state, end_reason, context_limit, ended_at FROM conversations")
        assert (row["state"], row["end_reason"]) == (expected, reason)
        assert row["context_limit"] == int(reason == "context_limit_reached")
        assert row["ended_at"] == seconds("2026-02-03T10:00:09Z")


def test_of_several_ends_the_first_decides_and_the_others_are_counted(tmp_path: Path) -> None:
    more = line("ConversationEndEvent", 10, reason="error")
    with given(tmp_path, log([*dialogue(end="high_convergence"), more])) as found:
        row = found.row("SELECT state, end_reason, last_end_reason, end_count FROM conversations")
        assert tuple(row.values()) == ("completed", "high_convergence", "error", 2)


def test_without_an_end_it_is_running_then_stalled_then_crashed(tmp_path: Path) -> None:
    with given(tmp_path, [*claimed("conv_1"), *log(dialogue(end=None))]) as found:
        assert [state(found, now) for now in (AT_ONCE, LATER, LONG_AFTER)] == ["running", "stalled", "crashed"]
        assert found.rows("SELECT state FROM experiments") == [("open",)], "nothing stored depends on the clock"


def test_a_process_that_is_gone_is_a_crash_and_one_that_lives_is_none(tmp_path: Path) -> None:
    pid_file = [("file:///lab/active/experiment_0a1b2c3d.pid", b"4711\n")]
    with given(tmp_path, [*pid_file, *claimed("conv_1"), *log(dialogue(end=None))]) as found:
        assert state(found, LONG_AFTER) == "crashed"
        (watched,) = found.ask("watched_processes")
        assert (watched["sid"], watched["pid"], watched["agent"]) == (EXPERIMENT, 4711, "experiment")
        found.facts(ExperimentProcess(experiment_id=EXPERIMENT, pid=4711, alive=True, process_started=1.0, boot_id="b"))
        assert [state(found, now) for now in (AT_ONCE, LATER, LONG_AFTER)] == ["running", "stalled", "stalled"]
        found.facts(ExperimentProcess(experiment_id=EXPERIMENT, pid=1, alive=False))
        assert state(found, AT_ONCE) == "running", "another process"
        found.facts(ExperimentProcess(experiment_id=EXPERIMENT, pid=4711, alive=False))
        assert state(found, AT_ONCE) == "crashed"
        assert found.ask("watched_processes") == []


@pytest.mark.parametrize("content", [b"", b"0", b"-5", b"12 34", b"pid", b"99999999999", b"{}"])
def test_a_pid_file_holds_a_number_or_is_none(content: bytes) -> None:
    assert Format().recognise(record_of(content, source="file:///lab/active/experiment_1.pid")) is None


def test_a_pause_lasts_until_it_is_resumed(tmp_path: Path) -> None:
    paused = [*dialogue(end=None), line("ConversationPausedEvent", 6, turn_number=1)]
    with given(tmp_path, [*claimed("conv_1"), *log(paused)]) as found:
        assert state(found, LONG_AFTER) == "paused"
        found.readings(renumbered([*readings(log([line("ConversationResumedEvent", 7, turn_number=1)]))]))
        assert state(found, AT_ONCE) == "running"


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (["max_turns", "max_turns"], "completed"),
        (["max_turns", "error"], "completed_with_failures"),
        (["max_turns", None], "completed_with_failures"),
        (["error", "timeout"], "failed"),
        (["max_turns", "user_interrupt"], "interrupted"),
    ],
)
def test_an_experiment_is_what_its_dialogues_are(tmp_path: Path, ends: list[str | None], expected: str) -> None:
    names = [f"conv_{number}" for number in range(len(ends))]
    logs = [one for name, end in zip(names, ends, strict=True) for one in log(dialogue(name, end=end), name)]
    with given(tmp_path, [*claimed(*names), *logs]) as found:
        assert state(found, LONG_AFTER) == expected


def test_what_is_planned_counts_not_what_was_seen(tmp_path: Path) -> None:
    with given(tmp_path, [*claimed("conv_1", planned=3), *log(dialogue())]) as found:
        (row,) = found.ask("status", id=EXPERIMENT, now=AT_ONCE)
        assert (row["ended"], row["planned"], row["state"]) == (1, 3, "running")


def test_a_dialogue_without_a_log_never_started_once_the_experiment_is_over(tmp_path: Path) -> None:
    with given(tmp_path, claimed("conv_1")) as found:
        assert found.rows("SELECT state, agent_a_model FROM conversations") == [("created", "m-a")]
        over = claimed("conv_1", status="completed", completed_at="2026-02-03T10:00:01+00:00", error="no config")
        found.readings(renumbered(readings(over)))
        assert found.rows("SELECT state FROM conversations") == [("never_started",)]
        assert state(found, AT_ONCE) == "failed"
        told = {(row["what"], row["claimed"], row["found"]) for row in found.ask("contradictions", id=EXPERIMENT)}
        assert told == {("state", "completed", "failed"), ("error beside completed", "completed", "no config")}


def test_a_manifest_that_says_otherwise_than_the_log_is_reported(tmp_path: Path) -> None:
    wrong = {"conv_1": {"status": "failed", "last_line": 3, "total_turns": 7}}
    with given(tmp_path, [*claimed("conv_1", conversations=wrong), *log(dialogue())]) as found:
        told = {row["what"]: (row["claimed"], row["found"]) for row in found.ask("contradictions", id=EXPERIMENT)}
        assert told == {"state": ("failed", "completed"), "events": ("3", "15"), "turns": ("7", "2")}


def test_a_manifest_after_the_log_makes_the_same_rows_as_one_before_it(tmp_path: Path) -> None:
    before, after = [*claimed("conv_1"), *log(dialogue())], [*log(dialogue()), *claimed("conv_1")]
    with given(tmp_path, before) as first, given(tmp_path, after) as second:
        columns = "experiment_id, state, started_at, completed_at, planned_conversations, name"
        assert first.rows(f"SELECT {columns} FROM experiments") == second.rows(f"SELECT {columns} FROM experiments")
        joined = "SELECT experiment_id, state, total_turns FROM conversations"
        assert first.rows(joined) == second.rows(joined) == [(EXPERIMENT, "completed", 2)]


def test_an_event_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    with given(tmp_path, log(dialogue())) as found:
        before = found.dump()
        found.readings(renumbered(readings(log(dialogue()))), batches=[3, 4], forget=True)
        assert found.dump() == before


def test_a_message_belongs_to_the_turn_that_is_open(tmp_path: Path) -> None:
    with given(tmp_path, log(dialogue(turns=3))) as found:
        turns = found.rows("SELECT turn_number, agent_id, content FROM messages ORDER BY position")
        assert [turn for turn, _, _ in turns] == [0, 0, 1, 1, 2, 2]
        assert turns[2] == (1, "agent_a", "The lake is calm, part 1.")


def test_no_likeness_at_all_is_a_value(tmp_path: Path) -> None:
    with given(tmp_path, log(dialogue(turns=1))) as found:
        assert found.rows("SELECT convergence_score FROM turns") == [(0.0,)]
        assert found.rows("SELECT last_convergence FROM conversations") == [(0.0,)]


def test_local_times_are_marked_and_never_make_it_look_alive_for_longer_than_it_can_be(tmp_path: Path) -> None:
    lines = [one.replace(b"+00:00", b"") for one in dialogue(end=None)]
    with Given(Experiments, tmp_path) as found:
        found.readings(readings(log(lines), recorded="2026-02-03T10:00:10.000000Z"))
        row = found.row("SELECT zone, alive_at, last_event_at FROM conversations")
        assert row["zone"] == "local" and row["last_event_at"] == pytest.approx(seconds("2026-02-03T10:00:04.1Z"))
        assert row["alive_at"] == seconds("2026-02-03T10:00:10Z"), "when the log recorded it: a local noon tells less"
        assert state(found, AT_ONCE, "conv_1") == "running"


def test_an_error_is_resolved_when_the_same_agent_speaks_later(tmp_path: Path) -> None:
    failed = line("APIErrorEvent", 20, agent_id="agent_a", provider="p", error_type="overloaded", error_message="529")
    again = line("APIErrorEvent", 22, agent_id="agent_b", provider="p", error_type="timeout", error_message="60 s")
    lines = [*dialogue(end=None), failed, said("agent_a", "Here I am.", 21), again]
    with given(tmp_path, log(lines)) as found:
        errors = [(row["error_type"], row["resolved"]) for row in found.ask("errors")]
        assert errors == [("timeout", 0), ("overloaded", 1)]


def test_an_experiment_is_found_by_the_beginning_of_its_id_and_by_its_name(tmp_path: Path) -> None:
    with given(tmp_path, [*claimed("conv_1"), *log(dialogue())]) as found:
        for name in ("experiment_0a", EXPERIMENT, "calm-lake"):
            (row,) = found.ask("status", id=name, now=AT_ONCE)
            assert row["id"] == EXPERIMENT and row["turn_seconds"] == pytest.approx(1.1)
            assert [one["conversation_id"] for one in found.ask("conversations", id=name, now=AT_ONCE)] == ["conv_1"]
        assert found.ask("status", id="calm", now=AT_ONCE) == []


def test_what_ended_is_unloaded_until_it_was_loaded_and_again_when_more_came(tmp_path: Path) -> None:
    with given(tmp_path, [*claimed("conv_1"), *log(dialogue())]) as found:
        (due,) = found.ask("unloaded", now=AT_ONCE)
        assert due["id"] == EXPERIMENT
        found.facts(ExperimentLoaded(experiment_id=EXPERIMENT, rows=15, through=due["last_position"], time=AT_ONCE))
        assert found.ask("unloaded", now=AT_ONCE) == []
        found.readings(renumbered([*readings(log(dialogue())), *readings(log([said("agent_a", "more", 30)]))]))
        assert [row["id"] for row in found.ask("unloaded", now=LONG_AFTER)] == [EXPERIMENT]


def test_the_metrics_count_experiments_and_dialogues_by_state(tmp_path: Path) -> None:
    records = [*claimed("conv_1", "conv_2"), *log(dialogue()), *log(dialogue("conv_2", end=None), "conv_2")]
    with given(tmp_path, records) as found:
        for now, runs, chats in ((AT_ONCE, "running", "running"), (LONG_AFTER, "completed_with_failures", "crashed")):
            told = {(row["metric"], row["key"]): row["value"] for row in found.ask("metrics", now=now)}
            assert state(found, now) == runs
            assert {key: value for (metric, key), value in told.items() if metric == "runs" and value} == {runs: 1}
            assert (told["conversations", "completed"], told["conversations", chats]) == (1, 1)
            assert told["conversations", "failed"] == 0
        row = found.row("SELECT sum(total_turns) AS turns, sum(message_count) AS messages FROM conversations")
        assert (told["turns", None], told["messages", None]) == (row["turns"], row["messages"])
        assert told["errors", None] == 0
