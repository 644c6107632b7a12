"""The loop's idea of a whole request is the parser's: held against gunicorn's own."""

from __future__ import annotations

import socket

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as some

from fieldsync.server.framing import HEAD_BYTES_MAX, Come, Framing

BODY_MAX = 300

_FIELDS = some.sampled_from(
    ["X-A: b", "Accept: */*", "content-type: a/b", "X-Content-Length: 7", "Expect: 100-continue"]
)
_ENDS = some.sampled_from(["", "\r\n", "X-Trailer: t\r\n\r\n"])


def chunked(parts: list[bytes], extension: str, trailers: bytes) -> bytes:
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension.encode(), part) for part in parts)
    return body + b"0\r\n" + trailers + b"\r\n"


@some.composite
def requests(draw: some.DrawFn) -> bytes:
    fields = draw(some.lists(_FIELDS, max_size=4, unique=True))
    sort = draw(some.sampled_from(["none", "length", "chunked"]))
    body = b""
    if sort == "length":
        body = draw(some.binary(max_size=BODY_MAX))
        name = draw(some.sampled_from(["Content-Length", "content-length"]))
        fields.insert(draw(some.integers(0, len(fields))), f"{name}: {len(body)}")
    elif sort == "chunked":
        parts = draw(some.lists(some.binary(min_size=1, max_size=20), max_size=4))
        body = chunked(parts, draw(some.sampled_from(["", ";x=y"])), draw(some.sampled_from([b"", b"X-T: u\r\n"])))
        fields.insert(draw(some.integers(0, len(fields))), "Transfer-Encoding: Chunked")
    return ("POST /v1/sync HTTP/1.1\r\nHost: h\r\n" + "".join(f + "\r\n" for f in fields) + "\r\n").encode() + body


def consumed(data: bytes) -> int:
    """How many of the bytes gunicorn's parser takes for one request."""
    parser = RequestParser(Config(), iter([data]), ("", 0))
    message = next(parser)
    while message.body.read(1024):
        pass
    return len(data) - len(parser.unreader.take_buffered())


def looks(data: bytes, step: int, body_max: int = BODY_MAX) -> list[Come]:
    """What the framing says as the bytes come ``step`` at a time."""
    framing, come, buffer = Framing(body_max), [], bytearray()
    for start in range(0, len(data), step):
        buffer += data[start : start + step]
        come.append(framing.look(buffer))
    return come


@given(requests(), some.binary(max_size=30))
def test_a_request_is_whole_exactly_when_the_parser_has_enough(data: bytes, following: bytes) -> None:
    assert consumed(data + b"GET / HTTP/1.1\r\n") == len(data)
    assert looks(data, 1)[-1] is Come.WHOLE
    assert Come.WHOLE not in looks(data, 1)[:-1]
    assert looks(data + following, len(data) + 30) == [Come.WHOLE]


@given(requests(), some.integers(1, 50))
def test_it_does_not_matter_in_what_pieces_it_comes(data: bytes, step: int) -> None:
    assert looks(data, step)[-1] is Come.WHOLE
    assert set(looks(data, step)[:-1]) <= {Come.HEAD, Come.BODY}


@given(some.binary(max_size=400))
def test_whatever_comes_gets_an_answer(data: bytes) -> None:
    looks(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + data, 7)


@pytest.mark.parametrize("body", [b"zz\r\n", b"-5\r\nabc", b"\r\n", b"5" * 9_000, b"0\r\n" + b"x" * 9_000])
def test_what_the_parser_refuses_is_given_to_it(body: bytes) -> None:
    assert looks(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body, 10_000) == [Come.WHOLE]


def test_a_large_body_is_not_waited_for() -> None:
    assert looks(b"POST / HTTP/1.1\r\nContent-Length: 301\r\n\r\n", 1)[-1] is Come.LARGE
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert looks(head + b"fff\r\n", 100) == [Come.LARGE]
    assert looks(head + b"9\r\n123456789\r\n" * 30, 9)[-1] is Come.LARGE


def test_a_head_without_an_end() -> None:
    assert looks(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEAD_BYTES_MAX // 6), 4_096)[-1] is Come.HEAD_TOO_LARGE


def test_a_line_is_a_socket_for_whoever_asks() -> None:
    from fieldsync.server.line import Line, Patience

    ours, theirs = socket.socketpair()
    with Line(ours, Patience(1, 1, 500, 1_000)) as line, theirs:
        assert isinstance(line, socket.socket)
        theirs.sendall(b"GET / HTTP/1.1\r\n\r\nGET /next")
        assert line.gather() is Come.WHOLE
        assert line.recv(18) + line.recv(100) == b"GET / HTTP/1.1\r\n\r\nGET /next"
        assert line.recv(1) == b""
        assert line.is_spoilt
