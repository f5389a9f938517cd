"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.service_kit import Eventsrc


@pytest.fixture
def eventsrc(tmp_path: Path) -> Iterator[Eventsrc]:
    """The command on a data directory of this test."""
    kit = Eventsrc(tmp_path / "data")
    try:
        yield kit
    finally:
        kit.close()
