"""What a set of rules finds in one message: domain, tier, tags, keywords, hash. Pure: text, role and rules decide.

Rules that match substrings reproduce the historical readings. Those that match words look at whole words only, in
singular or plural, and know that "no error" is none.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter

import msgspec

from projections.conversations.rules.ruleset import Ruleset

_WORD = re.compile(r"\w+")
_PUNCTUATION = re.compile(r"[.,!?;:-]+")


class Enrichment(msgspec.Struct, frozen=True):
    """Derived; it never stands where the sender's own words stand."""

    chain_type: str | None
    """The domain; None: the rules do not know."""
    chain_score: int
    """Distinct keywords of the domain that are in the text."""
    runner_up: str | None
    """The second domain, and how many of its keywords are there; None when no other has any."""
    runner_up_score: int
    ace_tier: str
    tags: tuple[str, ...]
    """Sorted, without duplicates."""
    keywords: tuple[str, ...]
    content_hash: str
    """Lower-case hex."""


class Said:
    """A text, taken apart once for all sets of rules."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lower = text.lower()
        self.words = _WORD.findall(self.lower)
        self.distinct = frozenset(self.words)
        self.normalised = " ".join(self.lower.split())


class Rules:
    """A set of rules made ready to be applied. It does not change; one object reads all messages."""

    def __init__(self, data: Ruleset) -> None:
        self.data = data
        self._by_words = data.match == "word"
        words = [word for word in _words_of(data) if _WORD.fullmatch(word)]
        derived = {form: word for word in words for form in _numbers(word)} if self._by_words else {}
        self._forms = derived | {word: word for word in words}  # a word as it may be written → the word of the rules
        self._phrases = tuple(dict.fromkeys(_phrases_of(data)))
        self._patterns = {phrase: _pattern(phrase) for phrase in self._phrases if not _WORD.fullmatch(phrase)}
        self._chains = [(chain, frozenset(words)) for chain, words in data.chains.items()]
        self._keywords = frozenset(word for words in data.chains.values() for word in words)
        self._tags = [(one.tag, frozenset(one.words), one.parts) for one in data.tags]

    def enrich(self, said: Said | str, role: str = "") -> Enrichment:
        """Reads what somebody in `role` said."""
        said = Said(said) if isinstance(said, str) else said
        found = self._found(said)
        ranked = self._ranked(found)
        chain, score = ranked[0] if ranked else (self.data.no_chain, 0)
        second, second_score = ranked[1] if len(ranked) > 1 else (None, 0)
        tags = self._tagged(said)
        if chain is not None:
            tags.append(f"@Chain-{chain}")
        return Enrichment(
            chain_type=chain,
            chain_score=score,
            runner_up=second,
            runner_up_score=second_score,
            ace_tier=self._tier(found, role),
            tags=tuple(sorted(set(tags))),
            keywords=self._listed(found, said),
            content_hash=_hash(self.data, said),
        )

    def _found(self, said: Said) -> frozenset[str]:
        """The keywords and phrases that are in the text, by whatever the rules call being in it."""
        lower = said.lower
        if not self._by_words:
            return frozenset([phrase for phrase in self._phrases if phrase in lower])
        forms = self._forms
        words = {forms[word] for word in said.distinct if word in forms}
        # all forms of a phrase begin alike, and most texts have none of them
        return frozenset(words).union(
            phrase for phrase, pattern in self._patterns.items() if phrase[:-1] in lower and pattern.search(lower)
        )

    def _ranked(self, found: frozenset[str]) -> list[tuple[str, int]]:
        """Domains with at least one keyword, the best first; a tie is won by the earlier one."""
        if not found:
            return []
        scores = [(chain, len(words & found)) for chain, words in self._chains]
        return sorted((one for one in scores if one[1]), key=lambda one: -one[1])

    def _tier(self, found: frozenset[str], role: str) -> str:
        for one in self.data.tiers:
            if role in one.roles or any(part in role.lower() for part in one.role_parts):
                return one.tier
            if not found.isdisjoint(one.phrases):
                return one.tier
        return self.data.no_tier

    def _tagged(self, said: Said) -> list[str]:
        meant, lower = self._meant(said), said.lower
        return [
            tag
            for tag, words, parts in self._tags
            if not words.isdisjoint(meant) or any(part in lower for part in parts)
        ]

    def _meant(self, said: Said) -> frozenset[str]:
        """The words that are there and mean what they say: not right after a negation."""
        forms, negations = self._forms, self.data.negations
        if said.distinct.isdisjoint(negations):
            return frozenset([forms[word] for word in said.distinct if word in forms])
        pairs = zip(["", *said.words], said.words, strict=False)
        return frozenset(forms[word] for before, word in pairs if word in forms and before not in negations)

    def _listed(self, found: frozenset[str], said: Said) -> tuple[str, ...]:
        if not self.data.keywords or not found:
            return ()
        listed = sorted(found & self._keywords)
        if self.data.keyword_order == "frequency" and len(listed) > 1:
            counts = Counter(self._forms.get(word) for word in said.words)
            listed.sort(key=lambda word: -self._count(word, counts, said))
        return tuple(listed[: self.data.keywords])

    def _count(self, word: str, counts: Counter[str | None], said: Said) -> int:
        """How often a keyword is there."""
        if not self._by_words:
            return said.lower.count(word)
        pattern = self._patterns.get(word)
        return counts[word] if pattern is None else len(pattern.findall(said.lower))


def _words_of(data: Ruleset) -> list[str]:
    return [*_phrases_of(data), *(word for one in data.tags for word in one.words)]


def _phrases_of(data: Ruleset) -> list[str]:
    chains = [word for words in data.chains.values() for word in words]
    return [*chains, *(phrase for one in data.tiers for phrase in one.phrases)]


def _numbers(phrase: str) -> set[str]:
    """Singular and plural of the last word of a phrase, as far as its ending tells."""
    if len(phrase) < 3:
        return {phrase, f"{phrase}s"}
    if phrase.endswith("s") and not phrase.endswith("ss"):
        return {phrase, phrase[:-1]}
    if phrase.endswith("y") and phrase[-2] not in "aeiou":
        return {phrase, f"{phrase[:-1]}ies"}
    return {phrase, f"{phrase}es" if phrase.endswith(("s", "x", "z", "ch", "sh")) else f"{phrase}s"}


def _pattern(phrase: str) -> re.Pattern[str]:
    spelt = "|".join(re.escape(form) for form in sorted(_numbers(phrase), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{spelt})(?!\w)")


def _hash(data: Ruleset, said: Said) -> str:
    text = said.text if data.hash_over == "text" else said.normalised
    if data.hash_over == "bare":
        text = _PUNCTUATION.sub("", text)
    return hashlib.new(data.hash, text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
