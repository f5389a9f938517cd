"""The settings file on disk: read whole, replaced whole, and only when nobody else changed it meanwhile."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from eventsrc.durable import Disk, write_all
from eventsrc.errors import HookSettings, TryAgain

KEPT = ".before-eventsrc"
"""The file as it was before our first change lies beside it under its name with this ending."""


def settings_place(environment: Mapping[str, str]) -> Path:
    """Where Claude Code keeps a user's settings."""
    folder = environment.get("CLAUDE_CONFIG_DIR")
    return (Path(folder) if folder else Path(environment.get("HOME") or Path.home()) / ".claude") / "settings.json"


class SettingsFile:
    """One settings file. Blocking."""

    def __init__(self, path: Path, disk: Disk) -> None:
        """A link is followed: what it leads to is replaced, the link stays."""
        self.path = path
        self._target = path.resolve()
        self._disk = disk

    @property
    def kept(self) -> Path:
        """Where the file from before lies."""
        return self.path.with_name(self.path.name + KEPT)

    def read(self) -> str:
        """Its text; "" when there is none. Raises HookSettings when it is not text, PermissionError as it comes."""
        try:
            return self._target.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return ""
        except (UnicodeDecodeError, IsADirectoryError) as error:
            raise HookSettings(path=self.path, reason=str(error)) from error

    def replace(self, before: str, after: str) -> None:
        """Makes `after` of what still must be `before`. Raises TryAgain when it no longer is."""
        if self.read() != before:
            raise TryAgain(reason=f"{self.path} was changed by somebody else meanwhile; nothing was changed")
        self._target.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o600
        if self._target.exists():
            mode = stat.S_IMODE(self._target.stat().st_mode)
            if not self.kept.exists():
                shutil.copy2(self._target, self.kept)
        temporary = str(self._target) + ".eventsrc-new"
        fd = self._disk.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.fchmod(fd, mode)
            write_all(self._disk, fd, after.encode())
            self._disk.sync(fd)
        finally:
            self._disk.close(fd)
        self._disk.rename(temporary, str(self._target))
        self._disk.sync_directory(str(self._target.parent))
