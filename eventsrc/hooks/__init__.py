"""An agent's settings, edited: our hooks in, our hooks out, every other byte as it was.

*Must never know*: whether a service runs, what hooks mean, what a terminal is. It turns one text into another, says
what is in a text, and replaces one file.

*What survives a crash here*: the settings file is there whole, as it was or as it shall be; the one from before lies
beside it from the first change on.
"""

from eventsrc.hooks.events import HTTP_EVENTS, SCRIPT, SPOOL_EVENTS, Via, handlers
from eventsrc.hooks.install import Installed, installed, with_hooks, without_hooks
from eventsrc.hooks.place import SettingsFile, settings_place

__all__ = [
    "HTTP_EVENTS",
    "SCRIPT",
    "SPOOL_EVENTS",
    "Installed",
    "SettingsFile",
    "Via",
    "handlers",
    "installed",
    "settings_place",
    "with_hooks",
    "without_hooks",
]
