"""One list: its rows, a filter, an order, and the way into a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.events import Key
from textual.screen import Screen
from textual.widgets import DataTable, Input, Static

from eventsrc.cli.monitor.cells import Column, Row
from eventsrc.cli.monitor.detail import TextScreen
from eventsrc.cli.monitor.feed import Look
from eventsrc.cli.monitor.heads import foot, head
from eventsrc.cli.monitor.layout import Place, fitted, holds, line, places, sorted_rows
from eventsrc.cli.monitor.views import View, columns_of, key_of
from eventsrc.errors import EventsrcError

if TYPE_CHECKING:
    from eventsrc.cli.monitor.app import Monitor

STYLES = {"asks you": "bold yellow", "tool": "cyan", "works": "green", "silent": "bold red", "orphaned": "red"}
STYLES |= {
    "failed": "red",
    "crashed": "red",
    "stalled": "bold red",
    "running": "green",
    "open": "green",
    "✗": "bold red",
}
"""How a word looks where it is the whole cell."""


class ListScreen(Screen[None]):
    """The rows of one view. Asks again only when its read model changed; between that, only ages are redrawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("g,home", "edge(False)", show=False),
        Binding("G,end", "edge(True)", show=False),
        Binding("question_mark", "help", show=False),
        Binding("q", "back", show=False),
        Binding("escape", "clear", show=False),
        Binding("a", "active", show=False),
        Binding("r", "look", show=False),
        Binding("tab", "next", show=False, priority=True),
        *(Binding(str(number), f"sort({number})", show=False) for number in range(10)),
    ]

    def __init__(self, view: View, values: Mapping[str, Any], title: str = "") -> None:
        """`values`: what the question is asked with; `title`: what the row that led here is called."""
        super().__init__()
        self.view = view
        self.values = values
        self.subject = title
        self.words = ""
        self.only_active = False
        self.order: int | None = None
        self.down = True
        self.problem = ""
        self._look: Look | None = None
        self._columns: tuple[Column, ...] = ()
        self._places: list[Place] = []
        self._rows: dict[str, Row] = {}
        self._lines = ("", "")
        self._busy = False

    @property
    def monitor(self) -> Monitor:
        """The application this screen is part of."""
        return cast("Monitor", self.app)

    @property
    def seen(self) -> bool:
        """Whether there was an answer yet."""
        return self._look is not None

    @property
    def table(self) -> DataTable[Text]:
        """The rows."""
        return cast("DataTable[Text]", self.query_one(DataTable))

    def compose(self) -> ComposeResult:
        """A line, the rows, a line."""
        yield Static(id="head", classes="line", markup=False)
        yield DataTable(cursor_type="row", cell_padding=0, zebra_stripes=False)
        yield Input(id="ask", compact=True, select_on_focus=False)
        yield Static(id="foot", classes="line", markup=False)

    def on_mount(self) -> None:
        """Looks from now on."""
        self.set_interval(self.monitor.every, self._tick)
        self.table.focus()

    def on_screen_resume(self) -> None:
        """What changed while another screen was shown is not told a second time."""
        self.action_look()

    def on_resize(self) -> None:
        """Another width has other columns."""
        self._draw(anew=True)

    @property
    def _asks(self) -> bool:
        """Whether a line is being typed."""
        return self.is_mounted and bool(self.query_one("#ask", Input).display)

    # --- looking ---

    def _tick(self) -> None:
        if self.is_current and not self._busy:
            self.run_worker(self._refresh(anyway=False))

    async def _refresh(self, *, anyway: bool) -> None:
        self._busy = True
        try:
            look = await self.monitor.look(self.view, self.values, anyway=anyway)
            self.problem = ""
        except EventsrcError as error:
            look, self.problem = None, str(error)
        finally:
            self._busy = False
        if look is not None:
            self._look = look
            self._columns = columns_of(self.view, look.columns)
        self._draw(anew=False)

    # --- drawing ---

    def _draw(self, *, anew: bool) -> None:
        """Puts on the screen what changed there: cells where the rows are the same ones, else all of them."""
        if not self.is_mounted:
            return
        now, rows = self.monitor.now(), self._chosen()
        shown = places(self._columns, list(rows.values()), self.size.width - 1, now)
        if anew or list(rows) != list(self._rows) or [p.width for p in shown] != [p.width for p in self._places]:
            self._rebuild(rows, shown, now)
        else:
            self._update(rows, shown, now)
        self._rows, self._places = rows, shown
        counts = self._look.counts if self._look else {}
        lines = (head(self, counts, len(rows), self.size.width), foot(self, self.size.width))
        if lines != self._lines:
            self._lines = lines
            self.query_one("#head", Static).update(Text(lines[0]))
            self.query_one("#foot", Static).update(Text(lines[1], style="bold red" if self.problem else ""))

    def _chosen(self) -> dict[str, Row]:
        """The rows that are to be seen, in order, by key."""
        now = self.monitor.now()
        found: list[Row] = list(self._look.rows) if self._look else []
        if self.only_active and self.view.active:
            found = [row for row in found if row[self.view.active]]
        if self.words:
            found = [row for row in found if holds(row, self._columns, self.words, now)]
        column = self._columns[self.order] if self.order is not None else None
        found = sorted_rows(found, column, down=self.down, now=now)
        return {key_of(self.view, row, number): row for number, row in enumerate(found)}

    def _rebuild(self, rows: Mapping[str, Row], shown: list[Place], now: float) -> None:
        table = self.table
        before = self._key_at(table.cursor_row)
        table.clear(columns=True)
        for at, place in enumerate(shown):
            sign = ("▼" if self.down else "▲") if place.number == self.order else ""
            title = fitted(place.column.title + sign, place.width, right=place.column.right)
            table.add_column(Text(title), width=place.width + 1, key=str(at))
        for key, row in rows.items():
            table.add_row(*map(_styled, line(row, shown, now)), key=key)
        if before is not None and before in rows:
            table.move_cursor(row=list(rows).index(before), animate=False)

    def _update(self, rows: Mapping[str, Row], shown: list[Place], now: float) -> None:
        table = self.table
        for number, row in enumerate(rows.values()):
            for at, text in enumerate(line(row, shown, now)):
                place = Coordinate(number, at)
                if table.get_cell_at(place).plain != text:
                    table.update_cell_at(place, _styled(text))

    def _key_at(self, number: int) -> str | None:
        keys = list(self._rows)
        return keys[number] if 0 <= number < len(keys) else None

    # --- keys ---

    def action_move(self, by: int) -> None:
        """One row up or down."""
        self.table.move_cursor(row=self.table.cursor_row + by, animate=False)

    def action_edge(self, last: bool) -> None:
        """The first row or the last."""
        self.table.move_cursor(row=len(self._rows) - 1 if last else 0, animate=False)

    def action_sort(self, number: int) -> None:
        """By the column at this place on the screen; the same one again: the other way; 0: as it came."""
        found = self._places[number - 1].number if 0 < number <= len(self._places) else None
        if number and found is None:
            return
        self.down = not self.down if found == self.order else True
        self.order = found
        self._draw(anew=True)

    def action_active(self) -> None:
        """Only what is active, or everything again."""
        self.only_active = not self.only_active and bool(self.view.active)
        self._draw(anew=True)

    def action_look(self) -> None:
        """Now, whatever has changed."""
        self.run_worker(self._refresh(anyway=True))

    def action_next(self) -> None:
        """The next list."""
        self.monitor.next_list(self.view.name)

    def action_help(self) -> None:
        """The keys."""
        self.monitor.help()

    def action_back(self) -> None:
        """One step back."""
        self.monitor.back()

    def action_clear(self) -> None:
        """The line and the filter away; without them, one step back (but never out)."""
        if self._asks or self.words:
            self.words = ""
            self._close_ask()
            self._draw(anew=True)
        elif len(self.app.screen_stack) > 2:
            self.monitor.back()

    def _open_ask(self, sign: str) -> None:
        line = self.query_one("#ask", Input)
        line.display = True
        line.value = sign + (self.words if sign == "/" else "")
        self.set_focus(line)
        line.cursor_position = len(line.value)

    def on_key(self, event: Key) -> None:
        """Opens the line: `/` words, `:` the name of a list. No binding does, and what was on its way to the rows is
        put into the line: people type faster than actions run and focus moves."""
        line = self.query_one("#ask", Input)
        if line.display and event.character and event.is_printable:
            line.insert_text_at_cursor(event.character)
            event.stop()
        elif event.character in ("/", ":"):
            self._open_ask(event.character)
            event.stop()

    def on_input_changed(self, event: Input.Changed) -> None:
        """A filter takes effect while it is typed."""
        if event.value.startswith("/"):
            self.words = event.value[1:]
            self._draw(anew=False)
        elif not event.value and event.input.display:
            self._close_ask()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the line."""
        self._close_ask()
        sign, said = event.value[:1], event.value[1:].strip()
        if sign == ":" and said in ("q", "quit", "exit"):
            self.app.exit()
        elif sign == ":" and said and not self.monitor.show(said):
            self.notify(f"there is no list {said!r}", severity="warning")

    def _close_ask(self) -> None:
        self.query_one("#ask", Input).display = False
        self.set_focus(self.table)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter on a row."""
        row = self._rows.get(str(event.row_key.value))
        if row is None or self._asks:
            return
        child = self.monitor.feed.views().get(self.view.child)
        if child is None:
            self.app.push_screen(TextScreen(self.view.name, row))
            return
        values = {name: row[column] for name, column in child.takes.items()}
        self.app.push_screen(ListScreen(child, values, str(row.get(child.title) or "")))


def _styled(text: str) -> Text:
    return Text(text, style=STYLES.get(text.strip(), ""), no_wrap=True)
