"""One row in full: every value, texts as they are, JSON with line breaks."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from eventsrc.cli.cell import cell
from eventsrc.cli.monitor.cells import Row
from eventsrc.limits import MONITOR_TEXT_CHARS
from eventsrc.query import harmless

LONG = ("content", "result", "user_prompt", "text", "input")
"""Columns whose text stands below its name, last."""


class TextScreen(Screen[None]):
    """What one row says."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "back", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
        Binding("g", "edge(False)", show=False),
        Binding("G", "edge(True)", show=False),
    ]

    def __init__(self, name: str, row: Row) -> None:
        super().__init__()
        self._name = name
        self._row = row

    def compose(self) -> ComposeResult:
        """A line and the text."""
        yield Static(Text(f" {self._name}"), id="head", classes="line", markup=False)
        with VerticalScroll(id="text"):
            yield Static(text_of_row(self._row), markup=False)
        yield Static(Text(" q back  j k g G move"), id="foot", classes="line", markup=False)

    def on_mount(self) -> None:
        """Keys move the text."""
        self.query_one("#text").focus()

    def action_back(self) -> None:
        """Back to the list."""
        self.app.pop_screen()

    def action_scroll(self, by: int) -> None:
        """One line."""
        self.query_one("#text").scroll_relative(y=by, animate=False)

    def action_edge(self, last: bool) -> None:
        """The beginning or the end."""
        text = self.query_one("#text")
        text.scroll_end(animate=False) if last else text.scroll_home(animate=False)


def text_of_row(row: Row) -> Text:
    """Names and values, the long ones last; nothing that a terminal would act on."""
    found = Text()
    values = {name: value for name, value in row.items() if value not in (None, "", "{}")}
    size = max((len(name) for name in values if name not in LONG), default=0)
    for name in values:
        if name not in LONG:
            found.append(f"{harmless(name):<{size}}  ", "bold").append(harmless(cell(name, values[name], 2000)) + "\n")
    for name in LONG:
        if name in values:
            found.append(f"\n{name}\n", "bold").append(_whole(str(values[name])) + "\n")
    return found


def _whole(text: str) -> str:
    try:
        text = msgspec.json.format(text, indent=2)
    except msgspec.DecodeError:
        pass
    except UnicodeEncodeError:  # half a surrogate pair is no JSON either
        pass
    shown = harmless(text[:MONITOR_TEXT_CHARS], lines=True)
    more = len(text) - MONITOR_TEXT_CHARS
    return shown if more <= 0 else f"{shown}\n… {more} characters more; --json of the question gives them"
