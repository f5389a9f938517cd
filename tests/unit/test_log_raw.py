"""A record can be read back as it was received, whatever its bytes are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventsrc.event import Draft, Record
from eventsrc.log.codec import decode, encode
from tests.kit.log import append, note, open_log, records

STRANGE = {
    "nothing": b"",
    "a blank": b" ",
    "not JSON": b"hello",
    "half of JSON": b'{"a":',
    "two values": b'{"a":1}{"b":2}',
    "blanks around": b' {"a":1} ',
    "carriage return": b'{"a":1}\r',
    "only a carriage return": b"\r",
    "two carriage returns": b'{"a":1}\r\r',
    "invalid UTF-8": b'{"a":"\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "NUL": b"\0",
    "NUL inside": b'{"a":"\0"}',
    "a lone surrogate": b'{"a":"\\ud800"}',
    "line separators": '{"a":"\u2028\u2029\x85"}'.encode(),
    "a huge number": b'{"a":1e999}',
    "many digits": b'{"a":12345678901234567890123456789.000}',
    "equal keys": b'{"a":1,"a":2}',
    "NaN": b'{"a":NaN}',
    "deep": b"[" * 10_000 + b"]" * 10_000,
    "an end inside": b'{"a":"\\",\\"crc32\\":\\"00000000\\"}"}',
    "a line feed inside": b"a\nb",
    "a number": b"-0.0",
    "a string": b'"x"',
}


@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_strange_bytes_come_back_as_they_were(tmp_path: Path, data: bytes) -> None:
    log = open_log(tmp_path)
    append(log, [note(1, data=data)])
    log.close()
    assert records(tmp_path) == [data]
    (line,) = next((tmp_path / "log").glob("0*")).read_bytes().split(b"\n")[:-1]
    json.loads(line.decode())


def _line(item: Draft) -> bytes:
    pieces, _ = encode([item.head], [item.data], [1], 1, "2026-01-01T00:00:00.000000Z")
    return b"".join(pieces)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
LINES = st.binary(max_size=200).filter(lambda data: b"\n" not in data) | JSON.map(lambda value: _text(value))


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=LINES)
def test_any_line_of_a_file_comes_back_byte_for_byte(data: bytes) -> None:
    line = _line(note(1, data=data))
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert decode(line).raw == data
    json.loads(line.decode())


@settings(max_examples=100, deadline=None)
@given(value=JSON, indent=st.integers(0, 3))
def test_pushed_json_comes_back_value_for_value(value: object, indent: int) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=True).encode()
    raw = decode(_line(note(1, data=data))).raw
    assert json.loads(raw, parse_float=str, parse_int=str) == json.loads(data, parse_float=str, parse_int=str)
    assert list(_keys(json.loads(raw))) == list(_keys(json.loads(data)))


def _keys(value: object) -> list[str]:
    if isinstance(value, dict):
        return [key for name, inner in value.items() for key in (name, *_keys(inner))]
    return [key for inner in value for key in _keys(inner)] if isinstance(value, list) else []


def test_the_record_knows_nothing_that_the_event_lost() -> None:
    assert {"source", "id", "cursor", "data", "content_type", "unique", "extensions", "envelope", "time"} == set(
        Record.__struct_fields__
    )
