"""What is generated from the code is as old as the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from eventsrc import config
from tests.reference import COMMAND, PAGES, ROOT, exit_codes


@pytest.mark.parametrize("name", PAGES)
def test_the_page_says_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_text("utf-8") == PAGES[name](), f"{name} is older than the code: run '{COMMAND}'"


def test_the_example_configuration_changes_nothing_as_it_stands(tmp_path: Path) -> None:
    example = ROOT / "deploy/eventsrc.toml"
    assert config.load({}, {}, str(example)).settings == config.Settings()


def test_the_example_configuration_has_every_setting_with_its_default(tmp_path: Path) -> None:
    text = re.sub(r"^#(?=[a-z_]+ = )", "", (ROOT / "deploy/eventsrc.toml").read_text(), flags=re.MULTILINE)
    file = tmp_path / "eventsrc.toml"
    file.write_text(text)
    loaded = config.load({}, {}, str(file))
    assert loaded.settings == config.Settings()
    assert set(loaded.origin) == {name for name, _ in config.describe()}
    assert tomllib.loads(text)["log"]["segment_bytes"] == config.LogSettings().segment_bytes


def test_every_exit_code_of_an_error_has_a_meaning() -> None:
    assert {kind.exit_code for kind in exit_codes.kinds()} <= set(exit_codes.meanings())


def test_every_variable_of_the_page_is_one_that_is_read(tmp_path: Path) -> None:
    page = (ROOT / "docs/settings.md").read_text()
    for name, default in config.describe():
        variable = "EVENTSRC_" + name.upper().replace(".", "_")
        assert f"`{variable}`" in page
        text = "" if default == () else str(default).lower() if isinstance(default, bool) else str(default)
        found = config.load({}, {variable: text, "XDG_CONFIG_HOME": str(tmp_path)})
        assert found.origin[name] == "environment"
