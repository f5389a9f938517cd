"""Immutable, named, verifiable snapshots: a position of the log, the log's digest there, and copies of the read models.

What it is for: coming back quickly. The read models are put back as new generations and catch up from where the copies
stand; the log itself is never copied and never touched, so nothing recorded since is lost.

What it must never know: what is in a read model, how the log is laid out.

    checkpoints/5f0c2a91/meta.json            what is here, where it stood, what it must hash to
    checkpoints/5f0c2a91/agents.db            one self-contained SQLite file
    checkpoints/5f0c2a91/agents.files/…       files that the projection keeps beside its rows
    checkpoints/.tmp-…                        one being made or removed

What survives a crash here: every checkpoint that has its final name is complete and durable, because the folder is
renamed after everything in it was synced. A crash while making, restoring or removing one leaves a temporary folder or
an unused generation behind, which the next start removes.
"""

from eventsrc.checkpoint.meta import Copy, Files, Meta
from eventsrc.checkpoint.policy import Policy, kept
from eventsrc.checkpoint.port import Log, LogDigest

__all__ = ["Copy", "Files", "Log", "LogDigest", "Meta", "Policy", "kept"]
