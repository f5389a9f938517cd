"""`docs/log-format.md` says what is true: its example is read by a reader that knows nothing but that page."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

from tests.kit.log import append, note, open_log, records

PAGE = Path(__file__).resolve().parents[2] / "docs" / "log-format.md"


def test_the_example_is_sound_by_the_rule_of_the_page() -> None:
    (line,) = re.findall(r"```json\n(.*?)\n```", PAGE.read_text(), re.DOTALL)
    encoded = line.encode()
    assert encoded.endswith(b',"crc32":"%08x"}' % zlib.crc32(encoded[:-20]))
    assert json.loads(line)["sequence"] == f"{1:020d}"


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
