"""The service starts without duckdb, and never imports it: only the command that loads does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from eventsrc.config import AnalyticsSettings
from eventsrc.errors import ExtraMissing
from eventsrc.service.analytics import database_of, load_here, loader_charge
from eventsrc.testing.clock import ManualClock

NOBODY = cast(Any, None)
"""Stands for what is not asked for anything."""


def test_neither_the_service_nor_the_command_line_imports_duckdb() -> None:
    code = "import eventsrc.service.serve, eventsrc.cli.load_db, sys; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_extra_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "eventsrc.analytics.load", raising=False)
    with pytest.raises(ExtraMissing) as caught:
        load_here(NOBODY, {}, Path("x.duckdb"), force=False)
    assert "eventsrc[analytics]" in caught.value.advice()


def test_the_actor_is_there_unless_it_is_switched_off_or_cannot_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def charges(settings: AnalyticsSettings) -> int:
        return len(loader_charge(tmp_path, settings, NOBODY, NOBODY, ManualClock()))

    assert charges(AnalyticsSettings()) == 1
    assert charges(AnalyticsSettings(load=False)) == 0
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert charges(AnalyticsSettings()) == 0


def test_the_database_is_in_the_data_directory_unless_a_setting_says_otherwise(tmp_path: Path) -> None:
    assert database_of(AnalyticsSettings(), tmp_path) == tmp_path / "analytics/experiments.duckdb"
    assert database_of(AnalyticsSettings(database=str(tmp_path / "x.db")), Path("/data")) == tmp_path / "x.db"
