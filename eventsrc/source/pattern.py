"""Which files are meant: a path, a folder or a glob, as a person writes it. Pure except for asking whether a path is a
folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from eventsrc.errors import UsageError

LINES = ("**/*.jsonl", "**/rollout-*.jsonl.zst", "**/*.sse")
"""What is followed in a folder that is named without a pattern. Of packed files only those that nothing else packs:
what rotation has packed was read before."""
SIDECARS = ("**/agent-*.meta.json", "**/manifest.json", "**/metadata.json")
"""Small JSON files beside transcripts and experiments that are recorded as a whole."""
_MAGIC = re.compile(r"[*?\[]")


class Root(msgspec.Struct, frozen=True):
    """A folder and the pattern that files in and under it must match."""

    folder: str
    """Absolute; may not exist yet."""
    pattern: str
    """Relative to the folder; `**` stands for any folders, also none."""
    also: tuple[str, ...] = ()
    """Further patterns of files of lines, which reach no deeper."""
    whole: tuple[str, ...] = ()
    """Patterns of files that are recorded as one record each, when new or changed."""
    exact: bool = False
    """The pattern is the name of one file: a person asked for just this one."""

    @property
    def path(self) -> str:
        """The file, of a root that is exact."""
        return str(Path(self.folder, self.pattern))

    @property
    def depth(self) -> int | None:
        """How many folders below this one can hold matches; None: any number."""
        return None if "**" in self.pattern.split("/") else self.pattern.count("/")

    def matcher(self) -> re.Pattern[str]:
        """Matches the path of a file of lines relative to the folder; raises UsageError for what is no pattern."""
        return re.compile(re.escape(self.pattern)) if self.exact else _compiled(self.pattern, *self.also)

    def whole_matcher(self) -> re.Pattern[str] | None:
        """The same for files that are one record each."""
        return _compiled(*self.whole) if self.whole else None


def roots(targets: Iterable[str | Path]) -> list[Root]:
    """What people write → roots, in their order: `~` is the home, a folder stands for the `.jsonl` files under it."""
    found: list[Root] = []
    for target in targets:
        path = Path(target).expanduser().absolute()
        if path.is_dir():
            found.append(Root(str(path), LINES[0], LINES[1:], SIDECARS))
        elif _MAGIC.search(str(path)) and not path.exists():
            found.append(_glob(path))
        else:
            found.append(Root(str(path.parent), path.name, exact=True))
    return found


def _glob(path: Path) -> Root:
    first = next(index for index, part in enumerate(path.parts) if _MAGIC.search(part))
    return Root(str(Path(*path.parts[:first])), "/".join(path.parts[first:]))


def _compiled(*patterns: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(map(_regex, patterns)), re.DOTALL)
    except re.error as error:
        raise UsageError(reason=f"the pattern {', '.join(patterns)} cannot be read: {error}") from error


def _regex(pattern: str) -> str:
    parts = pattern.split("/")
    out = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            out += ".*" if last else "(?:[^/]+/)*"
        else:
            out += _segment(part) + ("" if last else "/")
    return out


def _segment(part: str) -> str:
    """One name with `*`, `?` and `[…]`; none of them crosses a slash."""
    out, at = "", 0
    while at < len(part):
        char = part[at]
        close = part.find("]", at + 2) if char == "[" else -1
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif close > 0:
            inside = part[at + 1 : close].replace("\\", r"\\").replace("[", r"\[")
            out += "[" + ("^/" + inside[1:] if inside[0] == "!" else inside) + "]"
            at = close
        else:
            out += re.escape(char)
        at += 1
    return out
