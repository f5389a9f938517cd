"""A real Prometheus scrapes a service under load: every metric, every rule and every panel finds data, and alerts fire
and recover.

The tests are one story about one service and run in their order.
"""

from __future__ import annotations

import json
import math
import re
import signal
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from eventsrc.metrics import Metrics
from eventsrc.testing.generate import generate_sse_lines
from tests.conftest import SHARED
from tests.end_to_end.load_kit import Load
from tests.end_to_end.prometheus_kit import DEPLOY, Prometheus, Served, obstacle, until
from tests.reference.metrics import told
from tests.unit.experiments_kit import dialogue, manifest

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(300)]
if (reason := obstacle()) is not None:
    pytestmark.append(pytest.mark.skip(reason=reason))

BOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))


class Scene:
    """The service, what it follows, and who looks at it."""

    def __init__(self, folder: Path) -> None:
        self.followed = folder / "agents"
        self.stream = self.followed / "sse_lines.jsonl"
        self.file = folder / "one.jsonl"
        self.file.write_bytes(b'{"type":"summary","summary":"s","leafUuid":"u"}\n')
        self._lines = generate_sse_lines(100_000)
        self.followed.mkdir()
        self.grow(4000)
        _experiments(folder / "experiments/calm-lake_0a1b2c3d")
        real = [SHARED / name for name in ("codex/sessions", "pidgin/experiments") if (SHARED / name).is_dir()]
        self.served = Served(folder / "data", [self.followed, self.file, folder / "experiments", *real])
        self.service = self.served.serve()
        self.prometheus = Prometheus(folder, self.served.port)

    def grow(self, lines: int) -> None:
        with self.stream.open("ab") as file:
            file.writelines(line.rstrip(b"\n") + b"\n" for line in islice(self._lines, lines))

    def close(self) -> None:
        self.prometheus.close()
        self.served.close()


