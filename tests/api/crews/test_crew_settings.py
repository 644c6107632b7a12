"""What dispatching has to know of a crew itself: its zone, its depot, its limits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.crews.scene import Scene, refused
from tests.api.town import Town

SETTINGS = {
    "time_zone": "America/New_York", "depot": {"lon": -79.9959, "lat": 40.4406}, "reach_m": 30_000,
    "capacity_minutes": 420, "overtime_minutes": 60,
}  # fmt: skip
EMPTY = {"time_zone": None, "depot": None, "reach_m": None, "capacity_minutes": None, "overtime_minutes": 0}


@pytest.fixture
def scene(town: Town) -> Scene:
    return Scene(town)


def test_they_are_entered_read_changed_and_cleared(scene: Scene) -> None:
    wanted = {"jurisdiction_id": str(scene.town.alder), "code": "P1", "name": "Potholes"}
    made = scene.admin.post("/v1/crews", wanted | SETTINGS)
    assert made.status_code == 201, made.json
    assert made.json == made.json | SETTINGS
    own = f"/v1/crews/{made.json['id']}"
    assert scene.admin.get(own).json == made.json
    assert scene.admin.patch(own, {"name": "Holes"}).json == made.json | {"name": "Holes"}
    assert scene.admin.patch(own, EMPTY).json == made.json | EMPTY | {"name": "Holes"}
    assert scene.admin.patch(own, SETTINGS).json == made.json | {"name": "Holes"}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("time_zone", "Mars/Olympus", None), ("time_zone", "../etc/passwd", None), ("time_zone", "", None),
        ("time_zone", 5, None), ("time_zone", "America", None), ("depot", {"lon": 200, "lat": 0}, "depot.lon"),
        ("depot", {"lon": 0, "lat": -90.1}, "depot.lat"), ("depot", {"lon": 0}, "depot.lat"),
        ("depot", {"lon": "0", "lat": 0}, "depot.lon"), ("depot", {"lon": True, "lat": 0}, "depot.lon"),
        ("depot", {"lon": 0, "lat": 0, "alt": 0}, "depot.alt"), ("depot", [0, 0], "depot"), ("reach_m", 0, None),
        ("reach_m", 1_000_001, None), ("reach_m", 1.5, None), ("capacity_minutes", 0, None),
        ("capacity_minutes", 1441, None), ("overtime_minutes", -1, None), ("overtime_minutes", None, None),
    ],
)  # fmt: skip
def test_what_is_not_acceptable_is_refused(scene: Scene, field: str, value: Any, named: str | None) -> None:
    own = f"/v1/crews/{scene.town.alder_crew}"
    before = scene.admin.get(own).json
    assert refused(scene.admin.patch(own, {field: value})) == (422, "invalid_value", named or field)
    assert scene.admin.get(own).json == before


def test_every_change_is_stamped_and_the_same_again_is_none(scene: Scene) -> None:
    own, before = f"/v1/crews/{scene.town.alder_crew}", scene.change_of()
    for number, (field, value) in enumerate(SETTINGS.items(), start=1):
        for _ in range(2):
            scene.admin.patch(own, {field: value})
            assert scene.change_of() == scene.head() == before + number, field
    for path in ("/disband", "/reinstate"):
        number = scene.head()
        for _ in range(2):
            scene.admin.post(own + path)
            assert scene.change_of() == scene.head() == number + 1


def test_a_new_crew_and_a_new_membership_are_stamped(scene: Scene) -> None:
    wanted = {"jurisdiction_id": str(scene.town.alder), "code": "P1", "name": "Potholes"}
    crew = scene.admin.post("/v1/crews", wanted).json
    path = f"/v1/crews/{crew['id']}/memberships"
    (row,) = scene.town.rows("SELECT change FROM crew WHERE partnership_id = :p AND id = :id", id=crew["id"])
    assert row["change"] == scene.head()
    number = scene.head()
    made = scene.admin.post(path, {"member_id": scene.mary, "since": "2026-01-01"}).json
    scene.admin.patch(f"{path}/{made['id']}", {"until": "2026-12-31"})
    (row,) = scene.town.rows("SELECT change FROM crew WHERE partnership_id = :p AND id = :id", id=crew["id"])
    assert row["change"] == scene.head() == number + 2
