"""docs/settings.md and deploy/eventsrc.toml: every setting with its default, from the structs of `eventsrc.config`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator

import msgspec

from eventsrc.config import Settings

HEAD = """# Settings

Flags beat the environment, which beats `./eventsrc.toml`, which beats the user's `~/.config/eventsrc/eventsrc.toml`,
which beats the system's `/etc/eventsrc/eventsrc.toml`. Unknown keys are errors. `eventsrc config` shows what is in
force and where it comes from; [deploy/eventsrc.toml](../deploy/eventsrc.toml) has everything to copy from. In the
environment, lists are separated by `:`.
"""

EXAMPLE = """# Settings of eventsrc with their defaults. Copy what you change to one of
#
#   /etc/eventsrc/eventsrc.toml            the system's service; may be readable for root alone
#   ~/.config/eventsrc/eventsrc.toml       a person's
#   ./eventsrc.toml                        a project's
#
# 'eventsrc config' shows what is in force and where it comes from.
"""


class Setting(msgspec.Struct, frozen=True):
    """One field of a settings struct."""

    name: str
    default: object
    about: str


class Table(msgspec.Struct, frozen=True):
    """One table of the TOML file; the first one has no name."""

    name: str
    about: str
    settings: tuple[Setting, ...]


def tables() -> Iterator[Table]:
    """All of them, in the order of the code."""
    fields = msgspec.structs.fields(Settings)
    yield Table("", "", tuple(_settings(Settings)))
    for field in fields:
        if isinstance(field.default, msgspec.Struct):
            kind = type(field.default)
            yield Table(field.name, inspect.cleandoc(kind.__doc__ or ""), tuple(_settings(kind)))


def page() -> str:
    """docs/settings.md."""
    parts = [HEAD]
    for table in tables():
        if table.name:
            parts += [f"## [{table.name}]\n", f"{' '.join(table.about.split())}\n"]
        parts += ["| setting | default | environment | meaning |", "| --- | --- | --- | --- |"]
        parts += [_row(table.name, setting) for setting in table.settings]
        parts.append("")
    return "\n".join(parts)


def example() -> str:
    """deploy/eventsrc.toml: every setting, commented out, so that the file as it stands changes nothing."""
    parts = [EXAMPLE]
    for table in tables():
        if table.name:
            parts.append(f"[{table.name}]")
        for setting in table.settings:
            parts += [*textwrap.wrap(setting.about, 110, initial_indent="# ", subsequent_indent="# ")]
            parts.append(f"#{setting.name} = {toml(setting.default)}")
        parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"


def toml(value: object) -> str:
    """A default as TOML spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    assert isinstance(value, int | float), value
    return repr(value)


def _settings(kind: type[msgspec.Struct]) -> Iterator[Setting]:
    about = _docstrings(kind)
    for field in msgspec.structs.fields(kind):
        if not isinstance(field.default, msgspec.Struct):
            assert field.name in about, f"{kind.__name__}.{field.name} says nothing of itself"
            yield Setting(field.name, field.default, about[field.name])


def _docstrings(kind: type) -> dict[str, str]:
    """Field → the string that follows it in the source."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            assert isinstance(after.value, ast.Constant)
            found[field.target.id] = " ".join(str(after.value.value).split())
    return found


def _row(table: str, setting: Setting) -> str:
    name = f"{table}.{setting.name}" if table else setting.name
    variable = "EVENTSRC_" + name.upper().replace(".", "_")
    about = setting.about.replace("|", "\\|")
    return f"| `{setting.name}` | `{toml(setting.default)}` | `{variable}` | {about} |"
