"""docs/exit-codes.md: what a command ends with, from its own help and from the tree of errors."""

from __future__ import annotations

import inspect
import re

from eventsrc import errors
from eventsrc.cli import main

HEAD = """# Exit codes

| code | meaning |
| --- | --- |
"""

SIGNALS = {
    130: "interrupted (SIGINT, Ctrl-C)",
    141: "whoever read the output went away (SIGPIPE)",
    143: "ended by SIGTERM before it could say more",
}

ERRORS = """
## Errors

What is said on stderr, and what can be done. Words in braces are filled in.

| error | code | it says | what to do |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    codes = {**meanings(), **SIGNALS}
    table = "".join(f"| {code} | {meaning} |\n" for code, meaning in codes.items())
    rows = "".join(_row(kind) for kind in kinds())
    return HEAD + table + ERRORS + rows


def meanings() -> dict[int, str]:
    """Code → meaning, as `eventsrc --help` says it."""
    (text,) = re.findall(r"Exit codes: (.*?)\.$", " ".join((main.cli.help or "").split()))
    return {int(code): meaning for code, meaning in re.findall(r"(\d+) ([^,]+)", text)}


def kinds() -> list[type[errors.EventsrcError]]:
    """Every error of the tree, by code and name."""
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.EventsrcError)]
    return sorted((kind for kind in found if kind is not errors.EventsrcError), key=lambda kind: kind.exit_code)


def _row(kind: type[errors.EventsrcError]) -> str:
    said = " ".join((kind.__doc__ or "").split())
    return f"| {kind.__name__} | {kind.exit_code} | {_cell(said)} | {_cell(kind.hint)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
