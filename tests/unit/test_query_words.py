"""What a person types is always an expression of the index, and never more than words."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsrc.errors import UsageError
from eventsrc.query.words import words_of


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("cargo build", '("cargo" AND "build")'),
        ('"cargo build" fast', '("cargo build" AND "fast")'),
        ("build*", '("build"*)'),
        ("cargo -test", '(("cargo") NOT ("test"))'),
        ("cargo NOT test", '(("cargo") NOT ("test"))'),
        ('cargo -"unit test" -slow', '(("cargo") NOT ("unit test" OR "slow"))'),
        ("cargo OR make all", '("cargo") OR ("make" AND "all")'),
        ("cargo AND make", '("cargo" AND "make")'),
        ("NEAR(a b)", '("NEAR(a" AND "b)")'),
        ("title:x", '("title:x")'),
        ('say "hi', '("say" AND "hi")'),
        ("-> f(x)", '("f(x)")'),
        ("a\0b", '("a" AND "b")'),
    ],
)
def test_words_phrases_beginnings_and_exclusions(typed: str, words: str) -> None:
    assert words_of(typed).words == words


@pytest.mark.parametrize("typed", ["", "  ", "-only", "NOT this", '""', "OR"])
def test_nothing_to_look_for_is_said(typed: str) -> None:
    with pytest.raises(UsageError, match="Nothing to look for"):
        words_of(typed)


def test_what_is_no_word_is_looked_for_as_part_of_one() -> None:
    asked = words_of("->>")
    assert (asked.words, asked.parts, asked.scripted) == ("", '("->>")', False)
    assert words_of("->").plain == "->" and words_of("->").parts == ""


def test_a_script_without_blanks_is_known_by_its_characters() -> None:
    asked = words_of("東京駅")
    assert asked.scripted and asked.parts == '("東京駅")'
    assert not words_of("café").scripted
    assert words_of("カメ").parts == "" and words_of("カメ").plain == "カメ"


@pytest.fixture(scope="module")
def index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE words USING fts5(title, body, facets)")
    connection.execute("CREATE VIRTUAL TABLE code USING fts5(title, body, facets, tokenize = 'trigram')")
    connection.execute("INSERT INTO words VALUES ('t', 'cargo build done', 'k1')")
    return connection


def test_whatever_is_typed_the_index_understands_it(index: sqlite3.Connection) -> None:
    @settings(max_examples=400, deadline=None)
    @given(st.text(alphabet=st.sampled_from(list("ab*\"-()^:{}+,. \0'ORNOTAND東😀\ud800")), max_size=25))
    def holds(typed: str) -> None:
        try:
            asked = words_of(typed)
        except UsageError:
            return
        for table, expression in (("words", asked.words), ("code", asked.parts)):
            if expression:
                sql = f"SELECT count(*) FROM {table} WHERE {table} MATCH '{{title body}} : (' || ? || ')'"
                index.execute(sql, (expression,)).fetchone()

    holds()
