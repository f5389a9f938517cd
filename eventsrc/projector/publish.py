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
    read_dir = generations.folder.parent
    link = read_dir.parent / projection.name
    target = str(generations.files(number).relative_to(read_dir.parent))
    try:
        if link.is_symlink() and str(link.readlink()) == target:
            return
        if link.exists() and not link.is_symlink():
            logger.warning("%s is in the way of the files of %s: they are in %s", link, projection.name, target)
            return
        _replace(link, target)
    except OSError as error:
        logger.warning("%s does not lead to the files of %s: %s", link, projection.name, error.strerror)


def _replace(link: Path, target: str) -> None:
    """Nobody finds the link missing on the way."""
    temporary = link.with_name(f"{link.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target, target_is_directory=True)
    temporary.replace(link)
