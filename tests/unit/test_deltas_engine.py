"""The files of streamed blocks under the engine that runs them: started again, damaged, refused, published."""

from __future__ import annotations

from pathlib import Path

from eventsrc.actor import Watermark
from eventsrc.checkpoint.create import create
from eventsrc.checkpoint.restore import restore
from eventsrc.event import Event, Record
from eventsrc.formats.catalogue import Formats, join
from eventsrc.projector.actor import Projector
from eventsrc.projector.site import Standing
from eventsrc.testing.generate import generate_sse_lines
from projections.deltas import Deltas
from tests.conformance.formats import event_of
from tests.conformance.projections import ListLog, site
from tests.unit.checkpoint_kit import MemoryLog, place_of


def _events() -> list[Event]:
    formats = Formats.load()
    records = [Record("file:///sse.jsonl", line, str(number)) for number, line in enumerate(generate_sse_lines(200, 6))]
    return [event_of(record, formats.recognise(record), position=at) for at, record in enumerate(records, 1)]


EVENTS = _events()


async def live(data: Path, until: int = len(EVENTS)) -> list[Standing]:
    """A service that comes up, follows the log up to a position, and ends."""
    told: list[Standing] = []
    watermark = Watermark(until)
    watermark.close()
    here = site(data / "read", ListLog(EVENTS[:until]), Formats.load(), join)
    await Projector(Deltas, here, watermark, told.append).run()
    return told


def tree(data: Path) -> dict[str, bytes]:
    folder = data / "deltas"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.txt")}


async def test_what_a_crash_left_too_long_is_cut_at_the_start_without_waiting_for_an_event(tmp_path: Path) -> None:
    await live(tmp_path)
    whole = tree(tmp_path)
    for name in whole:
        with (tmp_path / "deltas" / name).open("ab") as file:
            file.write(b"never committed")
    told = await live(tmp_path)
    assert tree(tmp_path) == whole != {}
    assert {one.generation for one in told} == {1}, "nothing had to be built again"


async def test_what_was_lost_is_built_again_from_the_log(tmp_path: Path) -> None:
    await live(tmp_path)
    whole = tree(tmp_path)
    (tmp_path / "deltas" / min(whole)).unlink()
    (tmp_path / "deltas" / max(whole)).write_bytes(b"")
    told = await live(tmp_path)
    assert any("its row counts" in one.reason for one in told)
    assert (told[-1].state, told[-1].generation) == ("live", 2)
    assert tree(tmp_path) == whole


async def test_the_link_is_put_right_at_the_start(tmp_path: Path) -> None:
    await live(tmp_path, 100)
    whole = tree(tmp_path)
    link = tmp_path / "deltas"
    assert link.is_symlink() and not Path(link.readlink()).is_absolute(), "the data directory may be moved"
    link.unlink()
    link.symlink_to("read/deltas/deltas-0.files")
    await live(tmp_path, 100)
    assert tree(tmp_path) == whole != {}


async def test_a_folder_that_cannot_be_written_stops_this_read_model_and_says_where(tmp_path: Path) -> None:
    await live(tmp_path, 1)
    folder = tmp_path / "read/deltas/deltas-1.files"
    assert not folder.exists(), "nothing was streamed yet"
    folder.write_text("in the way")
    told = await live(tmp_path)
    assert told[-1].state == "broken"
    assert "deltas-1.files" in told[-1].reason and "Not a directory" in told[-1].reason


async def test_files_follow_the_log_as_it_grows(tmp_path: Path) -> None:
    sizes = []
    for until in range(40, len(EVENTS) + 1, 40):
        await live(tmp_path, until)
        sizes.append(sum(map(len, tree(tmp_path).values())))
    assert sizes == sorted(set(sizes))


async def test_a_checkpoint_holds_the_files_and_the_link_follows_to_what_was_restored(tmp_path: Path) -> None:
    await live(tmp_path, 120)
    then = tree(tmp_path)
    place = place_of(tmp_path, MemoryLog(len(EVENTS)))
    made = create(place)
    await live(tmp_path)
    now = tree(tmp_path)
    restore(place, made.id)
    assert tree(tmp_path) == then != now
    await live(tmp_path)
    assert tree(tmp_path) == now
