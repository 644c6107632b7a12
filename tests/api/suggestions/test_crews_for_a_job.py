"""Crews for a work order: ranked, each with every reason."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.api.office.world import EAST, NOWHERE, WEST
from tests.api.suggestions.scene import MONDAY, NOW, Scene, at, names, place, proposed, reason, stamp


def test_a_crew_is_proposed_with_every_reason(scene: Scene) -> None:
    job = scene.job()
    scene.equip("alpha", depot=place(3))
    found = scene.crews(job, starts_at=stamp(at(9)), minutes=90)
    alpha = next(item for item in found["suggestions"] if item["crew"]["code"] == "alpha")
    west = str(scene.world.towns["west"])
    assert alpha["crew"] == {"id": scene.crew_id("alpha"), "code": "alpha", "name": "Alpha", "jurisdiction_id": west}
    wanted = proposed(alpha)
    assert (wanted["work_order_id"], wanted["crew_id"], wanted["minutes"]) == (job, scene.crew_id("alpha"), 90)
    assert (wanted["starts_at"], wanted["grant_id"]) == (stamp(at(9)), None)
    assert [one["code"] for one in wanted["reasons"]] == [
        "crew_works", "job_open", "home_crew", "no_skill_needed", "in_shift", "capacity", "free", "within_reach",
    ]  # fmt: skip
    assert all(one["good"] and one["sentence"] for one in wanted["reasons"])
    # Three kilometres there and back, at 40 km/h with a detour of 30 %.
    assert alpha["travel_minutes"] == pytest.approx(5.85, abs=0.06)
    assert (alpha["added_travel_minutes"], alpha["overtime_minutes"], alpha["late"]) == (12, 0, False)
    assert alpha["load"] == {"day": "2030-03-04", "work_minutes": 90, "travel_minutes": 12, "capacity_minutes": 480}
    assert (alpha["eligible"], alpha["shortfalls"], alpha["travel_by"]) == (True, [], "straight_line")
    assert found["travel"] == {"by": "straight_line", "because": "not_configured", "unrouted": 0}
    assert (found["considered"], found["more"], found["minutes"]) == (3, False, 90)
    assert (found["from"], found["until"]) == (stamp(at(9)), stamp(at(10.5)))


def test_those_who_can_come_first_and_the_others_say_why_not(scene: Scene) -> None:
    job = scene.job()
    scene.book("alpha", at(9), 60)
    found = scene.crews(job, starts_at=stamp(at(9)), minutes=60)
    assert names(found) == ["beta", "alpha", "gamma"]
    assert [item["shortfalls"] for item in found["suggestions"]] == [[], ["booked"], ["no_agreement"]]
    assert [item["eligible"] for item in found["suggestions"]] == [True, False, False]


def test_the_nearer_one_comes_first(scene: Scene) -> None:
    job = scene.job()
    scene.equip("alpha", depot=place(0, 12))
    scene.equip("beta", depot=place(2))
    found = scene.crews(job, starts_at=stamp(at(9)))
    assert names(found)[:2] == ["beta", "alpha"]
    scene.book("alpha", at(7), 60, place(1))
    found = scene.crews(job, starts_at=stamp(at(9)))
    assert names(found)[:2] == ["alpha", "beta"], "its way that day becomes hardly longer"


def test_without_a_time_the_earliest_is_looked_for(scene: Scene) -> None:
    job = scene.job(place(0, 10))
    scene.equip("alpha", depot=WEST)
    scene.book("beta", at(7), 480)
    found = scene.crews(job)
    alpha, beta, _ = found["suggestions"]
    assert names(found)[:2] == ["alpha", "beta"]
    # Ten kilometres take 19.5 minutes from the depot: the shift begins at 7, and people plan by the clock.
    assert proposed(alpha)["starts_at"] == stamp(at(7) + timedelta(minutes=20))
    assert proposed(beta)["starts_at"] == stamp(at(7, day=1))
    assert proposed(alpha)["minutes"] == 60
    assert (found["from"], found["until"]) == (stamp(NOW), stamp(NOW + timedelta(days=7)))


def test_the_earliest_is_after_what_is_booked_and_the_way_from_there(scene: Scene) -> None:
    job = scene.job(place(0, 10))
    scene.book("alpha", at(7), 120)
    scene.away("alpha", at(9), at(10))
    (alpha,) = (item for item in scene.crews(job)["suggestions"] if item["crew"]["code"] == "alpha")
    assert proposed(alpha)["starts_at"] == stamp(at(10))
    assert reason(alpha, "way_there")["needed_minutes"] == 20


def test_where_no_time_fits_the_best_attempt_is_told(scene: Scene) -> None:
    job = scene.job()
    scene.service(minutes=600)
    found = scene.crews(job, days=2)
    assert {item["shortfalls"][-1] for item in found["suggestions"]} == {"capacity_exceeded", "no_agreement"}
    alpha = next(item for item in found["suggestions"] if item["crew"]["code"] == "alpha")
    assert (proposed(alpha)["starts_at"], len(alpha["shortfalls"])) == (stamp(NOW), 2)
    gamma = next(item for item in found["suggestions"] if item["crew"]["code"] == "gamma")
    assert proposed(gamma)["starts_at"] is None, "no time would help"


def test_late_comes_after_in_time(scene: Scene) -> None:
    job = scene.job(due_at=stamp(at(9)))
    scene.equip("beta", depot=WEST)
    scene.book("beta", at(7), 90)
    scene.equip("alpha", depot=place(0, 8))
    found = scene.crews(job)
    assert [(item["crew"]["code"], item["late"]) for item in found["suggestions"][:2]] == [
        ("alpha", False),
        ("beta", True),
    ]


def test_an_agreement_brings_the_neighbours_crews_and_its_cap_is_counted(scene: Scene) -> None:
    term = scene.agree(cap_minutes=120, cap_period="week")
    job = scene.job(EAST)
    scene.book("alpha", at(12), 60, EAST, grant_id=term)
    found = scene.crews(job, by="of east", starts_at=stamp(at(9)))
    assert set(names(found)) == {"alpha", "beta", "gamma"}
    beta = next(item for item in found["suggestions"] if item["crew"]["code"] == "beta")
    assert proposed(beta)["grant_id"] == str(term)
    assert reason(beta, "cap_left")["left_minutes"] == 0
    found = scene.crews(job, by="of east", starts_at=stamp(at(9)), minutes=61)
    beta = next(item for item in found["suggestions"] if item["crew"]["code"] == "beta")
    assert beta["shortfalls"] == ["cap_minutes_reached"]


def test_what_is_planned_for_the_job_already_moves_away(scene: Scene) -> None:
    term = scene.agree(cap_minutes=60, cap_period="week")
    job = scene.job(EAST)
    scene.book("alpha", at(9), 60, job=job, grant_id=term)
    found = scene.crews(job, starts_at=stamp(at(9.5)))
    assert {item["crew"]["code"] for item in found["suggestions"] if item["eligible"]} == {"alpha", "beta", "gamma"}


def test_a_dispatcher_sees_her_crews_and_her_guests_and_of_guests_no_names(scene: Scene) -> None:
    scene.agree(crew_ids=[scene.world.crews["alpha"]])
    scene.member("alpha", "Ana", "flagger")
    scene.service(certificates=["flagger"])
    wests, easts = scene.book("alpha", at(9), 60), scene.job(EAST)
    hers = scene.crews(easts, by="of east", starts_at=stamp(at(9)))
    assert set(names(hers)) == {"alpha", "gamma"}
    alpha = next(item for item in hers["suggestions"] if item["crew"]["code"] == "alpha")
    assert reason(alpha, "certificate")["by"] == []
    assert "Ana" not in str(hers)
    assert reason(alpha, "booked")["work_order_id"] is None
    assert wests not in str(hers)
    everybodys = scene.crews(easts, starts_at=stamp(at(9)))
    alpha = next(item for item in everybodys["suggestions"] if item["crew"]["code"] == "alpha")
    assert reason(alpha, "certificate")["by"] == ["Ana"]
    assert reason(alpha, "booked")["work_order_id"] == wests


def test_a_job_that_she_may_not_see_is_not_there(scene: Scene, other: Scene) -> None:
    scene.agree()
    wests, nowheres = scene.job(WEST), scene.job(NOWHERE)
    for job, by in (
        (wests, "of east"),
        (nowheres, "of east"),
        (str(uuid4()), "dispatcher"),
        (other.job(), "dispatcher"),
    ):
        answer = scene.ask(f"/work-orders/{job}/suggestions", by)
        assert answer.status_code == 404, answer.json
    assert {tuple(item["shortfalls"]) for item in scene.crews(nowheres)["suggestions"]} == {("no_jurisdiction",)}


def test_a_deleted_job_is_not_there_and_a_done_one_says_so(scene: Scene) -> None:
    job = scene.world.create()
    assert scene.world.ask("DELETE", f"/work-orders/{job['id']}", if_match=job["etag"]).status_code < 300
    assert scene.ask(f"/work-orders/{job['id']}/suggestions").status_code == 404
    done = scene.job()
    scene.run("UPDATE work_order SET status = 'completed' WHERE partnership_id = :p AND id = :id", id=done)
    assert all("job_done" in item["shortfalls"] for item in scene.crews(done)["suggestions"])


def test_disbanded_crews_are_not_suggested(scene: Scene) -> None:
    scene.equip("beta", disbanded_at=MONDAY)
    assert "beta" not in names(scene.crews(scene.job()))


def test_only_as_many_as_are_wanted(scene: Scene) -> None:
    found = scene.crews(scene.job(), limit=1)
    assert (len(found["suggestions"]), found["considered"], found["more"]) == (1, 3, False)


def test_more_crews_than_are_looked_at_are_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldsync.dispatch.suggestions.suggest.CREWS_MAX", 2)
    scene.equip("beta", depot=place(9))
    found = scene.crews(scene.job())
    assert (set(names(found)), found["more"]) == ({"alpha", "beta"}, True), "those of where the work lies go first"


@pytest.mark.parametrize(("query", "field"), [
    ({"limit": 0}, "limit"), ({"limit": 51}, "limit"), ({"days": 0}, "days"), ({"days": 15}, "days"),
    ({"minutes": 0}, "minutes"), ({"minutes": 10_081}, "minutes"), ({"starts_at": "soon"}, "starts_at"),
    ({"starts_at": "2030-03-04T09:00:00"}, "starts_at"), ({"starts_at": "0001-01-01T00:00:00Z"}, "starts_at"),
    ({"crew": "alpha"}, "crew"),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused(scene: Scene, query: dict[str, object], field: str) -> None:
    answer = scene.ask(f"/work-orders/{scene.job()}/suggestions", **query)
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "invalid_value", field)


def test_who_may_not_dispatch_may_not_ask(scene: Scene) -> None:
    job = scene.job()
    assert scene.ask(f"/work-orders/{job}/suggestions", "gis").status_code == 403
    assert scene.ask(f"/work-orders/{job}/suggestions", "alpha").status_code == 403
    assert scene.ask(f"/work-orders/{job}/suggestions", "admin").status_code == 200
