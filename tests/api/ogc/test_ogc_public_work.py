"""What anybody learns of work orders, and what nobody can find out by asking cleverly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.ogc.public_ids import own_id, public_id
from tests.api.ogc.reader import CRS84, EPSG, Reader
from tests.clients.scene import Scene

SHOWN = {
    "status", "service_type", "service_type_name", "jurisdiction", "jurisdiction_name", "created_on", "updated_on",
}  # fmt: skip
PLACE = (12.123456, 51.654321)
ROUNDED = [12.123, 51.654]


@pytest.fixture
def public(scene: Scene) -> Scene:
    scene.open_work_orders()
    return scene


def test_is_a_few_facts_a_rounded_place_and_days(public: Scene, anybody: Reader) -> None:
    public.jobs(
        1, at=PLACE, title="Hole before Mrs. X's house", description="She fell", address="Elm 1", requester="Mrs. X",
        tags=["urgent"], crew_id=public.town.alder_crew, resolution="Filled", asset="Lamp 7",
        created_at=datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), updated_at=datetime(2026, 3, 4, 1, tzinfo=UTC),
    )  # fmt: skip
    (page,) = anybody.pages("work-orders")
    (feature,) = page["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": ROUNDED}
    assert feature["properties"] == {
        "status": "open", "service_type": "pothole", "service_type_name": "Potholes", "jurisdiction": "A",
        "jurisdiction_name": "A", "created_on": "2026-03-01", "updated_on": "2026-03-04",
    }  # fmt: skip
    alone = anybody.get(f"collections/work-orders/items/{feature['id']}")
    assert (alone["geometry"], alone["properties"]) == (feature["geometry"], feature["properties"])
    for document in (page, alone, anybody.get("collections"), anybody.get("api")):
        assert not [word for word in ("Mrs. X", "Elm 1", "fell", "urgent", "Filled", "Lamp 7") if word in str(document)]
    assert set(anybody.get("collections/work-orders/queryables")["properties"]) == {
        "status", "service_type", "jurisdiction", "geometry",
    }  # fmt: skip


@pytest.mark.parametrize("crs", [CRS84, f"{EPSG}4326", f"{EPSG}3857"])
def test_no_coordinate_system_shows_the_exact_place(public: Scene, anybody: Reader, crs: str) -> None:
    public.jobs(1, at=PLACE)
    (moved,) = anybody.features("work-orders", crs=crs)
    public.town.run("UPDATE work_order SET location = ST_SetSRID(ST_MakePoint(12.123, 51.654), 4326)")
    (rounded,) = anybody.features("work-orders", crs=crs)
    assert moved["geometry"] == rounded["geometry"]


def test_no_box_tells_the_exact_place(public: Scene, anybody: Reader) -> None:
    """Whatever box is asked, the answer is that for a job at the rounded place."""
    public.jobs(1, at=PLACE)
    lon, lat = PLACE
    around_exact = f"{lon - 1e-5},{lat - 1e-5},{lon + 1e-5},{lat + 1e-5}"
    around_rounded = "12.12299,51.65399,12.12301,51.65401"
    assert anybody.get("collections/work-orders/items", bbox=around_exact)["numberMatched"] == 0
    assert anybody.get("collections/work-orders/items", bbox=around_rounded)["numberMatched"] == 1
    assert len(anybody.features("work-orders", bbox=around_rounded)) == 1
    (box,) = anybody.get("collections/work-orders")["extent"]["spatial"]["bbox"]
    assert box == [12.123, 51.654, 12.124, 51.655]


def test_no_moment_tells_more_than_the_day(public: Scene, anybody: Reader) -> None:
    public.jobs(
        1, status="closed", created_at=datetime(2026, 3, 1, 15, tzinfo=UTC),
        updated_at=datetime(2026, 3, 4, 9, tzinfo=UTC), completed_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    )  # fmt: skip
    for period, found in (
        ("2026-03-01T00:00:00Z", 1), ("2026-03-01T23:59:59Z", 1), ("2026-03-04T23:59:59Z", 1),
        ("2026-03-05T00:00:00Z", 0), ("2026-02-28T23:59:59Z", 0), ("../2026-03-01T00:00:00Z", 1),
        ("2026-03-04T23:00:00Z/..", 1), ("2026-03-03", 1),
        ("2026-03-05/..", 0), ("../..", 1),
    ):  # fmt: skip
        assert anybody.get("collections/work-orders/items", datetime=period)["numberMatched"] == found, period
    extent = anybody.get("collections/work-orders")["extent"]["temporal"]["interval"]
    assert extent == [["2026-03-01T00:00:00Z", None]]


def test_its_ids_are_others_than_the_staffs_and_tell_no_time(public: Scene, anybody: Reader, gis: Reader) -> None:
    ids = [str(id_) for id_ in public.jobs(5)]
    shown = [feature["id"] for feature in anybody.features("work-orders", limit=2)]
    assert len(set(shown)) == 5
    assert not set(shown) & set(ids)
    # The millisecond stands in the first 48 bits; made within a second, they would all begin alike.
    assert len({id_[:6] for id_ in shown}) > 1
    assert len({id_[:6] for id_ in ids}) == 1
    for id_ in ids:
        assert anybody.ask(f"collections/work-orders/items/{id_}").status_code == 404
    for id_ in shown:
        assert anybody.get(f"collections/work-orders/items/{id_}")["id"] == id_
        assert gis.ask(f"collections/work-orders/items/{id_}").status_code == 404


def test_deleted_ones_are_gone(public: Scene, anybody: Reader) -> None:
    public.jobs(2)
    shown = [feature["id"] for feature in anybody.features("work-orders")]
    public.town.run("UPDATE work_order SET deleted_at = now() WHERE partnership_id = :p")
    assert anybody.features("work-orders") == []
    assert [anybody.ask(f"collections/work-orders/items/{id_}").status_code for id_ in shown] == [404, 404]


def test_it_ends_when_the_partnership_says_so(public: Scene, anybody: Reader) -> None:
    public.jobs(1)
    (feature,) = anybody.features("work-orders")
    public.town.run("UPDATE partnership SET public_work_orders = false WHERE id = :p")
    assert anybody.ask(f"collections/work-orders/items/{feature['id']}").status_code == 404


def test_staff_who_read_no_work_orders_see_what_anybody_sees(public: Scene) -> None:
    public.jobs(1, at=PLACE)
    finance = Reader(public, public.town.staff("finance").token)
    (feature,) = finance.features("work-orders")
    assert set(feature["properties"]) == SHOWN
    assert feature["geometry"]["coordinates"] == ROUNDED


def test_a_time_reaches_from_the_first_date_to_the_last(scene: Scene, gis: Reader) -> None:
    day = datetime(2026, 3, 10, tzinfo=UTC)
    dates = {"created_at": day, "updated_at": day + timedelta(days=5)}
    (open_,) = scene.jobs(1, **dates)
    (done,) = scene.jobs(1, status="completed", completed_at=day + timedelta(days=2), **dates)
    (early,) = scene.jobs(1, status="cancelled", started_at=day - timedelta(days=3), **dates)
    (due,) = scene.jobs(1, status="closed", due_at=day + timedelta(days=20), **dates)
    for period, found in (
        ("2026-03-06/2026-03-06", []), ("2026-03-07", [early]), ("2026-03-10T00:00:00Z", [open_, done, early, due]),
        ("2026-03-15T00:00:00Z", [open_, done, early, due]), ("2026-03-16", [open_, due]), ("2026-03-31/..", [open_]),
    ):  # fmt: skip
        assert [f["id"] for f in gis.features("work-orders", datetime=period)] == [str(id_) for id_ in found], period


@given(st.integers(0, 2**128 - 1), st.uuids())
def test_a_public_id_leads_back(number: int, key: UUID) -> None:
    assert own_id(public_id(UUID(int=number), key), key) == UUID(int=number)


def test_public_ids_depend_on_the_key() -> None:
    id_, first, second = uuid4(), uuid4(), uuid4()
    assert public_id(id_, first) != public_id(id_, second) != id_
