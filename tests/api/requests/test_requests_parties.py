"""Each step by the right party only. Partners may see it all; to other partnerships it is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.api.requests.mutual import PATH, Mutual, at, refusal, said

EVERYBODY = {"of west", "of east", "of south", "of both", "dispatcher"}
"""Dispatchers. West asks, East helps, South looks on; ``dispatcher`` acts for all of them."""

ASKER, HELPER = {"of west", "of both", "dispatcher"}, {"of east", "of both", "dispatcher"}

Step = Callable[[Mutual, str], TestResponse]


def _ask(world: Mutual, by: str) -> TestResponse:
    body = {"jurisdiction_id": str(world.towns["west"]), "title": "x", "starts_at": at(0), "ends_at": at(1)}
    return world.ask("POST", PATH, by, json=body)


def _on_request(step: Callable[[Mutual, dict[str, Any], str], TestResponse]) -> Step:
    return lambda world, by: step(world, world.new(), by)


def _on_offer(name: str, **body: Any) -> Step:
    return lambda world, by: world.step(name, world.offer(world.new()), by, **body)


def _release(world: Mutual, by: str) -> TestResponse:
    _, offer = world.accepted()
    side = world.towns["west" if by in ASKER else "east"]
    return world.step("release", offer, by, **({"jurisdiction_id": str(side)} if by in ASKER & HELPER else {}))


STEPS: dict[str, tuple[Step, set[str]]] = {
    "ask": (_ask, ASKER),
    "change": (_on_request(lambda world, request, by: world.edit(request, by, title="Ice")), ASKER),
    "cancel": (_on_request(lambda world, request, by: world.end("cancel", request, by)), ASKER),
    "close": (_on_request(lambda world, request, by: world.end("close", request, by)), ASKER),
    "offer": (_on_request(lambda world, request, by: world.try_offer(request, "gamma", by)), HELPER),
    "accept": (_on_offer("accept"), ASKER),
    "decline": (_on_offer("decline", reason="Too far"), ASKER),
    "withdraw": (_on_offer("withdraw"), HELPER),
    "release": (_release, ASKER | HELPER),
}


@pytest.mark.parametrize("by", sorted(EVERYBODY))
@pytest.mark.parametrize("name", STEPS)
def test_only_the_right_party_takes_a_step(world: Mutual, name: str, by: str) -> None:
    step, right = STEPS[name]
    answer = step(world, by)
    if by in right:
        assert answer.status_code in (200, 201), answer.json
    else:
        assert refusal(answer) == (403, "not_allowed")


@pytest.mark.parametrize("by", ["west admin", "admin", "gis", "alpha"])
@pytest.mark.parametrize("name", STEPS)
def test_who_is_no_dispatcher_takes_none(world: Mutual, name: str, by: str) -> None:
    assert refusal(STEPS[name][0](world, by)) == (403, "not_allowed")


@pytest.mark.parametrize("name", [name for name in STEPS if name != "ask"])
def test_a_refused_step_leaves_nothing_behind(world: Mutual, name: str) -> None:
    step, _ = STEPS[name]
    step(world, "of south")
    (request,) = said(world.ask("GET", PATH))["items"]
    taken = {"accept": 2, "decline": 2, "withdraw": 2, "release": 3}.get(name, 1)
    assert len(world.get(request["id"])["history"]) == taken


@pytest.mark.parametrize("by", ["of west", "of east", "of south", "admin", "west admin"])
def test_all_partners_see_requests_offers_and_history(world: Mutual, by: str) -> None:
    request, offer = world.accepted(note="Bring lights")
    path = f"{PATH}/{request['id']}"
    assert said(world.ask("GET", PATH, by))["items"][0]["note"] == "Bring lights"
    assert said(world.ask("GET", path, by))["offers"][0]["id"] == offer["id"]
    assert said(world.ask("GET", f"{path}/offers/{offer['id']}", by))["state"] == "accepted"
    assert len(said(world.ask("GET", f"{path}/history", by))["items"]) == 3
    assert len(said(world.ask("GET", f"{path}/helpers", by))["items"]) == 3


@pytest.mark.parametrize("by", ["gis", "alpha"])
def test_others_than_dispatchers_and_admins_do_not(world: Mutual, by: str) -> None:
    assert refusal(world.ask("GET", PATH, by)) == (403, "not_allowed")


def test_for_another_partnership_there_is_nothing(world: Mutual, elsewhere: Mutual) -> None:
    request, offer = world.accepted()
    path = f"{PATH}/{request['id']}"
    assert said(elsewhere.ask("GET", PATH))["items"] == []
    assert refusal(elsewhere.ask("GET", path)) == (404, "not_found")
    for part in ("/history", "/helpers", f"/offers/{offer['id']}"):
        assert refusal(elsewhere.ask("GET", path + part)) == (404, "not_found")
    body: dict[str, Any]
    for method, part, body in (
        ("PATCH", "", {"title": "x"}), ("POST", "/cancel", {"reason": "x"}),
        ("POST", "/close", {"reason": "x"}), ("POST", "/offers", {"crew_id": str(elsewhere.crews["gamma"])}),
        ("POST", f"/offers/{offer['id']}/accept", {}), ("POST", f"/offers/{offer['id']}/decline", {"reason": "x"}),
        ("POST", f"/offers/{offer['id']}/withdraw", {}), ("POST", f"/offers/{offer['id']}/release", {}),
    ):  # fmt: skip
        answer = elsewhere.ask(method, path + part, if_match='"1"', json=body)
        assert refusal(answer) == (404, "not_found")


def test_nothing_of_another_partnership_can_be_named(world: Mutual, elsewhere: Mutual) -> None:
    body = {"jurisdiction_id": str(elsewhere.towns["west"]), "title": "x", "starts_at": at(0), "ends_at": at(1)}
    answer = world.ask("POST", PATH, "dispatcher", json=body)
    assert (refusal(answer), answer.json["field"]) == ((422, "unknown_reference"), "jurisdiction_id")  # type: ignore[index]
    body |= {"jurisdiction_id": str(world.towns["west"]), "service_type_id": str(elsewhere.pothole)}
    answer = world.ask("POST", PATH, "dispatcher", json=body)
    assert (refusal(answer), answer.json["field"]) == ((422, "unknown_reference"), "service_type_id")  # type: ignore[index]
    world.crews["theirs"] = elsewhere.crews["gamma"]
    answer = world.try_offer(world.new(), "theirs", "dispatcher")
    assert (refusal(answer), answer.json["field"]) == ((422, "unknown_reference"), "crew_id")  # type: ignore[index]


def test_an_offer_is_found_only_under_its_request(world: Mutual) -> None:
    offer, other = world.offer(world.new()), world.new()
    assert refusal(world.ask("GET", f"{PATH}/{other['id']}/offers/{offer['id']}")) == (404, "not_found")
    assert refusal(world.step("withdraw", offer | {"request_id": other["id"]}, "of east")) == (404, "not_found")


class TestTheHelpersSoleDiscretion:
    """Law: only a helper's own dispatcher acts in its name, and its release is never refused while its crew helps."""

    @pytest.mark.parametrize("by", ["of east", "of both", "dispatcher"])
    @pytest.mark.parametrize("end", [None, "close"])
    def test_it_releases_whatever_has_happened_to_the_request(self, world: Mutual, by: str, end: str | None) -> None:
        request, offer = world.accepted()
        if end is not None:
            said(world.end(end, request))
        said(world.step("release", offer, by, jurisdiction_id=str(world.towns["east"])))
        last = world.get(request["id"])["history"][-1]
        assert (last["action"], last["jurisdiction_id"], last["reason"]) == ("released", str(world.towns["east"]), None)

    def test_after_the_asker_has_released_for_later(self, world: Mutual) -> None:
        request, offer = world.accepted()
        said(world.step("release", offer, "of west", at=at(4)))
        world.run("UPDATE crew SET disbanded_at = now() WHERE partnership_id = :p AND code = 'gamma'")
        gone = said(world.step("release", offer, "of east"))
        assert gone["ends_at"] == gone["starts_at"]
        assert [e["jurisdiction_id"] for e in world.get(request["id"])["history"][-2:]] == [
            str(world.towns["west"]), str(world.towns["east"]),
        ]  # fmt: skip

    def test_even_when_the_crew_has_changed_its_employer(self, world: Mutual) -> None:
        """The offer stays the helper's who made it."""
        _, offer = world.accepted()
        world.run(
            "UPDATE crew SET jurisdiction_id = :south WHERE partnership_id = :p AND code = 'gamma'",
            south=world.towns["south"],
        )
        assert refusal(world.step("release", offer, "of south")) == (403, "not_allowed")
        said(world.step("release", offer, "of east"))

    def test_who_asked_releases_in_her_own_name_only(self, world: Mutual) -> None:
        request, offer = world.accepted()
        answer = world.step("release", offer, "of west", jurisdiction_id=str(world.towns["east"]))
        assert refusal(answer) == (403, "not_allowed")
        said(world.step("release", offer, "of west"))
        assert world.get(request["id"])["history"][-1]["jurisdiction_id"] == str(world.towns["west"])

    def test_who_acts_for_both_says_for_whom(self, world: Mutual) -> None:
        request, offer = world.accepted()
        answer = world.step("release", offer, "of both")
        assert (refusal(answer), answer.json["field"]) == ((422, "invalid_value"), "jurisdiction_id")  # type: ignore[index]
        answer = world.step("release", offer, "dispatcher", jurisdiction_id=str(world.towns["south"]))
        assert refusal(answer) == (403, "not_allowed")
        assert world.steps(request["id"])[-1] == "accepted"

    @pytest.mark.parametrize("by", ["of west", "of south"])
    @pytest.mark.parametrize("crew", ["gamma", "delta"])
    def test_nobody_else_offers_its_crews(self, world: Mutual, by: str, crew: str) -> None:
        request = world.new()
        assert refusal(world.try_offer(request, crew, by)) == (403, "not_allowed")
        assert world.get(request["id"])["offers"] == []
