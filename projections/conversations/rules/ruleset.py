"""A set of rules as data, and how its text is read and checked."""

from __future__ import annotations

import hashlib
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import msgspec

PACKAGED = ("default", "compat_daemon", "compat_broker", "compat_migration")
NAME_CHARS = 60  # of a set of rules, a domain, a tier, a tag: they are columns and labels, not texts
WORDS_MOST = 5_000  # keywords and phrases of one set: what one message is held against


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tier and what speaks for it; any of it is enough."""

    tier: str
    roles: tuple[str, ...] = ()
    """Roles of the sender, exactly."""
    role_parts: tuple[str, ...] = ()
    """Parts of the sender's role, in lower case."""
    phrases: tuple[str, ...] = ()


class Tag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tag and what speaks for it; any of it is enough."""

    tag: str
    words: tuple[str, ...] = ()
    """Whole words."""
    parts: tuple[str, ...] = ()
    """Anywhere in the text."""


class Ruleset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One set of rules. All words are in lower case."""

    name: str
    match: Literal["word", "substring"]
    chains: dict[str, tuple[str, ...]]
    """Domain → keywords, in the order that decides ties."""
    no_chain: str | None = None
    tiers: tuple[Tier, ...] = ()
    no_tier: str
    tags: tuple[Tag, ...] = ()
    negations: tuple[str, ...] = ()
    keywords: int = 0
    keyword_order: Literal["alphabet", "frequency"] = "alphabet"
    hash: Literal["md5", "sha256"]
    hash_over: Literal["text", "normalised", "bare"]


def ruleset(text: str) -> Ruleset:
    """Reads TOML. Raises ValueError that says what is wrong with it."""
    try:
        found = msgspec.convert(tomllib.loads(text), Ruleset)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from error
    names = [found.name, *found.chains, *(one.tier for one in found.tiers), *(one.tag for one in found.tags)]
    if strange := [name for name in names if not 0 < len(name) <= NAME_CHARS]:
        raise ValueError(f"a name has 1 to {NAME_CHARS} characters: {strange[0]!r}")
    words = _words(found)
    if len(words) > WORDS_MOST:
        raise ValueError(f"more than {WORDS_MOST} words and phrases")
    if strange := [word for word in words if not word.strip() or word != word.lower()]:
        raise ValueError(f"words and phrases are in lower case and not empty: {strange[0]!r}")
    if found.keywords < 0:
        raise ValueError("keywords is a number from 0")
    return found


@lru_cache(maxsize=len(PACKAGED))
def packaged(name: str) -> str:
    """The text of a set of rules that comes with eventsrc."""
    return (files(__package__) / f"{name}.toml").read_text("utf-8")


def version_of(name: str, text: str) -> str:
    """`<name>@<12 hex digits>`: changes whenever a character of the rules does."""
    return f"{name}@{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _words(rules: Ruleset) -> list[str]:
    chains = [word for words in rules.chains.values() for word in words]
    tiers = [word for one in rules.tiers for word in (*one.role_parts, *one.phrases)]
    return [*chains, *tiers, *(word for one in rules.tags for word in (*one.words, *one.parts)), *rules.negations]
