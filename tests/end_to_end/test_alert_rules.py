"""The alert rules do what their tests say, and the tests notice when a rule is wrong: every condition of every rule is
taken out once."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.end_to_end.prometheus_kit import PROMETHEUS, obstacle

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(300)]
if (reason := obstacle()) is not None:
    pytestmark.append(pytest.mark.skip(reason=reason))

AREAS = sorted(path.stem for path in (PROMETHEUS / "rules").glob("*.yml") if path.stem != "recording")
NEVER = "(vector(1) == 2)"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def written_for(area: str, folder: Path) -> list[str]:
    """The files that test the rules of an area."""
    return [str(path) for path in (folder / "tests").glob("*.yml") if f"../rules/{area}.yml" in path.read_text()]


@pytest.mark.parametrize("area", AREAS)
def test_alerts_do_what_their_tests_say(area: str) -> None:
    done = promtool("test", "rules", *written_for(area, PROMETHEUS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_is_one() -> None:
    done = promtool("check", "config", "--lint=all", "--lint-fatal", str(PROMETHEUS / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def alerts_of(text: str) -> list[str]:
    """Each alert of a file of rules, as it is written."""
    return re.split(r"^(?=      - alert: )", text, flags=re.MULTILINE)[1:]


def broken(alert: str) -> Iterator[tuple[str, str]]:
    """(what was done to it, a rule that is wrong)."""
    yield "it never fires", re.sub(r"expr: (>\n +)?", rf"\g<0>{NEVER} and on () ", alert, count=1)
    without = re.sub(r"^        for: .*\n", "", alert, flags=re.MULTILINE)
    if without != alert:
        yield "it does not wait", without
    for line in re.findall(r"^          (?:and|unless|or) .*\n", alert, re.MULTILINE):
        yield f"without {line.strip()!r}", alert.replace(line, "")
    for number in re.findall(r"[<>] (\d[\d.]*(?: \* \d+)*)", alert):
        if number != "0":
            yield (
                f"another bound than {number}",
                alert.replace(f"> {number}", f"> 1000 * {number}").replace(f"< {number}", f"< 0.001 * {number}"),
            )


def only(name: str, area: str, folder: Path) -> list[str]:
    """The tests of one alert, as files of their own."""
    made = []
    for path in map(Path, written_for(area, folder)):
        content = yaml.safe_load(path.read_text())
        content["tests"] = [
            test for test in content["tests"] if any(case["alertname"] == name for case in test["alert_rule_test"])
        ]
        if content["tests"]:
            made.append(folder / "tests" / f"{path.stem}-{name}.yaml")
            made[-1].write_text(yaml.safe_dump(content))
    return [str(path) for path in made]


@pytest.mark.parametrize("area", AREAS)
def test_a_wrong_rule_is_noticed(area: str, tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    shutil.copytree(PROMETHEUS, folder)
    rules = folder / "rules" / f"{area}.yml"
    text = rules.read_text()
    unnoticed = []
    for alert in alerts_of(text):
        name = alert.split("\n")[0].rpartition(" ")[2]
        tests = only(name, area, folder)
        for what, wrong in broken(alert):
            rules.write_text(text.replace(alert, wrong))
            assert promtool("check", "rules", str(rules)).returncode == 0, f"not even a rule: {wrong}"
            if promtool("test", "rules", *tests).returncode == 0:
                unnoticed.append(f"{name}: {what}")
    assert unnoticed == []
