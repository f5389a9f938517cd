"""What a pushed body becomes, or why it is refused. Pure: no server."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventsrc.errors import Rejected
from eventsrc.event import Envelope, Record
from eventsrc.http import cloudevents
from eventsrc.http.answers import Refusal
from eventsrc.http.members import members
from eventsrc.http.push import BATCH, NDJSON, STRUCTURED, Push, records_of
from eventsrc.limits import BODY_EVENTS, ID_CHARS, KIND_CHARS, KINDS_KEPT, RECORD_BYTES
from eventsrc.log.draft import draft
from eventsrc.log.plain import lines_of
from tests.unit.http_kit import event


def push(
    body: bytes | str, content_type: str | None = STRUCTURED, /, query: Any = None, **headers: str
) -> list[Record]:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    if content_type is not None:
        raw.append((b"content-type", content_type.encode()))
    ids = (f"new{n}" for n in itertools.count())
    return records_of(Push(raw, query or {}, body.encode() if isinstance(body, str) else body), lambda: next(ids))


def refused(*args: Any, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        push(*args, **more)
    return caught.value


def test_a_structured_event_keeps_its_data_byte_for_byte() -> None:
    data = '{"z":1.0, "a":1e999,  "a":12345678901234567890, "t":"\\u00e9\\/é"}'
    [record] = push('{"specversion":"1.0", "data" : ' + data + ' ,"id":"7","source":"urn:t","type":"t.x"}')
    assert record.data == data.encode()
    assert (record.id, record.source, record.unique) == ("7", "urn:t", True)
    assert record.envelope == Envelope("t.x", "urn:t", None)


def test_all_attributes_arrive_and_unknown_ones_are_kept() -> None:
    extensions = {"traceparent": "00-a-b-01", "count": 3, "flag": True, "gone": None}
    [record] = push(json.dumps(event(subject="s/1", time="2026-01-10T10:00:00+01:00", **extensions)))
    assert record.envelope == Envelope("t.x", "s/1", "2026-01-10T10:00:00+01:00")
    assert record.extensions == {"traceparent": "00-a-b-01", "count": 3, "flag": True}


def test_what_the_log_names_itself_is_kept_under_another_name() -> None:
    [record] = push(json.dumps(event(sequence="00000000000000000007", crc32="00000000", batchsize=1)))
    assert record.extensions == {
        "originsequence": "00000000000000000007",
        "origincrc32": "00000000",
        "originbatchsize": 1,
    }


def test_missing_id_and_source_are_filled_in_and_such_an_event_is_not_looked_up() -> None:
    [record] = push(json.dumps(event(id=None, source=None)))
    assert (record.id, record.source, record.unique) == ("new0/0", "urn:eventsrc:http", False)


def test_an_idempotency_key_makes_a_retry_recognisable() -> None:
    lines = '{"n":1}\n\n{"n":2}\n'
    first, again = (push(lines, NDJSON, idempotency_key="k") for _ in range(2))
    assert [(r.id, r.unique) for r in first] == [("k/0", True), ("k/1", True)]
    assert first == again


def test_base64_data_is_bytes_again() -> None:
    [record] = push(json.dumps(event(data=None, data_base64=base64.b64encode(b"\xff\0\n").decode())))
    assert (record.data, record.content_type) == (b"\xff\0\n", "application/octet-stream")


def test_no_data_and_null_data_are_not_the_same() -> None:
    assert push(json.dumps(event(data=None)))[0].data == b""
    assert push('{"specversion":"1.0","type":"t","data":null}')[0].data == b"null"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"specversion": None}, "specversion"),
        ({"specversion": "0.3"}, "specversion"),
        ({"type": None}, "type is missing"),
        ({"type": ""}, "type is not a text"),
        ({"type": 3}, "type is not a text"),
        ({"id": ""}, "id is not a text"),
        ({"id": "x" * (ID_CHARS + 1)}, "1025 characters; the limit is 1024"),
        ({"source": "urn:\x1b[31m"}, "source holds a control character"),
        ({"subject": "a\0b"}, "subject holds a control character"),
        ({"time": "yesterday"}, "RFC 3339"),
        ({"time": "2026-01-10T10:00:00"}, "RFC 3339"),
        ({"Name": "x"}, "lower-case"),
        ({"with_underscore": "x"}, "lower-case"),
        ({"": "x"}, "lower-case"),
        ({"half": 1.5}, "neither text, integer nor boolean"),
        ({"list": []}, "neither text, integer nor boolean"),
        ({"big": 2**31}, "beyond 32 bits"),
        ({"long": "x" * 70_000}, "limit is 65536"),
        ({"data_base64": "eA=="}, "both data and data_base64"),
        ({"data": None, "data_base64": "e"}, "not base64"),
        ({"data": None, "data_base64": 7}, "not base64"),
        ({"sequence": "1", "originsequence": "2"}, "would be the same"),
    ],
)
def test_a_wrong_attribute_is_refused_with_its_name(members: dict[str, Any], reason: str) -> None:
    error = refused(json.dumps(event(**members)))
    assert reason in str(error)
    assert error.index == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"specversion":"1.0","type":"t","data":NaN}',
        b'{"specversion":"1.0","type":"t","data":"\\ud800"}',
        b'{"specversion":"1.0","type":"t","data":"\xff"}',
        b'{"specversion":"1.0","type":"t","data":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"specversion":"1.0","type":"t","id":"1","id":"2"}',
        b'{"specversion":"1.0","type":"t","type":"t"}',
        b'{"specversion":"1.0","type":"t","data":{}} x',
        b'{"specversion":"1.0","type":"t","id":"\\ud800"}',
        b"{}",
        b"{ }",
    ],
)
def test_what_is_not_one_sound_json_object_is_refused(body: bytes) -> None:
    assert refused(body).status == 400


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5), st.booleans())
def test_objects_are_taken_apart_into_their_members(whole: dict[str, Any], indent: bool) -> None:
    text = json.dumps(whole, indent=2 if indent else None).encode()
    assert {name: json.loads(value) for name, value in members(text).items()} == whole


MEMBERS = [
    '"a":1',
    '"a": 11',
    '"b":"x"',
    '"b": "x, \\"a\\": 1"',
    '"b" : {"b":1,"b":2}',
    '"\\u0061": [ ]',
    '"é":2',
    '"é": 2',
]


@given(st.lists(st.sampled_from(MEMBERS), min_size=1), st.sampled_from([",", ", ", " , ", ",\n"]))
def test_a_member_that_repeats_is_always_noticed(parts: list[str], comma: str) -> None:
    text = "{" + comma.join(parts) + "}"
    names = [name for name, _ in json.JSONDecoder(object_pairs_hook=lambda pairs: pairs).decode(text)]
    if len(set(names)) == len(names):
        assert list(members(text.encode())) == names
    else:
        with pytest.raises(Rejected, match="twice"):
            members(text.encode())


def test_a_batch_is_refused_whole_and_says_which_event_is_wrong() -> None:
    assert [r.id for r in push(json.dumps([event(id="1"), event(id="2")]), BATCH)] == ["1", "2"]
    error = refused(json.dumps([event(id="1"), event(id="2", type=None), event(type=None)]), BATCH)
    assert (error.status, error.index) == (400, 1)
    assert refused(b"{}", BATCH).status == 400
    assert push(b"[]", BATCH) == []


def test_a_request_has_a_bound_in_events_and_an_event_in_bytes() -> None:
    assert refused(b"1\n" * (BODY_EVENTS + 1), NDJSON).status == 413
    error = refused('{"specversion":"1.0","type":"t","data":"' + "x" * RECORD_BYTES + '"}')
    assert (error.status, error.index) == (413, 0)
    assert refused(b"1\n" + b"9" * (RECORD_BYTES + 1), NDJSON).status == 413


def test_lines_are_records_byte_for_byte_and_cloudevents_where_they_say_so() -> None:
    plain, nested = b'{"b": 1.0,"a":2}\r', b'{"in":{"specversion":"1.0"}}'
    records = push(b"\n".join([plain, nested, json.dumps(event(id="9")).encode(), b""]), NDJSON)
    assert [r.data for r in records[:2]] == [plain, nested]
    assert [(r.id, r.unique, r.envelope) for r in records] == [
        ("new0/0", False, None),
        ("new0/1", False, None),
        ("9", True, Envelope("t.x", "urn:t")),
    ]


LINES = [
    *(b'{"n":1}', b"7", b'"t"', b"null", b"[1, 2]", b'"\xc3\xa9"', b"9" * 700, b"[" * 300 + b"]" * 300),
    *(b"", b" ", b"\t\r", b'{"n":2}\r', b" 3", b"4 ", b"\r5", b'{"in":{"specversion":"1.0"}}'),
    *(b'{"specversion":"1.0","type":"t"}', b' {"specversion":"1.0","type":"t","id":"9","data":{}}'),
]
ODD_LINES = [b"NaN", b"1 2", b'"\xff"', b"{", b'{"specversion":"1.0"}', b"\xef\xbb\xbf1"]


@given(
    st.lists(st.sampled_from(LINES) | st.sampled_from(LINES[:8]), max_size=12),
    st.lists(st.sampled_from(ODD_LINES), max_size=1),
)
def test_many_lines_become_what_each_becomes_alone(sound: list[bytes], odd: list[bytes]) -> None:
    def names(records: list[Record]) -> list[Record]:
        return [msgspec.structs.replace(record, id=record.id if record.id == "9" else "") for record in records]

    parts = [*sound, *odd, *sound[:2]]
    alone: list[Record] = []
    for part in parts:
        try:
            alone += push(part, NDJSON)
        except Refusal as error:
            together = refused(b"\n".join(parts), NDJSON)
            assert (together.status, together.index) == (error.status, len(alone))
            assert str(together).partition(":")[2] == str(error).partition(":")[2]
            return
    together_ = push(b"\n".join(parts), NDJSON)
    assert names(together_) == names(alone)
    assert [record.id for record in together_ if record.id != "9"] == [
        f"new0/{index}" for index, record in enumerate(together_) if record.id != "9"
    ]


def test_what_was_judged_once_is_judged_alike_again_and_what_differs_is_always_judged() -> None:
    given = event(subject="s", level=3)
    first, again = push(json.dumps(given)), push(json.dumps(given))
    assert first == again
    [other] = push(json.dumps(event(subject="s", level=3, id=None, time="2026-01-10T10:00:00Z")))
    assert (other.unique, other.envelope, other.extensions) == (
        *(False, Envelope("t.x", "s", "2026-01-10T10:00:00Z")),
        {"level": 3},
    )
    for wrong in ({"id": ""}, {"id": 7}, {"id": "x" * 1025}, {"time": "now"}, {"time": False}, {"data_base64": "eA=="}):
        assert refused(json.dumps({**given, **wrong})).status == 400
    assert (
        push(json.dumps(event(subject="s", level=3, data=None, data_base64="eA==")))[0].content_type
        == "application/octet-stream"
    )


def test_events_that_are_alike_are_judged_once_and_plain_lines_together(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Mock(side_effect=cloudevents._judged)
    together = Mock(side_effect=lines_of)
    monkeypatch.setattr(cloudevents, "_judged", judged)
    monkeypatch.setattr("eventsrc.http.push.lines_of", together)
    monkeypatch.setattr("eventsrc.http.push.check", None)  # one by one is not needed
    assert len(push(json.dumps([event(id=str(number), type="t.alike") for number in range(100)]), BATCH)) == 100
    assert len(push(b'{"n":1}\n' * 100, NDJSON)) == 100
    assert (judged.call_count, together.call_count) == (1, 1)


def test_the_memory_of_what_was_judged_is_bounded() -> None:
    for number in range(KINDS_KEPT + 10):
        push(json.dumps(event(type=f"t.{number}")))
    push(json.dumps(event(wide="x" * KIND_CHARS)))
    assert 0 < len(cloudevents._kinds) <= KINDS_KEPT
    assert all(kind.size <= KIND_CHARS for kind in cloudevents._kinds.values())


def test_lines_may_be_named_by_the_query() -> None:
    [record] = push(b"1", NDJSON, query={"source": "urn:me", "type": "t.y", "subject": "s"})
    assert (record.source, record.envelope) == ("urn:me", Envelope("t.y", "s"))
    assert refused(b"1", NDJSON, query={"subject": "s"}).status == 400
    assert refused(b"1", NDJSON, query={"source": "a\nb"}).status == 400


def test_a_bad_line_names_its_index() -> None:
    assert refused(b"1\n\nNaN\n", NDJSON).index == 1


def test_binary_mode_takes_attributes_from_headers_and_any_body() -> None:
    headers = {"ce_specversion": "1.0", "ce_id": "1", "ce_type": "t.x", "ce_source": "urn:t"}
    [record] = push(b"\xff\0\nany", "image/png", **headers, ce_subject="caf%C3%A9 %22", ce_myext='"quo\\"ted"')
    assert (record.data, record.content_type) == (b"\xff\0\nany", "image/png")
    assert record.envelope == Envelope("t.x", 'café "')
    assert record.extensions == {"myext": 'quo"ted'}
    [record] = push(b'{"a" : 1}', "application/json; charset=utf-8", **headers)
    assert record.data == b'{"a" : 1}'


@pytest.mark.parametrize(
    ("more", "content_type", "body"),
    [
        ({}, "application/json", b"{"),
        ({}, "application/vnd.x+json", b'{"a":NaN}'),
        ({"ce_datacontenttype": "text/plain"}, "text/plain", b"x"),
        ({"ce_subject": "%ff"}, "text/plain", b"x"),
        ({"ce_subject": "\xe9"}, "text/plain", b"x"),
        ({"ce_time": "now"}, "text/plain", b"x"),
        ({"ce_a-b": "x"}, "text/plain", b"x"),
    ],
)
def test_binary_mode_refuses_what_would_be_no_cloudevent(more: dict[str, str], content_type: str, body: bytes) -> None:
    headers = {"ce_specversion": "1.0", "ce_type": "t.x"} | more
    assert refused(body, content_type, **headers).status == 400


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/json",
        "application/cloudevents+avro",
        "application/x-ndjson; charset=latin1",
    ],
)
def test_a_wrong_content_type_is_415(content_type: str | None) -> None:
    assert refused(b"{}", content_type).status == 415


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda t: json.dumps(event(data=t, subject=t)).encode()))
def test_whatever_arrives_is_refused_or_becomes_a_line_of_valid_json(body: bytes) -> None:
    for content_type in (STRUCTURED, BATCH, NDJSON):
        try:
            records = push(body, content_type)
        except Refusal:
            continue
        for record in records:
            item = draft(record, record.envelope or Envelope("eventsrc.record", record.source))
            line = b"{" + item.head + item.data + b"}"
            assert b"\n" not in line
            msgspec.json.decode(line)
