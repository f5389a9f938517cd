"""Metrics: declared once, few, initialised, and readable by what reads them."""

from __future__ import annotations

import re

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from eventsrc.actor import Mailbox
from eventsrc.metrics import Metrics


def families(metrics: Metrics) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in families(metrics).values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    (only,) = found
    return only


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3")


def test_the_text_is_readable_and_every_family_says_what_it_is(metrics: Metrics) -> None:
    ours = {name: family for name, family in families(metrics).items() if name.startswith("eventsrc_")}
    assert all(family.documentation.endswith(".") for family in ours.values())
    assert 30 <= len(ours) <= 58


def test_names_carry_base_units_and_never_ages_or_creation_times(metrics: Metrics) -> None:
    text = metrics.render().decode()
    names = set(re.findall(r"^(eventsrc_\w+)", text, re.MULTILINE))
    assert not [name for name in names if re.search(r"_(created|ms|millis|minutes|kb|mb|age)(_|$)", name)]
    counters = [family for family in families(metrics).values() if family.type == "counter"]
    assert all(sample.name.endswith("_total") for family in counters for sample in family.samples)


def test_series_exist_with_zero_before_anything_happened(metrics: Metrics) -> None:
    assert value(metrics, "eventsrc_source_changes_total", change="truncated") == 0
    assert value(metrics, "eventsrc_quarantined_total", reason="conflict") == 0
    assert value(metrics, "eventsrc_http_requests_total", route="other", status="5xx") == 0
    metrics.stage("log")
    metrics.projection("agents")
    metrics.actors.declare(["log"])
    assert value(metrics, "eventsrc_stage_in_total", stage="log") == 0
    assert value(metrics, "eventsrc_projection_batch_seconds_count", projection="agents") == 0
    assert value(metrics, "eventsrc_heartbeat_seconds_count", projection="agents") == 0
    assert value(metrics, "eventsrc_actor_restarts_total", actor="log") == 0


def test_a_counter_of_a_projection_says_that_a_replay_does_not_raise_it(metrics: Metrics) -> None:
    for name in ("eventsrc_stage_in", "eventsrc_stage_out", "eventsrc_projection_batch_seconds"):
        assert "live only" in families(metrics)[name].documentation


def test_a_path_that_is_no_route_never_becomes_a_label(metrics: Metrics) -> None:
    metrics.http.declare(["/v1/events"])
    metrics.http.answered("/v1/events", 201)
    for attempt in range(100):
        metrics.http.answered(f"/v1/events/{attempt}/../../etc/passwd", 404)
    assert value(metrics, "eventsrc_http_requests_total", route="/v1/events", status="2xx") == 1
    assert value(metrics, "eventsrc_http_requests_total", route="other", status="4xx") == 100
    assert len(families(metrics)["eventsrc_http_requests"].samples) == 8


def test_mailboxes_are_asked_when_somebody_looks(metrics: Metrics) -> None:
    box: Mailbox[bytes] = Mailbox("ingest", 5, len)
    metrics.mailboxes.add(box.stats)
    box.send_nowait(b"abc")
    assert value(metrics, "eventsrc_mailbox_waiting", mailbox="ingest") == 1
    assert value(metrics, "eventsrc_mailbox_waiting_bytes", mailbox="ingest") == 3
    assert value(metrics, "eventsrc_mailbox_capacity", mailbox="ingest") == 5
    assert value(metrics, "eventsrc_mailbox_senders", mailbox="ingest") == 1


def test_a_counter_can_follow_a_number_that_a_room_counts_for_itself(metrics: Metrics) -> None:
    counted = 3
    metrics.follow(metrics.source.duplicates, lambda: counted)
    assert value(metrics, "eventsrc_duplicates_total") == 3
    assert value(metrics, "eventsrc_duplicates_total") == 3
    counted = 5
    assert value(metrics, "eventsrc_duplicates_total") == 5
    counted = 1  # the room was made anew and has counted 1 since
    assert value(metrics, "eventsrc_duplicates_total") == 6


def test_a_stage_tells_what_it_counted_when_somebody_looks(metrics: Metrics) -> None:
    stage = metrics.stage("log")
    for events, now in ((3, 100.0), (4, 101.0)):
        stage.count(events, now)
    for _ in range(2):
        assert value(metrics, "eventsrc_stage_in_total", stage="log") == 7
        assert value(metrics, "eventsrc_stage_out_total", stage="log") == 7
        assert value(metrics, "eventsrc_stage_last_timestamp_seconds", stage="log") == 101


def test_gauges_are_refreshed_before_each_answer(metrics: Metrics) -> None:
    free = iter([100, 90])
    metrics.before_scrape(lambda: metrics.log.disk_free.set(next(free)))
    assert [value(metrics, "eventsrc_disk_free_bytes") for _ in range(2)] == [100, 90]


def test_two_services_in_one_process_do_not_meet(metrics: Metrics) -> None:
    metrics.log.commits.inc()
    other = Metrics()
    assert value(other, "eventsrc_log_commits_total") == 0
    assert value(metrics, "eventsrc_log_commits_total") == 1


def test_the_build_names_the_versions_that_bugs_depend_on(metrics: Metrics) -> None:
    (sample,) = families(metrics)["eventsrc_build_info"].samples
    assert sample.value == 1 and sample.labels["version"] == "1.2.3"
    assert set(sample.labels) == {"version", "python", "sqlite"}
