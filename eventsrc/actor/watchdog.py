"""The actor that feeds systemd's watchdog, and only while the service makes progress."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio

from eventsrc.actor import systemd
from eventsrc.actor.health import Health
from eventsrc.limits import HEALTH_SECONDS

logger = logging.getLogger(__name__)


class WatchdogFeeder:
    """Checks health at a fixed pace, on the event loop itself: a loop that is blocked feeds nobody either.

    It must also run when there is no watchdog: the heartbeat knows progress only from being looked at. Holds nothing,
    so it is ended by cancellation.
    """

    name = "watchdog"

    def __init__(
        self,
        check: Callable[[], Health],
        status: Callable[[], str] = lambda: "",
        *,
        notify: Callable[..., bool] = systemd.notify,
        within: float | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """`within`: the watchdog's patience in seconds (`systemd.watchdog_seconds()`); None without one.
        `status`: what stands in `systemctl status` while all is well, e.g. head and lag."""
        self._check = check
        self._status = status
        self._notify = notify
        self._within = within
        self._pace = HEALTH_SECONDS if within is None else min(HEALTH_SECONDS, within / 2)  # as sd_watchdog asks
        self._sleep = sleep

    async def run(self) -> None:
        well = True
        while True:
            health = self._check()
            if health.healthy != well:
                well = health.healthy
                logger.log(logging.INFO if well else logging.ERROR, "%s", health.reason or "progress again")
            self._say(health)
            await self._sleep(self._pace)

    def _say(self, health: Health) -> None:
        words = [systemd.status(health.reason or self._status())]
        if health.healthy and self._within is not None:
            words.append(systemd.WATCHDOG)
        self._notify(*words)
