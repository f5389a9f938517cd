"""Running an agent with a recorder beside it: `eventsrc launch -- COMMAND…`.

Makes sure that a recorder runs (in the background, and it stays), runs the agent with the terminal as it is, passes
signals on and the exit status back, tells the log when the agent began and how it ended, and takes a checkpoint then.

*Must never know*: what the agent does, or what a record means. The agent does not depend on this room: it has the
terminal to itself, and a recorder that dies or hangs never stops it.

*What survives a crash here*: the agent goes on when its launcher is killed, and the recorder notices its end by
itself. What could not be told while the recorder was down is told at the end, exactly once.
"""

from eventsrc.launch.background import ensure_running
from eventsrc.launch.child import run_child
from eventsrc.launch.launch import Plan, launch

__all__ = ["Plan", "ensure_running", "launch", "run_child"]
