"""A machine of its own with a real systemd: Debian in a folder, booted by systemd-nspawn.

Needs Linux, root, debootstrap, systemd-nspawn and nsenter; `obstacle` says which is missing. The folder is made once
and kept in the system's folder for temporary files; every test run boots a copy of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SUITE, PYTHON = "bookworm", "3.11"
PACKAGES = "systemd,systemd-sysv,dbus,libpam-systemd,python3,python3-venv"
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter", "unshare")
NSPAWN = (
    *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"),
    *("--link-journal=no", "--resolv-conf=off", "--timezone=off", "--console=pipe"),
)
EVENTSRC = "/opt/eventsrc/bin/eventsrc"
STATE = "var/lib/private/eventsrc"
PATIENCE = 60.0  # seconds for something that takes one on a quiet machine


def obstacle() -> str | None:
    """Why this machine cannot boot another one; None when it can."""
    if sys.platform != "linux":
        return f"a systemd cannot be booted on {sys.platform}"
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"booting a systemd needs {', '.join(missing)}: apt-get install debootstrap systemd-container util-linux"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        return "booting a systemd needs namespaces, which this container is not allowed to make (CAP_SYS_ADMIN)"
    return None


class Machine:
    """One boot of a root folder, with a network of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.leader = 0

    @property
    def inside(self) -> Path:
        """The machine's file system as it sees it, /run included; sockets in there can be connected to."""
        return Path(f"/proc/{self.leader}/root")

    @property
    def data(self) -> Path:
        """The data directory of the system's service."""
        return self.root / STATE

    def boot(self) -> None:
        """Returns when everything that starts with the machine has started."""
        log = (self.root.parent / "console.log").open("wb")
        self._nspawn = subprocess.Popen(
            [*NSPAWN, f"--directory={self.root}", f"--machine=eventsrc-{os.getpid()}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )
        log.close()
        self.until(self._has_booted)
        self.run("ip", "link", "set", "lo", "up", check=False)

    def run(
        self, *command: str, check: bool = True, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command in there, as its root; fails the test when it fails, unless told otherwise."""
        variables = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}
        done = subprocess.run(
            ["nsenter", f"--target={self.leader}", "--all", "--", "env", "--chdir=/", *command],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**variables, **(environment or {})},
            timeout=PATIENCE * 2,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def show(self, name: str, unit: str = "eventsrc.service") -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def until(self, true: object) -> None:
        """Asks again until the answer is yes; ends with what the machine said when it never is."""
        deadline = time.monotonic() + PATIENCE
        assert callable(true)
        while not true():
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.1)

    def close(self) -> None:
        """Powers off; kills what does not."""
        if self._nspawn is None:
            return
        if self.leader:
            self.run("systemctl", "poweroff", check=False)
        try:
            self._nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()

    def _has_booted(self) -> bool:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, self._said()
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        if not children:
            return False
        self.leader = int(children[0])
        told = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return told in ("running", "degraded")

    def _said(self) -> str:
        console = (self.root.parent / "console.log").read_text(errors="replace")[-3000:]
        journal = self.run("journalctl", "--no-pager", "-n", "60", check=False).stdout if self.leader else ""
        return f"it did not happen in time\n{console}\n{journal}"


def build(folder: Path) -> Path:
    """A root folder with Debian and this project in it, ready to boot."""
    root = folder / "root"
    _shell("cp", "-a", "--reflink=auto", str(_debian()), str(root))
    wheels = root / "wheels"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    _shell(*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(PROJECT))
    (wheel,) = wheels.glob("eventsrc-*.whl")
    _shell(*pip, "download", "--only-binary=:all:", "--python-version", PYTHON, "--dest", str(wheels), str(wheel))
    _shell("chroot", str(root), "python3", "-m", "venv", "/opt/eventsrc")
    inside = ["/opt/eventsrc/bin/pip", "install", "--quiet", "--no-index", "--find-links", "/wheels", "eventsrc"]
    _shell("chroot", str(root), *inside)
    return root


def _debian() -> Path:
    """Made once: the name says what is in it."""
    name = f"eventsrc-tests-{SUITE}-{PACKAGES.replace(',', '-')}"
    made = Path(tempfile.gettempdir()) / name
    if not made.is_dir():
        partial = Path(tempfile.mkdtemp(prefix=f"{name}."))
        _shell("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(partial))
        partial.chmod(0o755)
        partial.rename(made)
    return made


def _shell(*command: str) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=clean, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
