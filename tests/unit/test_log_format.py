"""`docs/log-format.md` says what is true: its examples are read by a reader that knows nothing but that page."""

from __future__ import annotations

import base64
import json
import re
import zlib
from hashlib import sha256
from pathlib import Path

from tests.unit.log_kit import append, note, open_log, records

PAGE = Path(__file__).resolve().parents[2] / "docs" / "log-format.md"


def _examples() -> tuple[list[bytes], bytes]:
    events, manifest = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return events.encode().splitlines(), manifest.encode().strip()


def _is_sound(line: bytes) -> bool:
    return line.endswith(b',"crc32":"%08x"}' % zlib.crc32(line[:-20]))


def test_the_examples_are_what_the_log_writes(tmp_path: Path) -> None:
    events, manifest = _examples()
    log = open_log(tmp_path, segment_bytes=10)
    append(log, [note(1, data=b'{"hello":"world"}')])
    append(log, [note(2, data=b"not JSON")])
    log.close()
    segments = sorted((tmp_path / "log").glob("0*.jsonl"))
    assert [path.read_bytes() for path in segments] == [line + b"\n" for line in events]
    assert (tmp_path / "log" / "manifest.jsonl").read_bytes() == manifest + b"\n"


def test_the_examples_are_sound_by_the_rules_of_the_page() -> None:
    events, manifest = _examples()
    assert all(map(_is_sound, [*events, manifest]))
    sealed = json.loads(manifest)
    digest = sha256(events[0] + b"\n").digest()
    assert sealed["bytes"] == len(events[0]) + 1
    assert sealed["sha256"] == digest.hex()
    assert sealed["chain"] == sha256(bytes(32) + digest).hexdigest()
    assert base64.b64decode(json.loads(events[1])["data_base64"]) == b"not JSON"


def test_members_stand_in_the_order_of_the_page(tmp_path: Path) -> None:
    table = re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.MULTILINE)
    order = [name for cell in table for name in re.findall(r"`(\w+)`", cell)]
    log = open_log(tmp_path)
    append(log, [note(1, unique=True, data=b'{"a":1}\r')])
    log.close()
    (line,) = next((tmp_path / "log").glob("0*")).read_bytes().splitlines()
    there = list(json.loads(line))
    assert there == [name for name in order if name in there]
    assert {"cursor", "unique", "ending"} <= set(there)
    assert records(tmp_path) == [b'{"a":1}\r']
