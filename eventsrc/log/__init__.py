"""THE TRUTH: the event log on disk, and everything that may touch it.

One writer (`Log`, run by the actor `LogWriter` in `writer.py`) appends groups of events to segments of JSON Lines; any
number of readers (`LogReader`, in this process or another) read the files. `docs/log-format.md` describes the bytes.

*Must never know*: what an event means, who reads it, where it came from. Data is bytes; only the envelope is read.

*What survives a crash here*: everything that was acknowledged (law L2), because a group of events is one write and
one sync, and only then an answer. The last group may be unfinished after a crash; opening rolls it back, keeps its
bytes aside and reports it. Everything before it is never changed (L3). The index (`index.py`) is derived: it may
vanish at any time and is made again from the segments.
"""

from eventsrc.log.digest import Digest, Digests
from eventsrc.log.fsck import Problem, Verdict, verify
from eventsrc.log.plan import Batch
from eventsrc.log.reader import Chunk, LogReader
from eventsrc.log.recovery import Cut, Recovery
from eventsrc.log.store import Log

__all__ = [
    "Batch",
    "Chunk",
    "Cut",
    "Digest",
    "Digests",
    "Log",
    "LogReader",
    "Problem",
    "Recovery",
    "Verdict",
    "verify",
]
