"""The head of a usual request: a POST over HTTP/1.1 with a length, written the way programs write it. Pure.

Nearly every request is of this kind, and reading one takes a few microseconds. Anything else, wrong or merely rare, is
left to h11, which knows all of HTTP; what is read here h11 would read alike.
"""

from __future__ import annotations

import re

import msgspec

_TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]++"
_HEAD = re.compile(rb"POST (/[!-~]*+) HTTP/1\.1\r\n((?:" + _TOKEN + rb":[ -~]*+\r\n)++)\r\n")
_LENGTH_DIGITS = 20  # as many as h11 reads
_RARE = frozenset((b"transfer-encoding", b"upgrade", b"expect"))


class Head(msgspec.Struct, frozen=True):
    """Where the request goes, and which bytes are its body."""

    target: bytes
    headers: list[tuple[bytes, bytes]]
    """Names in lower case, values without blanks around them, in the order received; no name is there twice."""
    start: int
    end: int


def post_head(data: bytes) -> Head | None:
    """The head that `data` begins with; None when that is not whole, or not usual."""
    found = _HEAD.match(data)
    if found is None:
        return None
    headers = []
    for line in found[2][:-2].split(b"\r\n"):
        name, _, value = line.partition(b":")
        headers.append((name.lower(), value.strip(b" ")))
    known = dict(headers)
    length = known.get(b"content-length", b"")
    if (
        len(known) < len(headers)
        or not length.isdigit()
        or len(length) > _LENGTH_DIGITS
        or b"host" not in known
        or known.get(b"connection", b"keep-alive").lower() != b"keep-alive"
        or not _RARE.isdisjoint(known)
    ):
        return None
    return Head(found[1], headers, found.end(), found.end() + int(length))
