"""What a set of rules finds in one message: domain, tier, tags, keywords, hash. Pure: text, role and rules decide.

Rules that match substrings reproduce the historical readings. Those that match words look at whole words only, in
singular or plural, and know that "no error" is none.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from functools import cached_property

import msgspec

from projections.conversations.rules.ruleset import Ruleset, Tag, Tier

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


class Rules:
    """A set of rules made ready to be applied. It does not change; one object reads all messages."""

    def __init__(self, data: Ruleset) -> None:
        self.data = data
        self.by_words = data.match == "word"
        words = [word for word in _words_of(data) if _WORD.fullmatch(word)]
        derived = {form: word for word in words for form in _numbers(word)} if self.by_words else {}
        self.forms = derived | {word: word for word in words}
        """Word as it may be written → word of the rules."""
        self.phrases = {phrase: _pattern(phrase) for phrase in _phrases_of(data) if not _WORD.fullmatch(phrase)}

    def enrich(self, text: str, role: str = "") -> Enrichment:
        """Reads a text that somebody in `role` wrote."""
        text_read = _Text(self, text)
        ranked = self._ranked(text_read)
        chain, score = ranked[0] if ranked else (self.data.no_chain, 0)
        second, second_score = ranked[1] if len(ranked) > 1 else (None, 0)
        tags = {one.tag for one in self.data.tags if text_read.tagged(one)}
        if chain is not None:
            tags.add(f"@Chain-{chain}")
        return Enrichment(
            chain_type=chain,
            chain_score=score,
            runner_up=second,
            runner_up_score=second_score,
            ace_tier=next((one.tier for one in self.data.tiers if text_read.of_tier(one, role)), self.data.no_tier),
            tags=tuple(sorted(tags)),
            keywords=self._keywords(text_read),
            content_hash=_hash(self.data, text),
        )

    def _ranked(self, text: _Text) -> list[tuple[str, int]]:
        """Domains with at least one keyword, the best first; a tie is won by the earlier one."""
        scores = {chain: sum(text.has(word) for word in set(words)) for chain, words in self.data.chains.items()}
        found = [(chain, score) for chain, score in scores.items() if score]
        return sorted(found, key=lambda one: -one[1])

    def _keywords(self, text: _Text) -> tuple[str, ...]:
        if not self.data.keywords:
            return ()
        found = sorted({word for words in self.data.chains.values() for word in words if text.has(word)})
        if self.data.keyword_order == "frequency":
            found.sort(key=lambda word: -text.count(word))
        return tuple(found[: self.data.keywords])


class _Text:
    """One text while it is read."""

    def __init__(self, rules: Rules, text: str) -> None:
        self._rules = rules
        self._lower = text.lower()
        self._words = _WORD.findall(self._lower)

    def has(self, phrase: str) -> bool:
        """Whether a keyword or phrase is in the text, by whatever the rules call being in it."""
        if not self._rules.by_words:
            return phrase in self._lower
        if phrase in self._rules.phrases:  # all its forms begin alike, and most texts have none of them
            return phrase[:-1] in self._lower and self._rules.phrases[phrase].search(self._lower) is not None
        return phrase in self._counts

    def count(self, phrase: str) -> int:
        """How often it is there."""
        if not self._rules.by_words:
            return self._lower.count(phrase)
        if phrase in self._rules.phrases:
            return len(self._rules.phrases[phrase].findall(self._lower))
        return self._counts[phrase]

    def tagged(self, tag: Tag) -> bool:
        return any(word in self._said for word in tag.words) or any(part in self._lower for part in tag.parts)

    def of_tier(self, tier: Tier, role: str) -> bool:
        if role in tier.roles or any(part in role.lower() for part in tier.role_parts):
            return True
        return any(self.has(phrase) for phrase in tier.phrases)

    @cached_property
    def _counts(self) -> Counter[str]:
        forms = self._rules.forms
        return Counter(forms[word] for word in self._words if word in forms)

    @cached_property
    def _said(self) -> set[str]:
        """The words of tags that are there and mean what they say: not right after a negation."""
        forms, negations = self._rules.forms, self._rules.data.negations
        if not negations:
            return {forms[word] for word in self._words if word in forms}
        pairs = zip(["", *self._words], self._words, strict=False)
        return {forms[word] for before, word in pairs if word in forms and before not in negations}


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


def _hash(data: Ruleset, text: str) -> str:
    if data.hash_over != "text":
        text = " ".join(text.lower().split())
    if data.hash_over == "bare":
        text = _PUNCTUATION.sub("", text)
    return hashlib.new(data.hash, text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
