"""A year of a real city's requests, pushed by tablets: each job lies in the ward that the city itself says.

The city labelled 22,796 of them. A plain index in memory agrees with 22,760 of the labels (the others lie on the line
between two wards), and the exchange must agree with exactly the same ones.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
import shapely
from flask import Flask
from sqlalchemy import insert

from fieldsync.database import new_id
from fieldsync.partnerships.head import next_change
from fieldsync.partnerships.models import Jurisdiction
from geo.load import load_draft
from geo.read import read_areas
from geo.tables import layer
from tests.geo.cities import DC, Points, needs_data, points
from tests.geo.layers import check_and_publish
from tests.sync_model.world import World, make_world

pytestmark = needs_data

BATCH = 1_000
TABLETS = 3


@pytest.fixture(scope="module")
def city(sync_app: Flask) -> World:
    """A partnership whose jurisdictions are the wards of 2012."""
    world = make_world(sync_app)
    ids = {"partnership_id": world.partnership_id}
    areas = read_areas(DC / "dc_wards_2012.geojson")
    with world.session() as session:
        change = next_change(session, world.partnership_id)
        session.add_all([Jurisdiction(**ids, id=new_id(), code=code, name=code, change=change) for code in areas.codes])
        layer_id = new_id()
        session.execute(insert(layer), ids | {"id": layer_id, "name": "Wards"})
        version_id = load_draft(session, world.partnership_id, layer_id, areas)
        check_and_publish(session, world.partnership_id, version_id, datetime(2012, 1, 1, tzinfo=UTC))
    return world


def in_plain_index(requests: Points) -> list[set[str]]:
    """Of each request, the wards whose polygon it touches, by shapely alone."""
    features = json.loads((DC / "dc_wards_2012.geojson").read_text(encoding="utf-8"))["features"]
    codes = [str(feature["properties"]["WARD_ID"]) for feature in features]
    tree = shapely.STRtree([shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features])
    found: list[set[str]] = [set() for _ in requests.lon]
    at = shapely.points(requests.lon, requests.lat)
    for request, ward in tree.query(at, predicate="intersects").T:
        found[request].add(codes[ward])
    return found


def pushed(world: World, requests: Points) -> list[UUID]:
    """Make a work order of each request; the tablets take turns. Gives the ids in the requests' order."""
    tablets = [world.tablet() for _ in range(TABLETS)]
    ids = [new_id() for _ in requests.lon]
    jobs = [world.job(location={"lon": lon, "lat": lat}) for lon, lat in zip(requests.lon, requests.lat, strict=True)]
    for number, start in enumerate(range(0, len(ids), BATCH)):
        tablet = tablets[number % TABLETS]
        batch = zip(ids[start : start + BATCH], jobs[start : start + BATCH], strict=True)
        verdicts = tablet.push(*[tablet.edit("work_order", record_id, "create", job) for record_id, job in batch])
        assert {verdict["verdict"] for verdict in verdicts} == {"applied"}
    return ids


@pytest.mark.parametrize("run", ["once", "and again"])
def test_the_exchange_agrees_with_the_city_where_a_plain_index_does(city: World, run: str) -> None:
    requests = points("dc_service_requests.csv", "label_ward")
    ids = pushed(city, requests)
    rows = city.rows(
        "SELECT w.id, j.code, w.placed_by FROM work_order w"
        " LEFT JOIN jurisdiction j ON j.partnership_id = :p AND j.id = w.jurisdiction_id WHERE w.partnership_id = :p"
    )
    placed = {row["id"]: (row["code"], row["placed_by"]) for row in rows}
    codes = [placed[record_id][0] for record_id in ids]
    assert requests.agreeing(codes) == (22_796, 22_760)
    plain = in_plain_index(requests)
    for label, code, wards in zip(requests.labels, codes, plain, strict=True):
        assert wards == ({code} if code else set())
        assert (label == code) == (label in wards)
    assert {placed[record_id][1] for record_id in ids} <= {"inside", "outside"}
    assert len(ids) == 22_946
