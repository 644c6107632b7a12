"""Rehearsing, publishing and withdrawing over HTTP, and what a worker makes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
import shapely

from fieldsync.boundaries.runs import carry_out
from fieldsync.database import transaction
from geo.areas import AreaSet
from geo.load import load_draft
from geo.report import check_version
from tests.api.office.world import World, now
from tests.geo.layers import SOURCE

BETWEEN = {"lon": -79.85, "lat": 40.5}
WIDE = {"west": shapely.box(-80.1, 40.0, -79.8, 41.0), "east": shapely.box(-79.8, 40.0, -79.7, 41.0)}
WITH_GAP = {"west": shapely.box(-80.1, 40.0, -79.9, 41.0), "south": shapely.box(-79.8, 40.0, -79.7, 41.0)}


def draft(world: World, towns: dict[str, Any] = WIDE, *, checked: bool = True) -> str:
    geoms = np.array([shapely.multipolygons([town]) for town in towns.values()], dtype=object)
    ((layer_id,),) = world.rows("SELECT id FROM layer WHERE partnership_id = :p")
    with world.app.app_context(), transaction() as session:
        areas = AreaSet(tuple(towns), tuple(towns), geoms, SOURCE)
        version_id = load_draft(session, world.partnership_id, layer_id, areas)
        if checked:
            expected = {code: code for code in world.towns}
            check_version(session, world.partnership_id, version_id, expected=expected)
    return str(version_id)


def warnings_of(world: World, version_id: str) -> list[str]:
    rows = world.rows(
        "SELECT DISTINCT kind FROM finding WHERE partnership_id = :p AND version_id = :v AND severity = 'warning'",
        v=version_id,
    )
    return [kind for (kind,) in rows]


def publish(world: World, version_id: str, **body: Any) -> Any:
    body = {"acknowledge": warnings_of(world, version_id)} | body
    return world.ask("POST", f"/boundaries/versions/{version_id}/publication", "gis", json=body)


def work(world: World, run_id: str) -> dict[str, Any]:
    """As a worker does; the run's result."""
    with world.app.app_context():
        carry_out(world.partnership_id, UUID(run_id))
    ((state, result),) = world.rows(
        "SELECT state, result FROM boundary_run WHERE partnership_id = :p AND id = :id", id=run_id
    )
    assert state == "done"
    return result  # type: ignore[no-any-return]


def test_from_the_rehearsal_to_the_withdrawal(world: World) -> None:
    world.agree("west", "east")
    job = world.create(location=BETWEEN, title="Between", crew_id=str(world.crews["alpha"]))
    world.create(location={"lon": -80.0, "lat": 40.5})
    version_id = draft(world)
    found = world.ask("GET", f"/boundaries/versions/{version_id}/rehearsal", "gis").json
    assert (found["open"], found["moved"], found["next"]) == (2, 1, None)
    (pair,) = found["pairs"]
    assert (pair["from"]["code"], pair["to"]["code"], pair["count"]) == ("east", "west", 1)
    assert [(item["id"], item["title"], item["crew_fits"]) for item in found["items"]] == [(job["id"], "Between", True)]
    assert world.read(job["id"])["version"] == 1

    answer = publish(world, version_id)
    assert answer.status_code == 202, answer.json
    assert world.create(location=BETWEEN)["record"]["jurisdiction_id"] == str(world.towns["west"])
    assert work(world, answer.json["run_id"]) == {
        "examined": 3, "moved": 1, "flagged": 0, "released": 0, "withdrawn": False,
    }  # fmt: skip
    assert world.read(job["id"])["record"]["jurisdiction_id"] == str(world.towns["west"])

    answer = world.ask("POST", f"/boundaries/versions/{version_id}/withdrawal", "gis")
    assert answer.status_code == 202, answer.json
    assert work(world, answer.json["run_id"]) == {"made": 1, "reversed": 1, "left": 0, "flagged": 1}
    assert world.read(job["id"])["record"]["jurisdiction_id"] == str(world.towns["east"])
    assert world.ask("POST", f"/boundaries/versions/{version_id}/withdrawal", "gis").json["code"] == (
        "version_not_published"
    )


