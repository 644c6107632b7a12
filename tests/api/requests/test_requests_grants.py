"""What an accepted offer lets a crew do, and what becomes of its jobs when it is released."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Grant
from fieldsync.database import transaction
from fieldsync.dispatch.expire import take_out_what_ended
from tests.api.office.world import EAST, now
from tests.api.requests.mutual import DAY, PATH, Mutual, at, moment, refusal, said


def grants(world: Mutual, starts: float = 0, ends: float = 20) -> list[Grant]:
    with world.app.app_context(), transaction() as session:
        return load_grants(session, world.partnership_id, now() + starts * DAY, now() + ends * DAY)


def test_an_accepted_offer_is_a_grant_of_exactly_what_was_asked_and_offered(world: Mutual) -> None:
    request = world.new(title="Trees down", skill="saw")
    offer = world.offer(request, starts_at=at(2), ends_at=at(4), cents_per_hour=9_500)
    assert grants(world) == []
    said(world.step("accept", offer, "of west"))
    (grant,) = grants(world)
    assert grant == Grant(
        id=UUID(offer["id"]), sort="offer", code="Trees down", version_id=UUID(offer["id"]),
        giver_id=world.towns["east"], receiver_id=world.towns["west"], crew_ids=frozenset({world.crews["gamma"]}),
        skills=frozenset({"saw"}), starts=moment(offer["starts_at"]), ends=moment(offer["ends_at"]),
        cents_per_hour=9_500, home_priority=True, time_zone=grant.time_zone,
    )  # fmt: skip
    assert grants(world, 4.1) == grants(world, 0, 1.9) == []


def test_for_a_service_type_or_for_any_work(world: Mutual) -> None:
    world.accepted(service_type_id=str(world.signal))
    (grant,) = grants(world)
    assert (grant.skills, grant.service_type_ids) == (frozenset(), frozenset({world.signal}))
    world.accepted("delta")
    assert {(one.skills, one.service_type_ids) for one in grants(world)} == {
        (frozenset(), frozenset({world.signal})), (frozenset(), frozenset()),
    }  # fmt: skip


@pytest.mark.parametrize("step", ["decline", "withdraw", "close", "cancel", None])
def test_without_acceptance_there_is_none(world: Mutual, step: str | None) -> None:
    request = world.new()
    offer = world.offer(request)
    if step in ("close", "cancel"):
        said(world.end(step, request))
    elif step is not None:
        said(world.step(step, offer, "of both", reason="x"))
    assert grants(world) == []


@pytest.mark.parametrize("by", ["of east", "of west"])
def test_a_release_ends_it(world: Mutual, by: str) -> None:
    request, offer = world.accepted()
    world.shift(request["id"], 2 * DAY)
    assert len(grants(world)) == 1
    gone = said(world.step("release", offer, by))
    assert grants(world) == []
    # What it allowed until then, it allowed.
    (grant,) = grants(world, -1)
    assert grant.ends == moment(gone["ends_at"])


def test_a_release_for_later_ends_it_then(world: Mutual) -> None:
    _, offer = world.accepted()
    gone = said(world.step("release", offer, "of east", at=at(3)))
    (grant,) = grants(world)
    assert grant.ends == moment(gone["ends_at"])
    assert grants(world, 3.1) == []


def test_released_before_it_began_it_never_was(world: Mutual) -> None:
    request, offer = world.accepted()
    gone = said(world.step("release", offer, "of east"))
    assert grants(world, -1) == []
    told = world.get(request["id"])["history"][-1]["changed"]
    assert {name: moment(told[name]["before"]) for name in told} == {
        name: moment(offer[name]) for name in ("starts_at", "ends_at")
    }
    assert {moment(told[name]["after"]) for name in told} == {moment(gone["ends_at"])}


def test_closing_leaves_it_and_cancelling_ends_it(world: Mutual) -> None:
    request, _ = world.accepted(crews_wanted=2)
    said(world.end("close", request))
    assert len(grants(world)) == 1
    other, _ = world.accepted("delta", crews_wanted=2)
    assert len(grants(world)) == 2
    said(world.end("cancel", other))
    assert [grant.crew_ids for grant in grants(world)] == [{world.crews["gamma"]}]


class TestJobs:
    """East asks, and West sends alpha, which has a tablet."""

    def lend(self, world: Mutual, starts: float = -0.5) -> dict[str, Any]:
        request = world.new("of east", jurisdiction_id=str(world.towns["east"]), starts_at=at(starts), ends_at=at(5))
        offer = world.offer(request, "alpha", "of west")
        return said(world.step("accept", offer, "of east"))

    def job(self, world: Mutual) -> str:
        """A job in East that is given to alpha, and is on its tablet."""
        answer = world.create("of east", location=EAST)
        given = world.ask(
            "POST", f"/work-orders/{answer['id']}/assignment", "of east", answer["etag"],
            json={"crew_id": str(world.crews["alpha"])},
        )  # fmt: skip
        return str(said(given)["id"])

    def on(self, world: Mutual) -> set[str]:
        tablet = world.tablet("alpha")
        tablet.exchange()
        return {id_ for kind, id_ in tablet.records if kind == "work_order"}

    @pytest.mark.parametrize("by", ["of west", "of east"])
    def test_leave_the_crew_with_its_release(self, world: Mutual, by: str) -> None:
        offer = self.lend(world)
        job = self.job(world)
        tablet = world.tablet("alpha")
        tablet.exchange()
        assert ("work_order", job) in tablet.records
        with world.app.app_context():
            take_out_what_ended()
        assert self.on(world) == {job}
        said(world.step("release", offer, by))
        with world.app.app_context():
            take_out_what_ended()
        tablet.exchange()
        assert (job, "agreement_ended") in tablet.gone
        assert ("work_order", job) not in tablet.records
        assert world.read(job)["record"]["crew_id"] is None

    def test_leave_at_the_moment_that_was_named(self, world: Mutual) -> None:
        offer = self.lend(world)
        job = self.job(world)
        said(world.step("release", offer, "of west", at=at(2)))
        with world.app.app_context():
            take_out_what_ended()
        assert self.on(world) == {job}
        later: datetime = now() + 2.1 * DAY
        with world.app.app_context():
            take_out_what_ended(lambda: later)
        assert self.on(world) == set()

    def test_leave_at_once_where_the_help_had_not_begun(self, world: Mutual) -> None:
        """A plan for a help that will not come is not left on the tablet until the day it was to begin."""
        offer = self.lend(world)
        job = self.job(world)
        world.shift(offer["request_id"], -2 * DAY)
        said(world.step("release", offer, "of west"))
        with world.app.app_context():
            take_out_what_ended()
        assert self.on(world) == set()
        assert world.read(job)["record"]["crew_id"] is None

    def test_without_an_offer_the_crew_gets_none(self, world: Mutual) -> None:
        answer = world.create("of east", location=EAST)
        path, body = f"/work-orders/{answer['id']}/assignment", {"crew_id": str(world.crews["alpha"])}
        given = world.ask("POST", path, "of east", answer["etag"], json=body)
        assert given.status_code >= 400, given.json
        offer = self.lend(world)
        said(world.ask("POST", path, "of east", answer["etag"], json=body))
        said(world.step("release", offer, "of west"))
        other = world.create("of east", location=EAST)
        again = world.ask("POST", f"/work-orders/{other['id']}/assignment", "of east", other["etag"], json=body)
        assert again.status_code >= 400, again.json


def test_the_history_holds_every_step_once(world: Mutual) -> None:
    """Law: as many steps as were carried out, each with its author and her side; what is refused leaves none."""
    request = world.new(crews_wanted=3)
    done = 1
    offers = [world.offer(request, "gamma"), world.offer(request, "delta"), world.offer(request, "sigma", "of south")]
    done += 3
    for name, offer, by, ok in (
        ("accept", offers[0], "of east", False), ("accept", offers[0], "of west", True),
        ("accept", offers[0], "of west", False), ("withdraw", offers[1], "of south", False),
        ("withdraw", offers[1], "of east", True), ("decline", offers[2], "of south", False),
        ("decline", offers[2], "of west", True), ("release", offers[0], "of south", False),
        ("release", offers[0], "of east", True), ("release", offers[0], "of east", False),
    ):  # fmt: skip
        answer = world.step(name, offer, by, reason="why")
        assert (answer.status_code == 200) == ok, answer.json
        done += ok
        assert len(world.steps(request["id"])) == done
    assert said(world.edit(request, note="n"))["version"] == 2
    assert refusal(world.edit(request, title="")) == (422, "invalid_value")
    said(world.end("close", request))
    history = world.ask("GET", f"{PATH}/{request['id']}/history").json["items"]  # type: ignore[index]
    assert [event["action"] for event in history] == [
        "requested", "offered", "offered", "offered", "accepted", "withdrawn", "declined", "released", "changed",
        "closed",
    ]  # fmt: skip
    sides = {"Of West": "west", "Of East": "east", "Of South": "south"}
    assert all(event["jurisdiction_id"] == str(world.towns[sides[event["by"]["name"]]]) for event in history)
    assert all(event["reason"] == "why" for event in history[4:8])
