"""Files of lines that were packed when they got cold (`rollout-….jsonl.zst`): unpacked to where nobody sees it, and
read from there like any other file.

A packed file does not grow, so it is unpacked once, whole, into a file without a name that is gone when it is closed.
Its cursor counts unpacked bytes, as those of the file that it was packed from did. One that is damaged, incomplete or a
bomb is refused as a whole, with the reason; it is tried again when it has changed.
"""

from __future__ import annotations

import errno
import os
import tempfile
from typing import IO

import zstandard

from eventsrc.limits import UNPACKED_BYTES, UNPACKING_WINDOW
from eventsrc.source.work import Work

ENDING = ".zst"


class Refused(OSError):
    """What is in a packed file cannot be had, however often it is tried; never leaves this room."""


_PIECE = 1024  # packed bytes taken at once: each block of three can stand for 128 KiB, so 44 MB come out at most
_READ = 1024 * 1024


def is_packed(path: str) -> bool:
    """Whether a file is packed, by its name."""
    return path.endswith(ENDING)


def original_name(name: str) -> str:
    """The name of the file that was packed."""
    return name.removesuffix(ENDING)


def unpacked(fd: int, work: Work) -> int:
    """A descriptor of the content, with the packed file's change time; takes over and closes `fd`. Refused where
    that cannot be done."""
    with os.fdopen(fd, "rb", buffering=0) as packed, tempfile.TemporaryFile() as content:
        try:
            _unpack(packed, content, work)
        except zstandard.ZstdError as error:
            raise Refused(errno.EINVAL, f"it cannot be unpacked: {error}") from error
        content.flush()
        mtime_ns = os.fstat(packed.fileno()).st_mtime_ns
        os.utime(content.fileno(), ns=(mtime_ns, mtime_ns))
        return os.dup(content.fileno())


def _unpack(packed: IO[bytes], content: IO[bytes], work: Work) -> None:
    frames = zstandard.ZstdDecompressor(max_window_size=UNPACKING_WINDOW)
    frame, begun, size = frames.decompressobj(), False, 0
    while data := packed.read(_READ):
        work.bytes_read += len(data)
        at = 0
        while at < len(data):
            piece = data[at : at + _PIECE]
            out = frame.decompress(piece)
            begun = True
            at += len(piece) - len(frame.unused_data)
            if frame.eof:  # another frame may follow
                frame, begun = frames.decompressobj(), False
            size += len(out)
            if size > UNPACKED_BYTES:
                raise Refused(errno.EFBIG, f"it has more than {UNPACKED_BYTES} bytes unpacked")
            content.write(out)
    if begun:
        raise Refused(errno.EINVAL, "it cannot be unpacked: its end is missing")
