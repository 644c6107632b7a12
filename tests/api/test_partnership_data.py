"""The partnership's own data: jurisdictions, service types, crews, members."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from tests.api.town import Caller, Town
from tests.sync_model.world import make_world

SHARED = {
    "/v1/jurisdictions": {"code": "Ward 1", "name": "Cedar"},
    "/v1/service-types": {
        "code": "tree", "name": "Tree down", "skill": "saw", "priority": 1, "target_hours": 24, "minutes": 90,
        "certificates": ["saw-2"], "required_on_completion": {"fields": ["resolution"]},
    },
}  # fmt: skip


class TestThePartnershipItself:
    def test_says_whether_its_work_is_public(self, town: Town) -> None:
        admin, reader = town.staff("admin"), town.staff("dispatcher")
        assert reader.get("/v1/partnership").json == {
            "slug": town.slug, "name": "Two towns", "public_work_orders": False, "time_zone": "UTC",
        }  # fmt: skip
        assert admin.patch("/v1/partnership", {"public_work_orders": True}).json["public_work_orders"] is True
        assert reader.get("/v1/partnership").json["public_work_orders"] is True

    def test_is_changed_by_admins_of_all_of_it(self, town: Town) -> None:
        for person in (town.staff(("admin", town.alder)), town.staff("gis")):
            assert person.patch("/v1/partnership", {"public_work_orders": True}).status_code == 403
        assert town.staff("admin").patch("/v1/partnership", {"slug": "other"}).status_code == 422


class TestWhatTabletsHoldToo:
    @pytest.mark.parametrize("path", SHARED)
    def test_is_created_read_listed_and_changed(self, town: Town, path: str) -> None:
        admin, reader = town.staff("admin"), town.staff(("finance", town.alder))
        made = admin.post(path, SHARED[path])
        assert made.status_code == 201
        assert made.json == SHARED[path] | {"id": made.json["id"], "retired": False}
        own = f"{path}/{made.json['id']}"
        assert reader.get(own).json == made.json
        assert made.json in reader.get(path).json["items"]
        changed = admin.patch(own, {"name": "New name", "retired": True})
        assert changed.json == made.json | {"name": "New name", "retired": True}
        assert reader.get(own).json == changed.json
        assert changed.json in reader.get(f"{path}?retired=true").json["items"]
        assert changed.json not in reader.get(f"{path}?retired=false").json["items"]

    @pytest.mark.parametrize("path", SHARED)
    def test_is_changed_by_admins_of_the_whole_partnership_only(self, town: Town, path: str) -> None:
        made = town.staff("admin").post(path, SHARED[path]).json
        for person in (town.staff(("admin", town.alder)), town.staff("dispatcher"), town.staff("gis")):
            assert person.post(path, SHARED[path] | {"code": "x"}).status_code == 403
            assert person.patch(f"{path}/{made['id']}", {"name": "x"}).status_code == 403

    @pytest.mark.parametrize("path", SHARED)
    def test_has_a_code_of_its_own(self, town: Town, path: str) -> None:
        admin = town.staff("admin")
        admin.post(path, SHARED[path])
        assert admin.post(path, SHARED[path]).json["code"] == "already_there"
        other = admin.post(path, SHARED[path] | {"code": "other"}).json
        assert admin.patch(f"{path}/{other['id']}", {"code": SHARED[path]["code"]}).status_code == 409

    @pytest.mark.parametrize("path", SHARED)
    def test_of_others_is_not_there(self, town: Town, path: str) -> None:
        theirs = Town(town.app).staff("admin").post(path, SHARED[path]).json
        admin = town.staff("admin")
        for id_ in (theirs["id"], uuid4()):
            assert admin.get(f"{path}/{id_}").status_code == 404
            assert admin.patch(f"{path}/{id_}", {"name": "x"}).status_code == 404
        assert theirs["id"] not in [item["id"] for item in admin.get(path).json["items"]]

    def test_reaches_tablets_with_their_next_exchange(self, sync_app: Flask) -> None:
        world = make_world(sync_app)
        tablet = world.tablet()
        tablet.pull()
        admin = admin_of(world.app, world.partnership_id)
        town = admin.post("/v1/jurisdictions", SHARED["/v1/jurisdictions"]).json
        kind = admin.post("/v1/service-types", SHARED["/v1/service-types"]).json
        first = tablet.pull()
        assert [(change["kind"], change["id"]) for change in first] == [
            ("jurisdiction", town["id"]), ("service_type", kind["id"]),
        ]  # fmt: skip
        admin.patch(f"/v1/service-types/{kind['id']}", {"name": "Tree"})
        (change,) = tablet.pull()
        assert (change["id"], change["record"]["name"]) == (kind["id"], "Tree")

    def test_takes_no_number_where_nothing_changed(self, sync_app: Flask) -> None:
        world = make_world(sync_app)
        admin = admin_of(world.app, world.partnership_id)
        before = world.value("SELECT change FROM head WHERE partnership_id = :p")
        kind = admin.get(f"/v1/service-types/{world.service_type_id}").json
        assert admin.patch(f"/v1/service-types/{kind['id']}", {"name": kind["name"]}).json == kind
        assert world.value("SELECT change FROM head WHERE partnership_id = :p") == before

    @pytest.mark.parametrize(
        ("field", "value"),
        [("priority", 0), ("priority", 6), ("priority", "3"), ("priority", 2.5), ("priority", True), ("priority", None),
         ("target_hours", 0), ("target_hours", 10**30), ("skill", "two words"), ("code", ""), ("retired", 1)],
    )  # fmt: skip
    def test_refuses_what_is_not_acceptable(self, town: Town, field: str, value: Any) -> None:
        admin = town.staff("admin")
        made = admin.post("/v1/service-types", SHARED["/v1/service-types"]).json
        answer = admin.patch(f"/v1/service-types/{made['id']}", {field: value})
        assert (answer.status_code, answer.json["field"]) == (422, field)


def admin_of(app: Flask, partnership_id: UUID) -> Caller:
    town = Town.__new__(Town)
    town.app, town.partnership_id = app, partnership_id
    return town.staff("admin")


class TestCrews:
    def test_are_created_changed_disbanded_and_reinstated(self, town: Town) -> None:
        admin = town.staff(("admin", town.alder))
        wanted = {"jurisdiction_id": str(town.alder), "code": "P1", "name": "Potholes", "skills": ["asphalt", "saw"]}
        crew = admin.post("/v1/crews", wanted)
        assert crew.status_code == 201
        assert crew.json == wanted | {
            "id": crew.json["id"], "disbanded_at": None, "time_zone": None, "depot": None, "reach_m": None,
            "capacity_minutes": None, "overtime_minutes": 0,
        }  # fmt: skip
        own = f"/v1/crews/{crew.json['id']}"
        assert admin.patch(own, {"skills": []}).json["skills"] == []
        gone = admin.post(f"{own}/disband").json
        assert gone["disbanded_at"] is not None
        assert admin.post(f"{own}/disband").json == gone
        assert [item["id"] for item in admin.get("/v1/crews?disbanded=true").json["items"]] == [crew.json["id"]]
        assert admin.post(f"{own}/reinstate").json["disbanded_at"] is None
        assert admin.get(own).json["disbanded_at"] is None

    def test_are_seen_and_changed_by_their_own_jurisdictions(self, town: Town) -> None:
        admin, dispatcher = town.staff(("admin", town.alder)), town.staff(("dispatcher", town.alder))
        for person in (admin, dispatcher):
            assert [crew["id"] for crew in person.get("/v1/crews").json["items"]] == [str(town.alder_crew)]
            assert person.get(f"/v1/crews/{town.birch_crew}").status_code == 404
            assert person.get(f"/v1/crews?jurisdiction_id={town.birch}").json["items"] == []
        assert dispatcher.patch(f"/v1/crews/{town.alder_crew}", {"name": "x"}).status_code == 403
        for method, path in (("PATCH", ""), ("POST", "/disband"), ("POST", "/reinstate")):
            json = {"name": "x"} if method == "PATCH" else None
            assert admin.ask(method, f"/v1/crews/{town.birch_crew}{path}", json).status_code == 404
        new = {"jurisdiction_id": str(town.birch), "code": "x", "name": "x"}
        assert admin.post("/v1/crews", new).status_code == 403
        given_away = admin.patch(f"/v1/crews/{town.alder_crew}", {"jurisdiction_id": str(town.birch)})
        assert (given_away.status_code, given_away.json["field"]) == (403, "jurisdiction_id")

    def test_belong_to_a_jurisdiction_that_is_there(self, town: Town) -> None:
        admin = town.staff("admin")
        for elsewhere in (str(uuid4()), str(Town(town.app).alder)):
            answer = admin.post("/v1/crews", {"jurisdiction_id": elsewhere, "code": "x", "name": "x"})
            assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")
            assert admin.patch(f"/v1/crews/{town.alder_crew}", {"jurisdiction_id": elsewhere}).status_code == 422
        taken = admin.post("/v1/crews", {"jurisdiction_id": str(town.alder), "code": "B", "name": "x"})
        assert (taken.status_code, taken.json["code"]) == (409, "already_there")


def member(caller: Caller, name: str, **more: Any) -> Any:
    answer = caller.post("/v1/members", {"name": name} | more)
    assert answer.status_code == 201, answer.json
    return answer.json


class TestMembers:
    def test_are_seen_by_their_employer_and_where_they_work(self, town: Town) -> None:
        admin = town.staff("admin")
        mary = member(admin, "Mary", jurisdiction_id=str(town.alder), personnel_number="7")
        paul = member(admin, "Paul", jurisdiction_id=str(town.birch))
        quin = member(admin, "Quin")
        alder = town.staff(("admin", town.alder))
        assert alder.get("/v1/members").json["items"] == [mary]
        assert alder.get(f"/v1/members/{paul['id']}").status_code == 404
        lent = {"member_id": paul["id"], "since": "2026-01-01"}
        assert alder.post(f"/v1/crews/{town.alder_crew}/memberships", lent).status_code == 201
        assert alder.get("/v1/members").json["items"] == [mary, paul]
        # Lent is not given: only her employer changes what is known of her.
        assert alder.patch(f"/v1/members/{paul['id']}", {"name": "x"}).status_code == 403
        assert alder.patch(f"/v1/members/{quin['id']}", {"name": "x"}).status_code == 404
        assert alder.post("/v1/members", {"name": "x"}).status_code == 403
        assert alder.patch(f"/v1/members/{mary['id']}", {"name": "Mary Ann"}).json["name"] == "Mary Ann"
        assert alder.patch(f"/v1/members/{mary['id']}", {"jurisdiction_id": str(town.birch)}).status_code == 403
        assert [one["name"] for one in admin.get("/v1/members").json["items"]] == ["Mary Ann", "Paul", "Quin"]

    def test_have_a_number_of_their_own(self, town: Town) -> None:
        admin = town.staff("admin")
        member(admin, "Mary", personnel_number="7")
        assert admin.post("/v1/members", {"name": "Paul", "personnel_number": "7"}).json["code"] == "already_there"

    def test_of_one_name_come_on_their_pages_all(self, town: Town) -> None:
        admin = town.staff("admin")
        ids = {member(admin, "Kim")["id"] for _ in range(5)}
        seen, cursor = [], None
        while True:
            page = admin.get("/v1/members", query_string={"limit": 2} | ({"cursor": cursor} if cursor else {})).json
            seen += [one["id"] for one in page["items"]]
            if (cursor := page["next"]) is None:
                break
        assert (len(seen), set(seen)) == (5, ids)


class TestMemberships:
    def test_are_dated(self, town: Town) -> None:
        admin = town.staff("admin")
        mary = member(admin, "Mary")
        path = f"/v1/crews/{town.alder_crew}/memberships"
        first = admin.post(path, {"member_id": mary["id"], "since": "2026-01-01", "until": "2026-03-31"})
        assert first.status_code == 201
        second = admin.post(path, {"member_id": mary["id"], "since": "2026-04-01"}).json
        assert second["until"] is None
        assert admin.get(path).json["items"] == [first.json, second]
        for day, expected in (("2026-03-31", [first.json]), ("2026-04-01", [second]), ("2025-12-31", [])):
            assert admin.get(f"{path}?on={day}").json["items"] == expected
        overlap = admin.post(path, {"member_id": mary["id"], "since": "2026-03-31", "until": "2026-03-31"})
        assert (overlap.status_code, overlap.json["code"]) == (409, "already_there")
        own = f"{path}/{second['id']}"
        assert admin.patch(own, {"until": "2026-05-01"}).json["until"] == "2026-05-01"
        assert admin.get(own).json["until"] == "2026-05-01"
        assert admin.patch(own, {"since": "2026-03-01"}).status_code == 409
        assert admin.patch(own, {"until": None}).json["until"] is None

    @pytest.mark.parametrize("until", ["2025-12-31", "1500-01-01", "yesterday", 5])
    def test_end_after_they_begin(self, town: Town, until: Any) -> None:
        admin = town.staff("admin")
        path = f"/v1/crews/{town.alder_crew}/memberships"
        wanted = {"member_id": member(admin, "Mary")["id"], "since": "2026-01-01"}
        answer = admin.post(path, wanted | {"until": until})
        assert (answer.status_code, answer.json["field"]) == (422, "until")
        made = admin.post(path, wanted).json
        assert admin.patch(f"{path}/{made['id']}", {"until": until}).status_code == 422

    def test_are_changed_for_ones_own_crews(self, town: Town) -> None:
        admin, alder = town.staff("admin"), town.staff(("admin", town.alder))
        mary = member(admin, "Mary")
        path = f"/v1/crews/{town.birch_crew}/memberships"
        made = admin.post(path, {"member_id": mary["id"], "since": "2026-01-01"}).json
        own = f"{path}/{made['id']}"
        for answer in (
            alder.get(path), alder.get(own), alder.patch(own, {"until": None}),
            alder.post(path, {"member_id": mary["id"], "since": "2020-01-01"}),
            admin.get(f"/v1/crews/{town.alder_crew}/memberships/{made['id']}"),
        ):  # fmt: skip
            assert answer.status_code == 404

    def test_need_a_member_and_a_crew_that_works(self, town: Town) -> None:
        admin = town.staff("admin")
        path = f"/v1/crews/{town.alder_crew}/memberships"
        theirs = member(Town(town.app).staff("admin"), "Theirs")
        for member_id in (theirs["id"], str(uuid4())):
            answer = admin.post(path, {"member_id": member_id, "since": "2026-01-01"})
            assert (answer.status_code, answer.json["field"]) == (422, "member_id")
        admin.post(f"/v1/crews/{town.alder_crew}/disband")
        answer = admin.post(path, {"member_id": member(admin, "Mary")["id"], "since": "2026-01-01"})
        assert (answer.status_code, answer.json["code"]) == (409, "crew_disbanded")
