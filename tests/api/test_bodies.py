"""Bodies that are no exchange, or hardly: each is refused in a documented way, nothing is written, and the next good
exchange of the same tablet works. Of an exchange with spoilt edits in it, only these are refused.
"""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
import zstandard

from fieldsync.config import BODY_BYTES_MAX, EDITS_PER_EXCHANGE_MAX, INFLATED_BYTES_MAX
from fieldsync.database import new_id
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World

SENT_AT = '"sent_at": "2026-03-01T08:00:00Z"'
BEGUN = b'{"protocol": 1, ' + SENT_AT.encode()
MIB = 1024 * 1024


def good(tablet: Tablet) -> bytes:
    """An exchange that makes one work order."""
    return json.dumps(tablet.document([tablet.edit("work_order", new_id(), "create", tablet.world.job())])).encode()


def zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(body)


def state(world: World) -> list[Any]:
    """Everything that an exchange could have written."""
    return [
        world.value("SELECT change FROM head WHERE partnership_id = :p"),
        world.value("SELECT count(*) FROM journal WHERE partnership_id = :p"),
        world.rows("SELECT id, next_seq, last_seen_at FROM device WHERE partnership_id = :p ORDER BY id"),
    ]


def assert_refused(tablet: Tablet, body: bytes, status: int, code: str, **headers: str) -> Document:
    before = state(tablet.world)
    response = tablet.post(body, {name.replace("_", "-"): value for name, value in headers.items()})
    problem: Document = response.json
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.mimetype == "application/problem+json"
    assert problem["type"] == f"urn:fieldsync:problem:{code}"
    assert problem["detail"]
    assert problem["request_id"]
    assert state(tablet.world) == before
    assert_works(tablet)
    return problem


def assert_works(tablet: Tablet) -> None:
    response = tablet.post(good(tablet))
    assert [verdict["verdict"] for verdict in response.json["verdicts"]] == ["applied"]


NOT_AN_EXCHANGE = {
    "empty": b"",
    "blank": b"   ",
    "no JSON": b"edits=1",
    "cut off": BEGUN + b', "edits": [',
    "two documents": b"{} {}",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "a text": b'"edits"',
    "nothing in it": b"{}",
    "no time": b'{"protocol": 1}',
    "time without zone": b'{"protocol": 1, "sent_at": "2026-03-01T08:00:00"}',
    "no time at all": b'{"protocol": 1, "sent_at": "yesterday"}',
    "protocol as text": b'{"protocol": "1", ' + SENT_AT.encode() + b"}",
    "edits as object": BEGUN + b', "edits": {}}',
    "edits as null": BEGUN + b', "edits": null}',
    "edit as text": BEGUN + b', "edits": ["x"]}',
    "edit without number": BEGUN + b', "edits": [{}]}',
    "edit number 0": BEGUN + b', "edits": [{"seq": 0}]}',
    "edit number true": BEGUN + b', "edits": [{"seq": true}]}',
    "edit number 1.0": BEGUN + b', "edits": [{"seq": 1.0}]}',
    "edit number beyond doubles": BEGUN + b', "edits": [{"seq": 9007199254740993}]}',
    "edit number of 5,000 digits": BEGUN + b', "edits": [{"seq": ' + b"9" * 5000 + b"}]}",
    "limit below 0": BEGUN + b', "limit": -1}',
    "limit above the most": BEGUN + b', "limit": 1001}',
    "limit as text": BEGUN + b', "limit": "9"}',
    "cursor too long": BEGUN + b', "cursor": "' + b"x" * 201 + b'"}',
    "epoch with a lone surrogate": BEGUN + b', "epoch": "\\ud800"}',
    "app version with U+0000": BEGUN + b', "app_version": "1\\u0000"}',
    "not UTF-8": BEGUN + b', "epoch": "\xff\xfe"}',
    "UTF-16": ('{"protocol": 1, ' + SENT_AT + "}").encode("utf-16"),
    "NaN": b'{"protocol": NaN, ' + SENT_AT.encode() + b"}",
    "Infinity": BEGUN + b', "limit": Infinity}',
    "nested deeply": b"[" * 100_000,
    "nested deeply in an edit": BEGUN + b', "edits": [{"seq": 1, "fields": '
    + b"[" * 50_000 + b"]" * 50_000 + b"}]}",
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_AN_EXCHANGE)
def test_no_exchange(world: World, name: str) -> None:
    assert_refused(world.tablet(), NOT_AN_EXCHANGE[name], 400, "malformed_body")


