"""Tables fit the terminal: texts give way, ids keep what tells them apart, a column goes before half a number does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eventsrc.cli.fit import GAP, fit, short_ids

SID = "0cf3db51-1c73-43bb-8d05-dc02739514a5"
OTHER = "0cf3db99-1c73-43bb-8d05-dc02739514a5"


def test_what_fits_is_left_alone() -> None:
    fitted = fit(("sid", "text"), [(SID, "hello")], 80)
    assert (fitted.columns, fitted.rows, fitted.left_out) == (("sid", "text"), ((SID, "hello"),), ())


def test_a_text_gives_way_before_a_column_goes() -> None:
    fitted = fit(("state", "prompt", "n"), [("open", "please do what I say " * 5, "12")], 40)
    assert fitted.columns == ("state", "prompt", "n")
    assert len(fitted.rows[0][1]) == 40 - 5 - 1 - 2 - 2 * GAP + 1 and fitted.rows[0][1].endswith("…")


def test_ids_keep_what_tells_them_apart() -> None:
    assert [row[0] for row in fit(("sid", "a", "b"), [(SID, "x" * 30, "1"), (OTHER, "y", "2")], 40).rows] == [
        "0cf3db51",
        "0cf3db99",
    ]
    assert short_ids(["s1/aaaaaaaa-0001", "s1/aaaaaaaa-0002", ""]) == ["s1/aaaaaaaa-0001", "s1/aaaaaaaa-0002", ""]
    alike = ["x" * 40 + "1", "x" * 40 + "2"]
    assert short_ids(alike) == alike


def test_numbers_and_times_are_whole_or_not_there() -> None:
    fitted = fit(("start", "tokens"), [("2026-01-22 01:40:56", "123456789012345678901234567890")], 40)
    assert fitted.rows == (("2026-01-22 01:40:56", "123456789012345678901234567890"),)
    assert fit(("a", "b", "c"), [("1" * 10, "2" * 30, "3")], 30).left_out == ("b", "c")


def test_ideographs_take_two_cells() -> None:
    from rich.cells import cell_len

    (row,) = fit(("title", "n"), [("漢字" * 30, "1")], 30).rows
    assert cell_len(row[0]) <= 27


@given(
    width=st.integers(20, 200),
    names=st.lists(st.sampled_from(["sid", "title", "n", "start_time", "round_id"]), min_size=1, max_size=8),
    text=st.text(min_size=0, max_size=60),
)
def test_the_first_column_is_always_there_and_the_others_never_run_over(
    width: int, names: list[str], text: str
) -> None:
    fitted = fit(names, [[text] * len(names)], width)
    assert fitted.columns == tuple(names)[: len(fitted.columns)] and fitted.columns
    assert fitted.columns + fitted.left_out == tuple(names)
