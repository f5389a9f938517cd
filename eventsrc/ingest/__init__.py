"""RECORD → LOG: what a source handed over gets its envelope and goes to the log's writer.

The ingestor asks the formats what each record is, turns it into a draft and passes whole batches on; the answer comes
from the log, after durability. A record that no format knows is recorded as it is; nothing is interpreted here.

*Must never know*: read models, sockets, files, what a record means beyond its envelope.

*What survives a crash here*: nothing, and nothing has to. A batch in hand is not acknowledged yet; its source finds its
cursor in the log and hands the records over again.
"""

from eventsrc.ingest.counts import Counts
from eventsrc.ingest.ingestor import Arrival, Ingestor
from eventsrc.ingest.quarantine import quarantined

__all__ = ["Arrival", "Counts", "Ingestor", "quarantined"]