@pytest.mark.parametrize("protocol", [0, 2, -1, 2**40])
def test_another_protocol(world: World, protocol: int) -> None:
    """Also where that protocol's edits look otherwise."""
    for edits in ([], [{"what": "else"}]):
        body = json.dumps({"protocol": protocol, "sent_at": "2026-03-01T08:00:00Z", "edits": edits}).encode()
        code = "wrong_protocol" if protocol > 1 else "upgrade_required"
        problem = assert_refused(world.tablet(), body, 400, code)
        assert problem["protocol"] == 1


def test_too_many_edits(world: World) -> None:
    tablet = world.tablet()
    edits = [{"seq": number} for number in range(1, EDITS_PER_EXCHANGE_MAX + 2)]
    problem = assert_refused(tablet, json.dumps(tablet.document(edits)).encode(), 400, "malformed_body")
    assert str(EDITS_PER_EXCHANGE_MAX) in problem["detail"]


def test_too_large_as_it_comes(world: World) -> None:
    assert_refused(world.tablet(), b" " * (BODY_BYTES_MAX + 1), 413, "body_too_large")


def test_a_body_that_ends_before_its_length(world: World) -> None:
    tablet = world.tablet()
    body = good(tablet)
    before = state(world)
    tablet.seq -= 1
    response = world.app.test_client().post(
        "/v1/sync", data=body[:-20], headers=tablet.headers | {"Content-Type": "application/json"},
        environ_overrides={"CONTENT_LENGTH": str(len(body))},
    )  # fmt: skip
    assert response.status_code == 400
    assert response.json["code"] in ("malformed_body", "bad_request")
    assert state(world) == before
    assert_works(tablet)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/msgpack", ""])
def test_another_content_type(world: World, content_type: str) -> None:
    tablet = world.tablet()
    body = good(tablet)
    tablet.seq -= 1
    assert_refused(tablet, body, 415, "unsupported_media_type", Content_Type=content_type)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "x" * 5000, "gzip;q=1"])
def test_another_encoding(world: World, encoding: str) -> None:
    tablet = world.tablet()
    body = good(tablet)
    tablet.seq -= 1
    assert_refused(tablet, gzip.compress(body), 415, "unsupported_encoding", Content_Encoding=encoding)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd), ("GZIP", gzip.compress)])
