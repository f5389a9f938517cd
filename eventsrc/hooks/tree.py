"""JSON as it stands in a text: where each value begins and ends, and edits that touch nothing else. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from eventsrc.limits import DATA_DEPTH

_BLANK = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r"[^ \t\r\n,\]}]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


class Node(msgspec.Struct, frozen=True):
    """One value of a text. Of an object the members, of an array the elements are its children."""

    start: int
    end: int
    opened: str = ""
    """`{` or `[`; empty for anything else."""
    children: tuple[Child, ...] = ()

    def member(self, name: str) -> Child | None:
        """The member of an object that counts: the last one of that name."""
        return next((one for one in reversed(self.children) if one.name == name), None)


class Child(msgspec.Struct, frozen=True):
    """A value in its container, with its name when that is an object."""

    start: int
    """Of the name, or of the value when it has none."""
    value: Node
    name: str | None = None

    @property
    def end(self) -> int:
        return self.value.end


class Edit(msgspec.Struct, frozen=True):
    """Characters `[start, end)` become `text`."""

    start: int
    end: int
    text: str


def parse(text: str) -> Node:
    """The tree of a JSON text. ValueError when it is none, or nested deeper than anybody's settings are."""
    try:
        json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    return _Reader(text).value(_skip(text, 0), 0)


def value_of(text: str, node: Node) -> Any:
    """The value that a node stands for."""
    return json.loads(text[node.start : node.end])


def apply(text: str, edits: list[Edit]) -> str:
    """The text after edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def insertion(text: str, container: Node, name: str | None, value: Any) -> Edit:
    """Adds a last child on one line, where its siblings stand, or where the whole text's manner puts the first."""
    style = Style(text)
    inside = style.inside(container)
    said = json.dumps(value, ensure_ascii=False)
    if name is not None:
        said = f"{json.dumps(name, ensure_ascii=False)}: {said}"
    if container.children:
        last = container.children[-1].end
        return Edit(last, last, f",{_line(style, inside) or ' '}{said}")
    after = "" if inside is None else _line(style, style.before(container))
    return Edit(container.start + 1, container.end - 1, f"{_line(style, inside)}{said}{after}")


def removal(container: Node, number: int) -> Edit:
    """Takes a child away, together with the comma before it, or after it when it is the first."""
    children = container.children
    if len(children) == 1:
        return Edit(container.start + 1, container.end - 1, "")
    if number == 0:
        return Edit(children[0].start, children[1].start, "")
    return Edit(children[number - 1].end, children[number].end, "")


class Style:
    """How a text is laid out: its line ends, and what it is indented by."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        found = re.search(r"[{\[]\r?\n([ \t]+)", text)
        self.unit = found[1] if found else None if text.strip() not in ("{}", "") else "  "

    def before(self, node: Node) -> str:
        """The indentation of the line on which a value begins."""
        line = self._text[: node.start].rpartition("\n")[2]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def inside(self, container: Node) -> str | None:
        """The indentation of a container's children; None when they stand on its line."""
        if not container.children:
            return None if self.unit is None else self.before(container) + self.unit
        gap = self._text[container.start + 1 : container.children[0].start]
        return gap.rpartition("\n")[2] if "\n" in gap else None


def _line(style: Style, indent: str | None) -> str:
    return "" if indent is None else style.newline + indent


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found is not None, "matches everywhere"
    return found.end()


class _Reader:
    """Reads a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text

    def value(self, at: int, depth: int) -> Node:
        if depth > DATA_DEPTH:
            raise ValueError("it is nested too deep")
        opened = self._text[at]
        if opened in "{[":
            children = tuple(self._children(at, depth))
            end = children[-1].end if children else at + 1
            return Node(at, _skip(self._text, end) + 1, opened, children)
        found = (_STRING if opened == '"' else _PLAIN).match(self._text, at)
        assert found is not None, "the text was read before"
        return Node(at, found.end())

    def _children(self, at: int, depth: int) -> Iterator[Child]:
        text, place = self._text, _skip(self._text, at + 1)
        while text[place] not in "}]":
            start, name = place, None
            if text[at] == "{":
                found = _STRING.match(text, place)
                assert found is not None, "a member has a name"
                name = json.loads(found[0])
                place = _skip(text, _skip(text, found.end()) + 1)
            value = self.value(place, depth + 1)
            yield Child(start, value, name)
            place = _skip(text, value.end)
            if text[place] == ",":
                place = _skip(text, place + 1)
