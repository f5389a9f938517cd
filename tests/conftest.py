"""Fixtures that every level of the tests shares."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio only (aiofiles does)."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real transcripts and captures beside the checkout; tests that need them are skipped where they are not."""
    if not SHARED.is_dir():
        pytest.skip("no shared data beside this checkout")
    return SHARED
