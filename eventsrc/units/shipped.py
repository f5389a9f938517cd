"""The unit files that eventsrc brings along, and what makes them fit this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from eventsrc.errors import OutOfSight, UnitsMissing

SUFFIXES = (".service", ".socket", ".timer")
COMMAND = "/usr/bin/eventsrc"
"""What the shipped units start; a package that installs there needs to change nothing."""

MARK = (
    "# Written by 'eventsrc service install'; 'eventsrc service uninstall' removes it. For changes: 'systemctl edit'.\n"
)

DENIED = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # ProtectHome= and PrivateTmp= of the system unit


def shipped(user: bool) -> dict[str, str]:
    """Unit name → text, of the system or of a user. Raises UnitsMissing."""
    folder = _folder() / "user" if user else _folder()
    return {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}


def adapted(units: Mapping[str, str], command: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The units with `command` in the place of /usr/bin/eventsrc and further variables; marked as ours."""
    words = " ".join(map(quoted, command))
    variables = "".join(f"Environment={quoted(f'{name}={value}')}\n" for name, value in environment.items())
    return {name: MARK + _adapt(text, words, variables) for name, text in units.items()}


def enabled(units: Mapping[str, str]) -> list[str]:
    """The units that are started with the machine or the session, in the order of a start: sockets first."""
    wanted = [name for name, text in units.items() if "\n[Install]\n" in text]
    return sorted(wanted, key=lambda name: (SUFFIXES.index(Path(name).suffix) != 1, name))


def check_visible(places: Sequence[Path]) -> None:
    """Raises OutOfSight for a place that the system service is denied."""
    for place in places:
        for folder in DENIED:
            if place.is_relative_to(folder):
                raise OutOfSight(path=place, folder=folder)


def quoted(word: str) -> str:
    """A word as a unit file spells it: `%` and `$` mean something there, and blanks end a word."""
    spelled = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{spelled}"' if spelled != word or " " in word or "'" in word else word


def _adapt(text: str, words: str, variables: str) -> str:
    lines = []
    for line in text.splitlines(keepends=True):
        name, _, value = line.partition("=")
        if name == "ExecStart" and value.startswith(COMMAND + " "):
            line = f"{name}={words}{value.removeprefix(COMMAND)}"
            line, variables = variables + line, ""  # once, also where a unit starts several commands
        lines.append(line)
    return "".join(lines)


def _folder() -> Path:
    """In a wheel the units lie beside this file; in a checkout they are where they are edited."""
    here = Path(__file__).resolve()
    for folder in (here.with_name("systemd"), here.parents[2] / "deploy" / "systemd"):
        if folder.is_dir():
            return folder
    raise UnitsMissing(path=here.with_name("systemd"))
