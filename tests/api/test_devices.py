"""Tablets: how they join a crew, and how the office keeps them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from flask import Flask

from fieldsync.crews.enrolments import codes
from tests.api.town import Caller, Town
from tests.sync_model import laws
from tests.sync_model.world import Tablet, World, make_world


def enrol(town: Town, code: str, **more: Any) -> Any:
    return town.nobody().post("/v1/devices/enrol", {"code": code} | more)


class TestCodes:
    def test_are_short_and_can_be_read_out(self) -> None:
        made = codes.make("demo")
        assert re.fullmatch("demo-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", made.text())
        assert codes.parse(made.text()) == made

    @pytest.mark.parametrize(
        "typed",
        ["demo-7K3Q0-M1D1H", "DEMO-7k3qo-mld1h", " demo 7K3Q0 MID1H ", "demo7k3q0mldih", "demo--7K3Q-0M1-D1H",
         "Demo-7K3QO-MIDLH"],
    )  # fmt: skip
    def test_may_be_typed_carelessly(self, typed: str) -> None:
        assert codes.parse(typed) == codes.Code("demo", "7K3Q0M1D1H")

    @pytest.mark.parametrize("typed", ["", "demo", "demo-7K3Q", "7K3Q0-M1D1H", "demo-7K3QU-M1D1H", "demo-7K3Qß-M1D1H"])
    def test_are_not_guessed_from_what_is_none(self, typed: str) -> None:
        assert codes.parse(typed) is None

    def test_may_belong_to_a_name_with_hyphens(self) -> None:
        code = codes.make("two-towns-2")
        assert codes.parse(code.text().upper()) == code


class TestEnrolment:
    def test_trades_a_code_for_a_tablet(self, town: Town) -> None:
        made = town.code()
        answer = enrol(town, made["code"].lower(), app_version="1.2.3")
        assert answer.status_code == 201
        assert answer.json["token"].startswith("fsd_")
        assert answer.json["crew"] == {"id": str(town.alder_crew), "code": "A", "name": "A"}
        assert answer.json["partnership"]["slug"] == town.slug
        assert (answer.json["expected_seq"], answer.json["name"]) == (1, "Truck 7")
        own = Caller(town.app, answer.json["token"]).get("/v1/devices/current").json
        assert own["id"] == answer.json["device_id"]
        assert (own["app_version"], own["crew"], own["expected_seq"]) == ("1.2.3", answer.json["crew"], 1)
        (listed,) = town.staff("dispatcher").get("/v1/enrolments").json["items"]
        assert listed["device_id"] == own["id"]
        assert listed["used_at"] is not None
        assert "code" not in listed

    def test_shows_the_code_as_a_qr_code(self, town: Town) -> None:
        made = town.code()
        link = urlsplit(made["qr_payload"])
        assert (link.scheme, link.path) == ("fieldsync", "enrol")
        assert parse_qs(link.query) == {"server": ["http://localhost"], "code": [made["code"]]}
        assert made["qr_svg"].startswith("<svg ")
        assert len(made["qr_payload"]) < 120

    def test_keeps_only_a_hash(self, town: Town) -> None:
        letters = town.code()["code"].removeprefix(town.slug).replace("-", "")
        kept = " ".join(str(dict(row)) for row in town.rows("SELECT * FROM enrolment WHERE partnership_id = :p"))
        assert letters not in kept

    def test_works_exactly_once_however_many_try(self, town: Town) -> None:
        code = town.code()["code"]
        with ThreadPoolExecutor(8) as pool:
            answers = [attempt.result() for attempt in [pool.submit(enrol, town, code) for _ in range(16)]]
        assert sorted(answer.status_code for answer in answers) == [201] + [401] * 15
        assert len(town.rows("SELECT 1 FROM device WHERE partnership_id = :p")) == 1
        assert len(town.rows("SELECT 1 FROM token WHERE partnership_id = :p AND purpose = 'device'")) == 1

    @pytest.mark.parametrize("why", ["unknown", "used", "expired", "cancelled", "disbanded", "elsewhere", "nonsense"])
    def test_tells_nobody_why_a_code_is_not_valid(self, town: Town, why: str) -> None:
        made = town.code()
        code = made["code"]
        if why == "unknown":
            code = codes.make(town.slug).text()
        elif why == "used":
            enrol(town, code)
        elif why == "expired":
            town.run("UPDATE enrolment SET expires_at = now() WHERE partnership_id = :p")
        elif why == "cancelled":
            for _ in range(2):
                assert town.staff("admin").delete(f"/v1/enrolments/{made['id']}").status_code == 204
        elif why == "disbanded":
            assert town.staff("admin").post(f"/v1/crews/{town.alder_crew}/disband").status_code == 200
        elif why == "elsewhere":
            code = code.replace(town.slug, Town(town.app).slug)
        else:
            code = "nonsense"
        answer = enrol(town, code)
        assert (answer.status_code, answer.json["code"]) == (401, "enrolment_code_not_valid")
        assert answer.json["detail"] == "The enrolment code is unknown, used or expired."

    def test_needs_a_crew_that_works_and_that_one_may_see(self, town: Town) -> None:
        town.staff("admin").post(f"/v1/crews/{town.birch_crew}/disband")
        for crew_id, code in (
            (uuid4(), "unknown_reference"), (Town(town.app).alder_crew, "unknown_reference"),
            (town.birch_crew, "crew_disbanded"),
        ):  # fmt: skip
            wanted = {"crew_id": str(crew_id), "device_name": "x"}
            assert town.staff("dispatcher").post("/v1/enrolments", wanted).json["code"] == code

    @pytest.mark.parametrize("role", ["gis", "finance"])
    def test_is_for_dispatchers_and_admins(self, town: Town, role: str) -> None:
        wanted = {"crew_id": str(town.alder_crew), "device_name": "x"}
        assert town.staff(role).post("/v1/enrolments", wanted).status_code == 403
        assert town.tablet().post("/v1/enrolments", wanted).status_code == 403


class TestTokenRotation:
    def test_keeps_the_old_token_until_the_new_one_is_used(self, town: Town) -> None:
        old = town.tablet()
        new = Caller(town.app, old.post("/v1/devices/current/token").json["token"])
        assert old.get("/v1/devices/current").status_code == 200
        assert new.get("/v1/devices/current").status_code == 200
        assert old.get("/v1/devices/current").status_code == 401
        assert new.get("/v1/devices/current").status_code == 200

    def test_may_be_asked_for_again_and_again(self, town: Town) -> None:
        """A tablet whose answers are lost does not fill the table, and its latest tokens all work."""
        old = town.tablet()
        made = [Caller(town.app, old.post("/v1/devices/current/token").json["token"]) for _ in range(6)]
        assert len(town.rows("SELECT 1 FROM token WHERE partnership_id = :p AND purpose = 'device'")) == 4
        assert made[0].get("/v1/devices/current").status_code == 401
        assert made[-2].get("/v1/devices/current").status_code == 200
        assert made[-1].get("/v1/devices/current").status_code == 200
        assert [caller.get("/v1/devices/current").status_code for caller in (old, made[-2])] == [401, 401]


class TestTheOffice:
    def test_lists_tablets_a_page_at_a_time(self, town: Town) -> None:
        ids = [str(town.tablet(crew).id) for crew in (town.alder_crew, town.birch_crew, town.alder_crew)]
        office = town.staff("finance")
        page = office.get("/v1/devices?limit=2").json
        assert [device["id"] for device in page["items"]] == ids[:2]
        rest = office.get(f"/v1/devices?limit=2&cursor={page['next']}").json
        assert ([device["id"] for device in rest["items"]], rest["next"]) == (ids[2:], None)
        crew = office.get(f"/v1/devices?crew_id={town.alder_crew}").json["items"]
        assert [device["id"] for device in crew] == [ids[0], ids[2]]
        assert office.get("/v1/devices?revoked=true").json["items"] == []
        assert set(page["items"][0]) == {"id", "crew_id", "name", "app_version", "last_seen_at", "skew_ms",
                                         "expected_seq", "enrolled_at", "revoked_at", "revoked_by",
                                         "former_crew_ids", "quarantined", "deposited_seq", "waiting"}  # fmt: skip

    def test_revokes_a_tablet_at_once_and_for_good(self, town: Town) -> None:
        tablet, dispatcher = town.tablet(), town.staff("dispatcher")
        fresh = Caller(town.app, tablet.post("/v1/devices/current/token").json["token"])
        first = dispatcher.post(f"/v1/devices/{tablet.id}/revoke").json
        assert first["revoked_by"] == str(dispatcher.id)
        assert [caller.get("/v1/devices/current").status_code for caller in (tablet, fresh)] == [401, 401]
        assert tablet.post("/v1/devices/current/token").status_code == 401
        assert town.staff("admin").post(f"/v1/devices/{tablet.id}/revoke").json == first
        (listed,) = dispatcher.get("/v1/devices?revoked=true").json["items"]
        assert listed == first

    def test_renames_and_moves(self, town: Town) -> None:
        tablet, dispatcher = town.tablet(), town.staff("dispatcher")
        answer = dispatcher.patch(f"/v1/devices/{tablet.id}", {"name": "Spare", "crew_id": str(town.birch_crew)})
        assert (answer.json["name"], answer.json["crew_id"]) == ("Spare", str(town.birch_crew))
        assert tablet.get("/v1/devices/current").json["crew"]["id"] == str(town.birch_crew)
        assert (
            dispatcher.patch(f"/v1/devices/{tablet.id}", {"crew_id": str(uuid4())}).json["code"] == "unknown_reference"
        )
        assert dispatcher.patch(f"/v1/devices/{tablet.id}", {"next_seq": 7}).status_code == 422

    def test_sees_the_tablets_of_its_own_jurisdictions_only(self, town: Town) -> None:
        own, other = town.tablet(town.alder_crew), town.tablet(town.birch_crew)
        dispatcher = town.staff(("dispatcher", town.alder), ("gis", town.birch))
        # All her roles count for reading; a route for dispatchers counts only that one.
        assert len(dispatcher.get("/v1/devices").json["items"]) == 2
        only = town.staff(("dispatcher", town.alder))
        assert [device["id"] for device in only.get("/v1/devices").json["items"]] == [str(own.id)]
        assert only.get(f"/v1/devices/{other.id}").status_code == 404
        for person in (dispatcher, only):
            assert person.post(f"/v1/devices/{other.id}/revoke").status_code == 404
            assert person.patch(f"/v1/devices/{other.id}", {"name": "mine"}).status_code == 404
            moved = person.patch(f"/v1/devices/{own.id}", {"crew_id": str(town.birch_crew)})
            assert (moved.status_code, moved.json["field"]) == (422, "crew_id")
            wanted = {"crew_id": str(town.birch_crew), "device_name": "x"}
            assert person.post("/v1/enrolments", wanted).status_code == 422
        assert [made["crew_id"] for made in only.get("/v1/enrolments").json["items"]] == [str(town.alder_crew)]
        (others,) = town.rows("SELECT id FROM enrolment WHERE partnership_id = :p AND crew_id = :c", c=town.birch_crew)
        assert only.delete(f"/v1/enrolments/{others.id}").status_code == 404
        assert other.get("/v1/devices/current").status_code == 200


def test_a_moved_tablet_starts_anew_in_its_new_crew(sync_app: Flask) -> None:
    world = make_world(sync_app)
    tablet = world.tablet(0)
    old_job = tablet.new_job()
    world.assign(old_job, 0)
    new_job = tablet.new_job()
    world.assign(new_job, 1)
    tablet.pull()
    move(world, tablet, world.crew_ids[1])
    answer = tablet.exchange(limit=100)
    assert answer["reset"] is True
    jobs = [change["id"] for change in answer["changes"] if change["kind"] == "work_order"]
    assert jobs == [str(new_job)]
    assert answer["reset_because"] == "crew_changed"
    note = tablet.edit("note", uuid4(), "create", {"work_order_id": str(old_job), "body": "done before the move"})
    work = tablet.edit("work_order", old_job, "update", {"status": "completed"}, 1)
    noted, worked = tablet.push(note, work)
    assert noted["verdict"] == "applied"
    laws.a_replay_gives_the_same(world)
    assert (worked["verdict"], worked["conflicts"][0]["sort"]) == ("conflicted", "custody")


def move(world: World, tablet: Tablet, crew_id: UUID) -> None:
    town = Town.__new__(Town)
    town.app, town.partnership_id = world.app, world.partnership_id
    answer = town.staff("dispatcher").patch(f"/v1/devices/{tablet.device_id}", {"crew_id": str(crew_id)})
    assert answer.status_code == 200
