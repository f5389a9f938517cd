"""The map and the code agree."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def rooms() -> list[Path]:
    return sorted(path.parent for path in (ROOT / "eventsrc").glob("*/__init__.py"))


def test_rooms_import_only_downwards() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("room", rooms(), ids=lambda path: path.name)
def test_every_room_says_what_it_is_for_and_what_survives_a_crash(room: Path) -> None:
    if room.name == "testing":
        return
    text = (room / "__init__.py").read_text()
    assert "survives a crash" in text, f"{room.name}/__init__.py does not say what survives a crash there"
    assert "must never know" in text.lower(), f"{room.name}/__init__.py does not say what it must never know"


@pytest.mark.parametrize("room", rooms(), ids=lambda path: path.name)
def test_the_map_names_every_room(room: Path) -> None:
    assert f"{room.name}/" in (ROOT / "ARCHITECTURE.md").read_text()


def test_the_map_shows_the_layers_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [layer.replace("eventsrc.", "") for layer in contracts[0]["layers"]]
    diagram = (ROOT / "ARCHITECTURE.md").read_text().split("Import directions")[1].split("```")[1]
    assert [line.split("   ")[0] for line in diagram.splitlines() if line][: len(layers)] == layers


def test_every_law_has_one_test_file_and_stands_in_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for number in range(1, 11):
        assert f"**L{number}**" in text
        assert len(list((ROOT / "tests/laws").glob(f"test_l{number}_*.py"))) == 1, f"law L{number}"


def test_entry_points_lead_somewhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for group in project["entry-points"].values():
        for target in group.values():
            module = target.partition(":")[0].replace(".", "/")
            assert (ROOT / f"{module}.py").is_file() or (ROOT / module / "__init__.py").is_file(), target