def _experiments(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(manifest("conv_1", "conv_2"))
    for number, end in ((1, "max_turns_reached"), (2, None)):
        name = f"conv_{number}"
        lines = [line.rstrip(b"\n") + b"\n" for line in dialogue(name, end=end)]
        (folder / f"{name}_events.jsonl").write_bytes(b"".join(lines))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Everything runs; a load was pushed, a followed file has grown, a checkpoint and a check were made."""
    made = Scene(tmp_path_factory.mktemp("prometheus"))
    try:
        with Load(made.served.data / "eventsrc.sock", "load") as load:
            until(lambda: made.prometheus.query("eventsrc_build_info"), "the first scrape")
            until(lambda: len(load.acknowledged) > 2000, "a load")
            for _ in range(5):
                made.grow(500)
            until(lambda: made.prometheus.values("max(eventsrc_agents_tokens)") > [0.0], "figures of read models")
        assert made.served.run("checkpoint", "create").returncode == 0
        assert made.served.run("verify", "--record").returncode == 0
        yield made
    finally:
        made.close()


def declared() -> list[Metric]:
    """Every family of the service and of its read models, from the code."""
    own = [one for one in Metrics()._registry.collect() if one.name.startswith("eventsrc_")]
    return [*own, *told()]


def sample(family: Metric) -> str:
    return family.name + {"counter": "_total", "histogram": "_count"}.get(family.type, "")


def test_every_metric_has_data(scene: Scene) -> None:
    names = [sample(family) for family in declared()]
    assert len(names) > 50
    until(lambda: [name for name in names if not scene.prometheus.query(name)] == [], "every metric has data")


def test_what_happened_is_in_the_numbers(scene: Scene) -> None:
    def value(expr: str) -> float:
        return max(scene.prometheus.values(expr), default=0.0)

    until(lambda: value("eventsrc_verify_last_timestamp_seconds") > 0, "the check is told")
    assert value('eventsrc_http_requests_total{route="/v1/events",status="2xx"}') > 0
    assert value("eventsrc_log_fsync_seconds_count") > 0 and value("eventsrc_log_append_seconds_count") > 0
    assert value('eventsrc_stage_out_total{stage="projector:agents"}') > 0
    assert value("sum(eventsrc_agents_tool_calls)") > 0 and value("eventsrc_experiments_messages") > 0
    until(lambda: value("min(eventsrc_heartbeat_seconds_count)") > 0, "a heartbeat is visible in every read model")


def test_no_label_is_an_id(scene: Scene) -> None:
    ids = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}|(?:toolu|msg|call|conv|experiment)_\w{6,}|[0-9a-f]{24,}")
    found = scene.prometheus.query('{__name__=~"eventsrc_.+"}')
    assert [one["metric"] for one in found if any(ids.search(value) for value in one["metric"].values())] == []
    assert len(found) < 5000, "sample_limit would refuse the scrape"


def test_every_rule_is_well_and_what_is_recorded_has_data(scene: Scene) -> None:
    rules = scene.prometheus.rules()
    until(lambda: all(rule["health"] == "ok" for rule in scene.prometheus.rules()), "every rule was evaluated")
    recorded = [str(rule["name"]) for rule in rules if rule["type"] == "recording"]
    assert (len(recorded), len(rules) - len(recorded)) == (10, 32)
    until(lambda: [name for name in recorded if not numbers(scene, name)] == [], "what is recorded has data")


def test_every_metric_that_an_alert_asks_for_is_there(scene: Scene) -> None:
    asked = " ".join(rule["query"] for rule in scene.prometheus.rules() if rule["type"] == "alerting")
    names = set(re.findall(r"[a-z_]*:?eventsrc_\w+(?::\w+)?|process_\w+", asked))
    assert len(names) > 25
    assert [name for name in sorted(names) if not scene.prometheus.query(name)] == []


def numbers(scene: Scene, expr: str) -> list[float]:
    """Values that are numbers."""
    return [value for value in scene.prometheus.values(expr) if not math.isnan(value)]


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.stem)
def test_every_panel_finds_data(scene: Scene, board: Path) -> None:
    panels = [panel for panel in json.loads(board.read_text())["panels"] if panel["type"] != "row"]
    assert len(panels) >= 10
    for panel in panels:
        for target in panel["targets"]:
            expr = target["expr"].replace("$instance", ".+").replace("$__rate_interval", "5m")
            until(partial(numbers, scene, expr), f"{panel['title']}: {expr}")


def test_an_alert_fires_when_a_source_cannot_be_read_and_recovers_when_it_can(scene: Scene) -> None:
    alert, kept = "EventsrcSourceTroubled", scene.file.with_name("kept")
    assert scene.prometheus.state(alert) == "inactive"
    scene.file.rename(kept)
    scene.file.mkdir()
    until(lambda: scene.prometheus.state(alert) == "firing", "a folder in place of a file is told")
    scene.file.rmdir()
    kept.rename(scene.file)
    until(lambda: scene.prometheus.state(alert) == "inactive", "the alert recovers")


def test_an_alert_fires_when_the_service_is_down_and_recovers_when_it_is_back(scene: Scene) -> None:
    assert scene.prometheus.state("EventsrcDown") == "inactive"
    scene.served.stop(scene.service, signal.SIGKILL)
    until(lambda: scene.prometheus.state("EventsrcDown") == "firing", "a dead service is told")
    scene.service = scene.served.serve()
    until(lambda: scene.prometheus.state("EventsrcDown") == "inactive", "the alert recovers")
    until(lambda: scene.prometheus.query("eventsrc_agents_sessions"), "figures are told again")


def test_a_healthy_service_raises_no_critical_alert(scene: Scene) -> None:
    critical = [rule for rule in scene.prometheus.rules() if rule.get("labels", {}).get("severity") == "critical"]
    assert len(critical) >= 6
    until(lambda: not firing(scene, "critical"), "no critical alert is firing")


def firing(scene: Scene, severity: str) -> list[str]:
    rules = [rule for rule in scene.prometheus.rules() if rule.get("labels", {}).get("severity") == severity]
    return [rule["name"] for rule in rules if rule["state"] == "firing"]
