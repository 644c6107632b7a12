"""Vehicles and machines, and which crew has them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.crews.scene import Scene, people, refused
from tests.api.town import Town


@pytest.fixture
def scene(town: Town) -> Scene:
    return Scene(town)


def test_they_are_added_read_listed_changed_and_retired(scene: Scene) -> None:
    admin = scene.town.staff(("admin", scene.town.alder))
    wanted = {
        "jurisdiction_id": str(scene.town.alder), "sort": "equipment", "code": "R-1", "name": "Roller",
        "registration": "KB 7",
    }  # fmt: skip
    made = admin.post("/v1/equipment", wanted)
    assert made.status_code == 201, made.json
    assert made.json == wanted | {"id": made.json["id"], "retired": False}
    own = f"/v1/equipment/{made.json['id']}"
    assert admin.get(own).json == made.json
    changed = admin.patch(own, {"name": "Small roller", "registration": None, "retired": True})
    assert changed.json == made.json | {"name": "Small roller", "registration": None, "retired": True}
    for query, expected in (
        ("", ["R-1", "T1"]), ("?retired=true", ["R-1"]), ("?retired=false", ["T1"]), ("?sort=vehicle", ["T1"]),
        (f"?jurisdiction_id={scene.town.birch}", []),
    ):  # fmt: skip
        assert [one["code"] for one in admin.get(f"/v1/equipment{query}").json["items"]] == expected
    assert refused(admin.post("/v1/equipment", wanted)) == (409, "already_there", None)


def test_their_owners_admins_change_them(scene: Scene) -> None:
    town, own = scene.town, f"/v1/equipment/{scene.truck}"
    new = {"jurisdiction_id": str(town.alder), "sort": "vehicle", "code": "T2", "name": "Truck"}
    for role, person in people(town).items():
        assert person.get(own).status_code == 200
        assert (person.patch(own, {"name": "x"}).status_code == 403) == (role != "admin")
        assert (person.post("/v1/equipment", new).status_code == 403) == (role != "admin")
    birch = town.staff(("admin", town.birch))
    assert (birch.get(own).status_code, birch.patch(own, {"name": "x"}).status_code) == (404, 404)
    assert birch.get("/v1/equipment").json["items"] == []
    assert birch.post("/v1/equipment", new).status_code == 403
    given_away = town.staff(("admin", town.alder)).patch(own, {"jurisdiction_id": str(town.birch)})
    assert refused(given_away) == (403, "not_allowed", "jurisdiction_id")
    # What is lent to a crew, its town sees, and does not change.
    scene.admin.post(f"/v1/crews/{town.birch_crew}/equipment", {"equipment_id": scene.truck, "since": "2026-01-01"})
    assert (birch.get(own).status_code, birch.patch(own, {"name": "x"}).status_code) == (200, 403)


@pytest.mark.parametrize(
    ("field", "value"), [("sort", "horse"), ("code", ""), ("code", "T 1"), ("name", None), ("jurisdiction_id", None)]
)
def test_what_is_not_acceptable_is_refused(scene: Scene, field: str, value: Any) -> None:
    own = f"/v1/equipment/{scene.truck}"
    assert refused(scene.admin.patch(own, {field: value})) == (422, "invalid_value", field)
    elsewhere = scene.admin.patch(own, {"jurisdiction_id": str(uuid4())})
    assert refused(elsewhere) == (422, "unknown_reference", "jurisdiction_id")


def test_a_change_is_stamped_on_the_crews_that_have_it(scene: Scene) -> None:
    own = f"/v1/equipment/{scene.truck}"
    before = scene.head()
    scene.admin.patch(own, {"name": "Big truck"})
    assert scene.head() == before
    scene.admin.post(
        f"/v1/crews/{scene.town.alder_crew}/equipment", {"equipment_id": scene.truck, "since": "2026-01-01"}
    )
    scene.admin.patch(own, {"name": "Truck"})
    assert scene.change_of() == scene.head() == before + 2


class TestHoldings:
    def test_one_crew_has_it_at_a_time(self, scene: Scene) -> None:
        alder, birch = (f"/v1/crews/{crew}/equipment" for crew in (scene.town.alder_crew, scene.town.birch_crew))
        held = scene.admin.post(alder, {"equipment_id": scene.truck, "since": "2026-01-01", "until": "2026-03-31"}).json
        taken = {"equipment_id": scene.truck, "since": "2026-03-31"}
        for path in (alder, birch):
            assert refused(scene.admin.post(path, taken)) == (409, "equipment_taken", None)
        assert scene.admin.post(birch, taken | {"since": "2026-04-01"}).status_code == 201
        longer = scene.admin.patch(f"{alder}/{held['id']}", {"until": "2026-04-01"})
        assert refused(longer) == (409, "equipment_taken", None)
        early = scene.admin.patch(f"{alder}/{held['id']}", {"until": "2025-12-31"})
        assert refused(early) == (422, "invalid_value", "until")
        assert [one["id"] for one in scene.admin.get(f"{alder}?on=2026-03-31").json["items"]] == [held["id"]]
        assert scene.admin.get(f"{alder}?on=2026-04-01").json["items"] == []

    def test_another_towns_is_lent_by_an_admin_of_both(self, scene: Scene) -> None:
        town, path = scene.town, f"/v1/crews/{scene.town.alder_crew}/equipment"
        wanted = {"equipment_id": scene.machine("B1", town.birch), "since": "2026-01-01", "until": "2026-01-31"}
        alder = town.staff(("admin", town.alder))
        assert refused(alder.post(path, wanted)) == (422, "unknown_reference", "equipment_id")
        both = town.staff(("admin", town.alder), ("admin", town.birch))
        assert both.post(path, wanted).status_code == 201
        # Seen since then, but not hers to take again; and hers to give back.
        again = wanted | {"since": "2026-05-01", "until": None}
        assert refused(alder.post(path, again)) == (403, "not_allowed", "equipment_id")
        (held,) = alder.get(path).json["items"]
        assert alder.patch(f"{path}/{held['id']}", {"until": "2026-01-15"}).status_code == 200

    def test_what_is_retired_no_crew_gets_and_what_a_crew_has_is_not_retired(self, scene: Scene) -> None:
        path, own = f"/v1/crews/{scene.town.alder_crew}/equipment", f"/v1/equipment/{scene.truck}"
        wanted = {"equipment_id": scene.truck, "since": "2020-01-01"}
        held = scene.admin.post(path, wanted).json
        answer = scene.admin.patch(own, {"retired": True})
        assert refused(answer) == (409, "equipment_in_use", "retired")
        assert answer.json["crew_id"] == str(scene.town.alder_crew)
        scene.admin.patch(f"{path}/{held['id']}", {"until": "2020-12-31"})
        assert scene.admin.patch(own, {"retired": True}).json["retired"] is True
        late = wanted | {"since": "2030-01-01"}
        assert refused(scene.admin.post(path, late)) == (409, "equipment_retired", "equipment_id")
        theirs = Scene(Town(scene.town.app)).truck
        other = scene.admin.post(path, wanted | {"equipment_id": theirs})
        assert refused(other) == (422, "unknown_reference", "equipment_id")
