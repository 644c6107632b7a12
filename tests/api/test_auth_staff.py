"""Staff and API tokens, as admins manage them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.town import PASSWORD, Caller, Town

NEW = {"email": "new@example.org", "name": "New"}


def test_an_admin_adds_a_person_who_can_then_log_in(town: Town) -> None:
    admin = town.staff("admin")
    roles = [{"role": "gis", "jurisdiction_id": str(town.alder)}, {"role": "finance", "jurisdiction_id": None}]
    answer = admin.post("/v1/staff", NEW | {"email": "NEW@example.org", "roles": roles, "password": PASSWORD})
    assert answer.status_code == 201
    person = answer.json
    assert person["email"] == "new@example.org"
    assert person["roles"] == sorted(roles, key=lambda role: str(role["role"]))
    assert (person["has_password"], person["disabled_at"]) == (True, None)
    assert admin.get(f"/v1/staff/{person['id']}").json == person
    login = {"partnership": town.slug, "email": "new@example.org", "password": PASSWORD}
    assert town.nobody().post("/v1/sessions", login).status_code == 201


def test_two_people_cannot_have_one_address(town: Town) -> None:
    admin = town.staff("admin")
    assert admin.post("/v1/staff", NEW).status_code == 201
    answer = admin.post("/v1/staff", NEW)
    assert (answer.status_code, answer.json["code"]) == (409, "already_there")
    other = admin.post("/v1/staff", NEW | {"email": "other@example.org"}).json
    assert admin.patch(f"/v1/staff/{other['id']}", {"email": "new@example.org"}).status_code == 409
    assert Town(town.app).staff("admin").post("/v1/staff", NEW).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "no address"), ("email", "é@example.org"), ("email", "a@" + "b" * 300), ("name", ""),
     ("name", "x" * 201), ("name", "nul\0"), ("password", "too short"), ("roles", [{"role": "king"}]),
     ("roles", [{"role": "gis", "x": 1}]),
     ("roles", [{"role": "gis"}] * 101), ("shoe_size", 43), ("email", None), ("roles", None), ("roles", "gis")],
)  # fmt: skip
def test_what_is_not_acceptable_is_refused_by_field(town: Town, field: str, value: Any) -> None:
    answer = town.staff("admin").post("/v1/staff", NEW | {field: value})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_value")
    assert answer.json["field"].split(".")[0] == field


def test_a_role_for_a_jurisdiction_that_is_not_there_is_refused(town: Town) -> None:
    for jurisdiction_id in (uuid4(), Town(town.app).alder):
        roles = [{"role": "gis", "jurisdiction_id": str(jurisdiction_id)}]
        answer = town.staff("admin").post("/v1/staff", NEW | {"roles": roles})
        assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "unknown_reference", "roles")


class TestNobodyGivesAwayWhatSheHasNot:
    def test_an_admin_of_one_jurisdiction_manages_no_staff(self, town: Town) -> None:
        person = town.staff("gis")
        for caller in (town.staff(("admin", town.alder)), town.staff(("admin", town.alder), ("admin", town.birch))):
            own = f"/v1/staff/{caller.id}"
            for answer in (
                caller.get("/v1/staff"),
                caller.post("/v1/staff", NEW),
                caller.put(f"{own}/roles", {"roles": [{"role": "admin"}]}),
                caller.put(f"/v1/staff/{person.id}/password", {"password": PASSWORD}),
                caller.post(f"/v1/staff/{person.id}/disable"),
                caller.post("/v1/api-tokens", {"staff_id": str(person.id), "label": "x"}),
            ):
                assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")

    @pytest.mark.parametrize("role", ["dispatcher", "gis", "finance"])
    def test_other_roles_manage_no_staff(self, town: Town, role: str) -> None:
        assert town.staff(role).get("/v1/staff").status_code == 403
        assert town.staff(role).post("/v1/api-tokens", {"staff_id": str(uuid4()), "label": "x"}).status_code == 403

    def test_roles_hold_from_the_next_request_on(self, town: Town) -> None:
        admin, person = town.staff("admin"), town.staff("gis")
        assert person.get("/v1/staff").status_code == 403
        answer = admin.put(f"/v1/staff/{person.id}/roles", {"roles": [{"role": "admin"}, {"role": "admin"}]})
        assert answer.json["roles"] == [{"role": "admin", "jurisdiction_id": None}]
        assert person.get("/v1/staff").status_code == 200
        admin.put(f"/v1/staff/{person.id}/roles", {"roles": []})
        assert person.get("/v1/staff").status_code == 403


class TestAnAdminRemains:
    def test_the_last_one_cannot_be_disabled_or_demoted(self, town: Town) -> None:
        admin = town.staff("admin")
        town.staff(("admin", town.alder))
        for answer in (
            admin.post(f"/v1/staff/{admin.id}/disable"),
            admin.put(
                f"/v1/staff/{admin.id}/roles", {"roles": [{"role": "admin", "jurisdiction_id": str(town.alder)}]}
            ),
        ):
            assert (answer.status_code, answer.json["code"]) == (409, "last_admin")
        second = town.staff("admin")
        assert admin.post(f"/v1/staff/{second.id}/disable").status_code == 200
        assert admin.post(f"/v1/staff/{admin.id}/disable").status_code == 409

    def test_two_who_disable_each_other_at_once(self, town: Town) -> None:
        for _ in range(5):
            one, two = town.staff("admin"), town.staff("admin")
            with ThreadPoolExecutor(2) as pool:
                tries = [
                    pool.submit(one.post, f"/v1/staff/{two.id}/disable"),
                    pool.submit(two.post, f"/v1/staff/{one.id}/disable"),
                ]
                statuses = sorted(attempt.result().status_code for attempt in tries)
            assert statuses in ([200, 401], [200, 409])
            (left,) = [admin for admin in (one, two) if admin.get("/v1/me").status_code == 200]
            town.run("DELETE FROM staff_role WHERE partnership_id = :p AND staff_id = :id", id=left.id)


def test_disabling_ends_all_her_tokens_for_good(town: Town) -> None:
    admin, person = town.staff("admin"), town.staff("gis", password=True, email="ann@example.org")
    api = admin.post("/v1/api-tokens", {"staff_id": str(person.id), "label": "map"}).json
    program = Caller(town.app, api["token"])
    assert program.get("/v1/me").json["token"] == {"purpose": "api", "label": "map", "expires_at": None}
    first = admin.post(f"/v1/staff/{person.id}/disable").json
    assert first["disabled_at"] is not None
    assert admin.post(f"/v1/staff/{person.id}/disable").json == first
    assert [person.get("/v1/me").status_code, program.get("/v1/me").status_code] == [401, 401]
    answer = admin.post("/v1/api-tokens", {"staff_id": str(person.id), "label": "again"})
    assert (answer.status_code, answer.json["field"]) == (422, "staff_id")
    assert admin.post(f"/v1/staff/{person.id}/enable").json["disabled_at"] is None
    assert [person.get("/v1/me").status_code, program.get("/v1/me").status_code] == [401, 401]
    login = {"partnership": town.slug, "email": "ann@example.org", "password": PASSWORD}
    assert town.nobody().post("/v1/sessions", login).status_code == 201


def test_a_password_that_an_admin_sets_ends_sessions_and_no_api_tokens(town: Town) -> None:
    admin, person = town.staff("admin"), town.staff("gis")
    program = Caller(
        town.app, admin.post("/v1/api-tokens", {"staff_id": str(person.id), "label": "map"}).json["token"]
    )  # fmt: skip
    assert admin.put(f"/v1/staff/{person.id}/password", {"password": PASSWORD}).status_code == 204
    assert person.get("/v1/me").status_code == 401
    assert program.get("/v1/me").status_code == 200
    assert admin.get(f"/v1/staff/{person.id}").json["has_password"] is True


class TestLists:
    def test_staff_come_by_address_a_page_at_a_time(self, town: Town) -> None:
        admin = town.staff("admin", email="m@example.org")
        for letter in "dbca":
            admin.post("/v1/staff", NEW | {"email": f"{letter}@example.org"})
        seen, cursor, pages = [], "", 0
        while cursor is not None:
            page = admin.get(f"/v1/staff?limit=2&cursor={cursor}" if cursor else "/v1/staff?limit=2").json
            assert len(page["items"]) <= 2
            seen += [person["email"][0] for person in page["items"]]
            cursor, pages = page["next"], pages + 1
        assert ("".join(seen), pages) == ("abcdm", 3)

    def test_may_leave_out_who_is_disabled(self, town: Town) -> None:
        admin, gone = town.staff("admin"), town.staff("gis")
        admin.post(f"/v1/staff/{gone.id}/disable")
        ids = {
            which: [person["id"] for person in admin.get(f"/v1/staff?disabled={which}").json["items"]]
            for which in ("true", "false")
        }
        assert ids == {"true": [str(gone.id)], "false": [str(admin.id)]}

    @pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "cursor=x", "cursor=%00", "cursor=bnVsbA",
                                       "disabled=1", "page=2", "cursor=WyJcdWQ4MDAiXQ"])  # fmt: skip
    def test_refuse_what_they_do_not_understand(self, town: Town, query: str) -> None:
        answer = town.staff("admin").get(f"/v1/staff?{query}")
        assert (answer.status_code, answer.json["field"]) == (422, query.split("=")[0])


class TestApiTokens:
    def test_act_as_a_person_until_they_are_revoked(self, town: Town) -> None:
        admin, person = town.staff("admin"), town.staff(("gis", town.alder))
        made = admin.post("/v1/api-tokens", {"staff_id": str(person.id), "label": "map"})
        assert made.status_code == 201
        token = made.json.pop("token")
        program = Caller(town.app, token)
        assert token.startswith("fsk_")
        assert program.get("/v1/me").json["roles"] == [{"role": "gis", "jurisdiction_id": str(town.alder)}]
        (listed,) = admin.get(f"/v1/api-tokens?staff_id={person.id}").json["items"]
        assert listed.pop("last_used_at") is not None
        assert "token" not in listed
        assert listed.items() <= made.json.items()
        for _ in range(2):
            assert admin.delete(f"/v1/api-tokens/{listed['id']}").status_code == 204
        assert program.get("/v1/me").status_code == 401
        assert person.get("/v1/me").status_code == 200

    def test_may_expire(self, town: Town) -> None:
        admin = town.staff("admin")
        wanted = {"staff_id": str(admin.id), "label": "short"}
        for refused in ("2001-01-01T00:00:00Z", "2030-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "soon", 7):
            answer = admin.post("/v1/api-tokens", wanted | {"expires_at": refused})
            assert (answer.status_code, answer.json["field"]) == (422, "expires_at")
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        program = Caller(town.app, admin.post("/v1/api-tokens", wanted | {"expires_at": later}).json["token"])
        assert program.get("/v1/me").status_code == 200
        town.run("UPDATE token SET expires_at = now() WHERE partnership_id = :p AND purpose = 'api'")
        assert program.get("/v1/me").status_code == 401

    def test_cannot_log_out(self, town: Town) -> None:
        admin = town.staff("admin")
        made = admin.post("/v1/api-tokens", {"staff_id": str(admin.id), "label": "x"}).json
        assert Caller(town.app, made["token"]).delete("/v1/sessions/current").status_code == 403

    def test_sessions_are_none_of_them(self, town: Town) -> None:
        admin = town.staff("admin")
        (session,) = town.rows("SELECT id FROM token WHERE partnership_id = :p")
        assert admin.get("/v1/api-tokens").json == {"items": [], "next": None}
        assert admin.delete(f"/v1/api-tokens/{session.id}").status_code == 404
