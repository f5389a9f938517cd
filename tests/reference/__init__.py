"""The pages of reference, made from the code: commands, settings, metrics, exit codes, and the example configuration.

`python -m tests.reference` writes them; a test says when they are older than the code.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.reference import commands, exit_codes, metrics, settings

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python -m tests.reference"

PAGES: dict[str, Callable[[], str]] = {
    "docs/commands.md": commands.page,
    "docs/settings.md": settings.page,
    "docs/metrics.md": metrics.page,
    "docs/exit-codes.md": exit_codes.page,
    "deploy/eventsrc.toml": settings.example,
}
"""Path → what belongs there."""
