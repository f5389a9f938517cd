"""`verify`: reads every byte of the log and tells everything that is wrong. Changes nothing."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import msgspec

from eventsrc.event import Position
from eventsrc.log.chain import Sealed
from eventsrc.log.layout import MANIFEST, log_directory, segment_name, segments
from eventsrc.log.lock import is_held
from eventsrc.log.reading import opened
from eventsrc.log.recovery import read_manifest
from eventsrc.log.scan import Fault, blocks, other_group
from eventsrc.log.survey import Survey


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong, and where."""

    segment: str
    line: int
    """Counted from 1; 0 when it is about the whole file."""
    byte: int
    kind: str
    """`missing`, `size`, `digest`, `chain`, `strange`, or what is wrong with a line: `checksum`, `sequence`, `zeros`,
    `group`, `unfinished`, `line`."""
    detail: str


class Verdict(msgspec.Struct, frozen=True):
    """What `verify` found."""

    ok: bool
    segments: int
    events: int
    """Events in sound lines."""
    problems: list[Problem]


def verify(directory: Path) -> Verdict:
    """Checks the log of a data directory. May run beside its writer: the tail that is being written is not judged.
    Raises `LogUnreadable`, `TryAgain`."""
    log = log_directory(directory)
    written_to = is_held(log)
    manifest = read_manifest(log)
    problems: list[Problem] = []
    if manifest.line:
        problems.append(Problem(MANIFEST, manifest.line, manifest.sound_bytes, "chain", manifest.detail))
    there = segments(log)
    events = 0
    for entry in manifest.sealed:
        if entry.first in there:
            events += _sealed(log, entry, problems)
        else:
            problems.append(Problem(entry.segment, 0, 0, "missing", "the manifest names this segment"))
    expected = manifest.last + 1
    for first in [first for first in there if first not in {entry.first for entry in manifest.sealed}]:
        if first != expected:
            detail = f"a segment that begins at {expected} is expected"
            problems.append(Problem(segment_name(first), 0, 0, "strange", detail))
        events += _newest(log, first, written_to and first == there[-1], problems)
    return Verdict(not problems, len(there), events, problems)


def _sealed(log: Path, entry: Sealed, problems: list[Problem]) -> int:
    path = log / entry.segment
    size = path.stat().st_size
    if size != entry.bytes:
        problems.append(
            Problem(entry.segment, 0, min(size, entry.bytes), "size", f"{size} bytes instead of {entry.bytes}")
        )
    survey, digest = _survey(path, entry.first, size)
    problems += [_problem(entry.segment, fault) for fault in survey.faults]
    if not survey.faults and digest != entry.sha256:
        problems.append(Problem(entry.segment, 0, 0, "digest", "the content does not match the manifest's SHA-256"))
    return survey.events


def _newest(log: Path, first: Position, written_to: bool, problems: list[Problem]) -> int:
    path = log / segment_name(first)
    survey, _ = _survey(path, first, path.stat().st_size)
    scan = survey.scan
    byte, following = survey.whole or (scan.group_byte, scan.group_first)
    if written_to and not _followed(path, byte, following):
        return following - first  # what follows the last whole group is being written just now
    problems += [_problem(path.name, fault) for fault in survey.faults]
    if not survey.faults and scan.index:
        problems.append(Problem(path.name, scan.line, scan.byte, "group", "the last batch is not whole"))
    return survey.events


def _survey(path: Path, first: Position, size: int) -> tuple[Survey, str]:
    """What is found in a segment, and the SHA-256 of its bytes."""
    survey, hashed = Survey(first), sha256()
    with opened(path) as fd:
        for block in blocks(fd, 0, size):
            hashed.update(b"".join(block.lines))
            survey.take(block)
    return survey, hashed.hexdigest()


def _followed(path: Path, byte: int, following: Position) -> bool:
    """Whether another group follows the one that may be under way: then it is damage."""
    with opened(path) as fd:
        return other_group(blocks(fd, byte, os.fstat(fd).st_size), following) is not None


def _problem(segment: str, fault: Fault) -> Problem:
    return Problem(segment, fault.line, fault.byte, fault.kind, fault.detail)
