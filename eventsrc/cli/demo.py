"""`eventsrc demo`: a generated stream, followed for real, so that anyone sees it work in ten seconds."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import click

from eventsrc.cli.options import common
from eventsrc.cli.output import emit_json, message

LINES_PER_STEP = 20
STEP_SECONDS = 0.05
PATIENCE = 10.0  # seconds for the last lines to become durable


@click.command()
@click.option("--seconds", type=click.FloatRange(1, 3600), default=10.0, show_default=True, help="How long to play.")
@click.option("--keep", is_flag=True, default=False, help="Keep the data directory, to look around afterwards.")
@common
def demo(seconds: float, keep: bool, data: str | None, config_file: str | None, as_json: bool) -> None:
    """Play a generated stream of two agents into a folder, follow it with the real service, and show what came out.

    Uses a data directory of its own (or --data), never yours.
    """
    folder = Path(tempfile.mkdtemp(prefix="eventsrc-demo-"))
    place = Path(data) if data else folder / "data"
    log = folder / "agents" / "sse_lines.jsonl"
    log.parent.mkdir()
    log.touch()
    try:
        written = _play(place, log, seconds)
        _show(place, written, as_json)
        if keep or data:
            message(f"look around with: eventsrc agents sessions --data {place}")
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _play(place: Path, log: Path, seconds: float) -> int:
    """Runs the service in this process while a thread writes the stream; returns the number of lines written."""
    import anyio

    from eventsrc.config import CheckpointSettings, HttpSettings, LivenessSettings, Settings
    from eventsrc.service.serve import Service
    from eventsrc.testing.generate import generate_sse_lines

    settings = Settings(
        http=HttpSettings(listen=""),
        checkpoint=CheckpointSettings(every_seconds=0, at_shutdown=False),
        liveness=LivenessSettings(enabled=False),  # the processes of the stream are invented
    )
    written = 0
    stopped = threading.Event()
    steps = int(seconds / STEP_SECONDS)
    lines = generate_sse_lines(steps * LINES_PER_STEP, 7)

    def write() -> None:
        nonlocal written
        with log.open("ab") as file:
            for number, line in enumerate(lines, 1):
                file.write(line.rstrip(b"\n") + b"\n")
                written = number
                if number % LINES_PER_STEP == 0:
                    file.flush()
                    if stopped.wait(STEP_SECONDS):
                        return

    async def run() -> None:
        service = Service(settings, place, [str(log.parent)])
        async with anyio.create_task_group() as group:
            group.start_soon(service.run)
            message(f"following {log.parent} for {seconds:g} seconds …")
            await anyio.to_thread.run_sync(write, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))
            with anyio.move_on_after(PATIENCE):
                await service.reached(written)
            service.stop()

    try:
        anyio.run(run)
    finally:
        stopped.set()
    return written


def _show(place: Path, written: int, as_json: bool) -> None:
    from eventsrc.cli.questions import command_of
    from eventsrc.cli.status import show
    from eventsrc.service.asking import read_models
    from eventsrc.service.offline import status_of_files

    found = status_of_files(place)
    answer = read_models(place).ask("agents", "sessions")
    if as_json:
        emit_json({"written": written, "head": found["head"], "sessions": answer.objects()})
        return
    click.echo(f"{written} lines were written by the agents, {found['head']} are in the log.")
    show(found)
    question = next(one for one in read_models(place).questions("agents") if one.name == "sessions")
    command_of("agents", question).main(["--data", str(place)], standalone_mode=False)
