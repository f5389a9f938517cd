"""What a person types into a search → an expression of SQLite's full-text index that cannot be anything else. Pure.

    cargo build          both words, anywhere
    "cargo build"        next to each other
    build*               words that begin so, from three characters on
    cargo -test          the first, without the second; also: cargo NOT test
    cargo OR make        one of them

Everything else is a word as it stands: operators, brackets, column names and quotes of the index's own language are
quoted, so a question never is an error of syntax.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import msgspec

from eventsrc.errors import UsageError

_TERM = re.compile(r'-?"[^"]*"?|\S+')
_PARTS = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]")
BEGINNING = 3
"""Characters below which the beginning of a word is taken for the word: half of all words begin so."""
TRIGRAM = 3
"""Characters below which an index of parts of words finds nothing."""


class Words(msgspec.Struct, frozen=True):
    """A question in three forms."""

    words: str
    """For the index of words; "" when nothing in it is a word."""
    parts: str
    """For the index of parts of words (trigrams); "" when a term is too short for it."""
    plain: str
    """The text to look for as it stands, where both are empty."""
    scripted: bool
    """It holds a script without blanks between words: only parts of words can be found."""


def words_of(typed: str) -> Words:
    """The forms of what was typed. Raises UsageError when there is nothing to look for."""
    text = unicodedata.normalize("NFC", typed.replace("\0", " ")).encode("utf-8", "replace").decode()
    found = [terms for terms in _alternatives(text) if any(term.wanted for term in terms)]
    plain = " ".join(text.split()).strip('"')
    if not found or not plain:
        raise UsageError(reason='Nothing to look for. Example: eventsrc search "cargo build" NOT test')
    return Words(
        words=" OR ".join(filter(None, (_expression(terms, _word) for terms in found))),
        parts=" OR ".join(filter(None, (_expression(terms, _part) for terms in found))),
        plain=plain,
        scripted=_PARTS.search(plain) is not None,
    )


class _Term(msgspec.Struct, frozen=True):
    text: str
    wanted: bool


def _alternatives(text: str) -> list[list[_Term]]:
    """Terms, in groups of which one is enough."""
    groups: list[list[_Term]] = [[]]
    negated = False
    for found in _TERM.findall(text):
        if found == "OR":
            groups.append([])
        elif found not in ("AND", "NOT"):
            minus = found[0] == "-" and (found[1:2].isalnum() or found[1:2] == '"')
            groups[-1].append(_Term(found[1:] if minus else found, wanted=not (minus or negated)))
        negated = found == "NOT"
    return [group for group in groups if group]


def _expression(terms: list[_Term], form: Callable[[str], str]) -> str:
    """All wanted terms and none of the unwanted."""
    wanted = list(filter(None, (form(term.text) for term in terms if term.wanted)))
    unwanted = list(filter(None, (form(term.text) for term in terms if not term.wanted)))
    if not wanted:
        return ""
    expression = " AND ".join(wanted)
    return f"(({expression}) NOT ({' OR '.join(unwanted)}))" if unwanted else f"({expression})"


def _word(term: str) -> str:
    """A phrase of the words in a term; "" when it holds none (`->` is no word, and would match nothing)."""
    prefix = term.endswith("*") and not term.endswith('"*"')
    bare = term.strip('"*').replace('"', " ")
    if not any(char.isalnum() for char in bare):
        return ""
    last = bare.split()[-1]
    return f'"{bare}"' + ("*" if prefix and last[-1].isalnum() and len(last) >= BEGINNING else "")


def _part(term: str) -> str:
    bare = term.strip('"').removesuffix("*")
    return '"' + bare.replace('"', '""') + '"' if len(bare) >= TRIGRAM else ""
