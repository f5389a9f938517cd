"""`eventsrc status`: one screen, like systemctl; exit code 3 when no service runs."""

from __future__ import annotations

from typing import Any

import click

from eventsrc.cli.options import common, directory
from eventsrc.cli.output import emit_json, safe, size

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
    from eventsrc.service import client, status_of_files

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
    click.echo(f"  log      position {found['head']}, {size(found['log_bytes'])} in {found['segments']} segments")
    for name, one in found["projections"].items():
        state = one.get("state", "")
        lag = "up to date" if not one["lag_events"] else f"{one['lag_events']} events behind"
        dead = f", {one['dead_letters']} dead letters" if one["dead_letters"] else ""
        extra = f" ({state}: {one['reason']})" if state not in ("", "live") else ""
        click.echo(
            f"  {safe(name):<8} position {one['position']}, generation {one['generation']}, {lag}{dead}{safe(extra)}"
        )
        _show_states(found.get("states", {}).get(name, {}))
    _show_sources(found["sources"])
    made = found["checkpoint"]
    click.echo(f"  checkpoint {made['id']} at position {made['position']}" if made else "  checkpoint none yet")


def _show_states(states: dict[str, int]) -> None:
    """How many sessions are in which state, as far as there are any; what needs somebody stands out."""
    shown = []
    for state, number in states.items():
        if number:
            said = f"{number} {SAID.get(state, safe(state))}"
            shown.append(click.style(said, fg=COLOURS[state]) if state in COLOURS else said)
    if shown:
        click.echo(f"           {', '.join(shown)}")


def _show_sources(sources: list[dict[str, Any]]) -> None:
    behind = sum(one["behind_bytes"] for one in sources)
    click.echo(f"  sources  {len(sources)}, {size(behind)} behind" if sources else "  sources  none")
    problems = [one for one in sources if one.get("problem")]
    for one in problems[:10]:
        click.echo(f"    {safe(one.get('path') or one['kind'])}: {safe(one['problem'])}")
