"""What is wrong, or will be: checks of the data directory, the machine and the agents around it.

Each file is one noun with three parts: the facts as a frozen struct, a `look` that gathers them, and pure functions
from facts to a finding. A finding names the exact command that mends it.

*Must never know*: how to mend anything; it only names the command. It changes nothing, takes no lock for longer than
an instant, and needs no running service.

*What survives a crash here*: there is nothing to lose.
"""

from eventsrc.doctor.examine import examine
from eventsrc.doctor.finding import Finding, Level, worst
from eventsrc.doctor.scene import Scene

__all__ = ["Finding", "Level", "Scene", "examine", "worst"]
