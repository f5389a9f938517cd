"""The format and the read model of experiments pass what every format and every projection must."""

from __future__ import annotations

from typing import ClassVar

from eventsrc.formats.catalogue import Formats, join
from eventsrc.formats.experiments import Experiments as Format
from eventsrc.plugin import Projection
from eventsrc.projector.feed import Parts
from projections.experiments import Experiments
from tests.conformance.formats import FormatConformance, lines_of
from tests.conformance.projections import ListLog, ProjectionConformance
from tests.unit.experiments_kit import FOLDER, at, dialogue, events, manifest, said


class TestFormat(FormatConformance):
    format = Format()
    samples = lines_of("experiments")


_LATE = FOLDER.replace("calm", "late")
_RECORDS = [
    *at(FOLDER, ("manifest.json", [manifest("conv_1", "conv_2", "conv_3")]), ("conv_1_events.jsonl", dialogue())),
    *at(_LATE, ("conv_9_events.jsonl", dialogue("conv_9", 3, end=None))),
    *at(FOLDER, ("conv_2_events.jsonl", dialogue("conv_2", end="error"))),
    *at(FOLDER, ("manifest.json", [manifest("conv_1", "conv_2", "conv_3", completed_at="2026-02-03T11:00:00+00:00")])),
    *at(_LATE, ("manifest.json", [manifest("conv_9", experiment_id="experiment_late")])),
    *at(FOLDER, ("conv_1_events.jsonl", dialogue())),  # the file was rewritten: everything comes again
    *at("file:///elsewhere", ("events.jsonl", [*dialogue("chat", 1), said("agent_a", "after the end", 9, "chat")])),
]


class TestExperiments(ProjectionConformance):
    """Manifests before and after their logs, a dialogue that comes twice, one without an end."""

    projection: ClassVar[type[Projection]] = Experiments

    def parts(self) -> Parts:
        return ListLog(events(_RECORDS), chunk=20), Formats.load(), join
