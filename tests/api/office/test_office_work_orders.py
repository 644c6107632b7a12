"""Work orders at the desk: created, read, edited, assigned, cancelled, deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.office.world import EAST, NOWHERE, WEST, World


def test_a_new_work_order_is_placed_and_read_back(world: World) -> None:
    answer = world.ask("POST", "/work-orders", json={
        "title": "Hole", "service_type_id": str(world.pothole), "location": WEST, "tags": ["curb"],
        "due_at": "2030-01-02T03:04:05+01:00", "crew_id": str(world.crews["alpha"]),
    })  # fmt: skip
    assert answer.status_code == 201
    work_order = answer.json
    assert answer.headers["ETag"] == work_order["etag"] == '"1"'
    assert answer.headers["Location"].endswith(f"/v1/work-orders/{work_order['id']}")
    record = work_order["record"]
    assert record["jurisdiction_id"] == str(world.towns["west"])
    assert (record["status"], record["priority"], record["tags"]) == ("open", 3, ["curb"])
    assert record["placed_by"] == "inside"
    read = world.ask("GET", f"/work-orders/{work_order['id']}")
    assert read.json == work_order
    assert read.headers["ETag"] == '"1"'


def test_the_office_reads_what_a_tablet_reads(world: World) -> None:
    work_order = world.create(crew_id=str(world.crews["alpha"]))
    tablet = world.tablet("alpha")
    tablet.exchange()
    change = tablet.records["work_order", work_order["id"]]
    assert change["record"] == work_order["record"]
    assert change["version"] == work_order["version"]


class TestTheSameRequestAgain:
    """An Idempotency-Key names the edit: sent again, it is answered and not done again."""

    def test_gives_the_same_record(self, world: World) -> None:
        key = {"Idempotency-Key": str(uuid4())}
        body = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
        first = world.ask("POST", "/work-orders", json=body, headers=key)
        again = world.ask("POST", "/work-orders", json=body, headers=key)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json == first.json
        assert world.rows("SELECT count(*) FROM work_order WHERE partnership_id = :p") == [(1,)]

    def test_gives_the_record_as_it_is_by_then(self, world: World) -> None:
        key = {"Idempotency-Key": str(uuid4())}
        body = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
        work_order = world.ask("POST", "/work-orders", json=body, headers=key).json
        world.change(work_order, title="Large hole")
        again = world.ask("POST", "/work-orders", json=body, headers=key)
        assert (again.status_code, again.json["record"]["title"]) == (200, "Large hole")

    def test_with_other_content_is_refused(self, world: World) -> None:
        key = {"Idempotency-Key": str(uuid4())}
        body = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
        world.ask("POST", "/work-orders", json=body, headers=key)
        other = world.ask("POST", "/work-orders", json=body | {"title": "Tree"}, headers=key)
        assert (other.status_code, other.json["code"]) == (409, "edit_reused")

    def test_is_another_one_when_another_person_sends_it(self, world: World) -> None:
        key = {"Idempotency-Key": str(uuid4())}
        body = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
        answers = [world.ask("POST", "/work-orders", by, json=body, headers=key) for by in ("dispatcher", "second")]
        assert [answer.status_code for answer in answers] == [201, 201]

    def test_may_succeed_after_a_refusal(self, world: World) -> None:
        """A refused edit of the office leaves no trace: the person was told, and corrects it."""
        key = {"Idempotency-Key": str(uuid4())}
        body = {"title": "", "service_type_id": str(world.pothole), "location": WEST}
        assert world.ask("POST", "/work-orders", json=body, headers=key).status_code == 422
        assert world.rows("SELECT count(*) FROM journal WHERE partnership_id = :p") == [(0,)]
        assert world.ask("POST", "/work-orders", json=body | {"title": "Hole"}, headers=key).status_code == 201

    def test_holds_for_notes_and_tasks(self, world: World) -> None:
        path = f"/work-orders/{world.create()['id']}"
        for what, body in (("notes", {"body": "Bring cones"}), ("tasks", {"title": "Fill"})):
            key = {"Idempotency-Key": str(uuid4())}
            answers = [world.ask("POST", f"{path}/{what}", json=body, headers=key) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [201, 200]
            assert answers[0].json == answers[1].json

    def test_needs_a_uuid(self, world: World) -> None:
        answer = world.ask("POST", "/work-orders", json={}, headers={"Idempotency-Key": "once"})
        assert (answer.status_code, answer.json["field"]) == (422, "Idempotency-Key")


class TestPrecondition:
    """Nobody overwrites what she has not seen."""

    def test_an_edit_on_the_present_version_is_done(self, world: World) -> None:
        work_order = world.create()
        answer = world.ask(
            "PATCH", f"/work-orders/{work_order['id']}", if_match='"1"', json={"priority": 1, "address": "Main St 1"}
        )
        assert answer.status_code == 200
        assert answer.headers["ETag"] == '"2"'
        assert (answer.json["record"]["priority"], answer.json["record"]["title"]) == (1, "Hole")
        assert answer.json["change"] > work_order["change"]

    @pytest.mark.parametrize("tag", ['"1", "7"', '"9" , "1"'])
    def test_any_of_several_tags_is_enough(self, world: World, tag: str) -> None:
        work_order = world.create()
        answer = world.ask("PATCH", f"/work-orders/{work_order['id']}", if_match=tag, json={"priority": 1})
        assert answer.status_code == 200

    @pytest.mark.parametrize("tag", [None, "", "*"])
    def test_without_a_tag_nothing_is_done(self, world: World, tag: str | None) -> None:
        work_order = world.create()
        answer = world.ask("PATCH", f"/work-orders/{work_order['id']}", if_match=tag, json={"priority": 1})
        assert (answer.status_code, answer.json["code"]) == (428, "precondition_required")

    @pytest.mark.parametrize("tag", ['"2"', 'W/"1"', '"x"', '"99999999999999999999"', '"-1"', "nonsense"])
    def test_another_tag_is_answered_with_the_present_record(self, world: World, tag: str) -> None:
        work_order = world.create()
        answer = world.ask("PATCH", f"/work-orders/{work_order['id']}", if_match=tag, json={"priority": 1})
        assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed")
        assert answer.json["current"] == work_order
        assert answer.headers["ETag"] == '"1"'

    def test_all_that_changes_a_record_asks_for_one(self, world: World) -> None:
        work_order = world.create()
        path = f"/work-orders/{work_order['id']}"
        task = world.ask("POST", f"{path}/tasks", json={"title": "Fill"}).json
        for method, address, body in (
            ("PATCH", path, {}), ("DELETE", path, None), ("POST", f"{path}/restoration", None),
            ("POST", f"{path}/assignment", {"crew_id": None}), ("POST", f"{path}/cancellation", {"reason": "x"}),
            ("PATCH", f"{path}/tasks/{task['id']}", {}), ("DELETE", f"{path}/tasks/{task['id']}", None),
            ("POST", f"{path}/tasks/{task['id']}/restoration", None),
        ):  # fmt: skip
            assert world.ask(method, address, json=body).status_code == 428
            stale = world.ask(method, address, json=body, if_match='"5"')
            assert (stale.status_code, stale.json["current"]["version"]) == (412, 1), (method, address)


REFUSED: list[tuple[dict[str, Any], int, str, str | None]] = [
    ({"colour": "red"}, 422, "unknown_field", "colour"),
    ({"priority": 9}, 422, "invalid_value", "priority"),
    ({"title": None}, 422, "invalid_value", "title"),
    ({"title": "\0"}, 422, "invalid_value", "title"),
    ({"due_at": "2030-01-01T00:00:00"}, 422, "invalid_value", "due_at"),
    ({"location": {"lon": 181, "lat": 0}}, 422, "invalid_value", "location.lon"),
    ({"crew_id": str(uuid4())}, 422, "unknown_reference", "crew_id"),
    ({"service_type_id": str(uuid4())}, 422, "unknown_reference", "service_type_id"),
    ({"status": "closed"}, 409, "illegal_transition", "status"),
]


class TestRefusals:
    """A refusal of the journal becomes an HTTP problem with the same code and field, and leaves nothing behind."""

    @pytest.mark.parametrize(("fields", "status", "code", "field"), REFUSED)
    def test_of_an_edit(self, world: World, fields: dict[str, Any], status: int, code: str, field: str) -> None:
        work_order = world.create()
        answer = world.ask("PATCH", f"/work-orders/{work_order['id']}", if_match='"1"', json=fields)
        assert (answer.status_code, answer.json["code"], answer.json["field"]) == (status, code, field)
        assert answer.mimetype == "application/problem+json"
        assert world.read(work_order["id"]) == work_order
        assert world.rows("SELECT count(*) FROM journal WHERE partnership_id = :p") == [(1,)]

    def test_of_a_creation(self, world: World) -> None:
        for fields, code, field in (
            ({}, "missing_field", "location"),
            ({"title": "x", "service_type_id": str(world.pothole), "location": WEST, "status": "closed"},
             "illegal_transition", "status"),
        ):  # fmt: skip
            answer = world.ask("POST", "/work-orders", json=fields)
            assert (answer.json["code"], answer.json["field"]) == (code, field)

    @pytest.mark.parametrize(
        ("body", "code"),
        [(b"[]", "malformed_body"), (b"{", "malformed_body"), (b'{"title": "\xff"}', "malformed_body")],
    )
    def test_of_what_is_no_object(self, world: World, body: bytes, code: str) -> None:
        answer = world.ask("POST", "/work-orders", data=body, content_type="application/json")
        assert (answer.status_code, answer.json["code"]) == (400, code)

    def test_nothing_new_begins_with_what_is_retired(self, world: World) -> None:
        """…and what names it already goes on."""
        work_order = world.create(crew_id=str(world.crews["beta"]), service_type_id=str(world.signal))
        world.rows("UPDATE crew SET disbanded_at = now() WHERE partnership_id = :p AND name = 'Beta' RETURNING id")
        world.rows("UPDATE service_type SET retired = true WHERE partnership_id = :p AND code = 'signal' RETURNING id")
        unchanged = {"crew_id": str(world.crews["beta"]), "service_type_id": str(world.signal), "title": "Still"}
        work_order = world.change(work_order, **unchanged)
        fresh = world.create()
        for field, value in (("crew_id", world.crews["beta"]), ("service_type_id", world.signal)):
            answer = world.ask("PATCH", f"/work-orders/{fresh['id']}", if_match='"1"', json={field: str(value)})
            assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "unknown_reference", field)


class TestAssignment:
    """Giving a job to a crew."""

    def test_gives_it_to_a_crew_and_says_why(self, world: World) -> None:
        work_order = world.create()
        crew_id = str(world.crews["alpha"])
        answer = world.ask(
            "POST", f"/work-orders/{work_order['id']}/assignment", if_match='"1"',
            json={"crew_id": crew_id, "reason": "Nearest"},
        )  # fmt: skip
        assert (answer.status_code, answer.json["record"]["crew_id"]) == (200, crew_id)
        notes = world.read(work_order["id"], include="notes")["notes"]
        assert [note["record"]["body"] for note in notes] == ["Nearest"]

    def test_takes_it_back(self, world: World) -> None:
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        path = f"/work-orders/{work_order['id']}/assignment"
        answer = world.ask("POST", path, if_match='"1"', json={"crew_id": None})
        assert (answer.status_code, answer.json["record"]["crew_id"]) == (200, None)

    def test_moves_the_job_with_all_that_is_recorded_on_it(self, world: World) -> None:
        """The old crew's tablets drop it; the new crew's receive it, however old its tasks and notes are."""
        alpha, beta = world.tablet("alpha"), world.tablet("beta")
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        path = f"/work-orders/{work_order['id']}"
        task = world.ask("POST", f"{path}/tasks", json={"title": "Fill"}).json
        entry_id = str(uuid4())
        alpha.exchange()
        assert (
            alpha.edit("labor_entry", entry_id, "create", work_order_id=work_order["id"], minutes=30)["problem"] is None
        )
        for number in range(3):  # other commits, so that what hangs on the job is old
            world.create(title=f"Other {number}", crew_id=str(world.crews["beta"]))
        beta.exchange()
        assert ("work_order", work_order["id"]) not in beta.records
        moved = {"crew_id": str(world.crews["beta"]), "reason": "Alpha's truck is broken"}
        assert world.ask("POST", f"{path}/assignment", if_match='"1"', json=moved).status_code == 200
        alpha.exchange()
        beta.exchange()
        assert alpha.gone == [(work_order["id"], "reassigned")]
        assert [key for key in alpha.records if key[0] not in ("jurisdiction", "service_type")] == []
        for key in (("work_order", work_order["id"]), ("task", task["id"]), ("labor_entry", entry_id)):
            assert key in beta.records
        assert [r["record"]["body"] for (kind, _), r in beta.records.items() if kind == "note"] == [moved["reason"]]

    @pytest.mark.parametrize("body", [{}, {"crew_id": "x"}, {"crew_id": None, "reason": ""}, {"crew_id": None, "x": 1}])
    def test_needs_a_crew_or_null(self, world: World, body: dict[str, Any]) -> None:
        path = f"/work-orders/{world.create()['id']}/assignment"
        answer = world.ask("POST", path, if_match='"1"', json=body)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_value")


class TestCancellation:
    """Saying that a job will not be done."""

    def test_keeps_the_reason_as_a_note(self, world: World) -> None:
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        path = f"/work-orders/{work_order['id']}"
        answer = world.ask("POST", f"{path}/cancellation", if_match='"1"', json={"reason": "A duplicate"})
        assert (answer.status_code, answer.json["record"]["status"]) == (200, "cancelled")
        tablet = world.tablet("alpha")
        tablet.exchange()
        assert tablet.records["work_order", work_order["id"]]["record"]["status"] == "cancelled"
        assert [r["record"]["body"] for (kind, _), r in tablet.records.items() if kind == "note"] == ["A duplicate"]

    def test_is_not_for_work_that_is_done(self, world: World) -> None:
        work_order = world.create(status="completed")
        path = f"/work-orders/{work_order['id']}/cancellation"
        answer = world.ask("POST", path, if_match='"1"', json={"reason": "Too late"})
        assert (answer.status_code, answer.json["code"]) == (409, "illegal_transition")
        assert world.read(work_order["id"], include="notes")["notes"] == []


class TestDeletion:
    """Deleting is taken back as easily."""

    def test_takes_the_job_from_its_crew_and_restoring_gives_it_back(self, world: World) -> None:
        tablet = world.tablet("alpha")
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        path = f"/work-orders/{work_order['id']}"
        note = world.ask("POST", f"{path}/notes", json={"body": "Bring cones"}).json
        tablet.exchange()
        deleted = world.ask("DELETE", path, if_match='"1"')
        assert deleted.status_code == 200
        assert deleted.json["deleted_at"] is not None
        assert world.read(work_order["id"]) == deleted.json
        tablet.exchange()
        assert tablet.gone == [(work_order["id"], "deleted")]
        for method, address, body in (
            ("PATCH", path, {"title": "x"}), ("POST", f"{path}/assignment", {"crew_id": None}),
            ("POST", f"{path}/cancellation", {"reason": "x"}),
        ):  # fmt: skip
            answer = world.ask(method, address, if_match='"2"', json=body)
            assert (answer.status_code, answer.json["code"]) == (409, "record_deleted")
        for what, body in (("notes", {"body": "x"}), ("tasks", {"title": "x"})):
            assert world.ask("POST", f"{path}/{what}", json=body).json["code"] == "record_deleted"
        restored = world.ask("POST", f"{path}/restoration", if_match='"2"')
        assert (restored.status_code, restored.json["deleted_at"]) == (200, None)
        assert restored.json["record"]["title"] == work_order["record"]["title"]
        tablet.exchange()
        assert ("work_order", work_order["id"]) in tablet.records
        assert ("note", note["id"]) in tablet.records

    def test_moving_it_to_nowhere_makes_it_triage(self, world: World) -> None:
        moved = world.change(world.create(), location=NOWHERE)
        assert (moved["record"]["jurisdiction_id"], moved["record"]["placed_by"]) == (None, "outside")
        assert world.change(moved, location=EAST)["record"]["jurisdiction_id"] == str(world.towns["east"])
