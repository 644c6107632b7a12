"""The wards of the District of Columbia in three vintages, published one after another over a year's requests.

Of the 22,946 requests, 885 lie in another ward of 2012 than of 2002: these are what a rehearsal must find and what the
publication must move, and no others.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import shapely
from flask import Flask

from fieldsync.boundaries.reassign import reassign, withdraw
from fieldsync.boundaries.rehearse import LISTED_MAX, rehearse
from fieldsync.boundaries.standing import FIRST
from fieldsync.database import new_id
from geo.read import read_areas
from tests.database.lines import Lines, make_lines
from tests.geo.cities import DC, Points, needs_data, points

pytestmark = needs_data

BATCH = 1_000


def wards(year: int) -> Path:
    return DC / f"dc_wards_{year}.geojson"


def by_shapely(year: int, requests: Points) -> list[str | None]:
    """The ward of each request, by shapely alone; the lowest code of several."""
    features = json.loads(wards(year).read_text(encoding="utf-8"))["features"]
    codes = [str(feature["properties"]["WARD_ID"]) for feature in features]
    tree = shapely.STRtree([shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features])
    found: list[str | None] = [None] * len(requests.lon)
    for request, ward in tree.query(shapely.points(requests.lon, requests.lat), predicate="intersects").T:
        found[request] = min(found[request] or codes[ward], codes[ward])
    return found


@pytest.fixture(scope="module")
def city(sync_app: Flask) -> Lines:
    return make_lines(sync_app, tuple(str(number) for number in range(1, 9)))


def test_the_vintages_follow_each_other_exactly(city: Lines) -> None:
    requests = points("dc_service_requests.csv", "label_ward")
    places = list(zip(requests.lon, requests.lat, strict=True))
    city.publish(read_areas(wards(1990)), datetime(1990, 1, 1, tzinfo=UTC))
    tablet = city.world.tablet()
    ids: list[UUID] = []
    for start in range(0, len(places), BATCH):
        batch = [(new_id(), place) for place in places[start : start + BATCH]]
        jobs = [(id_, city.world.job(location={"lon": lon, "lat": lat})) for id_, (lon, lat) in batch]
        tablet.push(*[tablet.edit("work_order", id_, "create", job) for id_, job in jobs])
        ids += [id_ for id_, _ in batch]
    assert len(ids) == 22_946
    expected = {year: by_shapely(year, requests) for year in (1990, 2002, 2012)}

    assert standing(city, ids) == expected[1990]
    reassign_all(city, city.publish(read_areas(wards(2002)), datetime(2002, 1, 1, tzinfo=UTC)))
    assert standing(city, ids) == expected[2002]

    moves = {id_ for id_, before, after in zip(ids, expected[2002], expected[2012], strict=True) if before != after}
    assert len(moves) == 885
    draft = city.draft(read_areas(wards(2012)))
    assert rehearsed(city, draft) == moves

    version_id = city.publish(read_areas(wards(2012)))
    versions = record_versions(city)
    assert reassign_all(city, version_id)["moved"] == 885
    assert {id_ for id_, version in record_versions(city).items() if version != versions[id_]} == moves
    assert standing(city, ids) == expected[2012]

    city.withdraw(version_id)
    assert city.carry_out(withdraw, city.run(version_id))["reversed"] == 885
    assert standing(city, ids) == expected[2002]


def reassign_all(city: Lines, version_id: UUID) -> dict[str, object]:
    return city.carry_out(reassign, city.run(version_id))


def rehearsed(city: Lines, draft: UUID) -> set[UUID]:
    """All pages of the list."""
    found: set[UUID] = set()
    after: UUID | None = FIRST
    while after is not None:
        with city.world.session() as session:
            page = rehearse(session, city.world.partnership_id, draft, limit=300, after=after)
        assert len(page.listed) <= min(300, LISTED_MAX)
        if after == FIRST:
            assert (page.moved, page.open, sum(page.pairs.values())) == (885, 22_946, 885)
        found |= {one.id for one in page.listed}
        after = page.next
    return found


def standing(city: Lines, ids: list[UUID]) -> list[str | None]:
    found = city.standing()
    return [found[id_][0] for id_ in ids]


def record_versions(city: Lines) -> dict[UUID, int]:
    rows = city.world.rows("SELECT id, version FROM work_order WHERE partnership_id = :p")
    return {row["id"]: row["version"] for row in rows}
