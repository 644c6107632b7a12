"""Which skills and certificates run out, over all members whom somebody may see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.crews.scene import Scene, refused
from tests.api.town import Caller, Town


@pytest.fixture
def scene(town: Town) -> Scene:
    return Scene(town)


def add(scene: Scene, member_id: str, code: str, until: str | None, sort: str = "certificate") -> str:
    wanted = {"sort": sort, "code": code, "valid_from": "2026-01-01", "valid_until": until}
    answer = scene.admin.post(f"/v1/members/{member_id}/qualifications", wanted)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def expiring(caller: Caller, before: str, **more: Any) -> list[str]:
    answer = caller.get("/v1/qualifications", query_string={"expiring_before": before} | more)
    assert answer.status_code == 200, answer.json
    return [one["id"] for one in answer.json["items"]]


def test_they_are_listed_by_last_day(scene: Scene) -> None:
    paul = scene.member("Paul", scene.town.birch)
    late = add(scene, scene.mary, "cdl-b", "2026-09-30")
    soon = add(scene, paul, "cdl-b", "2026-03-31")
    skill = add(scene, scene.mary, "saw", "2026-04-30", "skill")
    add(scene, paul, "flagger", None)
    assert expiring(scene.admin, "2027-01-01") == [soon, skill, late]
    assert expiring(scene.admin, "2026-09-30") == [soon, skill]
    assert expiring(scene.admin, "2026-10-01", expiring_from="2026-04-30") == [skill, late]
    assert expiring(scene.admin, "2027-01-01", sort="certificate", code="cdl-b") == [soon, late]
    assert expiring(scene.admin, "2027-01-01", jurisdiction_id=str(scene.town.birch)) == [soon]
    page = scene.admin.get("/v1/qualifications?expiring_before=2027-01-01&limit=2").json
    rest = scene.admin.get(f"/v1/qualifications?expiring_before=2027-01-01&cursor={page['next']}").json
    assert [one["id"] for one in [*page["items"], *rest["items"]]] == [soon, skill, late]
    assert rest["next"] is None


def test_a_day_must_be_named(scene: Scene) -> None:
    assert refused(scene.admin.get("/v1/qualifications")) == (422, "invalid_value", "expiring_before")


def test_they_are_those_of_members_whom_one_may_see(scene: Scene) -> None:
    town = scene.town
    paul, quin = scene.member("Paul", town.birch), scene.member("Quin")
    hers, his = add(scene, scene.mary, "cdl-b", "2026-03-31"), add(scene, paul, "cdl-b", "2026-04-30")
    add(scene, quin, "cdl-b", "2026-05-31")
    alder, birch = town.staff(("finance", town.alder)), town.staff(("dispatcher", town.birch))
    assert (expiring(alder, "2027-01-01"), expiring(birch, "2027-01-01")) == ([hers], [his])
    assert expiring(birch, "2027-01-01", jurisdiction_id=str(town.alder)) == []
    scene.join(paul, "2026-01-01")
    assert expiring(alder, "2027-01-01") == [hers, his]
    assert expiring(Town(town.app).staff("admin"), "2027-01-01") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("sort", "talent"), ("code", "two words"), ("number", ""), ("valid_from", None), ("valid_until", "2025-12-31")],
)
def test_what_is_not_acceptable_is_refused(scene: Scene, field: str, value: Any) -> None:
    path = f"/v1/members/{scene.mary}/qualifications"
    wanted = {"sort": "skill", "code": "saw", "valid_from": "2026-01-01"}
    assert refused(scene.admin.post(path, wanted | {field: value})) == (422, "invalid_value", field)
    made = scene.admin.post(path, wanted).json
    assert refused(scene.admin.patch(f"{path}/{made['id']}", {field: value})) == (422, "invalid_value", field)


def test_a_members_are_listed_for_a_day_renewed_ones_with_the_others(scene: Scene) -> None:
    path = f"/v1/members/{scene.mary}/qualifications"
    old, new = add(scene, scene.mary, "cdl-b", "2026-03-31"), add(scene, scene.mary, "cdl-b", "2028-03-31")
    assert [one["id"] for one in scene.admin.get(f"{path}?on=2026-03-31").json["items"]] == [old, new]
    assert [one["id"] for one in scene.admin.get(f"{path}?on=2026-04-01").json["items"]] == [new]
