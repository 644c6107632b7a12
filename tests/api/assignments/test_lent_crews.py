"""Crews of one town that work for the other: by agreement only, within its caps, and home when they are recalled."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from fieldsync.agreements.requests.models import ResourceOffer, ResourceRequest
from fieldsync.crews.models import Member
from fieldsync.database import new_id, transaction
from tests.api.assignments.scene import EAST, MONDAY, NOWHERE, WEST, Document, Scene, at


def bad(verdict: Document) -> list[str]:
    return [reason["code"] for reason in verdict["problem"]["reasons"] if not reason["good"]]


class TestAgreement:
    def test_without_one_nobody_lends_a_crew(self, scene: Scene) -> None:
        job = scene.job(EAST)
        # To the dispatcher of the other town the crew is not even there.
        (verdict,) = scene.give(scene.item(job), by="of east")
        assert (verdict["problem"]["code"], verdict["problem"]["field"]) == ("unknown_reference", "crew_id")
        (verdict,) = scene.give(scene.item(job, override=True, reason="Please"))
        assert (verdict["problem"]["code"], bad(verdict)) == ("crew_not_eligible", ["no_agreement"])

    def test_with_one_the_receiver_plans_it_and_the_grant_is_kept(self, scene: Scene) -> None:
        term = scene.agree()
        assignment = scene.assigned(scene.job(EAST), by="of east")
        assert assignment["grant_id"] == str(term)
        assert scene.assigned(scene.job(WEST), "beta")["grant_id"] is None

    def test_what_a_guest_does_at_home_is_not_told(self, scene: Scene) -> None:
        """The receiver learns that the crew is busy, not for which job; and of its own job, it does."""
        scene.agree()
        elsewhere, here = scene.job(WEST), scene.job(EAST)
        home = scene.assigned(elsewhere, hour=9)
        mine = scene.assigned(here, hour=13, by="of east")
        (verdict,) = scene.give(scene.item(scene.job(EAST), hour=9.5), by="of east")
        assert verdict["problem"]["code"] == "crew_taken"
        assert elsewhere not in str(verdict)
        assert home["id"] not in str(verdict)
        (verdict,) = scene.give(scene.item(scene.job(EAST), hour=13.5), by="of east")
        assert here in str(verdict)
        assert mine["id"] in str(verdict)
        (moved,) = scene.moves({"id": mine["id"], "version": mine["version"], "starts_at": at(9.5)}, by="of east")
        assert moved["problem"]["code"] == "crew_taken"
        assert elsewhere not in str(moved)
        assert home["id"] not in str(moved)

    def test_it_holds_in_one_direction(self, scene: Scene) -> None:
        scene.agree()
        assert scene.refused(scene.item(scene.job(WEST), "gamma")) == ["crew_not_eligible"]

    def test_one_that_ends_before_is_named(self, scene: Scene) -> None:
        scene.agree(ends_on=(MONDAY - timedelta(days=1)).date())
        (verdict,) = scene.give(scene.item(scene.job(EAST)), by="of east")
        assert (verdict["problem"]["code"], bad(verdict)) == ("crew_not_eligible", ["not_in_force"])

    def test_a_skill_that_nobody_has_is_never_overruled(self, scene: Scene) -> None:
        scene.run("UPDATE service_type SET skill = 'electric' WHERE partnership_id = :p AND id = :id",
                  id=scene.world.signal)  # fmt: skip
        job = scene.job(service_type_id=str(scene.world.signal))
        (verdict,) = scene.give(scene.item(job, override=True, reason="Please"))
        assert bad(verdict) == ["skill_missing"]


class TestCaps:
    def test_items_of_one_request_count_together(self, scene: Scene) -> None:
        scene.agree(cap_minutes=120, cap_period="week")
        verdicts = scene.give(*(scene.item(scene.job(EAST), day=day) for day in range(3)))
        assert [one["verdict"] for one in verdicts] == ["assigned", "assigned", "refused"]
        assert bad(verdicts[2]) == ["cap_minutes_reached"]
        scene.assigned(scene.job(EAST), day=7)

    def test_two_crews_share_one_cap(self, scene: Scene) -> None:
        scene.agree(cap_minutes=90, cap_period="day")
        verdicts = scene.give(scene.item(scene.job(EAST)), scene.item(scene.job(EAST), "beta"))
        assert [one["verdict"] for one in verdicts] == ["assigned", "refused"]

    def test_what_the_job_used_before_is_free_when_it_changes_hands(self, scene: Scene) -> None:
        scene.agree(cap_minutes=60, cap_period="day")
        job = scene.job(EAST)
        scene.assigned(job)
        scene.assigned(job, "beta")
        assert scene.refused(scene.item(scene.job(EAST), hour=12)) == ["crew_not_eligible"]

    def test_moving_counts_what_is_moved_once(self, scene: Scene) -> None:
        scene.agree(cap_minutes=60, cap_period="day")
        assignment = scene.assigned(scene.job(EAST))
        assignment = scene.changed(assignment, starts_at=at(11))
        answer = scene.change(assignment, minutes=61)
        assert (answer.status_code, answer.json["code"]) == (409, "crew_not_eligible")


class TestOverruling:
    @pytest.fixture(autouse=True)
    def shift(self, scene: Scene) -> None:
        """Alpha works on Mondays from 8 to 12."""
        scene.run(
            "INSERT INTO shift (partnership_id, id, crew_id, weekday, starts, minutes, since)"
            " VALUES (:p, :id, :crew, 1, '08:00', 240, '2020-01-01')",
            id=new_id(), crew=scene.world.crews["alpha"],
        )  # fmt: skip

    def test_hours_are_a_persons_business_if_she_says_why(self, scene: Scene) -> None:
        job = scene.job()
        (verdict,) = scene.give(scene.item(job, hour=13))
        assert bad(verdict) == ["outside_shift"]
        assert scene.refused(scene.item(job, hour=13, override=True)) == ["invalid_value"]
        (verdict,) = scene.give(scene.item(job, hour=13, override=True, reason="They agreed to stay"))
        assert (verdict["verdict"], verdict["overruled"]) == ("assigned", ["outside_shift"])
        (event,) = scene.read(verdict["assignment"])["events"]
        assert (event["reason"], event["after"]["overruled"]) == ("They agreed to stay", ["outside_shift"])

    def test_what_is_overruled_for_one_is_not_for_the_next(self, scene: Scene) -> None:
        first = scene.item(scene.job(), hour=13, override=True, reason="They agreed to stay")
        verdicts = scene.give(first, scene.item(scene.job(), hour=15))
        assert [one["verdict"] for one in verdicts] == ["assigned", "refused"]

    def test_a_move_is_overruled_in_the_same_way(self, scene: Scene) -> None:
        assignment = scene.assigned(scene.job())
        assert scene.change(assignment, starts_at=at(14)).json["code"] == "crew_not_eligible"
        assert scene.change(assignment, starts_at=at(14), override=True).json["field"] == "reason"
        moved = scene.changed(assignment, starts_at=at(14), override=True, reason="Rain")
        assert moved["events"][-1]["after"]["overruled"] == ["outside_shift"]


class TestRecall:
    def test_home_priority_brings_the_crew_home(self, scene: Scene) -> None:
        scene.agree(home_priority=True)
        job = scene.job(EAST)
        assignment = scene.assigned(job, by="of east")
        scene.assigned(job, day=1, by="of east")
        tablet = scene.tablet("alpha")
        tablet.exchange()
        answer = scene.take("recall", assignment, "of west", "A main has burst at home")
        assert answer.status_code == 200, answer.json
        assert (answer.json["state"], answer.json["released_because"]) == ("released", "recalled")
        event = answer.json["events"][-1]
        assert (event["action"], event["reason"]) == ("recalled", "A main has burst at home")
        assert event["by"]["name"] == "Of West"
        scene.check_law()
        assert scene.crew_of(job) is None
        planned = scene.world.ask("GET", "/assignments", query_string={"state": "planned"}).json["items"]
        assert planned == []
        # Those who had borrowed it read why, beside the work order.
        notes = scene.world.read(job, include="notes")["notes"]
        assert [note["record"]["body"] for note in notes] == ["A main has burst at home"]
        history = scene.world.ask("GET", f"/work-orders/{job}/history", "of east").json["items"]
        assert [one["by"]["name"] for one in history if "crew_id" in (one["changed"] or {})][-1] == "Of West"
        tablet.exchange()
        assert (job, "recalled") in tablet.gone
        assert not [key for key in tablet.records if key[0] in ("work_order", "assignment")]

    def test_without_priority_a_lent_crew_stays(self, scene: Scene) -> None:
        scene.agree()
        assignment = scene.assigned(scene.job(EAST))
        answer = scene.take("recall", assignment, "of west")
        assert (answer.status_code, answer.json["code"]) == (409, "recall_not_agreed")
        assert scene.read(assignment)["state"] == "planned"

    def test_an_offered_crew_is_at_its_helpers_discretion(self, scene: Scene) -> None:
        offer = offered(scene, "alpha")
        assignment = scene.assigned(scene.job(EAST), by="of east")
        assert assignment["grant_id"] == str(offer)
        assert scene.take("recall", assignment, "of west").status_code == 200

    def test_from_her_own_job_a_dispatcher_takes_it_anyway(self, scene: Scene) -> None:
        assignment = scene.assigned(scene.job(WEST), by="of west")
        assert scene.take("recall", assignment, "of west").status_code == 200

    def test_only_the_home_recalls(self, scene: Scene) -> None:
        scene.agree(home_priority=True)
        assignment = scene.assigned(scene.job(EAST))
        answer = scene.take("recall", assignment, "of east")
        assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
        other = scene.assigned(scene.job(WEST), "beta")
        assert scene.take("recall", other, "of east").status_code == 404

    @pytest.mark.parametrize(("then", "now", "status"), [(False, False, 409), (True, False, 409), (False, True, 200)])
    def test_a_version_that_took_the_place_of_another_decides(
        self, scene: Scene, then: bool, now: bool, status: int
    ) -> None:
        """What was planned under a version that never came into force."""
        term = scene.agree(home_priority=then)
        assignment = scene.assigned(scene.job(EAST))
        scene.run("UPDATE agreement_version SET during = 'empty' WHERE partnership_id = :p")
        successor = scene.agree(home_priority=now)
        assert assignment["grant_id"] == str(term)
        answer = scene.take("recall", assignment, "of west")
        assert answer.status_code == status, answer.json
        if status == 409:
            assert (answer.json["code"], answer.json["grant_id"]) == ("recall_not_agreed", str(successor))

    def test_where_no_agreement_gives_it_any_more_nobody_keeps_it(self, scene: Scene) -> None:
        scene.agree()
        assignment = scene.assigned(scene.job(EAST))
        scene.run("UPDATE agreement_version SET during = 'empty' WHERE partnership_id = :p")
        # About other crews, and before that time.
        scene.agree(crew_ids=[scene.world.crews["beta"]])
        scene.agree(ends_on=(MONDAY - timedelta(days=1)).date())
        assert scene.take("recall", assignment, "of west").status_code == 200

    def test_as_long_as_it_holds_the_one_by_which_it_was_planned_decides(self, scene: Scene) -> None:
        """Another one comes first, and would let it be recalled; but its cap is used up."""
        scene.agree(home_priority=True, cap_minutes=60, cap_period="week", crew_ids=[scene.world.crews["alpha"]])
        term = scene.agree()
        scene.assigned(scene.job(EAST), hour=12)
        assignment = scene.assigned(scene.job(EAST))
        assert assignment["grant_id"] == str(term)
        answer = scene.take("recall", assignment, "of west")
        assert (answer.status_code, answer.json["code"]) == (409, "recall_not_agreed")

    def test_a_version_or_a_state_that_is_past(self, scene: Scene) -> None:
        assignment = scene.assigned(scene.job())
        newer = scene.changed(assignment, pinned=True)
        answer = scene.take("recall", assignment)
        assert (answer.status_code, answer.json["etag"], answer.json["current"]["pinned"]) == (412, '"2"', True)
        released = scene.take("release", newer).json
        answer = scene.take("recall", released)
        assert (answer.status_code, answer.json["code"]) == (409, "assignment_over")


def offered(scene: Scene, crew: str) -> UUID:
    """An accepted offer of west's crew to east, all week."""
    world = scene.world
    own: dict[str, Any] = {"partnership_id": world.partnership_id}
    times = {"starts_at": MONDAY, "ends_at": MONDAY + timedelta(days=7), "version": 1, "created_at": MONDAY}
    by = {"created_by": world.staff["dispatcher"]}
    request_id, offer_id = new_id(), new_id()
    with world.app.app_context(), transaction() as session:
        session.execute(insert(ResourceRequest), own | times | by | {
            "id": request_id, "jurisdiction_id": world.towns["east"], "title": "Flood", "crews_wanted": 1,
            "state": "filled",
        })  # fmt: skip
        session.execute(insert(ResourceOffer), own | times | by | {
            "id": offer_id, "request_id": request_id, "jurisdiction_id": world.towns["west"],
            "crew_id": world.crews[crew], "state": "accepted",
        })  # fmt: skip
    return offer_id


