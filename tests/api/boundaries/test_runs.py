"""Runs over HTTP: listed, ended, asked for again; and those that let jobs change hands, in their order."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from fieldsync.clock import now
from tests.api.boundaries.desk import BASE, TWO, Desk, collection
from tests.api.town import Town

RUNS = f"{BASE}/runs"


def test_runs_are_listed_the_latest_first_and_filtered(desk: Desk) -> None:
    towns, parks = desk.layer(), desk.layer("Parks", role="reference")
    draft = desk.hand_in(towns, {"towns.geojson": TWO})
    failed = desk.hand_in(parks, {"parks.geojson": b"{}"})
    waiting = desk.gis.post(f"{BASE}/versions/{draft['version_id']}/check").json

    def ids(**query: object) -> list[str]:
        answer = desk.gis.get(RUNS, query_string=query)
        assert answer.status_code == 200, answer.json
        return [run["id"] for run in answer.json["items"]]

    assert ids() == [waiting["id"], failed["id"], draft["id"]]
    assert ids(layer_id=towns) == [waiting["id"], draft["id"]]
    assert ids(version_id=draft["version_id"]) == [waiting["id"], draft["id"]]
    assert ids(state="failed") == [failed["id"]]
    assert ids(state=["failed", "waiting"]) == [waiting["id"], failed["id"]]
    assert ids(sort="check") == [waiting["id"]]
    first = desk.gis.get(RUNS, query_string={"limit": 2}).json
    assert ids(limit=2, cursor=first["next"]) == [draft["id"]]
    assert desk.gis.get(RUNS, query_string={"sort": "king"}).status_code == 422


def test_a_run_tells_how_far_it_came(desk: Desk) -> None:
    run = desk.hand_in(desk.layer(), {"towns.geojson": TWO})
    assert set(run["progress"]) == {"stage", "done", "total"}
    assert run["asked_by"] == str(desk.gis.id)
    assert run["created_at"] <= run["started_at"] <= run["ended_at"]


def test_jobs_that_change_hands_are_not_left_half_way(desk: Desk) -> None:
    run_id = desk.publish(desk.drafted(desk.layer()))["run_id"]
    answer = desk.gis.post(f"{RUNS}/{run_id}/cancel")
    assert (answer.status_code, answer.json["code"]) == (409, "run_moves_jobs")
    done = desk.carried_out(desk.run(run_id))
    assert (done["sort"], done["state"], done["result"]["moved"]) == ("reassign", "done", 0)


def test_publications_are_carried_out_in_the_order_of_their_dates(desk: Desk) -> None:
    """Whichever is woken first."""
    layer_id = desk.layer()
    first = desk.publish(desk.drafted(layer_id))["run_id"]
    second = desk.publish(desk.drafted(layer_id, collection(("A", -80.0, 40.0))))["run_id"]
    desk.carried_out(desk.run(second))
    runs = [desk.run(run_id) for run_id in (first, second)]
    assert [run["state"] for run in runs] == ["done", "done"]
    assert runs[0]["ended_at"] <= runs[1]["started_at"]


def test_one_that_waits_for_its_date_holds_up_nobody(desk: Desk) -> None:
    towns, roads = desk.layer(), desk.layer("Roads", role="overlay", rank=1)
    desk.published(towns)
    later = desk.drafted(towns)
    wanted = {"acknowledge": desk.version(later)["to_acknowledge"], "at": (now() + timedelta(days=90)).isoformat()}
    waiting = desk.gis.post(f"{BASE}/versions/{later}/publication", wanted).json["run_id"]
    at_once = desk.publish(desk.drafted(roads, collection(("R", -80.0, 40.0))))["run_id"]
    assert desk.carried_out(desk.run(at_once))["state"] == "done"
    assert desk.run(waiting)["state"] == "waiting"
    # Withdrawn before its date, it ends at once and not in three months.
    withdrawal = desk.gis.post(f"{BASE}/versions/{later}/withdrawal").json["run_id"]
    assert desk.carried_out(desk.run(withdrawal))["state"] == "done"
    assert desk.run(waiting)["state"] == "cancelled"


def test_one_that_failed_goes_on_itself(desk: Desk) -> None:
    run_id = desk.publish(desk.drafted(desk.layer()))["run_id"]
    desk.town.run(
        "UPDATE boundary_run SET state = 'failed', ended_at = now(), attempts = 6, problem = '{}'"
        " WHERE partnership_id = :p AND id = :id", id=run_id,
    )  # fmt: skip
    assert desk.gis.post(f"{RUNS}/{run_id}/again", {"crs": "EPSG:4326"}).status_code == 422
    answer = desk.gis.post(f"{RUNS}/{run_id}/again", {})
    assert (answer.status_code, answer.json["id"], answer.json["state"]) == (202, run_id, "waiting")
    assert desk.carried_out(answer.json)["state"] == "done"
    assert desk.gis.post(f"{RUNS}/{run_id}/again", {}).json["code"] == "run_not_failed"


def test_who_may_do_what(town: Town, desk: Desk) -> None:
    run = desk.send(desk.layer(), {"towns.geojson": TWO}).json
    dispatcher = town.staff("dispatcher")
    assert dispatcher.get(RUNS).status_code == dispatcher.get(f"{RUNS}/{run['id']}").status_code == 200
    for caller in (dispatcher, town.staff(("gis", town.alder)), town.staff("finance")):
        assert caller.post(f"{RUNS}/{run['id']}/cancel").status_code == 403
        assert caller.post(f"{RUNS}/{run['id']}/again", {}).status_code == 403


def test_another_partnerships_runs_are_not_there(desk: Desk, town: Town) -> None:
    stranger = Desk(Town(town.app))
    run = desk.send(desk.layer(), {"towns.geojson": TWO}).json
    for run_id in (run["id"], str(uuid4())):
        assert stranger.gis.get(f"{RUNS}/{run_id}").status_code == 404
        assert stranger.gis.get(f"{RUNS}/{run_id}/features").status_code == 404
        assert stranger.gis.post(f"{RUNS}/{run_id}/cancel").status_code == 404
        assert stranger.gis.post(f"{RUNS}/{run_id}/again", {}).status_code == 404
    assert stranger.gis.get(RUNS).json["items"] == []
    assert desk.run(run["id"])["state"] == "waiting"
