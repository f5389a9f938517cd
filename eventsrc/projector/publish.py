"""The files of a read model under a name that does not change when another generation answers.

`<data>/<name>` is a symbolic link to the files of the generation in force. It is for people and their tools; nothing
here reads through it, so it is not durable: the next start puts it right.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from eventsrc.plugin import Projection
from eventsrc.projector.generations import Generations

logger = logging.getLogger(__name__)


def publish(projection: type[Projection], generations: Generations, number: int) -> None:
    """Points the link of a projection that is `published` at a generation; leaves anything that is no link alone."""
    if not projection.published:
        return
    link = _link(generations)
    if link.exists() and not link.is_symlink():
        files = generations.files(number)
        logger.warning("%s is in the way of the files of %s: they are in %s", link, projection.name, files)
        return
    _lead(link, generations, number)


def lead_on(generations: Generations, number: int) -> None:
    """Lets a link that is there already follow to another generation, whatever the projection is."""
    link = _link(generations)
    if link.is_symlink():
        _lead(link, generations, number)


def _link(generations: Generations) -> Path:
    return generations.folder.parent.parent / generations.name


def _lead(link: Path, generations: Generations, number: int) -> None:
    target = str(generations.files(number).relative_to(link.parent))  # relative: the data directory may be moved
    try:
        if not link.is_symlink() or str(link.readlink()) != target:
            _replace(link, target)
    except OSError as error:
        logger.warning("%s does not lead to the files of %s: %s", link, generations.name, error.strerror)


def _replace(link: Path, target: str) -> None:
    """Nobody finds the link missing on the way."""
    temporary = link.with_name(f"{link.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target, target_is_directory=True)
    temporary.replace(link)
