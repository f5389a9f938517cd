"""Answers given out: to a terminal, a spreadsheet, a JSON parser."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from eventsrc.query import Answer, harmless
from eventsrc.query.export import to_json_lines, write_csv


def test_escape_sequences_and_bidi_controls_are_shown_not_obeyed() -> None:
    assert harmless("\x1b]0;owned\x07 \x9b31m") == "␛]0;owned␇ <U+009B>31m"
    assert harmless("a\u202eb\u2066c\u200bd") == "a<U+202E>b<U+2066>c<U+200B>d"
    assert harmless("one\r\ntwo\u2028three") == "one␍␊two<U+2028>three"


def test_lines_and_tabs_stay_when_asked_for() -> None:
    assert harmless("a\tb\nc\rd", lines=True) == "a\tb\nc␍d"


def test_ordinary_text_of_any_script_is_not_touched() -> None:
    text = "naïve e\u0301 שלום مرحبا 日本語 👩\u200d💻 ½ $HOME"
    assert harmless(text) == text


@given(st.text(st.characters(exclude_categories=()), max_size=50))
def test_no_control_character_is_ever_left(text: str) -> None:
    shown = harmless(text)
    shown.encode()
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [c for c in shown if unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF"}]
    assert not [c for c in shown if unicodedata.bidirectional(c) in {"LRI", "RLI", "FSI", "PDI"}]


HARD = Answer(("=a", "b"), [("\ud800", float("nan")), (b"\xff\x00", float("-inf")), ('"\x00\u2028</script>', None)])


def test_json_is_valid_whatever_the_cells_hold() -> None:
    expected = [{"=a": "?", "b": None}, {"=a": "/wA=", "b": None}, {"=a": '"\x00\u2028</script>', "b": None}]
    assert [json.loads(line) for line in to_json_lines(HARD.columns, HARD.rows)] == expected


def test_csv_never_starts_a_formula() -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", " =x", "＝x", "\n=x", "plain", "a=b"]
    out = io.StringIO(newline="")
    write_csv(Answer(("=n", "v"), [(text, -1) for text in texts] + [(b"\xfb\xef", 2)]), out)
    rows = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert rows[0] == ["'=n", "v"]
    assert [row[0] for row in rows[1:10]] == [f"'{text}" for text in texts[:9]]
    assert [row[0] for row in rows[10:]] == ["plain", "a=b", "'++8="]
    assert rows[1][1] == "-1"  # a number is a number, also a negative one
