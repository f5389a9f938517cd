"""Are the processes of the watched agents alive? What is seen enters the log as an event (law L9).

A pid alone names nobody: it is given to another process sooner or later. A process is named by (boot id, pid, start
time), and on Linux held by a pidfd, which cannot be mistaken and says at once when it ends.

*Must never know*: read models (it is handed the list of what to watch), what a session is beyond its id.

*What survives a crash here*: nothing needs to. A sight's id is made from what was seen, so the same sight after a
restart is the same event and is stored once.
"""

from eventsrc.liveness.identity import Boot, Found, Identity, Presence, Verdict, judge
from eventsrc.liveness.probe import identify, look, system_processes
from eventsrc.liveness.prober import Prober
from eventsrc.liveness.sight import Watched

__all__ = [
    "Boot",
    "Found",
    "Identity",
    "Presence",
    "Prober",
    "Verdict",
    "Watched",
    "identify",
    "judge",
    "look",
    "system_processes",
]
