"""What waits in the mailboxes: asked at scrape time, so it costs nothing while nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class MailboxNumbers(Protocol):
    """What is shown of a mailbox."""

    @property
    def name(self) -> str: ...
    @property
    def waiting(self) -> int: ...
    @property
    def waiting_weight(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def senders(self) -> int: ...


class MailboxCollector(Collector):
    """Asks each mailbox at scrape time: no cost while nobody looks."""

    def __init__(self) -> None:
        self._stats: list[Callable[[], MailboxNumbers]] = []

    def add(self, stats: Callable[[], MailboxNumbers]) -> None:
        self._stats.append(stats)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        taken = [stats() for stats in self._stats]

        def family(name: str, about: str, value: Callable[[MailboxNumbers], int]) -> GaugeMetricFamily:
            shown = GaugeMetricFamily(f"eventsrc_mailbox_{name}", about, labels=["mailbox"])
            for one in taken:
                shown.add_metric([one.name], value(one))
            return shown

        yield family("waiting", "Batches that wait in a mailbox.", lambda one: one.waiting)
        yield family("waiting_bytes", "What the waiting batches weigh.", lambda one: one.waiting_weight)
        yield family("capacity", "Batches that fit into a mailbox.", lambda one: one.capacity)
        yield family("senders", "Open senders; above 0 after the end = a forgotten one.", lambda one: one.senders)
