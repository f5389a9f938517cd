"""Reports of one data directory, for the service and for commands. All of it blocks: call it on a thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from eventsrc.durable import Disk, write_file
from eventsrc.query import ReadModels
from eventsrc.report import Report, Span, gather, historical, to_html, to_markdown
from eventsrc.service.whole import writing

FORMS: dict[str, Callable[[Report], bytes]] = {
    "md": lambda report: to_markdown(report).encode(),
    "json": lambda report: msgspec.json.format(msgspec.json.encode(historical(report)), indent=2) + b"\n",
    "html": lambda report: to_html(report).encode(),
}


def made(models: ReadModels, span: Span, now: float) -> Report:
    """A report of a stretch of time from the read models as they are. Raises `NoStore`, `ReadModelBroken`."""

    def ask(model: str, question: str, parameters: Any, /) -> list[dict[str, Any]]:
        return [dict(row) for row in models.ask(model, question, parameters).objects()]

    return gather(ask, span, now)


def written(report: Report, folder: Path, forms: tuple[str, ...], disk: Disk) -> list[Path]:
    """The report as files `analytics_report_YYYYMMDD_HHMMSS.<form>`; each is whole or not there. Raises
    `CannotWrite`."""
    stamp = datetime.fromtimestamp(report.made_at, UTC).strftime("%Y%m%d_%H%M%S")
    paths = [folder / f"analytics_report_{stamp}.{form}" for form in forms]
    with writing(folder):
        disk.mkdir(str(folder))
        for path, form in zip(paths, forms, strict=True):
            write_file(disk, str(path), FORMS[form](report))
    return paths
