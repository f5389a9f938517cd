"""The documents say what is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from eventsrc.cli import main
from eventsrc.log import codec

ROOT = Path(__file__).resolve().parents[1]


def test_the_example_in_the_readme_runs(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '1 greeting.said b\'{"hello":"world"}\'\n'


def test_ci_calls_exactly_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text()
    (command,) = re.findall(r"Set up and pass the tests:\n\n```sh\n(.*?)\n```", readme, re.DOTALL)
    assert command in (ROOT / ".ci/run").read_text().splitlines()


@pytest.mark.parametrize("name", list(main.COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([name, "--help"]) == 0
    assert "Usage: eventsrc " + name in capsys.readouterr().out
    assert name in main.ABOUT


def test_the_readme_names_every_command_and_no_other() -> None:
    code = re.findall(r"```sh(.*?)```|`([^`\n]+)`", (ROOT / "README.md").read_text(), re.DOTALL)
    named = re.findall(r"eventsrc ([a-z][a-z-]*)", " ".join(block or word for block, word in code))
    assert set(named) == set(main.COMMANDS)


def test_pages_that_pages_lead_to_are_there() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            assert "://" in link or (page.parent / link).exists(), f"{page.name}: {link}"


def test_tests_that_pages_name_are_there() -> None:
    written = "".join(path.read_text("utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        text = page.read_text("utf-8")
        for name in re.findall(r"::(test_\w+)", text):
            assert f"def {name}(" in written, f"{page.name}: {name}"
        for place in {f"tests/**/{stem}*.py" for stem in re.findall(r"`(test_\w+)…", text)} | set(
            re.findall(r"`(tests/[\w/.*]+)`", text)
        ):
            assert list(ROOT.glob(place.rstrip("/"))), f"{page.name}: {place}"


def test_the_example_of_the_log_format_is_an_event() -> None:
    (line,) = re.findall(r"```json\n(.*?)\n```", (ROOT / "docs/log-format.md").read_text())
    event = codec.decode(line.encode())
    assert (event.position, event.revision, event.raw) == (1, 1, b'{"hello":"world"}')
