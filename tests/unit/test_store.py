"""The Python API writes where every command looks."""

from __future__ import annotations

from pathlib import Path

import eventsrc
from eventsrc.log import LogReader, verify


def test_what_a_program_appends_is_in_the_log_of_the_directory_it_named(tmp_path: Path) -> None:
    with eventsrc.open(tmp_path / "data") as store:
        store.append([{"hello": "world"}], subject="greetings", type="greeting.said")
        assert [event.raw for event in store.stream("greetings")] == [b'{"hello":"world"}']
    assert LogReader(tmp_path / "data").head() == 1
    assert verify(tmp_path / "data").ok
    with eventsrc.open(tmp_path / "data", readonly=True) as store:
        assert store.head == 1
