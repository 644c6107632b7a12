"""What is refused: hostile bodies, times out of bounds, stale versions, too much of anything."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from fieldsync.agreements.requests.rules import OFFERS_MAX
from fieldsync.problems import AlreadyThere
from tests.api.office.world import now
from tests.api.requests.mutual import DAY, PATH, Mutual, at, refusal, said

GOOD = {"title": "Storm", "starts_at": at(1), "ends_at": at(5)}

BAD: list[tuple[str, Any]] = [
    ("title", ""), ("title", "x" * 201), ("title", None), ("title", 7), ("title", "a\0b"), ("title", "\0"),
    ("note", "x" * 8_001), ("note", "a\0"), ("note", []),
    ("skill", ""), ("skill", "a b"), ("skill", "saw\n"), ("skill", "-saw"), ("skill", "s" * 51), ("skill", "säge"),
    ("service_type_id", "pothole"), ("service_type_id", 7),
    ("starts_at", "tomorrow"), ("starts_at", "2026-01-01"), ("starts_at", "2026-01-01T00:00:00"), ("starts_at", 7),
    ("starts_at", "0001-01-01T00:00:00+23:59"), ("starts_at", "9999-12-31T23:59:59-23:59"), ("starts_at", at(-1.1)),
    ("starts_at", at(367)), ("starts_at", at(5)), ("starts_at", None),
    ("ends_at", at(1)), ("ends_at", at(94)), ("ends_at", at(-2)), ("ends_at", "9999-12-31T23:59:59-23:59"),
    ("crews_wanted", 0), ("crews_wanted", -1), ("crews_wanted", 101), ("crews_wanted", 1.5), ("crews_wanted", "1"),
    ("crews_wanted", True), ("crews_wanted", 10**30),
    ("location", {"lon": 181, "lat": 0}), ("location", {"lon": 0, "lat": -91}), ("location", {"lon": 0}),
    ("location", [0, 0]), ("location", {"lon": 0, "lat": 0, "z": 1}), ("location", {"lon": "0", "lat": 0}),
    ("address", "x" * 301), ("address", "\0"), ("colour", "red"), ("state", "filled"), ("version", 7),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD, ids=lambda value: repr(value)[:40])
def test_a_value_that_cannot_be_is_refused_and_nothing_is_written(world: Mutual, field: str, value: Any) -> None:
    body = {"jurisdiction_id": str(world.towns["west"])} | GOOD | {field: value}
    answer = world.ask("POST", PATH, "of west", json=body)
    assert refusal(answer) == (422, "invalid_value")
    assert answer.json["field"].split(".")[0] in (field, "ends_at")  # type: ignore[index]
    assert said(world.ask("GET", PATH))["items"] == []
    if field not in ("starts_at", "state", "version", "colour"):
        request = world.new()
        assert refusal(world.edit(request, **{field: value})) == (422, "invalid_value")
        assert world.steps(request["id"]) == ["requested"]


@pytest.mark.parametrize(
    "sent", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"title": "\\ud800"}', b"[" * 100_000, b'{"title": NaN}']
)
@pytest.mark.parametrize("path", ["", "/{id}/offers", "/{id}/cancel", "/{id}/offers/{id}/release"])
def test_what_is_no_document_is_refused(world: Mutual, path: str, sent: bytes) -> None:
    request = world.new()
    answer = world.ask(
        "POST", PATH + path.format(id=request["id"]), if_match='"1"', data=sent, content_type="application/json"
    )
    assert refusal(answer) in ((400, "malformed_body"), (422, "invalid_value"))


def test_a_skill_or_a_service_type_not_both(world: Mutual) -> None:
    body = {"jurisdiction_id": str(world.towns["west"]), "skill": "saw", "service_type_id": str(world.signal)} | GOOD
    assert refusal(world.ask("POST", PATH, "of west", json=body)) == (422, "invalid_value")
    assert refusal(world.edit(world.new(skill="saw"), service_type_id=str(world.signal))) == (422, "invalid_value")


def test_nothing_new_with_what_is_retired(world: Mutual) -> None:
    world.run("UPDATE service_type SET retired = true WHERE partnership_id = :p AND code = 'signal'")
    world.run("UPDATE jurisdiction SET retired = true WHERE partnership_id = :p AND code = 'south'")
    for by, town, more in (("of west", "west", {"service_type_id": str(world.signal)}), ("of south", "south", {})):
        body = {"jurisdiction_id": str(world.towns[town])} | GOOD | more
        assert refusal(world.ask("POST", PATH, by, json=body)) == (422, "unknown_reference")


def test_it_may_have_begun_a_day_ago_and_last_a_season(world: Mutual) -> None:
    world.new(starts_at=at(-0.9))
    request = world.new(starts_at=at(365), ends_at=at(365 + 92))
    world.shift(request["id"], 365 * DAY)
    # Begun meanwhile, its end may still be moved; its begin only to where a new one may begin.
    world.shift(request["id"], 10 * DAY)
    said(world.edit(request, ends_at=at(40)))
    answer = world.edit(request, starts_at=at(-9))
    assert (refusal(answer), answer.json["field"]) == ((422, "invalid_value"), "starts_at")  # type: ignore[index]
    answer = world.edit(request, ends_at=at(90))
    assert (refusal(answer), answer.json["field"]) == ((422, "invalid_value"), "ends_at")  # type: ignore[index]


OFFERS: list[tuple[str, Any]] = [
    ("crew_id", "gamma"), ("crew_id", None), ("starts_at", at(0.5)), ("ends_at", at(5.5)), ("starts_at", at(5.1)),
    ("ends_at", at(0.9)), ("starts_at", "now"), ("cents_per_hour", -1), ("cents_per_hour", 10_000_001),
    ("cents_per_hour", 0.5), ("note", "\0"), ("state", "accepted"), ("jurisdiction_id", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), OFFERS, ids=repr)
def test_an_offer_that_cannot_be_is_refused(world: Mutual, field: str, value: Any) -> None:
    request = world.new(starts_at=at(1), ends_at=at(5))
    answer = world.try_offer(request, **{field: value})
    assert refusal(answer) == (422, "invalid_value")
    assert world.steps(request["id"]) == ["requested"]


def test_an_offer_for_a_time_that_is_over(world: Mutual) -> None:
    request = world.new(starts_at=at(1), ends_at=at(5))
    world.shift(request["id"], 3 * DAY)
    answer = world.try_offer(request, ends_at=at(-1))
    assert (refusal(answer), answer.json["field"]) == ((422, "invalid_value"), "ends_at")  # type: ignore[index]


def test_a_crew_is_offered_once(world: Mutual) -> None:
    request, offer = world.new(crews_wanted=3), None
    for step, by in ((None, ""), ("decline", "of west"), ("withdraw", "of east"), ("accept", "of west")):
        if step is not None and offer is not None:
            said(world.step(step, offer, by, reason="x"))
        if step != "accept":
            offer = world.offer(request)
        answer = world.try_offer(request)
        assert (refusal(answer), answer.json["field"]) == ((409, "already_there"), "crew_id")  # type: ignore[index]
    # For another request it may be offered at the same time: the helper knows what it does.
    world.offer(world.new())


def test_the_database_keeps_it_too(world: Mutual) -> None:
    offer = world.offer(world.new())
    again = """
        INSERT INTO resource_offer (partnership_id, id, version, request_id, jurisdiction_id, crew_id, starts_at,
                                    ends_at, state, created_at, created_by)
        SELECT partnership_id, gen_random_uuid(), 1, request_id, jurisdiction_id, crew_id, starts_at, ends_at, state,
               created_at, created_by FROM resource_offer WHERE partnership_id = :p AND id = :id
    """
    with pytest.raises(AlreadyThere):
        world.run(again, id=offer["id"])


def test_not_ones_own_crew_and_none_that_is_disbanded(world: Mutual) -> None:
    request = world.new()
    answer = world.try_offer(request, "alpha", "of west")
    assert (refusal(answer), answer.json["field"]) == ((422, "invalid_value"), "crew_id")  # type: ignore[index]
    world.run("UPDATE crew SET disbanded_at = now() WHERE partnership_id = :p AND code = 'gamma'")
    assert refusal(world.try_offer(request)) == (409, "crew_disbanded")


def test_no_more_offers_and_acceptances_than_crews_are_wanted(world: Mutual) -> None:
    request = world.new()
    one, two = world.offer(request, "gamma"), world.offer(request, "sigma", "of south")
    said(world.step("accept", one, "of west"))
    assert refusal(world.step("accept", two, "of west")) == (409, "request_filled")
    assert refusal(world.try_offer(request, "delta")) == (409, "request_filled")
    assert world.steps(request["id"]) == ["requested", "offered", "offered", "accepted"]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE crew SET disbanded_at = now() WHERE partnership_id = :p AND code = 'gamma'", "crew_disbanded"),
        ("UPDATE crew SET jurisdiction_id = :south WHERE partnership_id = :p AND code = 'gamma'", "offer_over"),
        ("UPDATE resource_offer SET starts_at = now() - interval '2 h', ends_at = now() WHERE partnership_id = :p",
         "offer_over"),
    ],
)  # fmt: skip
def test_an_offer_that_has_lapsed_is_not_accepted(world: Mutual, sql: str, code: str) -> None:
    request = world.new()
    offer = world.offer(request)
    world.run(sql, **({"south": world.towns["south"]} if ":south" in sql else {}))
    assert refusal(world.step("accept", offer, "of west")) == (409, code)
    assert world.steps(request["id"]) == ["requested", "offered"]
    assert world.change_of("gamma") == 0


def test_a_request_takes_so_many_offers_and_no_more(world: Mutual) -> None:
    request = world.new(crews_wanted=100)
    world.run(
        """INSERT INTO resource_offer (partnership_id, id, version, request_id, jurisdiction_id, crew_id, starts_at,
                                       ends_at, state, created_at, created_by)
           SELECT :p, gen_random_uuid(), 2, :request, :east, :crew, now(), now(), 'declined', now(), :staff
           FROM generate_series(1, :n)""",
        request=request["id"], east=world.towns["east"], crew=world.crews["gamma"], staff=world.staff["of east"],
        n=OFFERS_MAX - 1,
    )  # fmt: skip
    world.offer(request, "gamma")
    assert refusal(world.try_offer(request, "delta")) == (409, "too_many_offers")
    assert len(world.get(request["id"])["offers"]) == OFFERS_MAX


NAMED = ["accept", "decline", "withdraw"]


@pytest.mark.parametrize("second", NAMED)
@pytest.mark.parametrize("first", NAMED)
def test_an_offer_is_settled_once(world: Mutual, first: str, second: str) -> None:
    offer = world.offer(world.new())
    right = {"accept": "of west", "decline": "of west", "withdraw": "of east"}
    settled = said(world.step(first, offer, right[first], reason="x"))
    stale = world.step(second, offer, right[second], reason="x")
    assert refusal(stale) == (412, "precondition_failed")
    assert stale.json["current"] == settled  # type: ignore[index]
    assert stale.headers["ETag"] == settled["etag"]
    known = world.step(second, settled, right[second], reason="x")
    assert (refusal(known), known.json["state"]) == ((409, "offer_settled"), settled["state"])  # type: ignore[index]


@pytest.mark.parametrize(("tag", "status"), [(None, 428), ("*", 428), ('W/"1"', 412), ('"7"', 412), ("junk", 412)])
def test_a_step_says_which_version_it_is_on(world: Mutual, tag: str | None, status: int) -> None:
    request = world.new()
    offer, path = world.offer(request), f"{PATH}/{request['id']}"
    bodies: list[tuple[str, str, str, dict[str, Any]]] = [
        ("PATCH", "", "of west", {"title": "x"}), ("POST", "/close", "of west", {"reason": "x"}),
        ("POST", "/cancel", "of west", {"reason": "x"}),
        ("POST", "/offers", "of east", {"crew_id": str(world.crews["delta"])}),
        ("POST", f"/offers/{offer['id']}/accept", "of west", {}),
        ("POST", f"/offers/{offer['id']}/decline", "of west", {"reason": "x"}),
        ("POST", f"/offers/{offer['id']}/withdraw", "of east", {}),
    ]  # fmt: skip
    for method, part, by, body in bodies:
        assert world.ask(method, path + part, by, tag, json=body).status_code == status
    assert world.steps(request["id"]) == ["requested", "offered"]


def test_an_offer_answers_to_what_was_read(world: Mutual) -> None:
    request = world.new()
    changed = said(world.edit(request, address="On the other shore"))
    answer = world.try_offer(request, tag=request["etag"])
    assert refusal(answer) == (412, "precondition_failed")
    assert answer.json["current"] == changed  # type: ignore[index]


@pytest.mark.parametrize("name", ["cancel", "close", "decline"])
@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": None}, {"reason": "x" * 2_001}, {"reason": "\0"}])
def test_a_reason_is_owed(world: Mutual, name: str, body: dict[str, Any]) -> None:
    request = world.new()
    offer = world.offer(request)
    part = f"/offers/{offer['id']}/decline" if name == "decline" else f"/{name}"
    answer = world.ask("POST", f"{PATH}/{request['id']}{part}", "of west", '"1"', json=body)
    assert (refusal(answer), answer.json["field"]) == ((422, "invalid_value"), "reason")  # type: ignore[index]


@pytest.mark.parametrize("at_", ["now", "2026-01-01T00:00:00", 7, timedelta(minutes=-6)])
def test_a_release_needs_a_moment_that_can_be(world: Mutual, at_: Any) -> None:
    _, offer = world.accepted()
    at = (now() + at_).isoformat() if isinstance(at_, timedelta) else at_
    assert refusal(world.step("release", offer, "of east", at=at)) == (422, "invalid_value")


def test_long_texts_up_to_their_limit_are_kept(world: Mutual) -> None:
    request = world.new(title="ü" * 200, note="n" * 8_000, address="a" * 300, skill="s" * 50, crews_wanted=100)
    assert json.loads(world.ask("GET", f"{PATH}/{request['id']}").data)["title"] == "ü" * 200
