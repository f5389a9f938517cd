"""How actors run: mailboxes between them, a supervisor over them, and the proof that they make progress.

An **actor** is a loop with a name, one mailbox and state that nobody else touches. It knows its collaborators as
functions; it never catches what it did not expect: an exception leaves `run`, and the supervisor decides.

*Must never know*: what the other actors do, what travels through the mailboxes, where anything is stored.

*What survives a crash here*: nothing, on purpose. Responsibility for a record is handed over by the log, after its
sync returned; a mailbox only ever holds what its sender can still send again. That is why a `Ticket` is answered by
whoever made the thing durable, and not by the mailbox that accepted it.
"""

from eventsrc.actor.drain import DrainReport, Leftover, Stage
from eventsrc.actor.health import ActorHealth, Health, Heartbeat, Pulse, mailbox_pulse
from eventsrc.actor.mailbox import Mailbox, MailboxStats, Sender
from eventsrc.actor.policy import Intensity, Policy
from eventsrc.actor.protocol import Actor
from eventsrc.actor.supervisor import Charge, Supervisor
from eventsrc.actor.ticket import Ticket
from eventsrc.actor.watermark import Watermark

__all__ = [
    "Actor",
    "ActorHealth",
    "Charge",
    "DrainReport",
    "Health",
    "Heartbeat",
    "Intensity",
    "Leftover",
    "Mailbox",
    "MailboxStats",
    "Policy",
    "Pulse",
    "Sender",
    "Stage",
    "Supervisor",
    "Ticket",
    "Watermark",
    "mailbox_pulse",
]
