"""The historical rules against their tables, cell by cell, and what the rules in force do better."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from projections.conversations.enrichment import Rules
from projections.conversations.rules import PACKAGED, packaged, ruleset, version_of

DAEMON, BROKER, MIGRATION, DEFAULT = (
    Rules(ruleset(packaged(name))) for name in ("compat_daemon", "compat_broker", "compat_migration", "default")
)
TABLE = {
    "photo_capture": ("photo, image, camera, capture, upload, scan", ""),
    "reconstruction": ("nerf, gaussian, mesh, 3d model, reconstruction", "training"),
    "quality_assessment": ("quality, f1 score, artifacts, accuracy", "validation"),
    "unity_integration": ("unity, gameobject, import, export, lod", "material"),
    "token_optimization": ("token, cost, optimization, efficiency", "budget"),
    "system_architecture": ("architecture, design, framework, pattern", "strategy"),
    "agent_collaboration": ("agent, collaboration, coordination, handshake", "sync"),
    "data_management": ("database, storage, persistence, cache", "index"),
    "ui_ux": ("ui, ux, interface, user, display", "interaction"),
    "testing_validation": ("test, validation, qa, benchmark", "metrics"),
}
"""Domain → keywords of the daemon, and what the broker adds."""
CELLS = [
    (chain, word, both)
    for chain, (daemon, broker) in TABLE.items()
    for both, words in ((True, daemon), (False, broker))
    for word in words.split(", ")
    if word
]
TAGS = {
    "@Status-Ready": "ready, complete, done, finished, approved",
    "@Status-Blocked": "blocked, waiting, issue, problem, error",
    "@Decision-Made": "decided, approved, finalized, confirmed",
    "@Action-Required": "todo, fixme, implement, build, create",
}


def expected(word: str, *, broker: bool) -> str:
    """The domain by the table alone: most distinct keywords that are substrings, the earlier row on a tie."""
    best, most = "system_architecture", 0
    for chain, (daemon, adds) in TABLE.items():
        words = {*daemon.split(", "), *(adds.split(", ") if broker and adds else [])}
        score = sum(one in word for one in words)
        if score > most:
            best, most = chain, score
    return best


@pytest.mark.parametrize(("chain", "word", "both"), CELLS, ids=[f"{chain}-{word}" for chain, word, _ in CELLS])
def test_every_keyword_of_the_table_leads_to_its_domain(chain: str, word: str, both: bool) -> None:
    text = f"7 {word.upper()} 7"
    broker = BROKER.enrich(text)
    assert broker.chain_type == MIGRATION.enrich(text).chain_type == expected(word, broker=True)
    assert word in broker.keywords
    daemon = DAEMON.enrich(text)
    assert daemon.chain_type == expected(word, broker=False)
    assert daemon.keywords == ()
    inside = DAEMON.enrich(f"xx{word}xx") if both else BROKER.enrich(f"xx{word}xx")
    assert inside.chain_score > 0
    found = DEFAULT.enrich(text)
    assert chain in (found.chain_type, found.runner_up)
    assert DEFAULT.enrich(f"xx{word}xx").chain_type is None


def test_more_keywords_win_and_the_earlier_domain_wins_a_tie() -> None:
    assert DAEMON.enrich("cache, then a benchmark").chain_type == "data_management"
    assert DAEMON.enrich("benchmark, validation, then a cache").chain_type == "testing_validation"
    assert DAEMON.enrich("test test test cache storage").chain_type == "data_management"  # distinct ones count


def test_a_text_without_a_keyword_is_called_what_it_was_called_then_and_unclassified_now() -> None:
    for rules in (DAEMON, BROKER, MIGRATION):
        found = rules.enrich("hello there")
        assert (found.chain_type, found.chain_score, found.tags) == (
            "system_architecture",
            0,
            ("@Chain-system_architecture",),
        )
    assert (DEFAULT.enrich("hello there").chain_type, DEFAULT.enrich("hello there").tags) == (None, ())


@pytest.mark.parametrize("phrase", ["architecture", "design decision", "framework", "strategy"])
def test_phrases_of_architecture_are_tier_a(phrase: str) -> None:
    assert all(rules.enrich(f"our {phrase}.").ace_tier == "A" for rules in (DAEMON, BROKER, MIGRATION, DEFAULT))


@pytest.mark.parametrize("phrase", ["should we", "what do you think", "consensus"])
def test_phrases_of_collaboration_are_tier_c(phrase: str) -> None:
    assert all(rules.enrich(f"{phrase} it").ace_tier == "C" for rules in (DAEMON, BROKER, MIGRATION, DEFAULT))


@pytest.mark.parametrize(("phrase", "tier"), [("long-term", "A"), ("review needed", "C")])
def test_what_only_the_broker_knows_of_tiers(phrase: str, tier: str) -> None:
    assert DAEMON.enrich(phrase).ace_tier == "E"
    assert BROKER.enrich(phrase).ace_tier == MIGRATION.enrich(phrase).ace_tier == tier


def test_the_first_tier_that_matches_wins_and_everything_else_is_execution() -> None:
    assert DAEMON.enrich("should we change the framework").ace_tier == "A"
    assert DAEMON.enrich("deliver it").ace_tier == "E"


@pytest.mark.parametrize(
    ("role", "daemon", "broker", "migration"),
    [
        ("Architect", "E", "A", "A"),
        ("architect", "E", "A", "A"),
        ("ARCHITECT", "E", "E", "A"),
        ("Lead Architect", "E", "E", "A"),
        ("Agent", "E", "E", "E"),
        ("", "E", "E", "E"),
    ],
)
def test_a_role_makes_a_tier_for_the_broker_and_the_migration(
    role: str, daemon: str, broker: str, migration: str
) -> None:
    assert [rules.enrich("ok", role).ace_tier for rules in (DAEMON, BROKER, MIGRATION)] == [daemon, broker, migration]


@pytest.mark.parametrize(("tag", "word"), [(tag, word) for tag, words in TAGS.items() for word in words.split(", ")])
def test_every_word_of_a_tag_as_a_whole_word_only(tag: str, word: str) -> None:
    for rules in (DAEMON, BROKER, MIGRATION, DEFAULT):
        assert tag in rules.enrich(f"now {word.upper()}!").tags
        assert tag not in rules.enrich(f"now un{word}ish").tags


@pytest.mark.parametrize("text", ["why?", "How should it be", "the one which", "what if", "whichever"])
def test_questions_are_open(text: str) -> None:
    assert all("@Question-Open" in rules.enrich(text).tags for rules in (DAEMON, BROKER, MIGRATION, DEFAULT))


def test_the_historical_rules_read_no_error_as_an_error_and_ours_do_not() -> None:
    assert "@Status-Blocked" in DAEMON.enrich("no error").tags and "@Status-Ready" in DAEMON.enrich("not done").tags
    assert DEFAULT.enrich("no error").tags == () and DEFAULT.enrich("not done").tags == ()
    assert DEFAULT.enrich("no error, but one problem").tags == ("@Status-Blocked",)


def test_keywords_are_the_first_ten_of_the_alphabet_and_ours_the_most_frequent() -> None:
    text = "zoom: user test token storage scan quality photo mesh image gaussian export design cache camera cache test"
    assert BROKER.enrich(text).keywords == (
        "cache", "camera", "design", "export", "gaussian", "image", "mesh", "photo", "quality", "scan"
    )  # fmt: skip
    assert DEFAULT.enrich(text).keywords[:3] == ("cache", "test", "camera")


def test_hashes_are_taken_over_what_each_variant_takes_them_over() -> None:
    text = "  Café:  done,\tREADY?! "

    def md5(of: str) -> str:
        return hashlib.md5(of.encode(), usedforsecurity=False).hexdigest()

    assert DAEMON.enrich(text).content_hash == md5(text)
    assert BROKER.enrich(text).content_hash == md5("café: done, ready?!")
    assert MIGRATION.enrich(text).content_hash == md5("café done ready")
    assert DEFAULT.enrich(text).content_hash == hashlib.sha256("café: done, ready?!".encode()).hexdigest()
    assert DAEMON.enrich("").content_hash == "d41d8cd98f00b204e9800998ecf8427e"


def test_a_record_that_the_daemon_wrote_is_read_as_it_was_then() -> None:
    found = DAEMON.enrich("Benchmark done, cache index ready.")
    assert (found.chain_type, found.ace_tier, found.tags, found.content_hash) == (
        "data_management",
        "E",
        ("@Chain-data_management", "@Status-Ready"),
        "63b931842c44464113b3f9a810cd335b",
    )


@pytest.mark.parametrize("text", ["images", "two meshes", "strategies", "an artifact", "3D models", "QAs", "a metric"])
def test_words_count_in_singular_and_plural(text: str) -> None:
    assert DEFAULT.enrich(text).chain_type is not None


@pytest.mark.parametrize("text", ["build a guide", "required", "it will explode", "the latest", "important", "agent_7"])
def test_parts_of_other_words_are_no_keywords(text: str) -> None:
    assert DEFAULT.enrich(text).chain_type is None


def test_the_runner_up_is_told() -> None:
    found = DEFAULT.enrich("cache and storage, and one test")
    assert (found.chain_type, found.chain_score) == ("data_management", 2)
    assert (found.runner_up, found.runner_up_score) == ("testing_validation", 1)


def test_rules_have_a_version_that_changes_with_any_character() -> None:
    texts = {name: packaged(name) for name in PACKAGED}
    versions = {version_of(name, text) for name, text in texts.items()}
    assert len(versions) == len(PACKAGED)
    assert version_of("default", texts["default"] + " ") not in versions


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("hash = ", "hsah = "), "hsah"),
        (('match = "word"', 'match = "regex"'), "Invalid enum value"),
        (('"photo"', '"Photo"'), "lower case"),
        (('"photo"', '""'), "not empty"),
        (("keywords = 10", "keywords = -1"), "number from 0"),
        (('name = "default"', 'name = ""'), "1 to 60 characters"),
        (("[chains]", "[chains"), "Expected"),
    ],
)
def test_wrong_rules_are_refused_with_what_is_wrong(change: tuple[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ruleset(packaged("default").replace(*change, 1))


def test_the_rules_in_the_documentation_are_rules() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/conversations.md").read_text("utf-8")
    _, text = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    found = Rules(ruleset(text)).enrich("the release is blocked: which version?", "Architect")
    assert (found.chain_type, found.chain_score, found.ace_tier) == ("release", 2, "A")
    assert found.tags == ("@Chain-release", "@Question-Open", "@Status-Blocked")
