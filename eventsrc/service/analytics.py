"""Where the analytics database meets the read model of experiments, for commands and for the service's actor.

Nothing here imports duckdb before somebody loads: the service never does, its children do.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import anyio
import msgspec

from eventsrc.actor import Charge, Policy, Stage
from eventsrc.analytics.dossier import Dossier
from eventsrc.analytics.loader import Due, Loader, Outcome
from eventsrc.clock import Clock
from eventsrc.config import AnalyticsSettings
from eventsrc.durable import SystemDisk, write_file
from eventsrc.errors import EventsrcError, ExtraMissing, LoadFailed
from eventsrc.limits import LOAD_SECONDS
from eventsrc.query import ReadModels
from eventsrc.service.pipeline import Pipeline

if TYPE_CHECKING:
    from eventsrc.analytics.load import Load

logger = logging.getLogger(__name__)

MODEL = "experiments"
MARKER = ".loaded_to_db"
"""Left beside an experiment's logs, for people and for tools that look for it. Nothing here reads it."""


def database_of(settings: AnalyticsSettings, data: Path) -> Path:
    """Where the analytics database is."""
    return (
        Path(settings.database).expanduser().absolute() if settings.database else data / "analytics/experiments.duckdb"
    )


def load_here(models: ReadModels, run: dict[str, Any], database: Path, *, force: bool) -> Load:
    """Loads one experiment, or conversation of none, and leaves the marker. `run`: its row of the question `status`.

    Raises LoadFailed, TryAgain when another process has the database, ExtraMissing.
    """
    try:
        from eventsrc.analytics.load import load
    except ImportError as error:
        raise ExtraMissing(what="Loading experiments", package=error.name or "duckdb", extra="analytics") from error
    dossier = _dossier(models, run)
    if not Path(dossier.folder).is_dir():
        raise LoadFailed(id=dossier.id, reason=f"its folder {dossier.folder} is not there any more")
    done = load(dossier, database, force=force)
    _mark(Path(dossier.folder), database, done)
    return done


def _dossier(models: ReadModels, run: dict[str, Any]) -> Dossier:
    def ask(question: str, about: str) -> list[dict[str, Any]]:
        known = next(one for one in models.questions(MODEL) if one.name == question)
        given: dict[str, Any] = {**known.defaults, "id": about, "now": time.time()}
        answer = models.ask(MODEL, question, {name: given.get(name) for name in known.parameters})
        if answer.truncated:
            raise LoadFailed(id=run["id"], reason=f"{about} has more {question} than one answer holds")
        return answer.objects()

    conversations = [one for one in ask("conversations", run["id"]) if _belongs(one, run)]
    names = [one["conversation_id"] for one in conversations]
    parts = {
        question: [row for name in names for row in ask(question, name) if row["conversation_id"] == name]
        for question in ("turns", "messages", "usage", "errors")
    }
    folder = unquote(str(run["folder"] or "").removeprefix("file://"))
    return Dossier(folder, run, conversations, **parts)


def _belongs(conversation: dict[str, Any], run: dict[str, Any]) -> bool:
    """Questions take the beginning of an id, which others may share."""
    return run["id"] in (conversation["experiment_id"], conversation["conversation_id"])


def _mark(folder: Path, database: Path, done: Load) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    told = {"database": str(database), "loaded_at": now, "rows": done.rows, "rejected": done.rejected}
    try:
        write_file(SystemDisk(), str(folder / MARKER), msgspec.json.encode(told) + b"\n")
    except OSError as error:  # a folder that others own; the ledger is what counts
        logger.warning("no %s in %s: %s", MARKER, folder, error.strerror or error)


def loader_charge(
    data: Path, settings: AnalyticsSettings, models: ReadModels, pipeline: Pipeline, clock: Clock
) -> list[Charge]:
    """The actor that loads what ended; none when that is switched off or cannot be done here."""
    if not settings.load:
        return []
    if importlib.util.find_spec("duckdb") is None:
        logger.info("experiments are not loaded into an analytics database: the extra 'analytics' is not installed")
        return []
    load = _in_a_child(data, database_of(settings, data))

    def make() -> Loader:
        return Loader(_due(models), load, pipeline.deliver, lambda: pipeline.watermark.position, clock)

    return [Charge(name=Loader.name, make=make, policy=Policy.RESTART, stage=Stage.SOURCE)]


def _due(models: ReadModels) -> Callable[[], Sequence[Due]]:
    def ask() -> list[Due]:
        try:
            known = next(one for one in models.questions(MODEL) if one.name == "unloaded")
            rows = models.ask(MODEL, "unloaded", {**known.defaults, "now": time.time()}).objects()
        except (EventsrcError, StopIteration):  # not installed, not built yet, or being rebuilt
            return []
        return [Due(str(row["id"]), int(str(row["last_position"]))) for row in rows]

    return ask


def _in_a_child(data: Path, database: Path) -> Callable[[Due], Any]:
    command = [sys.executable, "-m", "eventsrc.cli.main", "load-db", "--json"]
    places = ["--data", str(data), "--database", str(database)]

    async def load(due: Due) -> Outcome:
        try:
            with anyio.fail_after(LOAD_SECONDS):
                done = await anyio.run_process([*command, *places, "--", due.id], check=False)
        except TimeoutError:
            return Outcome(problem=f"it took longer than {LOAD_SECONDS:.0f} s")
        except OSError as error:
            return Outcome(problem=f"no child could be started: {error.strerror or error}")
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            return Outcome(problem=said[0] if said else f"its child ended with {done.returncode}")
        (report,) = msgspec.json.decode(done.stdout)
        return Outcome(report["rows"], report["rejected"])

    return load
