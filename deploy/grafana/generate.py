"""Writes the dashboards: `python deploy/grafana/generate.py [FOLDER]`, by default into `dashboards/` beside this file.

Needs grafana-foundation-sdk (extra `test`); nobody who only uses the dashboards does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from boards import BOARDS
from boards.kit import made
from grafana_foundation_sdk.cog.encoder import JSONEncoder


def write(folder: Path) -> None:
    """One file per board; the same code gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        text = json.dumps(made(board), cls=JSONEncoder, indent=2, ensure_ascii=False)
        (folder / f"{board.uid}.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("dashboards"))