class TestTheOffice:
    """Giving a job to a crew without a time obeys the agreements, too."""

    def test_another_towns_crew_needs_an_agreement(self, scene: Scene) -> None:
        job, crew = scene.job(EAST), {"crew_id": scene.crew("alpha")}
        path = f"/work-orders/{job}"
        new = {"title": "Hole", "service_type_id": str(scene.world.pothole), "location": EAST}
        tries: list[tuple[str, str, str | None, Document]] = [
            ("PATCH", path, '"1"', crew), ("POST", f"{path}/assignment", '"1"', crew),
            ("POST", "/work-orders", None, new | crew),
        ]  # fmt: skip
        for method, address, tag, body in tries:
            answer = scene.world.ask(method, address, "dispatcher", tag, json=body)
            assert (answer.status_code, answer.json["code"]) == (409, "crew_not_eligible"), answer.json
            assert [one["code"] for one in answer.json["reasons"] if not one["good"]] == ["no_agreement"]
            assert answer.json["field"] == "crew_id"
        assert scene.world.read(job)["version"] == 1
        scene.agree()
        for method, address, tag, body in tries:
            answer = scene.world.ask(method, address, "of east", tag, json=body)
            assert answer.status_code in (200, 201, 412), answer.json
        assert scene.crew_of(job) == "alpha"

    @pytest.mark.parametrize("disbanded", [False, True])
    def test_a_crew_that_she_may_not_see_is_not_there(self, scene: Scene, disbanded: bool) -> None:
        """Not its depot, not its name, not that it was disbanded: the same answer as for an id that means nothing."""
        if disbanded:
            scene.run("UPDATE crew SET disbanded_at = now() WHERE partnership_id = :p AND id = :id",
                      id=scene.world.crews["alpha"])  # fmt: skip
        job, unseen, nothing = scene.job(EAST), scene.crew("alpha"), str(new_id())
        new = {"title": "Hole", "service_type_id": str(scene.world.pothole)}
        tries: list[tuple[str, str, str | None, Document]] = [
            ("PATCH", f"/work-orders/{job}", '"1"', {}), ("POST", f"/work-orders/{job}/assignment", '"1"', {}),
            ("POST", "/work-orders", None, new | {"location": EAST}),
            ("POST", "/work-orders", None, new | {"location": WEST}),
        ]  # fmt: skip
        for method, address, tag, body in tries:
            answers = [
                scene.world.ask(method, address, "of east", tag, json=body | {"crew_id": crew})
                for crew in (unseen, nothing)
            ]
            first, second = [json.loads(one.text.replace(unseen, "?").replace(nothing, "?")) for one in answers]
            assert (first["code"], first["status"], first["field"]) == ("unknown_reference", 422, "crew_id")
            for own in ("instance", "request_id"):
                first.pop(own, None), second.pop(own, None)
            assert first == second
        assert scene.world.read(job)["version"] == 1

    def test_of_a_crew_of_hers_she_is_told_that_it_was_disbanded(self, scene: Scene) -> None:
        scene.run("UPDATE crew SET disbanded_at = now() WHERE partnership_id = :p AND id = :id",
                  id=scene.world.crews["alpha"])  # fmt: skip
        answer = scene.world.ask(
            "PATCH", f"/work-orders/{scene.job()}", "of west", '"1"', json={"crew_id": scene.crew("alpha")}
        )
        assert answer.json["detail"] == "The crew Alpha has been disbanded."

    def test_a_skill_that_nobody_of_it_has_rules_it_out(self, scene: Scene) -> None:
        scene.run("UPDATE service_type SET skill = 'electric' WHERE partnership_id = :p AND id = :id",
                  id=scene.world.signal)  # fmt: skip
        job = scene.job(service_type_id=str(scene.world.signal))
        answer = scene.world.ask("PATCH", f"/work-orders/{job}", if_match='"1"', json={"crew_id": scene.crew("alpha")})
        assert (answer.status_code, answer.json["code"]) == (409, "crew_not_eligible")
        member = new_id()
        with scene.world.app.app_context(), transaction() as session:
            session.add(Member(partnership_id=scene.world.partnership_id, id=member, name="Ella"))
        scene.run(
            "INSERT INTO crew_membership (partnership_id, id, crew_id, member_id, since, is_lead)"
            " VALUES (:p, :id, :crew, :member, '2020-01-01', false)",
            id=new_id(), crew=scene.world.crews["alpha"], member=member,
        )  # fmt: skip
        scene.run(
            "INSERT INTO qualification (partnership_id, id, member_id, sort, code, valid_from)"
            " VALUES (:p, :id, :member, 'skill', 'electric', '2020-01-01')",
            id=new_id(), member=member,
        )  # fmt: skip
        answer = scene.world.ask("PATCH", f"/work-orders/{job}", if_match='"1"', json={"crew_id": scene.crew("alpha")})
        assert answer.status_code == 200, answer.json

    def test_what_a_crew_has_already_is_not_asked_again(self, scene: Scene) -> None:
        scene.agree()
        job = scene.world.create(location=EAST, crew_id=scene.crew("alpha"))
        scene.run(
            "UPDATE agreement_version SET during = daterange('2020-01-01', '2020-02-01') WHERE partnership_id = :p"
        )
        job = scene.world.change(job, title="Deeper", crew_id=scene.crew("alpha"))
        answer = scene.world.ask("PATCH", f"/work-orders/{job['id']}", if_match=job["etag"],
                                 json={"crew_id": scene.crew("beta")})  # fmt: skip
        assert answer.json["code"] == "crew_not_eligible"

    def test_triage_is_for_those_who_dispatch_for_all(self, scene: Scene) -> None:
        assert scene.crew_of(scene.job(NOWHERE, "alpha")) == "alpha"

    def test_who_did_a_job_is_entered_afterwards(self, scene: Scene) -> None:
        assert scene.crew_of(scene.job(WEST, "alpha", status="completed")) == "alpha"
