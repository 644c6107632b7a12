"""Two dispatchers at the same moment: one wins, the other is told. Real threads on a real database."""

from __future__ import annotations

from functools import partial

from tests.api.office.test_office_concurrency import at_once
from tests.api.requests.mutual import Mutual, moment, refusal, said

ROUNDS = 6
"""Often enough that both orders of arrival are met."""


def test_accepting_and_withdrawing_the_same_offer(world: Mutual) -> None:
    for _ in range(ROUNDS):
        offer = world.offer(request := world.new())
        answers = at_once(
            partial(world.step, "accept", offer, "of west"), partial(world.step, "withdraw", offer, "of east")
        )
        winner, loser = sorted(answers, key=lambda answer: answer.status_code)
        assert (winner.status_code, refusal(loser)) == (200, (412, "precondition_failed"))
        assert loser.json["current"]["state"] == winner.json["state"]
        assert world.steps(request["id"]) == ["requested", "offered", winner.json["state"]]


def test_two_who_accept_the_same_offer(world: Mutual) -> None:
    for _ in range(ROUNDS):
        offer = world.offer(request := world.new(crews_wanted=2))
        answers = at_once(
            partial(world.step, "accept", offer, "of west"), partial(world.step, "accept", offer, "dispatcher")
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        assert world.steps(request["id"]).count("accepted") == 1


def test_two_who_accept_the_last_crew_that_is_wanted(world: Mutual) -> None:
    for _ in range(ROUNDS):
        request = world.new()
        one, two = world.offer(request, "gamma"), world.offer(request, "sigma", "of south")
        answers = at_once(
            partial(world.step, "accept", one, "of west"), partial(world.step, "accept", two, "dispatcher")
        )
        winner, loser = sorted(answers, key=lambda answer: answer.status_code)
        assert (winner.status_code, refusal(loser)) == (200, (409, "request_filled"))
        after = world.get(request["id"])
        assert (after["state"], after["crews_accepted"]) == ("filled", 1)


def test_a_crew_that_is_offered_by_two(world: Mutual) -> None:
    for _ in range(ROUNDS):
        request = world.new()
        answers = at_once(
            partial(world.try_offer, request, "gamma", "of east", request["etag"]),
            partial(world.try_offer, request, "gamma", "dispatcher", request["etag"]),
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert len(world.get(request["id"])["offers"]) == 1


def test_two_who_release_the_same_crew(world: Mutual) -> None:
    """Both want the same; it is done once, and the second is told."""
    for _ in range(ROUNDS):
        request, offer = world.accepted()
        answers = at_once(
            partial(world.step, "release", offer, "of west"), partial(world.step, "release", offer, "of east")
        )
        winner, loser = sorted(answers, key=lambda answer: answer.status_code)
        assert (winner.status_code, refusal(loser)) == (200, (409, "offer_over"))
        assert world.steps(request["id"]).count("released") == 1


def test_an_offer_while_the_request_ends_or_changes(world: Mutual) -> None:
    for name in ("cancel", "close", "change") * 2:
        request = world.new(skill="saw")
        change = partial(world.edit, request, "of west", request["etag"], skill="tar")
        answers = at_once(
            partial(world.try_offer, request, "gamma", "of east", request["etag"]),
            change if name == "change" else partial(world.end, name, request, "of west", request["etag"]),
        )
        offered, ended = answers
        after = world.get(request["id"])
        if offered.status_code == 201:
            # Whoever offered, offered for what stands.
            if name == "change":
                assert (refusal(ended), after["skill"]) == ((409, "request_answered"), "saw")
            else:
                assert (ended.status_code, after["offers"][0]["state"]) == (200, "declined")
        else:
            assert (refusal(offered), ended.status_code) == ((412, "precondition_failed"), 200)
            assert after["offers"] == []


def test_everybody_at_once_ends_in_one_history(world: Mutual) -> None:
    """Six people act on three requests as they like: nobody meets a fault, and what stands is what the history says."""
    requests = [world.new(crews_wanted=2) for _ in range(3)]
    offers = [
        (world.offer(request, "gamma"), world.offer(request, "sigma", "of south"), world.offer(request, "delta"))
        for request in requests
    ]
    works = []
    for request, (one, two, three) in zip(requests, offers, strict=True):
        works += [
            partial(world.step, "accept", one, "of west"), partial(world.step, "accept", two, "of west"),
            partial(world.step, "accept", three, "dispatcher"), partial(world.step, "withdraw", one, "of east"),
            partial(world.step, "release", two, "of south"), partial(world.end, "cancel", request),
        ]  # fmt: skip
    answers = at_once(*works)
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    taken = sum(answer.status_code == 200 for answer in answers)
    told = 0
    for request in requests:
        after = world.get(request["id"])
        assert after["crews_accepted"] <= 2
        last = {event["offer_id"]: event["action"] for event in after["history"]}
        assert {offer["id"]: offer["state"] for offer in after["offers"]} == {
            offer["id"]: last[offer["id"]] for offer in after["offers"]
        }
        times = [moment(event["at"]) for event in after["history"]]
        assert times == sorted(times)
        told += len(after["history"]) - 4
    # Cancelling tells of each offer that it settles; every other step is told once.
    assert told >= taken


def test_a_crew_is_disbanded_while_it_is_accepted(world: Mutual) -> None:
    for _ in range(ROUNDS):
        offer = world.offer(request := world.new())
        disband = partial(world.ask, "POST", f"/crews/{world.crews['gamma']}/disband", "admin")
        accepted, disbanded = at_once(partial(world.step, "accept", offer, "of west"), disband)
        assert disbanded.status_code == 200
        assert accepted.status_code in (200, 409)
        if accepted.status_code == 409:
            assert refusal(accepted) == (409, "crew_disbanded")
            assert world.steps(request["id"]) == ["requested", "offered"]
        said(world.ask("POST", f"/crews/{world.crews['gamma']}/reinstate", "admin"))
