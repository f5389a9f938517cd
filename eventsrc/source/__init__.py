"""Where records come from: files that grow, folders of them, standard input.

A **source** hands over batches of records and remembers nothing on disk. Where it goes on is written in the records
themselves, as a *cursor*, so that record and cursor become durable together; on start the log is asked for it.

*Must never know*: what a record means, what the log looks like, who else reads. It passes bytes.

*What survives a crash here*: nothing, and nothing has to. A batch that was not yet durable is read again from the
cursor in the log; a batch that was is not. A file that is not what its cursor says (rewritten, truncated, another
one with the same inode number) is never spliced: it begins anew, and the fact is recorded as an event.
"""

from eventsrc.source.folder import Follow
from eventsrc.source.port import Cursors, Deliver, Report, Source, SourcePosition
from eventsrc.source.stdin import Stdin

__all__ = ["Cursors", "Deliver", "Follow", "Report", "Source", "SourcePosition", "Stdin"]
