"""Work orders for a crew's day: what waits and fits, the most urgent first."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.api.office.world import EAST, NOWHERE, WEST
from tests.api.suggestions.scene import MONDAY, NOW, Scene, at, ids, place, proposed, reason, stamp

TUESDAY = "2030-03-05"


def test_what_fits_is_proposed_at_a_time_with_every_reason(scene: Scene) -> None:
    scene.equip("alpha", depot=WEST)
    job = scene.job(place(0, 9.9), priority=2, due_at=stamp(at(20)))
    scene.book("alpha", at(7), 120)
    found = scene.jobs("alpha")
    (item,) = found["suggestions"]
    assert item["work_order"] == {
        "id": job, "title": "Hole", "service_type_id": str(scene.world.pothole), "service_type": "Pothole",
        "jurisdiction_id": str(scene.world.towns["west"]), "status": "open", "priority": 2,
        "due_at": stamp(at(20)), "location": pytest.approx(place(0, 9.9)), "yours": True,
    }  # fmt: skip
    wanted = proposed(item)
    assert (wanted["work_order_id"], wanted["crew_id"], wanted["minutes"]) == (job, scene.crew_id("alpha"), 60)
    assert wanted["starts_at"] == stamp(at(9) + timedelta(minutes=20)), "two hours' work, and 19.3 minutes to get there"
    assert reason(item, "free")["good"]
    assert all(one["good"] for one in wanted["reasons"])
    assert (item["eligible"], item["shortfalls"], item["late"]) == (True, [], False)
    assert item["load"] == {"day": "2030-03-04", "work_minutes": 180, "travel_minutes": 39, "capacity_minutes": 480}
    assert (found["day"], found["considered"], found["waiting"], found["ruled_out"]) == ("2030-03-04", 1, 1, {})


def test_the_order_is_the_day_due_the_priority_and_the_way(scene: Scene) -> None:
    scene.equip("alpha", depot=WEST)
    far = scene.job(place(0, 9))
    near = scene.job(place(0, 1))
    urgent = scene.job(place(0, 5), priority=1)
    tomorrow = scene.job(place(0, 9), due_at=stamp(at(8, day=1)), priority=5)
    today = scene.job(place(0, 9), due_at=stamp(at(23)), priority=5)
    earlier_today_less_urgent = scene.job(place(0, 9), due_at=stamp(at(8)), priority=5)
    found = scene.jobs("alpha")
    assert set(ids(found)[:2]) == {today, earlier_today_less_urgent}
    assert ids(found)[:2] == [earlier_today_less_urgent, today]
    assert ids(found)[2:] == [tomorrow, urgent, near, far]
    assert ids(scene.jobs("alpha", limit=3)) == ids(found)[:3]


def test_only_what_waits_is_proposed(scene: Scene) -> None:
    waits, hers_without_a_time = scene.job(), scene.job(crew_id=scene.crew_id("alpha"))
    scene.job(crew_id=scene.crew_id("beta"))
    scene.book("beta", at(9), 60)
    on_hold, done, gone = scene.job(), scene.job(), scene.world.create()
    scene.run("UPDATE work_order SET status = 'on_hold' WHERE partnership_id = :p AND id = :id", id=on_hold)
    scene.run("UPDATE work_order SET status = 'completed' WHERE partnership_id = :p AND id = :id", id=done)
    scene.world.ask("DELETE", f"/work-orders/{gone['id']}", if_match=gone["etag"])
    scene.job(NOWHERE)
    assert set(ids(scene.jobs("alpha"))) == {waits, hers_without_a_time}


def test_what_does_not_fit_is_counted_by_what_is_in_the_way(scene: Scene) -> None:
    scene.service(certificates=["flagger"])
    scene.job()
    found = scene.jobs("alpha")
    assert (ids(found), found["ruled_out"]) == ([], {"certificate_missing": 1})
    scene.member("alpha", "Ana", "flagger")
    assert len(ids(scene.jobs("alpha"))) == 1
    scene.book("alpha", at(7), 430)
    found = scene.jobs("alpha")
    assert ids(found) == []
    assert found["considered"] == found["waiting"] == 1
    assert found["ruled_out"]


def test_the_day_is_the_crews_own_and_not_over(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    job = scene.job()
    (item,) = scene.jobs("alpha", day=TUESDAY)["suggestions"]
    assert proposed(item)["starts_at"] == stamp(at(7, day=1))
    monkeypatch.setattr("fieldsync.dispatch.suggestions.api.now", lambda: at(10.02))
    (item,) = scene.jobs("alpha")["suggestions"]
    assert proposed(item)["starts_at"] == stamp(at(10) + timedelta(minutes=5))
    monkeypatch.setattr("fieldsync.dispatch.suggestions.api.now", lambda: at(14.5))
    assert ids(scene.jobs("alpha")) == [], "half an hour is left of the shift"
    assert ids(scene.jobs("alpha", day="2030-03-03")) == [], "that day is over"
    scene.equip("alpha", time_zone="Pacific/Kiritimati")
    monkeypatch.setattr("fieldsync.dispatch.suggestions.api.now", lambda: NOW)
    found = scene.jobs("alpha")
    assert found["day"] == "2030-03-04", "there it is eight in the evening, and the shift is over"
    assert ids(found) == []
    (item,) = scene.jobs("alpha", day=TUESDAY)["suggestions"]
    assert (proposed(item)["starts_at"], ids({"suggestions": [item]})) == (stamp(MONDAY + timedelta(hours=17)), [job])


def test_jobs_beyond_reach_are_not_looked_at(scene: Scene) -> None:
    scene.equip("alpha", depot=WEST, reach_m=5_000)
    near = scene.job(place(0, 4.9))
    scene.job(place(0, 5.1))
    found = scene.jobs("alpha")
    assert (ids(found), found["waiting"]) == ([near], 1)


def test_an_agreement_opens_the_neighbours_jobs_to_the_crews_own_dispatcher(scene: Scene) -> None:
    wests, easts = scene.job(WEST), scene.job(EAST)
    assert ids(scene.jobs("alpha", by="of west")) == [wests]
    term = scene.agree(starts_on=MONDAY.date())
    found = {item["work_order"]["id"]: item for item in scene.jobs("alpha", by="of west")["suggestions"]}
    assert set(found) == {wests, easts}
    assert (found[wests]["work_order"]["yours"], found[easts]["work_order"]["yours"]) == (True, False)
    assert proposed(found[easts])["grant_id"] == str(term)
    assert set(found[easts]["work_order"]) == set(found[wests]["work_order"]), "nothing more is told of either"
    assert ids(scene.jobs("alpha", by="of west", day="2030-03-03")) == [], "not yet"


def test_a_guests_host_sees_only_her_own_jobs_for_it(scene: Scene) -> None:
    scene.job(WEST)
    easts = scene.job(EAST)
    assert scene.ask(f"/crews/{scene.crew_id('alpha')}/suggestions", "of east").status_code == 404
    scene.agree(crew_ids=[scene.world.crews["alpha"]])
    assert ids(scene.jobs("alpha", by="of east")) == [easts]
    assert scene.ask(f"/crews/{scene.crew_id('beta')}/suggestions", "of east").status_code == 404


def test_a_crew_that_is_not_there(scene: Scene, other: Scene) -> None:
    for crew in (str(uuid4()), other.crew_id("alpha")):
        assert scene.ask(f"/crews/{crew}/suggestions").status_code == 404


def test_a_disbanded_crew_gets_nothing(scene: Scene) -> None:
    scene.job()
    scene.equip("alpha", disbanded_at=MONDAY)
    found = scene.jobs("alpha")
    assert (ids(found), found["ruled_out"]) == ([], {"crew_disbanded": 1})


def test_of_many_the_nearest_and_the_most_urgent_are_looked_at(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldsync.dispatch.suggestions.suggest.NEAR_MAX", 2)
    monkeypatch.setattr("fieldsync.dispatch.suggestions.suggest.URGENT_MAX", 1)
    scene.equip("alpha", depot=WEST)
    near = {scene.job(place(0, km)) for km in (1, 2)}
    scene.job(place(0, 3))
    due = scene.job(place(0, 9), due_at=stamp(at(20)))
    found = scene.jobs("alpha")
    assert (set(ids(found)), found["waiting"]) == (near | {due}, 4)


@pytest.mark.parametrize(("query", "field"), [
    ({"day": "today"}, "day"), ({"day": "1066-10-14"}, "day"), ({"limit": 51}, "limit"), ({"days": 3}, "days"),
])  # fmt: skip
def test_what_cannot_be_asked_is_refused(scene: Scene, query: dict[str, object], field: str) -> None:
    answer = scene.ask(f"/crews/{scene.crew_id('alpha')}/suggestions", **query)
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "invalid_value", field)
