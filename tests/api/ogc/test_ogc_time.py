"""Boundaries in time: the version in force now, then, or in a period."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fieldsync.database import transaction
from geo.publish import withdraw
from tests.api.ogc.reader import Reader, linked
from tests.clients.scene import Scene, cells


def instant(at: datetime, **more: float) -> str:
    return (at + timedelta(**more)).isoformat().replace("+00:00", "Z")


def numbers(reader: Reader, collection: str, **query: str) -> list[int]:
    """The versions of which features come, each with its number of features checked."""
    features = reader.features(collection, limit=3, **query)
    found = [feature["properties"]["version"] for feature in features]
    assert found == sorted(found)
    for number in set(found):
        assert found.count(number) == 2 * number  # version n has n columns of two cells
    return sorted(set(found))


@pytest.fixture
def history(scene: Scene) -> tuple[str, list[datetime]]:
    """A layer with three versions, of which the last is still to come; and their starts."""
    layer_id = scene.layer("Wards", public=True)
    starts = [
        scene.publish(scene.draft(layer_id, cells(number, 2)), days) for number, days in ((1, 20), (2, 10), (3, -10))
    ]
    return f"boundaries-{layer_id}", starts


def test_the_version_in_force_is_read_unless_a_time_is_asked_for(
    history: tuple[str, list[datetime]], anybody: Reader
) -> None:
    layer, (first, second, third) = history
    assert numbers(anybody, layer) == [2]
    for at, found in (
        (instant(first), [1]), (instant(first, microseconds=-1), []), (instant(second, microseconds=-1), [1]),
        (instant(second), [2]), (instant(third), [3]), ("2100-01-01T00:00:00Z", [3]), ("1990-01-01", []),
    ):  # fmt: skip
        assert numbers(anybody, layer, datetime=at) == found, at


def test_a_period_reads_every_version_that_was_in_force_in_it(
    history: tuple[str, list[datetime]], anybody: Reader
) -> None:
    layer, (first, second, third) = history
    for period, found in (
        ("../..", [1, 2, 3]), (f"{instant(second)}/..", [2, 3]), (f"../{instant(second)}", [1, 2]),
        (f"/{instant(second, seconds=-1)}", [1]), (f"{instant(third)}/", [3]),
        (f"{instant(first, days=1)}/{instant(first, days=2)}", [1]), (f"{first.date()}/{third.date()}", [1, 2, 3]),
        (f"../{instant(first, seconds=-1)}", []),
    ):  # fmt: skip
        assert numbers(anybody, layer, datetime=period) == found, period


def test_other_ways_to_write_a_moment(history: tuple[str, list[datetime]], anybody: Reader) -> None:
    layer, (_, second, _) = history
    for at in (
        second.astimezone(UTC).isoformat(), instant(second).lower(),
        (second + timedelta(hours=5)).replace(tzinfo=None).isoformat() + "+05:00", instant(second)[:-1] + "999Z",
    ):  # fmt: skip
        assert numbers(anybody, layer, datetime=at) == [2], at


def test_a_feature_says_when_it_holds(history: tuple[str, list[datetime]], anybody: Reader) -> None:
    layer, (first, second, third) = history
    properties = anybody.features(layer, datetime=instant(first))[0]["properties"]
    assert properties == {
        "code": "C1", "name": "Area “C1”", "owner_code": None, "valid_from": None, "layer": "Wards", "version": 1,
        "in_force_from": instant(first), "in_force_until": instant(second),
    }  # fmt: skip
    assert anybody.features(layer, datetime=instant(third))[0]["properties"]["in_force_until"] is None
    (extent,) = anybody.get(f"collections/{layer}")["extent"]["temporal"]["interval"]
    assert extent == [instant(first), None]


def test_a_feature_is_found_whenever_it_holds(history: tuple[str, list[datetime]], anybody: Reader) -> None:
    layer, _ = history
    for feature in anybody.features(layer, datetime="../.."):
        assert anybody.get(f"collections/{layer}/items/{feature['id']}")["properties"] == feature["properties"]


def test_all_pages_are_of_the_version_of_the_first_one(scene: Scene, anybody: Reader) -> None:
    layer_id = scene.layer("Wards", public=True)
    scene.publish(scene.draft(layer_id, cells(3, 2)), 5)
    page = anybody.get(f"collections/boundaries-{layer_id}/items", limit=2)
    scene.publish(scene.draft(layer_id, cells(4, 2)), 0)
    found = page["features"]
    while (following := linked(page, "next")) is not None and len(found) < 100:
        page = anybody.get(following)
        found += page["features"]
    assert [feature["properties"]["version"] for feature in found] == [1] * 6
    assert page["numberMatched"] == 6
    assert len(anybody.features(f"boundaries-{layer_id}")) == 8


def test_pages_of_a_withdrawn_version_end_with_a_refusal(scene: Scene, anybody: Reader) -> None:
    layer_id = scene.layer("Wards", public=True)
    scene.publish(scene.draft(layer_id, cells(3, 2)), 5)
    last = scene.draft(layer_id, cells(3, 2))
    scene.publish(last, 1)
    page = anybody.get(f"collections/boundaries-{layer_id}/items", limit=2)
    with scene.app.app_context(), transaction() as session:
        withdraw(session, scene.town.partnership_id, last)
    following = linked(page, "next")
    assert following is not None
    assert anybody.refused(following) == ("invalid_parameter", "cursor")
    assert {f["properties"]["version"] for f in anybody.features(f"boundaries-{layer_id}", datetime="../..")} == {1}


def test_what_the_file_said_is_told(scene: Scene, gis: Reader) -> None:
    layer_id = scene.layer("Roads", role="overlay", rank=1)
    scene.publish(
        scene.draft(layer_id, cells(1, 2), owners=("A", None), valid_from=(date(2025, 7, 1), None)), 1
    )  # fmt: skip
    first, second = (feature["properties"] for feature in gis.features(f"boundaries-{layer_id}"))
    assert (first["owner_code"], first["valid_from"]) == ("A", "2025-07-01")
    assert (second["owner_code"], second["valid_from"]) == (None, None)
    assert gis.codes(f"boundaries-{layer_id}", owner_code="A") == ["C1"]
    assert gis.codes(f"boundaries-{layer_id}", valid_from="2025-07-01") == ["C1"]
    assert gis.codes(f"boundaries-{layer_id}", valid_from="2025-07-02") == []
