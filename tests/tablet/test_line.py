"""What each answer of the network means to a tablet, and how long it waits."""

from __future__ import annotations

import json
import random

import pytest

from fieldsync.tablet import AppOutdated, NotEnrolled, Reply, SequenceGap, ServerRefused, Unreachable
from fieldsync.tablet.answer import checked
from fieldsync.tablet.backoff import FIRST_S, LONGEST_S, Backoff
from fieldsync.tablet.line import understood

JSON = {"Content-Type": "application/json"}
PROBLEM = {"Content-Type": "application/problem+json"}
ANSWER = {"epoch": "e", "server_time": "2026-01-01T00:00:00Z", "expected_seq": 1, "verdicts": [], "changes": [],
          "cursor": "c", "more": False, "reset": False}  # fmt: skip


def problem(status: int, code: str, **facts: object) -> Reply:
    document = {"type": f"urn:fieldsync:problem:{code}", "code": code, "detail": "Why."} | facts
    return Reply(status, PROBLEM, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, JSON, b'{"a": 1'), Unreachable),
        (Reply(200, JSON, b"[1]"), Unreachable),
        (Reply(200, {"Content-Type": "text/html"}, b"<html>log in</html>"), Unreachable),
        (Reply(302, {"Location": "http://portal"}, b""), Unreachable),
        (Reply(401, {"Content-Type": "text/html"}, b"proxy"), Unreachable),
        (Reply(409, JSON, b"{}"), Unreachable),
        (Reply(503, PROBLEM, b"{}"), Unreachable),
        (Reply(500, {}, b""), Unreachable),
        (problem(401, "not_authenticated"), NotEnrolled),
        (problem(409, "sequence_gap", expected_seq=3), SequenceGap),
        (problem(400, "wrong_protocol"), AppOutdated),
        (problem(400, "malformed_body"), ServerRefused),
        (problem(413, "body_too_large"), ServerRefused),
    ],
)
def test_what_an_answer_means(reply: Reply, expected: type[Exception]) -> None:
    with pytest.raises(expected) as raised:
        understood(reply)
    assert type(raised.value) is expected


def test_a_gap_says_what_is_expected() -> None:
    with pytest.raises(SequenceGap) as raised:
        understood(problem(409, "sequence_gap", expected_seq=3))
    assert raised.value.expected_seq == 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("Thu, 01 Jan 2026 00:01:30 GMT", 90.0), ("soon", None), (None, None),
     ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0)],
)  # fmt: skip
def test_retry_after_is_honoured_whatever_the_tablets_clock_shows(header: str | None, seconds: float | None) -> None:
    headers = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"} | ({"Retry-After": header} if header else {})
    with pytest.raises(Unreachable) as raised:
        understood(Reply(503, headers, b""))
    assert raised.value.retry_after_s == seconds


@pytest.mark.parametrize(
    "wrong",
    [{"epoch": 5}, {"expected_seq": "1"}, {"expected_seq": True}, {"verdicts": {}}, {"cursor": 3}, {"more": "no"},
     {"changes": [{"kind": "note"}]}, {"changes": [{"kind": "note", "id": "i", "version": 1}]},
     {"verdicts": [{"seq": 1, "edit_id": "e", "verdict": "perhaps"}]},
     {"verdicts": [{"seq": 1, "edit_id": "e", "verdict": "repeated", "recorded": None}]}],
)  # fmt: skip
def test_an_answer_of_another_shape_is_no_answer(wrong: dict[str, object]) -> None:
    assert checked(ANSWER | {"something_new": 1}).cursor == "c"
    with pytest.raises(Unreachable):
        checked(ANSWER | wrong)
    for name in ANSWER:
        with pytest.raises(Unreachable):
            checked({key: value for key, value in ANSWER.items() if key != name})


def test_waiting_times_grow_and_are_spread() -> None:
    backoff = Backoff(random.Random(1))
    pauses = [backoff.failed() for _ in range(200)]
    assert all(0 <= pause <= min(LONGEST_S, FIRST_S * 2**number) for number, pause in enumerate(pauses))
    assert max(pauses) > LONGEST_S / 2
    assert len(set(pauses)) == len(pauses)
    backoff.succeeded()
    assert backoff.failed() <= FIRST_S
    assert backoff.failed(retry_after_s=60) >= 60
