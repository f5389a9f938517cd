"""The collaboration score: five components between 0 and 100, a fifth each.

It is a heuristic that measures how much was written and how much of it carries tags, not how well anybody worked
together: three hundred empty records reach two thirds of it. So the components are always shown with their counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

SPEAKERS_FULL = 3  # distinct speakers that make the first component full
DOMAINS_FULL = 10  # distinct domains that make the second one full
MESSAGES_FULL = 100  # messages that make the third one full
WEIGHT = 0.2
MEASURES = "volume and the presence of tags; it says nothing about the quality of the work"
VARIANTS = {
    "compat_v1": "as the first historical report: domains and tags at the top level of a record only",
    "compat_v2": "as the second historical report: at the top level, else in the metadata",
    "default": "without placeholder speakers, unclassified messages and empty records; tags other than the domain's",
}


class Component(msgspec.Struct, frozen=True):
    """One fifth of a score."""

    name: str
    count: int
    of: int
    """What the count is held against."""
    value: float
    """0 to 100."""


class Score(msgspec.Struct, frozen=True):
    """A score with what it is made of."""

    variant: str
    about: str
    total: float
    """0 to 100, two decimals; 0 where there are no records."""
    components: tuple[Component, ...]
    label: str = "heuristic"
    measures: str = MEASURES


def score_of(counts: Mapping[str, Any]) -> Score:
    """The score of one row of counts: variant, speakers, domains, messages, enriched, tagged."""
    messages = int(counts["messages"] or 0)
    speakers, domains = int(counts["speakers"] or 0), int(counts["domains"] or 0)
    enriched, tagged = int(counts["enriched"] or 0), int(counts["tagged"] or 0)
    components = (
        Component("speaker diversity", speakers, SPEAKERS_FULL, min(speakers / SPEAKERS_FULL * 100, 100.0)),
        Component("domain coverage", domains, DOMAINS_FULL, min(domains / DOMAINS_FULL * 100, 100.0)),
        Component("consistency", messages, MESSAGES_FULL, min(messages / MESSAGES_FULL * 100, 100.0)),
        Component("enrichment", enriched, messages, enriched / messages * 100 if messages else 0.0),
        Component("tagging", tagged, messages, tagged / messages * 100 if messages else 0.0),
    )
    total = 0.0
    for component in components:  # added one by one: the historical sums are reproduced to the last digit
        total += WEIGHT * component.value
    variant = str(counts["variant"])
    return Score(variant, VARIANTS.get(variant, ""), round(total, 2) if messages else 0.0, components)
