"""Which checkpoints stay. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from eventsrc.checkpoint.meta import Meta
from eventsrc.limits import CHECKPOINTS_KEPT


class Policy(msgspec.Struct, frozen=True):
    """What to keep of those without a label: the newest ones, and the newest of each of the latest days and weeks
    in which there are any (UTC, ISO weeks)."""

    last: int = CHECKPOINTS_KEPT
    daily: int = 0
    weekly: int = 0


def kept(checkpoints: Iterable[Meta], policy: Policy) -> set[str]:
    """The ids to keep. One with a label always stays, and counts for no day or week."""
    newest_first = sorted(checkpoints, key=age)
    plain = [meta for meta in newest_first if meta.label is None]
    stay = {meta.id for meta in newest_first if meta.label is not None}
    stay.update(meta.id for meta in plain[: policy.last])
    stay.update(_newest_of_each(plain, policy.daily, lambda time: time.date().toordinal()))
    stay.update(_newest_of_each(plain, policy.weekly, lambda time: tuple(time.isocalendar())[:2]))
    return stay


def age(meta: Meta) -> tuple[int, ...]:
    """Sorts newest first: by the log's position, since clocks may jump, then by time."""
    microseconds = round(datetime.fromisoformat(meta.created).timestamp() * 1_000_000)
    return (-meta.position, -microseconds)


def _newest_of_each(newest_first: list[Meta], count: int, period: Callable[[datetime], object]) -> list[str]:
    found: dict[object, str] = {}
    for meta in newest_first:
        found.setdefault(period(datetime.fromisoformat(meta.created)), meta.id)
    return list(found.values())[:count]
