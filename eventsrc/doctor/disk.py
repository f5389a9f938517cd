"""The file system under the data directory: room, inodes, and whether it keeps what it is given."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from eventsrc.doctor.finding import Finding, careful, ok, wrong
from eventsrc.doctor.mounts import mount_of
from eventsrc.doctor.scene import Scene, shell
from eventsrc.limits import DISK_CAREFUL_BYTES, DISK_WRONG_BYTES, INODES_CAREFUL, INODES_WRONG, MIB

REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs")
VOLATILE = ("tmpfs", "ramfs")


class Room(msgspec.Struct, frozen=True):
    """What the file system tells of itself."""

    data: Path
    bytes: int
    free_bytes: int
    """For this user: without what is reserved for root."""
    inodes: int
    """0 where the file system has no fixed number of them."""
    free_inodes: int
    kind: str
    """`ext4`, `tmpfs` …; empty where it is not known."""


def look(scene: Scene) -> Room:
    """Asks the file system under the data directory, or under the folder in which it would be made."""
    place = scene.data
    while not place.exists():
        place = place.parent
    told = os.statvfs(place)
    kind = mount_of(scene.proc, place).kind
    return Room(
        scene.data, told.f_blocks * told.f_frsize, told.f_bavail * told.f_frsize, told.f_files, told.f_favail, kind
    )


def space(room: Room) -> Finding:
    """Below a few segments the log refuses events; before that there is time to act."""
    reason = f"{_size(room.free_bytes)} free of {_size(room.bytes)}"
    mend = f"du -xh --max-depth=2 {shell(room.data)} | sort -h"
    if room.free_bytes < DISK_WRONG_BYTES:
        return wrong("disk", f"{reason}: new events will be refused", mend)
    if room.free_bytes < DISK_CAREFUL_BYTES:
        return careful("disk", reason, mend)
    return ok("disk", reason)


def inodes(room: Room) -> Finding:
    """A disk with room and without inodes refuses new segments like a full one."""
    if room.inodes == 0:
        return ok("inodes", "this file system has as many as it needs")
    mend = f"df -i {shell(room.data)}; du --inodes -x --max-depth=3 {shell(room.data.parent)} | sort -n | tail"
    reason = f"{room.free_inodes:,} free of {room.inodes:,}"
    if room.free_inodes < INODES_WRONG:
        return wrong("inodes", f"{reason}: new files will be refused", mend)
    if room.free_inodes < INODES_CAREFUL:
        return careful("inodes", reason, mend)
    return ok("inodes", reason)


def keeps(room: Room) -> Finding:
    """Durable needs a disk, and SQLite and the lock need a local one."""
    move = f"cp -a {shell(room.data)} DIR && eventsrc serve --data DIR"
    if room.kind in VOLATILE:
        return wrong("file system", f"{room.kind}: everything is gone when the machine restarts; DIR: on a disk", move)
    if room.kind in REMOTE:
        return careful(
            "file system", f"{room.kind}: locks and SQLite are not reliable over a network; DIR: on a local disk", move
        )
    return ok("file system", room.kind or "local")


def _size(number: int) -> str:
    return f"{number / MIB / 1024:.1f} GiB" if number >= 1024 * MIB else f"{number / MIB:.0f} MiB"
