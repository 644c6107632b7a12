"""Who sees what at /ogc: anybody what is public, staff what is theirs, others nothing."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from fieldsync.clock import now
from tests.api.ogc.reader import Reader
from tests.clients.scene import Scene, cells

RESOURCES = ("", "conformance", "api", "collections")


def basic(password: str, user: str = "anything") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def without_id(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.json.items() if name != "request_id"}


class TestNobodyInParticular:
    def test_is_asked_for_credentials_where_nothing_is_public(self, scene: Scene, anybody: Reader) -> None:
        scene.published("Wards", cells(2, 2))
        scene.jobs(2)
        for resource in RESOURCES:
            answer = anybody.ask(resource)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="fieldsync", charset="UTF-8"'
            assert answer.headers["Cache-Control"] == "no-store"
            made_up = scene.app.test_client().get(f"/ogc/no-such-partnership/{resource}")
            assert (made_up.status_code, without_id(made_up)) == (401, without_id(answer))

    def test_finds_no_collection_there(self, scene: Scene, anybody: Reader) -> None:
        layer_id = scene.published("Wards", cells(2, 2))
        (job,) = scene.jobs(1)
        for collection in (f"boundaries-{layer_id}", "work-orders", "boundaries-1", "nothing"):
            for below in ("", "/items", f"/items/{job}", "/queryables"):
                answer = anybody.ask(f"collections/{collection}{below}")
                assert answer.status_code == 404
                assert answer.json["code"] == "not_found"

    def test_sees_what_is_public_and_nothing_beside_it(self, scene: Scene, anybody: Reader) -> None:
        wards = scene.published("Wards", cells(2, 2), public=True)
        parcels = scene.published("Parcels", cells(2, 3))
        scene.layer("Empty", public=True)
        scene.draft(scene.layer("Draft", public=True), cells(1, 1))
        scene.jobs(1)
        assert [c["id"] for c in anybody.get("collections")["collections"]] == [f"boundaries-{wards}"]
        assert anybody.ask(f"collections/boundaries-{parcels}/items").status_code == 404
        assert anybody.ask("collections/work-orders/items").status_code == 404
        paths = anybody.get("api")["paths"]
        assert {path.split("/")[2] for path in paths if path.count("/") > 1} == {f"boundaries-{wards}"}
        scene.open_work_orders()
        assert list(anybody.collections()) == ["Wards", "Work orders"]

    def test_sees_no_draft_and_nothing_that_was_withdrawn(self, scene: Scene, anybody: Reader, gis: Reader) -> None:
        layer_id = scene.published("Wards", cells(2, 2), public=True)
        (first, *_) = anybody.features(f"boundaries-{layer_id}")
        scene.draft(layer_id, cells(3, 3))
        scene.town.run("UPDATE layer SET public = false WHERE partnership_id = :p")
        scene.published("Other", cells(1, 1), public=True)
        assert anybody.ask(f"collections/boundaries-{layer_id}/items/{first['id']}").status_code == 404
        scene.town.run(
            "UPDATE layer_version SET status = 'withdrawn', withdrawn_at = now()"
            " WHERE partnership_id = :p AND layer_id = :l AND status = 'published'", l=layer_id,
        )  # fmt: skip
        assert gis.ask(f"collections/boundaries-{layer_id}/items/{first['id']}").status_code == 404
        assert "Wards" not in gis.collections()


class TestCredentials:
    @pytest.mark.parametrize("role", ["dispatcher", "gis", "admin", "finance"])
    def test_of_staff_show_every_published_layer(self, scene: Scene, role: str) -> None:
        scene.published("Wards", cells(1, 1), public=True)
        scene.published("Parcels", cells(1, 2))
        reader = Reader(scene, scene.town.staff(role).token)
        shown = list(reader.collections())
        assert shown == ["Parcels", "Wards"] + (["Work orders"] if role != "finance" else [])

    def test_may_be_an_api_token_as_the_password_of_basic(self, scene: Scene, anybody: Reader) -> None:
        scene.published("Parcels", cells(1, 2))
        token = scene.api_token("gis")
        for headers in (
            basic(token),
            basic(token, ""),
            basic(token, "ann:x"[:3]),
            {"Authorization": f"Bearer {token}"},
        ):
            answer = anybody.ask("collections", headers=headers)
            assert answer.status_code == 200
            assert [c["title"] for c in answer.json["collections"]] == ["Parcels", "Work orders"]

    def test_that_are_not_valid_are_refused_even_for_what_is_public(self, scene: Scene, anybody: Reader) -> None:
        layer_id = scene.published("Wards", cells(1, 1), public=True)
        session = scene.town.staff("gis").token
        assert session is not None
        revoked = scene.api_token("gis")
        scene.town.run("UPDATE token SET revoked_at = now() WHERE partnership_id = :p AND purpose = 'api'")
        expired = scene.api_token("gis")
        scene.town.run(
            "UPDATE token SET expires_at = :at WHERE partnership_id = :p AND purpose = 'api' AND revoked_at IS NULL",
            at=now() - timedelta(seconds=1),
        )
        for headers in (
            basic("wrong"), basic(""), basic(session), basic(revoked), basic(expired), basic("fsk_" + 64 * "A"),
            {"Authorization": "Basic !!!"}, {"Authorization": "Basic"}, {"Authorization": "Bearer x"},
            {"Authorization": f"Bearer {revoked}"}, {"Authorization": ""}, {"Authorization": "Digest a=b"},
        ):  # fmt: skip
            for path in ("", f"collections/boundaries-{layer_id}/items"):
                answer = anybody.ask(path, headers=headers)
                assert (answer.status_code, answer.json["code"]) == (401, "credentials_needed"), headers
                assert answer.headers["WWW-Authenticate"].startswith("Basic ")

    def test_of_another_partnership_find_nothing_not_even_what_is_public(self, scene: Scene) -> None:
        layer_id = scene.published("Wards", cells(1, 1), public=True)
        scene.open_work_orders()
        (job,) = scene.jobs(1)
        other = Scene(scene.app)
        token = other.api_token("admin", "gis", "dispatcher")
        stranger = Reader(scene, token)
        paths = [*RESOURCES, "collections/work-orders/items", f"collections/boundaries-{layer_id}/items"]
        paths += [f"collections/work-orders/items/{job}", "collections/work-orders"]
        for path in paths:
            for headers in ({}, basic(token)):
                answer = stranger.ask(path, headers=headers)
                assert (answer.status_code, answer.json["code"]) == (404, "not_found")
        # And through their own landing page nothing of ours.
        own = Reader(other, token)
        assert own.ask(f"collections/boundaries-{layer_id}/items").status_code == 404
        assert own.ask(f"collections/work-orders/items/{job}").status_code == 404

    def test_of_a_tablet_are_not_taken(self, scene: Scene) -> None:
        scene.published("Wards", cells(1, 1), public=True)
        tablet = Reader(scene, scene.town.tablet().token)
        for path in RESOURCES:
            assert tablet.ask(path).status_code == 403

    def test_without_a_role_show_what_is_public(self, scene: Scene) -> None:
        scene.published("Wards", cells(1, 1), public=True)
        scene.published("Parcels", cells(1, 1))
        assert list(Reader(scene, scene.town.staff().token).collections()) == ["Wards"]


class TestStaffOfOneJurisdiction:
    def test_see_its_work_orders_and_no_others(self, scene: Scene) -> None:
        town = scene.town
        ours = scene.jobs(3, jurisdiction_id=town.alder)
        theirs = scene.jobs(2, jurisdiction_id=town.birch)
        triage = scene.jobs(1, jurisdiction_id=None, placed_by="outside")
        scene.jobs(2, deleted_at=now())
        for roles, seen in (
            ([("dispatcher", town.alder)], ours), ([("gis", town.birch)], theirs),
            ([("admin", town.alder), ("gis", town.birch)], ours + theirs), (["gis"], ours + theirs + triage),
            ([("finance", town.birch), ("dispatcher", town.alder)], ours),
        ):  # fmt: skip
            reader = Reader(scene, town.staff(*roles).token)
            assert [feature["id"] for feature in reader.features("work-orders", limit=2)] == [str(id_) for id_ in seen]
            for id_ in ours + theirs + triage:
                found = reader.ask(f"collections/work-orders/items/{id_}").status_code
                assert found == (200 if id_ in seen else 404)

    def test_read_an_extent_of_theirs_alone(self, scene: Scene) -> None:
        scene.jobs(1, at=(12.0001, 51.0001), jurisdiction_id=scene.town.alder)
        scene.jobs(1, at=(14.5, 53.5), jurisdiction_id=scene.town.birch)
        reader = Reader(scene, scene.town.staff(("gis", scene.town.alder)).token)
        (box,) = reader.get("collections/work-orders")["extent"]["spatial"]["bbox"]
        assert box == [12.0, 51.0, 12.001, 51.001]

    def test_see_all_that_staff_may_see_of_each(self, scene: Scene, gis: Reader) -> None:
        scene.town.run("UPDATE crew SET name = 'First crew' WHERE partnership_id = :p AND code = 'A'")
        scene.jobs(
            1, description="Deep", address="Elm 1", tags=["a", "b"], crew_id=scene.town.alder_crew, requester="Mrs. X",
            asset="Lamp 7",
        )  # fmt: skip
        (feature,) = gis.features("work-orders")
        properties = feature["properties"]
        assert properties | {
            "title": "Hole 0", "description": "Deep", "address": "Elm 1", "tags": "a, b", "status": "open",
            "service_type": "pothole", "service_type_name": "Potholes", "jurisdiction": "A", "jurisdiction_name": "A",
            "crew": "A", "crew_name": "First crew", "asset": "Lamp 7", "priority": 3, "placed_by": "inside",
        } == properties  # fmt: skip
        assert "requester" not in properties
        assert "Mrs. X" not in str(feature)
        assert properties["created_at"].endswith("Z")