def test_compressed_bodies(world: World, encoding: str, compress: Any) -> None:
    tablet = world.tablet()
    response = tablet.post(compress(good(tablet)), {"Content-Encoding": encoding})
    assert [verdict["verdict"] for verdict in response.json["verdicts"]] == ["applied"]


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd)])
class TestDamagedCompression:
    @pytest.mark.parametrize("left", [0, 1, 5, -1, -5, -9])
    def test_cut_off(self, world: World, encoding: str, compress: Any, left: int) -> None:
        tablet = world.tablet()
        body = compress(good(tablet))
        tablet.seq -= 1
        assert_refused(tablet, body[:left], 400, "malformed_body", Content_Encoding=encoding)

    def test_twice(self, world: World, encoding: str, compress: Any) -> None:
        tablet = world.tablet()
        body = compress(good(tablet)) + compress(b"{}")
        tablet.seq -= 1
        assert_refused(tablet, body, 400, "malformed_body", Content_Encoding=encoding)

    def test_followed_by_something(self, world: World, encoding: str, compress: Any) -> None:
        tablet = world.tablet()
        body = compress(good(tablet)) + b"\0"
        tablet.seq -= 1
        assert_refused(tablet, body, 400, "malformed_body", Content_Encoding=encoding)

    def test_not_compressed_at_all(self, world: World, encoding: str, compress: Any) -> None:
        tablet = world.tablet()
        body = good(tablet)
        tablet.seq -= 1
        assert_refused(tablet, body, 400, "malformed_body", Content_Encoding=encoding)

    def test_a_flipped_bit(self, world: World, encoding: str, compress: Any) -> None:
        """gzip has a checksum. A zstd frame has one if its writer wants; without, it must at least be an exchange."""
        tablet = world.tablet()
        body = bytearray(compress(good(tablet)))
        tablet.seq -= 1
        body[len(body) // 2] ^= 4
        if encoding == "gzip":
            assert_refused(tablet, bytes(body), 400, "malformed_body", Content_Encoding=encoding)
        else:
            assert tablet.post(bytes(body), {"Content-Encoding": encoding}).status_code in (200, 400)

    def test_just_above_the_limit(self, world: World, encoding: str, compress: Any) -> None:
        body = compress(b" " * (INFLATED_BYTES_MAX + 1))
        assert_refused(world.tablet(), body, 413, "body_too_large", Content_Encoding=encoding)

    def test_just_within_the_limit(self, world: World, encoding: str, compress: Any) -> None:
        tablet = world.tablet()
        body = good(tablet)
        padded = body + b" " * (INFLATED_BYTES_MAX - len(body))
        assert tablet.post(compress(padded), {"Content-Encoding": encoding}).status_code == 200


def gzip_bomb() -> bytes:
    writer = zlib.compressobj(9, wbits=31)
    return b"".join([writer.compress(bytes(MIB)) for _ in range(256)]) + writer.flush()


def zstd_bomb() -> bytes:
    writer = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join([writer.compress(bytes(MIB)) for _ in range(2048)]) + writer.flush()


def zstd_with_a_huge_window() -> bytes:
    chosen = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    writer = zstandard.ZstdCompressor(compression_params=chosen).compressobj()
    return writer.compress(b"{}" + b" " * (200 * MIB)) + writer.flush()


@pytest.mark.parametrize(
    ("encoding", "bomb", "code"),
    [
        ("gzip", gzip_bomb, "body_too_large"),
        ("zstd", zstd_bomb, "body_too_large"),
        ("zstd", zstd_with_a_huge_window, "malformed_body"),
    ],
)
def test_a_bomb_takes_little_memory(world: World, encoding: str, bomb: Any, code: str) -> None:
    tablet = world.tablet()
    body = bomb()
    assert len(body) < BODY_BYTES_MAX
    tracemalloc.start()
    try:
        response = tablet.post(body, {"Content-Encoding": encoding})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.json["code"] == code
    assert peak < 4 * INFLATED_BYTES_MAX
    assert_works(tablet)


SPOILT = {
    "U+0000 in a text": '{"title": "a\\u0000b"}',
    "U+0000 in a field's name": '{"a\\u0000b": 1}',
    "U+0000 deep inside": '{"location": {"lon": 1, "lat": [{"x": "\\u0000"}]}}',
    "a lone surrogate": '{"title": "cut \\ud83d"}',
    "a lone surrogate in a name": '{"\\udc00": 1}',
    "a number beyond doubles": '{"priority": 1e999}',
    "a number beyond doubles in an unknown field": '{"x": -1e999}',
    "a long number": '{"priority": 123456789012345678901234567890}',
    "a number of 5,000 digits": '{"x": ' + "9" * 5000 + "}",
    "a list": "[1]",
    "a text": '"title"',
    "null": "null",
    "nested": '{"title": ' + "[" * 200 + "]" * 200 + "}",
    "nested in an unknown field": '{"x": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
    "a long name": '{"' + "n" * 100_000 + '": 1}',
    "a long text": '{"title": "' + "t" * 100_000 + '"}',
    "no finite place": '{"location": {"lon": 1e308, "lat": 0}}',
    "a time of the year 0": '{"due_at": "0000-01-01T00:00:00Z"}',
    "a time before the year 1": '{"started_at": "0001-01-01T00:00:00+14:00"}',
    "a time after the year 9999": '{"started_at": "9999-12-31T23:59:59-14:00"}',
}


def spelled(tablet: Tablet, edits: list[Document], raw: str) -> bytes:
    """An exchange in which the fields "@" are spelled like this."""
    return json.dumps(tablet.document(edits)).replace('"@"', raw).encode()


@pytest.mark.parametrize("action", ["create", "update", "delete"])
@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_edit_is_refused_alone_and_kept(world: World, name: str, action: str) -> None:
    tablet, other, raw = world.tablet(), world.tablet(), SPOILT[name]
    job, task = tablet.new_job(), new_id()
    of_job = {"work_order_id": str(job)}
    tablet.push(tablet.edit("task", task, "create", of_job | {"title": "dig"}))
    before = tablet.edit("note", new_id(), "create", of_job | {"body": "before"})
    kind, record_id = {"create": ("work_order", new_id()), "update": ("work_order", job), "delete": ("task", task)}[
        action
    ]
    spoilt = tablet.edit(kind, record_id, action, "@", None if action == "create" else 1)
    after = tablet.edit("note", new_id(), "create", of_job | {"body": "after"})
    batch = [before, spoilt, after]
    response = tablet.post(spelled(tablet, batch, raw))
    assert response.status_code == 200, response.json
    verdicts = response.json["verdicts"]
    assert [verdict["verdict"] for verdict in verdicts] == ["applied", "refused", "applied"]
    assert verdicts[1]["problem"]["code"] in ("invalid_value", "unknown_field")
    assert len(verdicts[1]["problem"]["detail"]) < 500
    # Sent again: alone, with the others, and beside one that makes the server read edit by edit.
    unreadable = tablet.edit("note", new_id(), "create", {"body": "cut \ud83d"})
    for again in ([spoilt], batch, [*batch, unreadable]):
        answer = tablet.post(spelled(tablet, again, raw))
        assert answer.status_code == 200, answer.json
        repeated = [v for v in answer.json["verdicts"] if v["seq"] != unreadable["seq"]]
        assert [v["verdict"] for v in repeated] == ["repeated"] * len(repeated)
        (told,) = [v["recorded"] for v in repeated if v["seq"] == spoilt["seq"]]
        assert told == laws.recorded(verdicts[1])
    read = tablet.verdict(spoilt["edit_id"])
    assert laws.recorded(read.json) == laws.recorded(verdicts[1])
    assert read.json["fields"] not in (None, {})
    # Nobody who edits the same records afterwards stumbles over it.
    done = other.edit("task", task, "update", {"done": True}, 0)
    named = other.edit("work_order", job, "update", {"asset": "A"}, 0)
    assert [v["verdict"] for v in other.push(done, named)] == ["merged", "merged"]
    laws.a_replay_gives_the_same(world)


def test_what_depends_on_a_spoilt_create_is_told_so(world: World) -> None:
    """A text cut in the middle of an emoji spoils the job, and what was recorded on it hears that it is the job."""
    tablet = world.tablet()
    job = new_id()
    create = tablet.edit("work_order", job, "create", world.job(title="cut \ud83d"))
    note = tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "on it"})
    update = tablet.edit("work_order", job, "update", {"status": "completed"}, 0)
    verdicts = tablet.push(create, note, update)
    assert [v["problem"]["code"] for v in verdicts] == ["invalid_value", "depends_on", "depends_on"]
    again = tablet.edit("work_order", job, "create", world.job(title="whole"))
    (verdict,) = tablet.push(again)
    assert verdict["verdict"] == "applied"
