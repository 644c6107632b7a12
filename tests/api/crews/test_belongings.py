"""What hangs on a crew or a member: listed, added, changed and removed, by whom, and stamped on the crews."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.api.crews.scene import SORTS, Scene, Sort, people, refused
from tests.api.town import Town

all_sorts = pytest.mark.parametrize("sort", SORTS.values(), ids=SORTS.keys())


@pytest.fixture
def scene(town: Town) -> Scene:
    return Scene(town)


@all_sorts
def test_it_is_added_read_listed_changed_and_removed(scene: Scene, sort: Sort) -> None:
    admin, reader = scene.town.staff(("admin", scene.town.alder)), scene.town.staff(("finance", scene.town.alder))
    path, wanted = scene.path(sort), scene.new(sort)
    made = admin.post(path, wanted)
    assert made.status_code == 201, made.json
    owner = {"crew_id": str(scene.town.alder_crew)} if sort.on_crew else {"member_id": scene.mary}
    assert made.json == wanted | sort.answer | owner | {"id": made.json["id"]}
    own = f"{path}/{made.json['id']}"
    assert reader.get(own).json == made.json
    assert reader.get(path).json == {"items": [made.json], "next": None}
    changed = admin.patch(own, sort.patch)
    assert changed.status_code == 200, changed.json
    assert changed.json == made.json | sort.patch
    assert reader.get(own).json == changed.json
    assert admin.delete(own).status_code == 204
    assert reader.get(path).json["items"] == []
    for method in ("GET", "DELETE"):
        assert admin.ask(method, own).status_code == 404
    assert admin.patch(own, sort.patch).status_code == 404


@all_sorts
def test_its_writers_are_admins_and_for_what_is_planned_daily_dispatchers(scene: Scene, sort: Sort) -> None:
    path = scene.path(sort)
    made = scene.admin.post(path, scene.new(sort)).json
    for role, person in people(scene.town).items():
        allowed = role == "admin" or (sort.planned and role == "dispatcher")
        assert (person.patch(f"{path}/{made['id']}", sort.patch).status_code == 200) == allowed, role
        assert (person.delete(f"{path}/{uuid4()}").status_code == 403) != allowed, role
        again = person.post(path, scene.new(sort))
        assert (again.status_code == 403) != allowed, role
        assert person.get(f"{path}/{made['id']}").status_code == 200


@all_sorts
def test_other_jurisdictions_and_partnerships_do_not_see_it(scene: Scene, sort: Sort) -> None:
    path = scene.path(sort)
    made = scene.admin.post(path, scene.new(sort)).json
    own = f"{path}/{made['id']}"
    birch = scene.town.staff(("admin", scene.town.birch), ("dispatcher", scene.town.birch))
    for person in (birch, Town(scene.town.app).staff("admin", "dispatcher")):
        for answer in (
            person.get(path), person.get(own), person.post(path, scene.new(sort)), person.patch(own, sort.patch),
            person.delete(own),
        ):  # fmt: skip
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert scene.admin.get(own).json == made


@all_sorts
def test_one_owners_is_not_found_at_another_owner(scene: Scene, sort: Sort) -> None:
    made = scene.admin.post(scene.path(sort), scene.new(sort)).json
    other = f"crews/{scene.town.birch_crew}" if sort.on_crew else f"members/{scene.member('Paul', scene.town.alder)}"
    own = f"/v1/{other}/{sort.path}/{made['id']}"
    assert scene.admin.get(own).status_code == 404
    assert scene.admin.patch(own, sort.patch).status_code == 404
    assert scene.admin.delete(own).status_code == 404


@all_sorts
def test_every_change_of_it_is_stamped_on_the_crew_with_the_number_of_its_commit(scene: Scene, sort: Sort) -> None:
    path, before = scene.path(sort), scene.change_of()
    made = scene.admin.post(path, scene.new(sort)).json
    own = f"{path}/{made['id']}"
    assert scene.change_of() == scene.head() == before + 1
    scene.admin.patch(own, sort.patch)
    assert scene.change_of() == scene.head() == before + 2
    # The same once more is no change.
    scene.admin.patch(own, sort.patch)
    assert scene.change_of() == scene.head() == before + 2
    scene.admin.delete(own)
    assert scene.change_of() == scene.head() == before + 3
    assert scene.change_of(scene.town.birch_crew) == 0


@all_sorts
def test_a_refusal_takes_no_number(scene: Scene, sort: Sort) -> None:
    before = scene.head()
    made = scene.admin.post(scene.path(sort), scene.new(sort) | {"colour": "red"})
    assert refused(made) == (422, "invalid_value", "colour")
    assert scene.head() == before


def test_what_is_known_of_a_member_is_stamped_on_all_of_her_crews(scene: Scene) -> None:
    scene.join(scene.mary, "2020-01-01", scene.town.birch_crew, until="2020-12-31")
    for sort in ("qualifications", "absences of a member"):
        answer = scene.admin.post(scene.path(SORTS[sort]), SORTS[sort].new)
        assert answer.status_code == 201
        assert scene.change_of() == scene.change_of(scene.town.birch_crew) == scene.head()
    scene.admin.patch(f"/v1/members/{scene.mary}", {"name": "Mary Ann"})
    assert scene.change_of() == scene.change_of(scene.town.birch_crew) == scene.head()


def test_a_member_of_no_crew_is_nobodys_change(scene: Scene) -> None:
    before, alone = scene.head(), scene.member("Quin")
    answer = scene.admin.post(f"/v1/members/{alone}/qualifications", SORTS["qualifications"].new)
    assert (answer.status_code, scene.head()) == (201, before)


def test_a_disbanded_crew_gets_nothing_more_and_keeps_what_it_has(scene: Scene) -> None:
    made = {}
    for name, sort in SORTS.items():
        if sort.on_crew:
            made[name] = scene.admin.post(scene.path(sort), scene.new(sort)).json["id"]
    scene.admin.post(f"/v1/crews/{scene.town.alder_crew}/disband")
    for name, id_ in made.items():
        sort = SORTS[name]
        assert refused(scene.admin.post(scene.path(sort), scene.new(sort))) == (409, "crew_disbanded", None)
        assert scene.admin.patch(f"{scene.path(sort)}/{id_}", sort.patch).status_code == 200
        assert scene.admin.delete(f"{scene.path(sort)}/{id_}").status_code == 204


MANY = {
    "shifts": (200, "INSERT INTO shift SELECT :p, gen_random_uuid(), :owner, 2, '08:00', 1, day, day"),
    "qualifications": (
        200, "INSERT INTO qualification SELECT :p, gen_random_uuid(), :owner, 'skill', 'x', NULL, day, day",
    ),
    "absences of a crew": (
        2000, "INSERT INTO absence SELECT :p, gen_random_uuid(), :owner, NULL, day, day + interval '1 day', 'x'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY)
def test_there_are_so_many_at_most(scene: Scene, name: str) -> None:
    (most, insert), sort = MANY[name], SORTS[name]
    owner = scene.town.alder_crew if sort.on_crew else scene.mary
    days = "generate_series(date '2010-01-05', date '2010-01-05' + :more * interval '7 days', interval '7 days') day"
    scene.town.run(f"{insert} FROM {days}", owner=owner, more=most - 1)
    answer = scene.admin.post(scene.path(sort), scene.new(sort))
    assert refused(answer) == (409, "too_many_there", None)
    assert answer.json["most"] == most
    first = scene.admin.get(f"{scene.path(sort)}?limit=1").json["items"][0]
    scene.admin.delete(f"{scene.path(sort)}/{first['id']}")
    assert scene.admin.post(scene.path(sort), scene.new(sort)).status_code == 201


class TestAbsencesOfMembers:
    def test_are_entered_where_she_works_as_well(self, scene: Scene) -> None:
        town, sort = scene.town, SORTS["absences of a member"]
        scene.join(scene.mary, "2026-01-01", town.birch_crew)
        for role in ("dispatcher", "admin"):
            assert town.staff((role, town.birch)).post(scene.path(sort), sort.new).status_code == 201
        # What she can do is her employer's to say.
        skill = SORTS["qualifications"]
        assert refused(town.staff(("admin", town.birch)).post(scene.path(skill), skill.new)) == (
            403, "not_allowed", "jurisdiction_id",
        )  # fmt: skip

    def test_are_not_entered_where_she_worked_once(self, scene: Scene) -> None:
        town, sort = scene.town, SORTS["absences of a member"]
        scene.join(scene.mary, "2020-01-01", town.birch_crew, until="2020-12-31")
        answer = town.staff(("dispatcher", town.birch)).post(scene.path(sort), sort.new)
        assert answer.status_code == 403

    def test_of_somebody_whom_no_partner_employs_are_entered_by_her_crew(self, scene: Scene) -> None:
        quin, path = scene.member("Quin"), "/v1/members/{}/absences"
        scene.join(quin, "2026-01-01")
        dispatcher = scene.town.staff(("dispatcher", scene.town.alder))
        assert dispatcher.post(path.format(quin), SORTS["absences of a member"].new).status_code == 201
