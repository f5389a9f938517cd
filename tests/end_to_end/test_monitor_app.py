"""The monitor as a person uses it: keys go in, lists come out; nothing is asked while nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input

from eventsrc.cli.monitor.detail import TextScreen
from eventsrc.cli.monitor.help import HelpScreen
from tests.end_to_end.monitor_kit import World, line, lines, screen, shown, until

SMALL, LARGE = (80, 24), (200, 50)


async def test_enter_leads_from_sessions_to_rounds_to_blocks_to_a_text_and_q_back_out(tmp_path: Path) -> None:
    monitor = World(tmp_path).monitor()
    async with monitor.run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        await pilot.press("j", "enter")
        await shown(pilot, "rounds")
        assert screen(pilot).subject in line(pilot, "head")
        await pilot.press("enter")
        await shown(pilot, "round")
        assert any("thinking" in one for one in lines(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextScreen))
        await pilot.press("G", "k", "g", "j", "q", "q", "q")
        await shown(pilot, "sessions")
        await pilot.press("q")
    assert not monitor.is_running


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_no_line_is_wider_than_the_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    async with World(tmp_path).monitor().run_test(size=size) as pilot:
        await shown(pilot, "sessions")
        for name in ("sessions", "rounds", "round"):
            await shown(pilot, name)
            assert screen(pilot).table.virtual_size.width <= size[0]
            assert len(line(pilot, "head")) <= size[0] and len(line(pilot, "foot")) <= size[0]
            await pilot.press("enter")


async def test_a_wide_terminal_shows_more_columns(tmp_path: Path) -> None:
    counts = []
    for size in (SMALL, LARGE):
        async with World(tmp_path / str(size[0])).monitor().run_test(size=size) as pilot:
            await shown(pilot, "sessions")
            counts.append(len(screen(pilot).table.columns))
    assert counts[0] >= 9 and counts[1] >= counts[0] + 3


async def test_another_size_draws_other_columns(tmp_path: Path) -> None:
    async with World(tmp_path).monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        before = len(screen(pilot).table.columns)
        await pilot.resize_terminal(*LARGE)
        await until(pilot, lambda: len(screen(pilot).table.columns) > before)


async def test_nothing_is_asked_while_nothing_changes_though_ages_grow(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write("UPDATE sessions SET last_activity_time = 1768039197.0")
    monitor = world.monitor()
    async with monitor.run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        asked = monitor.feed.asked
        assert all(" 3s " in one for one in lines(pilot))
        world.now += 9
        await until(pilot, lambda: all(" 12s " in one for one in lines(pilot)))
        assert monitor.feed.asked == asked
        world.now += 1
        await until(pilot, lambda: monitor.feed.asked == asked + 1)


async def test_a_change_is_on_the_screen_without_a_key(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        world.write("UPDATE sessions SET title = 'renamed', waiting_reason = 'permission', is_active = 1")
        await until(pilot, lambda: all("renamed" in one and "asks you" in one for one in lines(pilot)))
        world.write("DELETE FROM sessions")
        await until(pilot, lambda: not lines(pilot))


async def test_the_cursor_stays_on_its_row_when_rows_come_before_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        await pilot.press("G")
        last = lines(pilot)[-1]
        world.write(
            "INSERT INTO sessions(sid, is_active, last_activity_time, metadata, title_rank, round_count, open_rounds)"
            " VALUES ('a-new-one', 1, 1768039190.0, '{}', 0, 0, '[]')"
        )
        await until(pilot, lambda: "a-new-on" in lines(pilot)[0])
        assert lines(pilot)[screen(pilot).table.cursor_row] == last


async def test_a_filter_narrows_while_it_is_typed_and_escape_takes_it_away(tmp_path: Path) -> None:
    async with World(tmp_path).monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        every = len(lines(pilot))
        words = f"work {lines(pilot)[1].split()[1]}"
        await pilot.press("slash", *words)
        await until(pilot, lambda: len(lines(pilot)) == 1)
        assert f"/{words}" in line(pilot, "head")
        await pilot.press("enter", "escape")
        await until(pilot, lambda: len(lines(pilot)) == every)
        await pilot.press("slash", *"zzz")
        await until(pilot, lambda: not lines(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: len(lines(pilot)) == every)


async def test_what_is_typed_at_once_after_the_slash_is_not_lost(tmp_path: Path) -> None:
    async with World(tmp_path).monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        for key, character in (("slash", "/"), ("q", "q"), ("j", "j"), ("1", "1")):
            pilot.app.post_message(Key(key, character))
        await until(pilot, lambda: "/qj1" in line(pilot, "head"))


async def test_digits_sort_by_the_column_at_that_place(tmp_path: Path) -> None:
    async with World(tmp_path).monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        came = lines(pilot)
        names = [one.split()[1] for one in came]
        await pilot.press("2")
        assert [one.split()[1] for one in lines(pilot)] == sorted(names, reverse=True)
        await pilot.press("2")
        assert [one.split()[1] for one in lines(pilot)] == sorted(names)
        await pilot.press("0")
        assert lines(pilot) == came


async def test_a_shows_only_what_is_active(tmp_path: Path) -> None:
    async with World(tmp_path).monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        every = len(lines(pilot))
        await pilot.press("a")
        assert 0 < len(lines(pilot)) < every and "(active)" in line(pilot, "head")
        await pilot.press("a")
        assert len(lines(pilot)) == every


async def test_help_lists_the_keys_and_any_of_them_closes_it(tmp_path: Path) -> None:
    async with World(tmp_path).monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await pilot.press("escape")
        await shown(pilot, "sessions")


async def test_a_read_model_that_nobody_described_is_a_list_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.add_things()
    async with world.monitor().run_test(size=SMALL) as pilot:
        await shown(pilot, "sessions")
        await pilot.press("tab")
        await shown(pilot, "things")
        assert ["t1" in one and "blue" in one for one in lines(pilot)] == [True, False]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextScreen))
        await pilot.press("q", "colon", *"sessions", "enter")
        await shown(pilot, "sessions")


async def test_a_list_that_is_not_there_is_said_and_colon_q_leaves(tmp_path: Path) -> None:
    monitor = World(tmp_path).monitor()
    async with monitor.run_test(size=SMALL, notifications=True) as pilot:
        await shown(pilot, "sessions")
        await pilot.press("colon", *"nonsense", "enter")
        assert screen(pilot).view.name == "sessions"
        assert not screen(pilot).query_one("#ask", Input).display
        await pilot.press("colon", "q", "enter")
    assert not monitor.is_running


async def test_without_a_read_model_it_says_so_and_goes_on_when_there_is_one(tmp_path: Path) -> None:
    world = World(tmp_path, blocks=0)
    async with world.monitor().run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "no read model agents" in line(pilot, "foot"))
        world.build(300)
        await shown(pilot, "sessions")
        await until(pilot, lambda: "filter" in line(pilot, "foot"))


async def test_what_agents_wrote_cannot_reach_the_terminal(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write("UPDATE sessions SET title = char(27) || ']0;x' || char(7) || '[bold]b[/bold]' || char(8238)")
    world.write("UPDATE content_blocks SET content = char(27) || '[31m' || char(10) || '{]'")
    async with world.monitor().run_test(size=LARGE) as pilot:
        await shown(pilot, "sessions")
        assert all("␛]0;x␇[bold]b[/bold]<U+202E>" in one for one in lines(pilot))
        await pilot.press("enter")
        await shown(pilot, "rounds")
        await pilot.press("enter")
        await shown(pilot, "round")
        assert all("␛[31m {]" in one for one in lines(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextScreen))
