"""Making the steps of a plan: the only place of this room that changes anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

from eventsrc.errors import CommandFailed
from eventsrc.limits import SYSTEMCTL_SECONDS
from eventsrc.units.plan import Scope, Step
from eventsrc.units.shipped import shipped


def present(scope: Scope) -> dict[str, str]:
    """The units of eventsrc that are there: name → text."""
    places = {name: scope.folder / name for name in shipped(scope.user)}
    return {name: path.read_text("utf-8") for name, path in places.items() if path.is_file()}


def carry(step: Step) -> None:
    """Makes one step. Raises OSError where a file cannot be written, CommandFailed where systemd refuses."""
    if step.kind == "write":
        _write(Path(step.target), step.text)
    elif step.kind == "remove":
        Path(step.target).unlink(missing_ok=True)
    elif step.kind == "run":
        run(step.command)


def run(command: tuple[str, ...]) -> str:
    """What a command prints. Raises CommandFailed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SYSTEMCTL_SECONDS, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(command=" ".join(command), reason=str(error)) from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if not line.startswith("Created symlink")]
        reason = " ".join(" ".join(said).split()) or f"exit code {done.returncode}"
        raise CommandFailed(command=" ".join(command), reason=reason)
    return done.stdout


def _write(path: Path, text: str) -> None:
    """Whole or not at all: systemd may read it at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, "utf-8")
    temporary.chmod(0o644)
    temporary.replace(path)
