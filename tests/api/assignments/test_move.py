"""Moving assignments: one on the version that was read, many together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.assignments.scene import EAST, Document, Scene, at


def moved(assignment: Document, **more: Any) -> Document:
    return {"id": assignment["id"], "version": assignment["version"]} | more


def told(verdicts: list[Document]) -> list[str]:
    """``moved``, or the code of the problem."""
    return [one["verdict"] if one["problem"] is None else one["problem"]["code"] for one in verdicts]


class TestOne:
    @pytest.mark.parametrize(("fields", "starts", "minutes"), [
        ({"starts_at": at(14)}, 14, 60),
        ({"ends_at": at(11)}, 9, 120),
        ({"minutes": 30}, 9, 30),
        ({"starts_at": at(8), "ends_at": at(10)}, 8, 120),
        ({"starts_at": at(8), "minutes": 45}, 8, 45),
        ({"ends_at": at(12), "minutes": 90}, 10.5, 90),
        ({"starts_at": at(8), "ends_at": at(10), "minutes": 120}, 8, 120),
        ({"pinned": True}, 9, 60),
        ({}, 9, 60),
    ])  # fmt: skip
    def test_of_start_end_and_length_two_give_the_third(
        self, scene: Scene, fields: Document, starts: float, minutes: int
    ) -> None:
        assignment = scene.assigned(scene.job())
        now = scene.changed(assignment, **fields)
        assert (now["starts_at"], now["minutes"], now["ends_at"]) == (at(starts), minutes, at(starts + minutes / 60))
        assert now["version"] == (2 if fields else 1)

    @pytest.mark.parametrize("fields", [
        {"starts_at": at(8), "ends_at": at(10), "minutes": 60}, {"ends_at": at(9)}, {"ends_at": at(8)},
        {"starts_at": at(9), "ends_at": at(9, 2)}, {"minutes": 0}, {"minutes": 1441}, {"starts_at": "now"},
        {"starts_at": "2030-03-04T09:00:00"}, {"starts_at": "2500-01-01T00:00:00Z"}, {"crew": "x"}, {"reason": "\0"},
    ])  # fmt: skip
    def test_what_does_not_agree_is_refused(self, scene: Scene, fields: Document) -> None:
        assignment = scene.assigned(scene.job())
        answer = scene.change(assignment, **fields)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_value")
        assert scene.read(assignment)["version"] == 1

    def test_the_history_says_from_where_to_where(self, scene: Scene) -> None:
        assignment = scene.assigned(scene.job())
        assignment = scene.changed(assignment, "second", starts_at=at(13), reason="Traffic")
        assignment = scene.changed(assignment, pinned=True)
        assignment = scene.changed(assignment, pinned=False)
        events = assignment["events"]
        assert [event["action"] for event in events] == ["assigned", "moved", "pinned", "unpinned"]
        assert (events[1]["reason"], events[1]["by"]["name"]) == ("Traffic", "Second")
        assert [events[1][side]["starts_at"][11:16] for side in ("before", "after")] == ["09:00", "13:00"]

    def test_of_two_with_the_same_version_the_second_is_shown_the_present(self, scene: Scene) -> None:
        assignment = scene.assigned(scene.job())
        scene.changed(assignment, starts_at=at(13))
        answer = scene.change(assignment, starts_at=at(15))
        assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed")
        assert (answer.json["current"]["starts_at"], answer.headers["ETag"]) == (at(13), '"2"')
        answer = scene.world.ask("PATCH", f"/assignments/{assignment['id']}", json={"pinned": True})
        assert answer.status_code == 428

    def test_a_pinned_one_stays_unless_somebody_says_so(self, scene: Scene) -> None:
        assignment = scene.assigned(scene.job(), pinned=True)
        answer = scene.change(assignment, starts_at=at(13))
        assert (answer.status_code, answer.json["code"]) == (409, "assignment_pinned")
        assignment = scene.changed(assignment, starts_at=at(13), move_pinned=True)
        assert assignment["pinned"] is True
        assignment = scene.changed(assignment, starts_at=at(14), pinned=False)
        assert assignment["pinned"] is False

    def test_what_is_over_stays(self, scene: Scene) -> None:
        assignment = scene.take("release", scene.assigned(scene.job())).json
        answer = scene.change(assignment, starts_at=at(13))
        assert (answer.status_code, answer.json["code"]) == (409, "assignment_over")

    def test_into_what_is_taken_it_does_not_go(self, scene: Scene) -> None:
        first, second = scene.assigned(scene.job()), scene.assigned(scene.job(), hour=11)
        answer = scene.change(second, starts_at=at(9.5))
        assert (answer.status_code, answer.json["code"]) == (409, "crew_taken")
        # Where it stands itself does not count.
        assert scene.changed(first, starts_at=at(9.5))["starts_at"] == at(9.5)

    def test_to_another_crew_goes_the_work_order_too(self, scene: Scene) -> None:
        job = scene.job()
        assignment = scene.assigned(job)
        now = scene.changed(assignment, crew_id=scene.crew("beta"), reason="Alpha is late")
        assert (now["crew_id"], scene.crew_of(job)) == (scene.crew("beta"), "beta")
        assert now["state"] == "planned"
        scene.check_law()
        notes = scene.world.read(job, include="notes")["notes"]
        assert [note["record"]["body"] for note in notes] == ["Alpha is late"]

    def test_the_grant_is_that_of_the_new_time(self, scene: Scene) -> None:
        job = scene.job(EAST)
        assignment = scene.assigned(job, "gamma")
        assert assignment["grant_id"] is None
        term = scene.agree()
        assert scene.changed(assignment, crew_id=scene.crew("alpha"))["grant_id"] == str(term)

    def test_who_may(self, scene: Scene) -> None:
        scene.agree()
        own, lent = scene.assigned(scene.job()), scene.assigned(scene.job(EAST), "beta")
        assert scene.change(own, "of east", pinned=True).status_code == 404
        answer = scene.change(lent, "of west", pinned=True)
        assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
        assert scene.change(lent, "admin", pinned=True).status_code == 403
        answer = scene.change(own, "of west", crew_id=scene.crew("gamma"))
        assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")
        assert scene.changed(lent, "of east", pinned=True)["pinned"] is True


class TestTogether:
    def test_two_crews_exchange_their_jobs(self, scene: Scene) -> None:
        jobs = [scene.job(), scene.job()]
        alphas, betas = scene.assigned(jobs[0], "alpha"), scene.assigned(jobs[1], "beta")
        verdicts = scene.moves(
            moved(alphas, crew_id=scene.crew("beta")), moved(betas, crew_id=scene.crew("alpha")), all_or_none=True
        )
        assert told(verdicts) == ["moved", "moved"]
        assert [scene.crew_of(job) for job in jobs] == ["beta", "alpha"]
        assert [one["work_order"]["version"] for one in verdicts] == [3, 3]
        scene.check_law()

    def test_a_day_is_shifted_by_an_hour(self, scene: Scene) -> None:
        day = [scene.assigned(scene.job(), hour=hour) for hour in (8, 9, 10, 11)]
        verdicts = scene.moves(*(moved(one, starts_at=at(9 + place)) for place, one in enumerate(day)))
        assert told(verdicts) == ["moved"] * 4
        back = scene.moves(*(moved(one["assignment"], starts_at=at(8 + place)) for place, one in enumerate(verdicts)))
        assert told(back) == ["moved"] * 4

    def test_one_that_stays_keeps_others_out_of_its_place(self, scene: Scene) -> None:
        first, second, third = [scene.assigned(scene.job(), hour=hour) for hour in (8, 9, 10)]
        pinned = scene.changed(third, pinned=True)
        verdicts = scene.moves(
            moved(first, starts_at=at(9)), moved(second, starts_at=at(10)), moved(pinned, starts_at=at(12))
        )
        assert told(verdicts) == ["crew_taken", "crew_taken", "assignment_pinned"]
        assert [scene.read(one)["version"] for one in (first, second)] == [1, 1]

    def test_a_refusal_late_in_the_request_reaches_those_before(self, scene: Scene) -> None:
        """The third cannot go, so it stays where the second was to be; which stays where the first was to be."""
        first, second, third = [scene.assigned(scene.job(), hour=hour) for hour in (8, 9, 10)]
        other = scene.assigned(scene.job(), hour=11)
        verdicts = scene.moves(
            moved(first, starts_at=at(9)), moved(second, starts_at=at(10)), moved(third, starts_at=at(11)),
        )  # fmt: skip
        assert told(verdicts) == ["crew_taken"] * 3
        verdicts = scene.moves(
            moved(first, starts_at=at(9)), moved(second, starts_at=at(10)), moved(third, starts_at=at(11)),
            moved(other, starts_at=at(12)),
        )  # fmt: skip
        assert told(verdicts) == ["moved"] * 4

    def test_all_or_none(self, scene: Scene) -> None:
        first, second = [scene.assigned(scene.job(), hour=hour) for hour in (8, 9)]
        verdicts = scene.moves(moved(first, starts_at=at(14)), moved(second, version=7), all_or_none=True)
        assert told(verdicts) == ["others_refused", "precondition_failed"]
        assert verdicts[1]["problem"]["current"]["id"] == second["id"]
        assert scene.read(first)["version"] == 1

    def test_parts_go_together_or_not_at_all(self, scene: Scene) -> None:
        job = scene.job()
        monday, tuesday = [scene.assigned(job, day=day) for day in range(2)]
        to_beta = {"crew_id": scene.crew("beta")}
        assert told(scene.moves(moved(monday, **to_beta))) == ["parts_left_behind"]
        assert told(scene.moves(moved(monday, **to_beta), moved(tuesday, starts_at=at(9, 2)))) == [
            "parts_left_behind", "moved"
        ]  # fmt: skip
        tuesday = scene.read(tuesday)
        assert told(scene.moves(moved(monday, **to_beta), moved(tuesday, **to_beta))) == ["moved", "moved"]
        scene.check_law()
        assert scene.crew_of(job) == "beta"

    def test_a_part_that_cannot_go_keeps_the_others(self, scene: Scene) -> None:
        job = scene.job()
        parts = [scene.assigned(job, day=day) for day in range(2)]
        scene.assigned(scene.job(), "beta", day=1)
        verdicts = scene.moves(*(moved(part, crew_id=scene.crew("beta")) for part in parts))
        assert told(verdicts) == ["parts_left_behind", "crew_taken"]
        scene.check_law()

    def test_named_twice_or_unknown(self, scene: Scene) -> None:
        one = scene.assigned(scene.job())
        unknown = {"id": scene.job(), "version": 1}
        verdicts = scene.moves(moved(one, starts_at=at(11)), moved(one, starts_at=at(12)), unknown)
        assert told(verdicts) == ["moved", "invalid_value", "not_found"]

    def test_caps_are_counted_over_the_whole_request(self, scene: Scene) -> None:
        scene.agree(cap_minutes=120, cap_period="day")
        days = [scene.assigned(scene.job(EAST), day=day, minutes=120) for day in range(2)]
        # Both change their days: each leaves what the other needs.
        verdicts = scene.moves(moved(days[0], starts_at=at(9, 1)), moved(days[1], starts_at=at(9, 0)))
        assert told(verdicts) == ["moved", "moved"]
        days = [one["assignment"] for one in verdicts]
        # Only one does: the other's day is full.
        assert told(scene.moves(moved(days[0], starts_at=at(13, 0)))) == ["crew_not_eligible"]
