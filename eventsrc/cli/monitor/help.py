"""The keys, on one screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = """\
Enter      open what the cursor is on
Esc, q     one step back; q on the first list leaves
j k ↑ ↓    one row             g G     first, last
/          only rows with these words; Esc: all again
1 … 9      sort by that column; again: the other way
0          as it came: active first, newest first
a          only what is active
Tab        the next list       :       a list by its name
r          look now            Ctrl-C  leave

asks you   waits for a person  idle    waits for a prompt
tool       waits for a tool    works   says something
silent     should work, and does not
stalled    silent for long     orphaned  process is gone
"""


class HelpScreen(ModalScreen[None]):
    """Any key closes it."""

    def compose(self) -> ComposeResult:
        """One box."""
        yield Static(KEYS, id="help", markup=False)

    def on_key(self, event: Key) -> None:
        """Back to what was there; the key does nothing else."""
        event.stop()
        self.dismiss()
