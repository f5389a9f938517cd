"""systemd's units for eventsrc: what they are, what installing and removing them takes, and doing it.

The unit files are those of `deploy/systemd`; a wheel carries them in here. `plan` decides in pure functions from what
is there, so that a person sees every step before the first one is made; `carry` makes them.

*Must never know*: how the service works; a unit names a command and nothing else of it. It never touches data.

*What survives a crash here*: whatever was written. A plan that was carried out in part is made again from what is there
then, and its finished steps are found to be done.
"""

from eventsrc.units.carry import carry, present
from eventsrc.units.plan import Scope, Step, install, uninstall
from eventsrc.units.shipped import adapted, check_visible, enabled, shipped
from eventsrc.units.state import UnitState, state

__all__ = [
    "Scope",
    "Step",
    "UnitState",
    "adapted",
    "carry",
    "check_visible",
    "enabled",
    "install",
    "present",
    "shipped",
    "state",
    "uninstall",
]
