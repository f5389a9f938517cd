"""Runs the real command in real processes, on a data directory of the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

EVENTSRC = [sys.executable, "-m", "eventsrc.cli.main"]
PATIENCE = 30.0  # seconds for something that takes milliseconds on a quiet machine


class Eventsrc:
    """Commands on one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.home = data.parent / "home"
        self.home.mkdir(exist_ok=True)
        self.environment: dict[str, str] = {}
        """Variables that a test adds."""
        self._services: list[subprocess.Popen[bytes]] = []

    def run(self, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """One command to its end."""
        return subprocess.run(
            [*EVENTSRC, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env=self._environment(),
            timeout=PATIENCE * 2,
            check=False,
        )

    def json(self, *arguments: str, stdin: bytes | None = None, code: int = 0) -> Any:
        """The JSON that a command prints; its exit code must be `code`."""
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == code, done.stderr.decode()
        return json.loads(done.stdout)

    def start(self, *paths: Path | str) -> subprocess.Popen[bytes]:
        """A service, ready to be asked; HTTP on the Unix socket only."""
        service = subprocess.Popen(
            [*EVENTSRC, "serve", *map(str, paths)],
            env={**self._environment(), "EVENTSRC_HTTP_LISTEN": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._services.append(service)
        self.until(lambda: self.status()["running"] and self.status()["pid"] == service.pid)
        return service

    def status(self) -> Any:
        """`status --json`, whatever its exit code."""
        done = self.run("status", "--json")
        return json.loads(done.stdout) if done.stdout else {"running": False, "pid": None, "head": 0}

    def until(self, true: Any) -> None:
        """Asks again until the answer is yes."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)

    def until_applied(self, position: int) -> None:
        """Until the log and every read model have reached a position."""

        def there() -> bool:
            now = self.status()
            models = now.get("projections", {}).values()
            return bool(now["head"] >= position and all(one["position"] >= position for one in models) and models)

        self.until(there)

    def stop(self, service: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> int:
        """Ends a service that this kit started; returns its exit code."""
        service.send_signal(how)
        service.communicate(timeout=PATIENCE)
        self._services.remove(service)
        return service.returncode

    def close(self) -> None:
        """Ends whatever still runs."""
        for service in self._services:
            service.kill()
            service.communicate()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "EVENTSRC_DATA": str(self.data),
            "LANG": "C.UTF-8",
            **self.environment,
        }
