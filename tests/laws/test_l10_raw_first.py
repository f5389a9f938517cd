"""L10: a record can be read back as it was received."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventsrc.event import Envelope, Record
from eventsrc.log import LogReader, verify
from eventsrc.log.draft import draft
from tests.kit.log import open_log, together

ODD = [
    b"",
    b" ",
    b"{}",
    b' {"a":1}',
    b'{"a":1}\r',
    b'{"a" : 1.0e0,"a":12345678901234567890123}',
    b"1e999",
    b"NaN",
    b"\xff\xfe\x00",
    b"\x00" * 50,
    b'"\\ud800"',
    '{"é":"\u2028\u2029\x7f"}'.encode(),
    b"\xef\xbb\xbf{}",
    b'{"a":1}{"b":2}',
    b"[" * 5000 + b"]" * 5000,
    b'{"crc32":"00000000"}',
    b'{"x":"\\u0000"}',
    b"null",
]


def stored(data: Path, records: list[bytes]) -> list[bytes]:
    """Appends records and gives back what the log says that they were; its lines must be valid JSON Lines."""
    log = open_log(data)
    envelope = Envelope("test.odd", "stream/odd")
    drafts = [draft(Record("urn:t", raw, str(number)), envelope) for number, raw in enumerate(records)]
    log.commit([together(drafts)])
    log.close()
    lines = (data / "log" / f"{1:020d}.jsonl").read_bytes().split(b"\n")[:-1]
    assert len(lines) == len(records)
    for line in lines:
        event = json.loads(line)
        assert event["specversion"] == "1.0" and ("data" in event) != ("data_base64" in event)
    assert verify(data).ok
    return [event.raw for event in LogReader(data).read(0)]


@pytest.mark.parametrize("raw", ODD, ids=range(len(ODD)))
def test_a_line_comes_back_byte_for_byte(tmp_path: Path, raw: bytes) -> None:
    assert stored(tmp_path, [raw]) == [raw]


def test_json_stays_readable_as_it_stands(tmp_path: Path) -> None:
    stored(tmp_path, [b'{"b" : 1.00,"a":[1, 2]}'])
    assert b'"data":{"b" : 1.00,"a":[1, 2]}' in (tmp_path / "log" / f"{1:020d}.jsonl").read_bytes()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60).filter(lambda raw: b"\n" not in raw), min_size=1, max_size=8))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, records: list[bytes]) -> None:
    assert stored(tmp_path_factory.mktemp("raw"), records) == records
