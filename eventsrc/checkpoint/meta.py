"""What stands in `meta.json`. Values only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec

from eventsrc.checkpoint.port import LogDigest
from eventsrc.errors import CheckpointBroken, IncompatibleSchema
from eventsrc.event import Position

VERSION = 1
META = "meta.json"
ID = re.compile("[0-9a-f]{8}")

_Sha = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}$")]  # it becomes a file name


class Files(msgspec.Struct, frozen=True):
    """The files beside the rows of a read model, all together."""

    count: int
    bytes: int
    sha256: _Sha
    """Over path, size and SHA-256 of every file, sorted by path."""


class Copy(msgspec.Struct, frozen=True):
    """One read model in a checkpoint."""

    generation: int
    """Of the original, for information: a restored copy becomes a new one."""
    position: Position
    """How far the copy has read; it catches up from here."""
    bytes: int
    sha256: _Sha
    schema_version: int
    rows: dict[str, int]
    """Rows of each table."""
    files: Files | None = None

    @property
    def size(self) -> int:
        """Bytes of everything that belongs to this copy."""
        return self.bytes + (self.files.bytes if self.files else 0)


class Meta(msgspec.Struct, frozen=True):
    """One checkpoint."""

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}$")]
    label: str | None
    automatic: bool
    created: str
    """RFC 3339, UTC, microseconds: sorts as text."""
    log: LogDigest
    """Taken after the copies were made, so none of them stands past it."""
    read_models: dict[_Name, Copy]
    version: int = VERSION
    left_out: dict[str, str] = {}
    """Read models that could not be copied, with the reason."""

    @property
    def position(self) -> Position:
        """Where the log stood."""
        return self.log.position

    @property
    def bytes(self) -> int:
        """Bytes of all copies."""
        return sum(copy.size for copy in self.read_models.values())

    def describe(self, path: Path) -> dict[str, object]:
        """What commands print as JSON: `id`, `label`, `automatic`, `created`, `position`, `digest`, `events`,
        `bytes`, `path`, `read_models`, `left_out`."""
        return {
            "id": self.id,
            "label": self.label,
            "automatic": self.automatic,
            "created": self.created,
            "position": self.position,
            "digest": self.log.sha256,
            "events": self.position,
            "bytes": self.bytes,
            "path": str(path),
            "read_models": msgspec.to_builtins(self.read_models),
            "left_out": self.left_out,
        }


class _Stored(Meta, frozen=True, kw_only=True):
    """As it stands in the file: with what follows from the rest, for people who read it."""

    position_: int = msgspec.field(name="position")
    events: int
    bytes_: int = msgspec.field(name="bytes")


def encode(meta: Meta) -> bytes:
    """The content of `meta.json`, for people to read too."""
    whole = msgspec.to_builtins(meta) | {"position": meta.position, "events": meta.position, "bytes": meta.bytes}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def decode(id_: str, text: bytes) -> Meta:
    """Reads `meta.json` of the checkpoint `id_`. Raises `CheckpointBroken`, `IncompatibleSchema`."""
    try:
        version = msgspec.json.decode(text, type=_Version).version
        if version != VERSION:
            raise IncompatibleSchema(path=f"Checkpoint {id_}", found=version, known=VERSION)
        stored = msgspec.json.decode(text, type=_Stored)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointBroken(id=id_, reason=f"{META} cannot be read: {error}") from error
    meta = Meta(*(getattr(stored, name) for name in Meta.__struct_fields__))
    agree = (meta.id, meta.position, meta.position, meta.bytes) == (id_, stored.position_, stored.events, stored.bytes_)
    if not agree:
        raise CheckpointBroken(id=id_, reason=f"{META} contradicts itself or the folder's name")
    return meta


class _Version(msgspec.Struct, frozen=True):
    version: int
