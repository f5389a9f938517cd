"""The read model that docs/read-model.md tells how to write: taken from that page, installed and asked."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.end_to_end.service_kit import Eventsrc

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/read-model.md").read_text("utf-8")
CORPUS = ROOT / "tests/corpus/claude_code/v2.0-one-message-in-several-lines.jsonl"


def _block(language: str, number: int = 0) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return blocks[number]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the package as an installation leaves it, where Python looks for packages."""
    folder = tmp_path / "site"
    facts = folder / "eventsrc_failures-1.0.dist-info"
    facts.mkdir(parents=True)
    project = tomllib.loads(_block("toml"))["project"]
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in named.items())
        for group, named in project["entry-points"].items()
    ]
    (facts / "entry_points.txt").write_text("\n".join(points))
    (folder / "failures.py").write_text(_block("python"))
    (folder / "test_failures.py").write_text(_block("python", 1))
    return folder


def test_the_read_model_of_the_page_answers(installed: Path, eventsrc: Eventsrc) -> None:
    eventsrc.environment["PYTHONPATH"] = str(installed)
    eventsrc.json("ingest", str(CORPUS))
    failed = eventsrc.json("query", "agents", "SELECT count(*) AS n FROM tool_results WHERE is_error = 1")[0]["n"]
    latest = eventsrc.json("failures", "latest")
    assert len(latest) == failed > 0
    assert all(row["answer"] and row["sid"] for row in latest)
    assert eventsrc.json("failures", "latest", "--limit", "1") == latest[:1]
    assert "failures" in eventsrc.json("rebuild", "failures")
    assert eventsrc.json("failures", "latest") == latest, "live equals replay"
    assert b"newest first" in eventsrc.run("failures", "--help").stdout


def test_the_test_of_the_page_passes(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_failures.py"],
        cwd=installed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
