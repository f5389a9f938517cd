"""The full-screen application: a stack of lists, one feed, one way out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from eventsrc.cli.monitor.feed import Feed, Look
from eventsrc.cli.monitor.help import HelpScreen
from eventsrc.cli.monitor.screen import ListScreen
from eventsrc.cli.monitor.views import View, roots
from eventsrc.limits import MONITOR_SECONDS


class Monitor(App[None]):
    """`eventsrc monitor` on a terminal."""

    TITLE = "eventsrc monitor"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit", "quit", priority=True)]
    CSS = """
    Screen { layout: vertical; }
    .line { height: 1; width: 100%; }
    #head { background: $primary-background; }
    #foot { background: $panel; }
    DataTable { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    #ask { height: 1; border: none; padding: 0; display: none; }
    #text { height: 1fr; padding: 0 1; }
    HelpScreen { align: center middle; }
    #help { width: 64; height: auto; max-height: 100%; padding: 0 2; border: round $primary; background: $surface; }
    """

    def __init__(self, feed: Feed, *, every: float = MONITOR_SECONDS, clock: Callable[[], float] = time.time) -> None:
        """`every`: seconds between two looks whether something changed."""
        super().__init__()
        self.feed = feed
        self.every = every
        self.now = clock
        self._one_at_a_time = asyncio.Lock()

    def on_mount(self) -> None:
        """Shows the first list."""
        views = self.feed.views()
        self.push_screen(ListScreen(views[roots(views)[0]], {}))

    async def look(self, view: View, values: Mapping[str, Any], *, anyway: bool) -> Look | None:
        """Asks the feed, on a thread: the screen goes on answering keys meanwhile."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self.feed.look, view, values, anyway=anyway)

    def show(self, name: str) -> bool:
        """Goes to a list that needs no row; False when there is none of that name."""
        views = self.feed.views()
        if name not in roots(views):
            return False
        while len(self.screen_stack) > 2:
            self.pop_screen()
        self.switch_screen(ListScreen(views[name], {}))
        return True

    def next_list(self, name: str) -> None:
        """Goes to the list after this one."""
        names = roots(self.feed.views())
        self.show(names[(names.index(name) + 1) % len(names)] if name in names else names[0])

    def back(self) -> None:
        """One step back; from the first list, out."""
        if len(self.screen_stack) > 2:
            self.pop_screen()
        else:
            self.exit()

    def help(self) -> None:
        """The keys."""
        self.push_screen(HelpScreen())
