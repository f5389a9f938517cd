"""What can be measured of a service, in Prometheus' terms.

Rooms observe through small groups (`metrics.log.commits.inc()`); what a room already counts for itself is read at
scrape time (`Gauge.set_function`, `Metrics.follow`), so that nothing is counted twice on a hot path.

**A replay never raises a counter.** Rebuilding a read model, catching up after a start and reading the log back are
told by gauges (`…_rebuilding`, `…_position`); counters and histograms of projections are for events applied while
the projection was at the head of the log. Their help says `live only`; whoever observes them keeps that promise.

Series exist with 0 from the start, so that `rate()` sees the first failure too.

*Must never know*: what the numbers are about; the rooms above observe, this one names and renders.

*What survives a crash here*: nothing. Counters begin at 0 with the process, as Prometheus expects; what has to last is
in the log.
"""

from eventsrc.metrics.groups import CheckpointMetrics, LogMetrics, ReportMetrics, SourceMetrics, StageMetrics
from eventsrc.metrics.registry import CONTENT_TYPE, Metrics

__all__ = [
    "CONTENT_TYPE",
    "CheckpointMetrics",
    "LogMetrics",
    "Metrics",
    "ReportMetrics",
    "SourceMetrics",
    "StageMetrics",
]
