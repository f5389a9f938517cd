"""The rules by which messages are read: domain, tier, tags, keywords, hash. Data (TOML), read and checked here.

    compat_daemon, compat_broker, compat_migration    the historical rules, exactly, defects included
    default                                           whole words, honest about what it cannot classify

Rules have a version: their name and a hash of their text. Other rules are another version, and the engine then builds
the read model again from the log.

*Must never know*: messages, tables, where a text of rules comes from.

*What survives a crash here*: the texts are part of the installed package or of a person's file; which ones were in
force stands in the read model that they made.
"""

from projections.conversations.rules.ruleset import PACKAGED, Ruleset, Tag, Tier, packaged, ruleset, version_of

__all__ = ["PACKAGED", "Ruleset", "Tag", "Tier", "packaged", "ruleset", "version_of"]