def test_crews_that_no_longer_fit_are_named(world: World) -> None:
    """Alpha is employed by the western town; its work there goes to the eastern one."""
    narrow = {"west": shapely.box(-80.1, 40.0, -80.05, 41.0), "east": shapely.box(-80.05, 40.0, -79.7, 41.0)}
    job = world.create(crew_id=str(world.crews["alpha"]))
    version_id = draft(world, narrow)
    found = world.ask("GET", f"/boundaries/versions/{version_id}/rehearsal", "gis").json
    assert [(crew["name"], crew["count"]) for crew in found["crews"]] == [("Alpha", 1)]
    assert found["items"][0]["crew_fits"] is False
    points = world.ask("GET", f"/boundaries/versions/{version_id}/rehearsal?format=geojson", "gis")
    assert points.mimetype == "application/geo+json"
    (feature,) = points.json["features"]
    assert (feature["id"], feature["geometry"]["coordinates"]) == (job["id"], [-80.0, 40.5])
    work(world, publish(world, version_id, release_crews=True).json["run_id"])
    assert world.read(job["id"])["record"]["crew_id"] is None


def test_pages_of_a_rehearsal_hold_everything_once(world: World) -> None:
    ids = {world.create(location=BETWEEN)["id"] for _ in range(5)}
    version_id = draft(world)
    found, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = world.ask("GET", f"/boundaries/versions/{version_id}/rehearsal", "gis", query_string=query).json
        found += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert (set(found), len(found)) == (ids, 5)


def test_what_is_not_acknowledged_is_named(world: World) -> None:
    version_id = draft(world, WITH_GAP)
    assert warnings_of(world, version_id)
    answer = publish(world, version_id, acknowledge=[])
    assert (answer.status_code, answer.json["code"]) == (409, "warnings_not_acknowledged")
    assert answer.json["warnings"] == sorted(warnings_of(world, version_id))
    assert world.rows("SELECT 1 FROM layer_version WHERE partnership_id = :p AND status = 'draft'")


def test_an_unchecked_draft_is_neither_rehearsed_nor_published(world: World) -> None:
    version_id = draft(world, checked=False)
    assert publish(world, version_id).json["code"] == "version_not_checked"
    answer = world.ask("GET", f"/boundaries/versions/{version_id}/rehearsal", "gis")
    assert (answer.status_code, answer.json["code"]) == (409, "version_not_checked")


def test_at_a_date_the_run_waits_for_it(world: World) -> None:
    version_id = draft(world)
    at = now() + timedelta(days=30)
    run_id = publish(world, version_id, at=at.isoformat()).json["run_id"]
    with world.app.app_context():
        carry_out(world.partnership_id, UUID(run_id))
    ((state, due_at),) = world.rows("SELECT state, due_at FROM boundary_run WHERE partnership_id = :p AND id = :id",
                                    id=run_id)  # fmt: skip
    assert (state, due_at) == ("waiting", at)
    assert world.create(location=BETWEEN)["record"]["jurisdiction_id"] == str(world.towns["east"])
    # One of today is not held up by it.
    withdrawn = world.ask("POST", f"/boundaries/versions/{version_id}/withdrawal", "gis").json["run_id"]
    assert work(world, withdrawn)["made"] == 0
    another = publish(world, draft(world)).json["run_id"]
    assert work(world, another)["withdrawn"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"at": (now() - timedelta(days=1)).isoformat()}, "at"),
        ({"at": (now() + timedelta(days=2000)).isoformat()}, "at"),
        ({"at": "tomorrow"}, "at"),
        ({"acknowledge": "all"}, "acknowledge"),
        ({"acknowledge": ["x" * 61]}, "acknowledge.0"),
        ({"release_crews": "yes"}, "release_crews"),
        ({"force": True}, "force"),
    ],
)
def test_a_publication_that_makes_no_sense_is_refused(world: World, body: Any, field: str) -> None:
    answer = publish(world, draft(world), **body)
    assert (answer.status_code, answer.json.get("field")) == (422, field), answer.json


def test_who_may_do_what(world: World) -> None:
    version_id = draft(world)
    path = f"/boundaries/versions/{version_id}"
    assert world.ask("GET", path + "/rehearsal", "dispatcher").status_code == 200
    assert world.ask("GET", path + "/rehearsal", "of west").status_code == 403
    assert world.ask("POST", path + "/publication", "dispatcher", json={}).status_code == 403
    assert world.ask("POST", path + "/withdrawal", "alpha").status_code == 403
    assert world.ask("GET", f"/boundaries/versions/{uuid4()}/rehearsal", "gis").status_code == 404
