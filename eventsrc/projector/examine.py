"""Is what lies on the disk still the read model that was left there? Looked at before it is written again.

A clean close leaves a marker with the size and the time of the file. While the marker fits, nothing is read: opening
costs nothing. Without one (killed, power failure) SQLite checks the structure. With one that does not fit, something
else has written the file, and no check can tell what: it is built again.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from eventsrc.durable import Disk, write_file
from eventsrc.errors import ReadModelDamaged
from eventsrc.event import Position
from eventsrc.plugin import Projection
from eventsrc.projector.apply import ReadModel
from eventsrc.projector.feed import Feed
from eventsrc.projector.generations import Generations
from eventsrc.projector.site import Site
from eventsrc.projector.store import Store, translated

logger = logging.getLogger(__name__)


def open_model(projection: type[Projection], generations: Generations, site: Site) -> ReadModel:
    """As `open_current`, swept of what no longer serves, the files beside the rows cut back to what the rows say."""
    generations.sweep()
    store = open_current(projection, generations, site.feed, site.disk)
    model = ReadModel(store, site.feed, str(generations.files(generations.current_or_none() or 0)))
    try:
        model.recover()
    except BaseException:
        store.connection.close()
        raise
    return model


def open_current(projection: type[Projection], generations: Generations, feed: Feed, disk: Disk) -> Store:
    """The generation that answers, open for writing. Raises `ReadModelDamaged` with the reason when it must be rebuilt.

    The caller holds the lock.
    """
    name = projection.name
    number = generations.current_or_none()
    if number is None:
        raise ReadModelDamaged(name=name, reason="there is none yet, or its pointer cannot be read")
    path = generations.path(number)
    if not path.is_file():
        raise ReadModelDamaged(name=name, reason=f"{path.name} is missing")
    look(path, name)
    store = Store.open(path, projection)
    reason = foreign(store.mark.position, store.mark.digest, feed)
    if reason:
        store.connection.close()
        raise ReadModelDamaged(name=name, reason=reason)
    unmark(path, disk)
    return store


def look(path: Path, name: str) -> None:
    """Raises `ReadModelDamaged` when the file is not what was closed, or its structure is broken."""
    marker = read_marker(path)
    if marker is None:
        verdict = quick_check(path, name)
        if verdict != "ok":
            raise ReadModelDamaged(name=name, reason=verdict)
    elif marker != _appearance(path):
        raise ReadModelDamaged(name=name, reason=f"{path.name} was changed by something else while it was closed")


def quick_check(path: Path, name: str) -> str:
    """SQLite's verdict on the structure: `ok`, or the first thing that is wrong."""
    with translated(name, path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
        try:
            return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()


def foreign(position: Position, digest: str, feed: Feed) -> str:
    """Why these rows are not the fold of this log's first `position` events; "" when they are."""
    if position == 0:
        return ""
    found = feed.digest(position)
    if found is None:
        return f"it has read {position} events, the log has {feed.head()}"
    if found != digest:
        return f"the log's event {position} is another one than the one it has read"
    return ""


def close_clean(store: Store, disk: Disk) -> None:
    """Closes a store and leaves the marker when everything reached the file. Where none can be left, the next start
    checks the structure: nothing is lost by that."""
    if store.close():
        try:
            write_file(disk, str(_marker(store.path)), _appearance(store.path).encode())
        except OSError as error:
            logger.warning("%s was closed without a marker: %s", store.path, error.strerror)


def unmark(path: Path, disk: Disk) -> None:
    """From now on the file counts as open. Durable before the first write, or a power failure would bring it back."""
    marker = _marker(path)
    if marker.exists():
        disk.unlink(str(marker))
        disk.sync_directory(str(path.parent))


def read_marker(path: Path) -> str | None:
    """How the file looked when it was closed; None when it was not closed, or the marker itself was torn."""
    try:
        text = _marker(path).read_text("ascii", "replace")
    except FileNotFoundError:
        return None
    return text if text.endswith("\n") else None


def _marker(path: Path) -> Path:
    return path.with_suffix(".closed")


def _appearance(path: Path) -> str:
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}\n"
