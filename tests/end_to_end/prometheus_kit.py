"""Debian's Prometheus on loopback, with this repository's configuration: another port, a faster clock, nothing else."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.end_to_end.service_kit import EVENTSRC, Eventsrc

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
TOOLS = ("prometheus", "promtool")
PATIENCE = 60.0  # seconds for something that takes two on a quiet machine


def obstacle() -> str | None:
    """Why there can be no Prometheus here; None when there can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"needs {', '.join(missing)}: apt-get install prometheus" if missing else None


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def until(true: Callable[[], object], what: str) -> None:
    """Asks again until the answer is yes."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"it did not happen in time: {what}"
        time.sleep(0.1)


class Served(Eventsrc):
    """A service that answers on a TCP port too, where it is scraped."""

    def __init__(self, data: Path, paths: list[Path]) -> None:
        super().__init__(data)
        self.port = free_port()
        self._paths = paths

    def serve(self) -> subprocess.Popen[bytes]:
        """Starts it; it beats every second, so that nothing has to be waited for."""
        service = subprocess.Popen(
            [*EVENTSRC, "serve", *map(str, self._paths)],
            env={
                **self._environment(),
                "EVENTSRC_HTTP_LISTEN": f"127.0.0.1:{self.port}",
                "EVENTSRC_HEARTBEAT_EVERY_SECONDS": "1",
                "EVENTSRC_SOURCE_LOOK_SECONDS": "0.5",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._services.append(service)
        self.until(lambda: self.status()["pid"] == service.pid)
        return service


class Prometheus:
    """One server, with its own folder."""

    def __init__(self, folder: Path, target: int) -> None:
        """`target`: the port of the service that it scrapes every second."""
        self.port = free_port()
        self._config = configured(folder, target)
        self._log = (folder / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={self._config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        until(self._is_ready, "Prometheus is ready")

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        found: list[dict[str, Any]] = self._get("query", query=expr)["result"]
        return found

    def values(self, expr: str) -> list[float]:
        """Their values."""
        return [float(one["value"][1]) for one in self.query(expr)]

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health, as the server sees it."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def state(self, alert: str) -> str:
        """`inactive`, `pending` or `firing`."""
        (found,) = (str(rule["state"]) for rule in self.rules() if rule["name"] == alert)
        return found

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._log.close()

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _get(self, what: str, **parameters: str) -> Any:
        address = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)["data"]


def configured(folder: Path, target: int) -> Path:
    """A copy of the configuration and the rules: for this port, looked at every second, and alerts that fire after one
    second instead of minutes. Expressions stay as they are."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.0.0.1:8787"]}]
    job["static_configs"][0]["targets"] = [f"127.0.0.1:{target}"]
    job["scrape_timeout"] = "1s"
    rules = folder / "rules"
    rules.mkdir()
    for path in (PROMETHEUS / "rules").glob("*.yml"):
        (rules / path.name).write_text(re.sub(r"^( +)for: \S+$", r"\1for: 1s", path.read_text(), flags=re.MULTILINE))
    made = folder / "prometheus.yml"
    made.write_text(yaml.safe_dump(config))
    return made
