"""What is in deploy/ agrees with the code: runbook, rules, boards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from eventsrc import limits
from eventsrc.cli import main
from eventsrc.metrics import Metrics
from tests.reference import exit_codes
from tests.reference.metrics import told

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
RULES = sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
TESTS = sorted((DEPLOY / "prometheus/tests").glob("*.yml"))
BOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))


@cache
def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for path in RULES for group in loaded(path)["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def entries() -> dict[str, str]:
    """Heading of the runbook → what stands under it."""
    text = re.sub(r"^#{1,2} .*$", "", (DEPLOY / "RUNBOOK.md").read_text("utf-8"), flags=re.MULTILINE)
    return dict(re.findall(r"^### (\w+)\n\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL))


def expected() -> set[str]:
    return {*alerts(), *(kind.__name__ for kind in exit_codes.kinds())}


def test_every_alert_and_every_error_has_its_entry_and_nothing_else_has() -> None:
    assert sorted(expected() - set(entries())) == [], "say in deploy/RUNBOOK.md what it means and what to do"
    assert sorted(set(entries()) - expected()) == [], "nothing is called so any more"


def test_every_entry_says_what_it_means_how_to_see_it_and_what_to_do() -> None:
    for name, text in entries().items():
        parts = re.findall(r"^\*\*(Means|See|Do)\*\*: ", text, re.MULTILINE)
        assert parts == ["Means", "See", "Do"], name


def test_links_of_the_runbook_lead_somewhere() -> None:
    text = (DEPLOY / "RUNBOOK.md").read_text("utf-8")
    headings = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", text, re.MULTILINE)}
    assert [link for link in re.findall(r"\]\(#(\w+)\)", text) if link not in headings] == []
    assert [link for link in re.findall(r"\]\((\.\./[^)#]+)\)", text) if not (DEPLOY / link).is_file()] == []


def test_commands_of_the_runbook_exist(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DEPLOY / "RUNBOOK.md").read_text("utf-8")
    named = set(re.findall(r"(?:`|^)eventsrc ([a-z][a-z-]*)", text, re.MULTILINE))
    assert len(named) > 12 and named <= set(main.COMMANDS), named - set(main.COMMANDS)
    for command, part in sorted(set(re.findall(r"(?:`|^)eventsrc ([a-z-]+) ([a-z]+)\b", text, re.MULTILINE))):
        assert main.run([command, part, "--help"]) == 0, f"{command} {part}"
        assert f"{command} {part}" in capsys.readouterr().out


def test_files_that_the_runbook_names_exist() -> None:
    text = (DEPLOY / "RUNBOOK.md").read_text("utf-8")
    named = re.findall(r"`((?:deploy|docs)/[\w./-]+)`", text)
    assert named and [name for name in named if not (DEPLOY.parent / name).exists()] == []


@pytest.mark.parametrize("name", sorted(alerts()))
def test_an_alert_is_well_described_and_tested(name: str) -> None:
    alert = alerts()[name]
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in ("info", "warning", "critical")
    assert list(alert["annotations"]) == ["summary", "description", "runbook_url"]
    assert alert["annotations"]["runbook_url"] == f"deploy/RUNBOOK.md#{name.lower()}"
    cases = [case for path in TESTS for test in loaded(path)["tests"] for case in test["alert_rule_test"]]
    seen = [bool(case["exp_alerts"]) for case in cases if case["alertname"] == name]
    assert seen[0] is False, "nothing shows that it does not fire"
    assert True in seen and seen[len(seen) - seen[::-1].index(True) :], "nothing shows that it recovers"


def test_alerts_and_doctor_have_the_same_bounds() -> None:
    assert f"> {limits.VERIFY_AGE_SECONDS / 86_400:.0f} * 86400" in alerts()["EventsrcVerifyOld"]["expr"]
    assert f"> {limits.CHECKPOINT_AGE_SECONDS / 86_400:.0f} * 86400" in alerts()["EventsrcCheckpointOld"]["expr"]
    free = f"< {limits.DISK_CAREFUL_BYTES / 1024**3:.0f} * 1024 ^ 3"
    assert free in alerts()["EventsrcDiskNearlyFull"]["expr"]
    stuck = re.findall(r"> (\d+)", alerts()["EventsrcActorStuck"]["expr"])
    assert float(stuck[-1]) >= limits.PROGRESS_SECONDS + limits.HEALTH_SECONDS
    assert (
        str(limits.RESTARTS) == "5" and "Five times" in alerts()["EventsrcActorRestarts"]["annotations"]["description"]
    )


def names_in(expr: str) -> set[str]:
    """Metrics and recorded names of an expression."""
    return set(re.findall(r"\b(?:[a-z_]+:)?eventsrc_\w+(?::\w+)?", expr))


@cache
def known() -> frozenset[str]:
    """Every name that a query may use."""
    families = [*Metrics()._registry.collect(), *told()]
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    measured = {family.name + suffix for family in families for suffix in suffixes.get(family.type, ("",))}
    return frozenset(measured | {rule["record"] for rule in rules() if "record" in rule})


def test_rules_and_boards_ask_only_for_what_there_is() -> None:
    asked = {name for rule in rules() for name in names_in(rule["expr"])}
    panels = [panel for path in BOARDS for panel in json.loads(path.read_text("utf-8"))["panels"]]
    asked |= {name for panel in panels for target in panel.get("targets", ()) for name in names_in(target["expr"])}
    assert sorted(asked - known()) == []
    unused = {family.name for family in Metrics()._registry.collect() if family.name.startswith("eventsrc_")}
    assert sorted(name for name in unused if not any(one.startswith(name) for one in asked)) == [], "on no board"


def test_the_boards_are_as_old_as_their_code(tmp_path: Path) -> None:
    generate = DEPLOY / "grafana/generate.py"
    done = subprocess.run([sys.executable, str(generate), str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in BOARDS]
    for path in BOARDS:
        assert path.read_text("utf-8") == (tmp_path / path.name).read_text("utf-8"), f"run 'python {generate}'"


def test_boards_are_found_by_their_own_addresses_and_look_only_at_the_chosen_services() -> None:
    boards = [json.loads(path.read_text("utf-8")) for path in BOARDS]
    assert [board["uid"] for board in boards] == [path.stem for path in BOARDS]
    for board in boards:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        for panel in board["panels"]:
            assert panel["type"] == "row" or panel["description"]
            assert all('instance=~"$instance"' in target["expr"] for target in panel.get("targets", ()))


def test_grafana_is_told_of_a_prometheus_and_of_the_boards() -> None:
    (source,) = loaded(DEPLOY / "grafana/provisioning/datasources/eventsrc.yml")["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://127.0.0.1:9090")
    scrape = loaded(DEPLOY / "prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scrape
    (provider,) = loaded(DEPLOY / "grafana/provisioning/dashboards/eventsrc.yml")["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)


def test_the_scraped_port_is_the_one_that_is_listened_on() -> None:
    (job,) = loaded(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    (static,) = job["static_configs"]
    example = (DEPLOY / "eventsrc.toml").read_text()
    assert f'listen = "{static["targets"][0]}"' in example
    assert f"ListenStream={static['targets'][0]}" in (DEPLOY / "systemd/eventsrc.socket").read_text()


def test_every_file_is_looked_at_by_a_test() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "deploy"], cwd=DEPLOY.parent, capture_output=True, text=True, check=True
    )
    files = {DEPLOY.parent / line for line in listed.stdout.splitlines()}
    here = {*RULES, *TESTS, *BOARDS, DEPLOY / "RUNBOOK.md", DEPLOY / "prometheus/prometheus.yml"}
    here |= {*(DEPLOY / "grafana").rglob("*.py"), *(DEPLOY / "grafana/provisioning").rglob("*.yml")}
    elsewhere = {DEPLOY / "eventsrc.toml", *(DEPLOY / "systemd").rglob("eventsrc*")}  # test_reference.py, test_units.py
    assert sorted(files - here - elsewhere) == []
