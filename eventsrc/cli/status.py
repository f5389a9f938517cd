"""`eventsrc status`: one screen, like systemctl; exit code 3 when no service runs."""

from __future__ import annotations

from typing import Any

import click

from eventsrc.cli.options import common, directory
from eventsrc.cli.output import counted, emit_json, safe, size

SAID = {"waiting": "waiting for a person"}
COLOURS = {"waiting": "yellow", "stalled": "red", "orphaned": "red"}
DOTS = {"running": ("●", "green"), "unhealthy": ("●", "red"), "stopped": ("○", None)}


@click.command()
@common
def status(data: str | None, config_file: str | None, as_json: bool) -> int:
    """What runs, how far it is, what waits.

    Answers from the files when no service runs, and then ends with exit code 3.
    """
    from eventsrc.errors import NotRunning, TryAgain
    from eventsrc.service.offline import client, status_of_files

    place = directory(data, config_file)
    try:
        found: dict[str, Any] = client(place).request("GET", "/v1/status")
    except NotRunning:
        found = status_of_files(place)
    except TryAgain as error:  # it listens and does not answer: say what the files tell, and that
        found = {**status_of_files(place), "running": True, "unhealthy": str(error)}
    if as_json:
        emit_json(found)
    else:
        show(found)
    return 0 if found["running"] else 3


def show(found: dict[str, Any]) -> None:
    """One screen."""
    state = "stopped" if not found["running"] else "unhealthy" if found.get("unhealthy") else "running"
    dot, colour = DOTS[state]
    pid = f", pid {found['pid']}" if found.get("pid") else ""
    click.echo(f"{click.style(dot, fg=colour)} eventsrc {state}{pid} – {safe(found['data'])}")
    if found.get("unhealthy"):
        click.echo(f"  {safe(found['unhealthy'])}")
    width = max(map(len, ("checkpoint", *found["projections"])))

    def line(name: str, text: str) -> None:
        click.echo(f"  {safe(name):<{width}}  {text}")

    stored = f"{size(found['log_bytes'])} in {counted(found['segments'], 'segment')}"
    line("log", f"position {found['head']:,}, {stored}")
    for name, one in found["projections"].items():
        line(name, _model(one))
        if states := _states(found.get("states", {}).get(name, {})):
            line("", states)
    sources, made = found["sources"], found["checkpoint"]
    behind = size(sum(one["behind_bytes"] for one in sources))
    line("sources", f"{len(sources):,}, {behind} behind" if sources else "none")
    for one in [one for one in sources if one.get("problem")][:10]:
        click.echo(f"    {safe(one.get('path') or one['kind'])}: {safe(one['problem'])}")
    line("checkpoint", f"{made['id']} at position {made['position']:,}" if made else "none yet")


def _model(one: dict[str, Any]) -> str:
    """How far a read model is, and what is wrong with it."""
    state = one.get("state", "")
    lag = "up to date" if not one["lag_events"] else f"{counted(one['lag_events'], 'event')} behind"
    dead = f", {counted(one['dead_letters'], 'dead letter')}" if one["dead_letters"] else ""
    extra = f" ({state}: {one['reason']})" if state not in ("", "live") else ""
    return f"position {one['position']:,}, generation {one['generation']}, {lag}{dead}{safe(extra)}"


def _states(states: dict[str, int]) -> str:
    """How many sessions are in which state, as far as there are any; what needs somebody stands out."""
    shown = []
    for state, number in states.items():
        if number:
            said = f"{number} {SAID.get(state, safe(state))}"
            shown.append(click.style(said, fg=COLOURS[state]) if state in COLOURS else said)
    return ", ".join(shown)
