"""The life of a request: asked, offered, accepted, released, closed; and what each step leaves behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.api.office.world import WEST, now
from tests.api.requests.mutual import DAY, PATH, Mutual, at, moment, refusal, said


def test_a_whole_life(world: Mutual) -> None:
    request = world.new(
        title="Trees down", note="Bring lights", skill="saw", crews_wanted=2, location=WEST, address="Main St"
    )
    assert (request["state"], request["version"], request["etag"]) == ("open", 1, '"1"')
    assert (request["location"], request["address"], request["skill"]) == (WEST, "Main St", "saw")
    one = world.offer(request, "gamma", "of east", cents_per_hour=9_500, note="With a chipper")
    two = world.offer(request, "sigma", "of south", starts_at=at(2), ends_at=at(4))
    assert (one["state"], one["crew"]["code"], one["jurisdiction_id"]) == ("offered", "gamma", str(world.towns["east"]))
    assert (one["starts_at"], one["ends_at"]) == (request["starts_at"], request["ends_at"])
    assert one["cents_per_hour"] == 9_500
    assert two["request"]["crews_offered"] == 2

    first = said(world.step("accept", one, "of west", reason="Nearest"))
    assert (first["state"], first["version"], first["request"]["state"]) == ("accepted", 2, "open")
    second = said(world.step("accept", two, "of west"))
    assert (second["request"]["state"], second["request"]["crews_accepted"]) == ("filled", 2)

    gone = said(world.step("release", one, "of east", reason="Our own storm"))
    assert (gone["state"], gone["request"]["state"], gone["request"]["crews_accepted"]) == ("released", "open", 1)
    closed = said(world.end("close", request))
    assert closed["state"] == "closed"
    assert [offer["state"] for offer in closed["offers"]] == ["released", "accepted"]

    told = [(e["action"], e["by"]["name"], e["jurisdiction_id"], e["reason"]) for e in closed["history"]]
    west, east, south = (str(world.towns[name]) for name in ("west", "east", "south"))
    assert told == [
        ("requested", "Of West", west, None),
        ("offered", "Of East", east, None),
        ("offered", "Of South", south, None),
        ("accepted", "Of West", west, "Nearest"),
        ("accepted", "Of West", west, None),
        ("released", "Of East", east, "Our own storm"),
        ("closed", "Of West", west, "The storm turned"),
    ]
    assert [e["offer_id"] for e in closed["history"]] == [
        None, one["id"], two["id"], one["id"], two["id"], one["id"], None,
    ]  # fmt: skip
    times = [moment(e["at"]) for e in closed["history"]]
    assert times == sorted(times)


def test_what_was_made_says_where_it_is(world: Mutual) -> None:
    body = {"jurisdiction_id": str(world.towns["west"]), "title": "x", "starts_at": at(0), "ends_at": at(1)}
    answer = world.ask("POST", PATH, "of west", json=body)
    assert world.ask("GET", answer.headers["Location"].removeprefix("/v1")).json == answer.json
    assert answer.headers["ETag"] == answer.json["etag"]  # type: ignore[index]
    made = world.try_offer(said(answer, 201))
    read = world.ask("GET", made.headers["Location"].removeprefix("/v1"))
    assert read.json == made.json
    assert read.headers["ETag"] == made.headers["ETag"] == '"1"'


def test_a_change_is_told_field_by_field(world: Mutual) -> None:
    request = world.new(note="a")
    changed = said(world.edit(request, title="Ice", note=None, location=WEST, crews_wanted=3, reason="Worse"))
    assert (changed["title"], changed["note"], changed["location"], changed["version"]) == ("Ice", None, WEST, 2)
    event = changed["history"][-1]
    assert (event["action"], event["reason"]) == ("changed", "Worse")
    assert event["changed"] == {
        "title": {"before": "Storm", "after": "Ice"},
        "note": {"before": "a", "after": None},
        "location": {"before": None, "after": WEST},
        "crews_wanted": {"before": 1, "after": 3},
    }


def test_a_change_of_nothing_is_no_step(world: Mutual) -> None:
    request, head = world.new(), world.head()
    same = said(world.edit(request, title="Storm", starts_at=request["starts_at"]))
    assert (same["version"], world.steps(request["id"]), world.head()) == (1, ["requested"], head)


def test_more_crews_wanted_open_it_again_and_fewer_fill_it(world: Mutual) -> None:
    request, _ = world.accepted()
    assert request["crews_accepted"] == 0
    assert world.get(request["id"])["state"] == "filled"
    assert said(world.edit(request, crews_wanted=2))["state"] == "open"
    assert said(world.edit(request, crews_wanted=1))["state"] == "filled"


def test_what_helpers_answered_to_stays(world: Mutual) -> None:
    request = world.new(skill="saw", location=WEST)
    offer = world.offer(request, starts_at=at(2), ends_at=at(3))
    for field, value in (("skill", None), ("location", None), ("address", "Elsewhere")):
        answer = world.edit(request, **{field: value})
        assert (refusal(answer), answer.json["field"]) == ((409, "request_answered"), field)  # type: ignore[index]
    for field, value in (("starts_at", at(2.5)), ("ends_at", at(2.5))):
        answer = world.edit(request, **{field: value})
        assert (refusal(answer), answer.json["field"]) == ((409, "request_answered"), field)  # type: ignore[index]
    # What leaves room for the offer may change.
    said(world.edit(request, starts_at=at(1.5), ends_at=at(9), title="Big storm", note="n"))
    # Once nobody waits for an answer, all of it may.
    said(world.step("decline", offer, "of west", reason="Too late"))
    said(world.edit(request, skill=None, service_type_id=str(world.signal), starts_at=at(2.5)))


def test_what_was_accepted_stays_even_after_its_release(world: Mutual) -> None:
    """Work that rested on the offer is explained by it for ever."""
    request, offer = world.accepted(skill="saw", crews_wanted=2)
    said(world.step("release", offer, "of east"))
    assert refusal(world.edit(request, skill="tar")) == (409, "request_answered")


def test_no_fewer_crews_than_are_accepted(world: Mutual) -> None:
    request = world.new(crews_wanted=2)
    for crew in ("gamma", "delta"):
        said(world.step("accept", world.offer(request, crew), "of west"))
    answer = world.edit(request, crews_wanted=1)
    assert (refusal(answer), answer.json["field"]) == ((409, "request_answered"), "crews_wanted")  # type: ignore[index]


def test_cancelling_settles_every_offer_for_the_same_reason(world: Mutual) -> None:
    request = world.new(crews_wanted=3)
    kept = world.offer(request, "gamma")
    said(world.step("accept", kept, "of west"))
    world.offer(request, "delta")
    begun = world.offer(request, "sigma", "of south")
    said(world.step("accept", begun, "of west"))
    head = world.head()
    done = said(world.end("cancel", request))
    assert (done["state"], done["version"]) == ("cancelled", 2)
    assert [offer["state"] for offer in done["offers"]] == ["released", "declined", "released"]
    # They had not begun, so they hold at no time.
    assert [o["starts_at"] == o["ends_at"] for o in done["offers"]] == [True, False, True]
    last = done["history"][-4:]
    assert {(e["action"], e["reason"], e["jurisdiction_id"]) for e in last} == {
        (action, "The storm turned", str(world.towns["west"])) for action in ("cancelled", "declined", "released")
    }
    assert [e["offer_id"] for e in last if e["action"] == "released"] == [kept["id"], begun["id"]]
    assert world.change_of("gamma") == world.change_of("sigma") == world.head() == head + 1


def test_closing_declines_what_waits_and_leaves_who_helps(world: Mutual) -> None:
    request = world.new(crews_wanted=2)
    helps = world.offer(request, "gamma")
    said(world.step("accept", helps, "of west"))
    world.offer(request, "sigma", "of south")
    done = said(world.end("close", request))
    assert [offer["state"] for offer in done["offers"]] == ["accepted", "declined"]
    # Who helps can still be released, and the request stays closed.
    gone = said(world.step("release", helps, "of west"))
    assert (gone["state"], gone["request"]["state"]) == ("released", "closed")


class TestRelease:
    def test_takes_effect_now_and_ends_the_offer_there(self, world: Mutual) -> None:
        request, offer = world.accepted()
        world.shift(request["id"], 2 * DAY)
        before = now()
        gone = said(world.step("release", offer, "of east"))
        assert before <= moment(gone["ends_at"]) <= now()
        assert gone["over"]
        event = world.get(request["id"])["history"][-1]
        assert moment(event["changed"]["ends_at"]["after"]) == moment(gone["ends_at"])

    def test_at_a_moment_to_come_and_then_sooner_by_the_other_side(self, world: Mutual) -> None:
        request, offer = world.accepted()
        later = said(world.step("release", offer, "of west", at=at(3)))
        assert (later["state"], later["over"], later["request"]["state"]) == ("released", False, "open")
        sooner = said(world.step("release", offer, "of east", at=at(2)))
        assert moment(sooner["ends_at"]) < moment(later["ends_at"])
        assert world.steps(request["id"])[-2:] == ["released", "released"]
        # Nothing makes it longer again.
        assert refusal(world.step("release", offer, "of west", at=at(3))) == (422, "invalid_value")

    @pytest.mark.parametrize("days", [-1, 5.5])
    def test_not_in_the_past_and_not_beyond_the_end(self, world: Mutual, days: float) -> None:
        _, offer = world.accepted()
        answer = world.step("release", offer, "of east", at=at(days))
        assert (refusal(answer), answer.json["field"]) == ((422, "invalid_value"), "at")  # type: ignore[index]

    def test_a_clock_that_is_a_little_slow_means_now(self, world: Mutual) -> None:
        request, offer = world.accepted()
        world.shift(request["id"], 2 * DAY)
        before = now()
        gone = said(world.step("release", offer, "of east", at=(now() - timedelta(minutes=4)).isoformat()))
        assert moment(gone["ends_at"]) >= before

    def test_before_it_began_it_holds_at_no_time(self, world: Mutual) -> None:
        _, offer = world.accepted()
        gone = said(world.step("release", offer, "of east"))
        assert gone["ends_at"] == gone["starts_at"]
        assert refusal(world.step("release", offer, "of east")) == (409, "offer_over")

    def test_what_is_over_cannot_be_released(self, world: Mutual) -> None:
        request, offer = world.accepted()
        world.shift(request["id"], 10 * DAY)
        assert refusal(world.step("release", offer, "of east")) == (409, "offer_over")
        assert world.get(request["id"])["state"] == "closed"

    @pytest.mark.parametrize("step", [None, "decline", "withdraw"])
    def test_only_what_was_accepted(self, world: Mutual, step: str | None) -> None:
        offer = world.offer(world.new())
        if step is not None:
            said(world.step(step, offer, "of both", reason="x"))
        assert refusal(world.step("release", offer, "of east")) == (409, "offer_not_accepted")

    def test_the_crew_can_be_offered_again(self, world: Mutual) -> None:
        request, offer = world.accepted()
        said(world.step("release", offer, "of east"))
        again = world.offer(request)
        assert said(world.step("accept", again, "of west"))["request"]["state"] == "filled"


def test_when_its_time_is_over_it_is_closed_by_itself(world: Mutual) -> None:
    request = world.new()
    offer = world.offer(request)
    world.shift(request["id"], 10 * DAY)
    after = world.get(request["id"])
    assert (after["state"], after["version"]) == ("closed", 1)
    steps: list[Any] = [
        world.edit(request, ends_at=at(9)), world.end("close", request), world.end("cancel", request),
        world.step("accept", offer, "of west"), world.try_offer(request, "delta"),
    ]  # fmt: skip
    for answer in steps:
        assert (refusal(answer), answer.json["state"]) == ((409, "request_over"), "closed")
    # What waits can still be cleared away.
    assert said(world.step("withdraw", offer, "of east"))["state"] == "withdrawn"


@pytest.mark.parametrize(("name", "state"), [("close", "closed"), ("cancel", "cancelled")])
def test_what_is_over_stays_over(world: Mutual, name: str, state: str) -> None:
    request = world.new()
    said(world.end(name, request))
    for answer in (world.edit(request, title="x"), world.end("close", request), world.try_offer(request)):
        assert refusal(answer) == (409, "request_over")
    assert world.steps(request["id"]) == ["requested", state]


def test_every_change_of_what_a_crew_may_do_is_stamped_on_it(world: Mutual) -> None:
    request = world.new(crews_wanted=2)
    heads = [world.head()]
    offer = world.offer(request)
    heads.append(world.head())
    assert world.change_of("gamma") == 0  # An offer that waits lets nobody work.
    said(world.step("accept", offer, "of west"))
    assert world.change_of("gamma") == world.head() > heads[-1] > heads[0]
    accepted = world.head()
    said(world.step("release", offer, "of east"))
    assert world.change_of("gamma") == world.head() > accepted
    assert world.change_of("delta") == 0
