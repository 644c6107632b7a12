"""Refused edits at the desk: what becomes of one that is applied, sent back or dismissed."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

from fieldsync.database import new_id
from tests.api.office.refusing import Refusing
from tests.api.office.world import EAST, World


@pytest.fixture
def scene(world: World) -> Refusing:
    return Refusing(world)


def test_an_item_says_all_that_deciding_needs(scene: Refusing) -> None:
    refused = scene.due(title="Deep")
    assert (refused["state"], refused["version"], refused["verdict"]) == ("waiting", 0, "refused")
    assert (refused["code"], refused["problem"]["field"]) == ("field_not_yours", "due_at")
    assert refused["fields"] == {"due_at": "2030-01-01T00:00:00Z", "title": "Deep"}
    assert (refused["by"]["name"], refused["by"]["crew_name"]) == ("alpha-1", "Alpha")
    assert refused["work_order"]["title"] == "Hole"
    assert (refused["record"]["version"], refused["record"]["record"]["title"]) == (1, "Hole")
    assert (refused["depends_on"], refused["decided"], refused["refused_fields"]) == (None, None, [])


def test_applied_it_is_an_edit_of_the_office(scene: Refusing) -> None:
    refused = scene.due(title="Deep")
    applied = scene.apply(refused, fields={"title": "Very deep"}, record_version=1, reason="She asked on the phone.")
    work_order = scene.world.read(refused["record_id"])
    assert (work_order["record"]["title"], work_order["version"]) == ("Very deep", 2)
    assert work_order["record"]["due_at"].startswith("2030-01-01")
    decided = applied["decided"]
    assert (decided["state"], decided["reason"], decided["by"]["name"]) == (
        "applied", "She asked on the phone.", "Dispatcher",
    )  # fmt: skip
    history = scene.world.ask("GET", f"/work-orders/{refused['record_id']}/history").json["items"]
    assert [(entry["by"]["side"], entry["verdict"]) for entry in history[1:]] == [
        ("crew", "refused"), ("office", "applied"),
    ]  # fmt: skip
    assert history[-1]["edit_id"] == decided["edit_id"]
    assert (history[1]["decided"], history[-1]["decided"]) == (decided, None)
    assert scene.ids(state="waiting") == []


def test_what_was_applied_stays_so(scene: Refusing) -> None:
    refused = scene.due()
    applied = scene.apply(refused)
    for how, body in (("apply", {}), ("send-back", {"reason": "x"}), ("dismiss", {"reason": "x"})):
        assert scene.decide(refused, how, **body).status_code == 412
        again = scene.decide(applied, how, **body)
        assert (again.status_code, again.json["code"]) == (409, "refused_edit_applied")
    assert scene.world.read(refused["record_id"])["version"] == 2


def test_sent_back_its_tablet_is_told(scene: Refusing) -> None:
    refused = scene.due()
    before = scene.tablet.exchange()["refusals_decided"]
    answer = scene.decide(refused, "send-back", reason="Say which day.")
    assert (answer.json["state"], answer.json["decided"]["reason"]) == ("sent_back", "Say which day.")
    assert scene.tablet.exchange()["refusals_decided"] == before + 1
    (told,) = scene.told(decided_after=before)["items"]
    assert told["edit_id"] == refused["edit_id"]
    assert (told["decided"]["state"], told["decided"]["reason"], told["decided"]["by"]) == (
        "sent_back", "Say which day.", "Dispatcher",
    )  # fmt: skip
    assert scene.told(decided_after=before + 1)["items"] == []
    # It is nobody's last word: she may still apply it.
    assert scene.apply(answer.json)["version"] == 2
    assert [item["decided"]["state"] for item in scene.told(decided_after=before)["items"]] == ["sent_back", "applied"]


def test_dismissed_with_a_reason(scene: Refusing) -> None:
    refused = scene.due()
    for body in ({}, {"reason": ""}, {"reason": "x" * 2_001}, {"reason": "a\0b"}, {"reason": "x", "more": 1}):
        assert scene.decide(refused, "dismiss", **body).status_code == 422
    assert scene.decide(refused, "dismiss", reason="A duplicate.").json["state"] == "dismissed"
    assert scene.list(state="dismissed")["items"][0]["decided"]["reason"] == "A duplicate."
    assert scene.list()["waiting"] == {}


def test_without_a_precondition_nothing_is_decided(scene: Refusing) -> None:
    refused = scene.due()
    for how in ("apply", "send-back", "dismiss"):
        answer = scene.world.ask("POST", f"{scene.path(refused['edit_id'])}/{how}", json={"reason": "x"})
        assert answer.status_code == 428


def test_the_record_may_have_changed_since(scene: Refusing) -> None:
    refused = scene.due(title="Deep")
    scene.world.change(scene.world.read(refused["record_id"]), title="Theirs")
    answer = scene.decide(refused, "apply", record_version=1)
    assert (answer.status_code, answer.json["field"]) == (412, "record_version")
    assert answer.json["current"]["record"]["title"] == "Theirs"
    assert "ETag" not in answer.headers
    scene.apply(refused, record_version=2)
    assert scene.world.read(refused["record_id"])["record"]["title"] == "Deep"


def test_two_dispatchers_at_once(scene: Refusing) -> None:
    refused = scene.due()
    answers: list[Any] = []
    gate = threading.Barrier(6)

    def decide(number: int) -> None:
        gate.wait()
        how = ("apply", "send-back", "dismiss")[number % 3]
        body = {} if how == "apply" else {"reason": "x"}
        answers.append(scene.decide(refused, how, ("dispatcher", "second")[number % 2], **body))

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]
    (won,) = [answer.json for answer in answers if answer.status_code == 200]
    assert all(a.json["current"]["state"] == won["state"] for a in answers if a.status_code == 412)
    assert scene.tablet.exchange()["refusals_decided"] == 1


def test_while_the_tablet_goes_on(scene: Refusing) -> None:
    """Locks are taken in everybody's order: nobody waits in a circle, and every edit has its verdict."""
    job = scene.job()
    refused = [scene.enter("work_order", job["id"], "update", 1, due_at=None, title=f"{n}") for n in range(12)]
    verdicts: list[str] = []

    def work() -> None:
        for number in range(12):
            verdict = scene.tablet.edit("work_order", job["id"], "update", 1, resolution=f"{number}")
            verdicts.append(verdict["verdict"])

    tablet = threading.Thread(target=work)
    tablet.start()
    for item in refused:
        scene.apply(item)
    tablet.join()
    assert len(verdicts) == 12
    assert "refused" not in verdicts
    assert scene.world.read(job["id"])["record"]["title"] == "11"
    assert scene.tablet.exchange()["refusals_decided"] == 12


class TestCreations:
    """What was to be made, and what hangs on it."""

    def lost(self, scene: Refusing) -> list[dict[str, Any]]:
        """A new job that was refused, with a note and an update that went with it."""
        job, note = new_id(), new_id()
        return [
            scene.enter("work_order", job, "create", **scene.job_fields(due_at="2030-01-01T00:00:00Z")),
            scene.enter("note", note, "create", work_order_id=str(job), body="Deep"),
            scene.enter("work_order", job, "update", 0, title="Deep hole"),
        ]

    def test_with_what_depended_on_them(self, scene: Refusing) -> None:
        job, note, update = self.lost(scene)
        assert (note["code"], update["code"]) == ("depends_on", "depends_on")
        for dependent in (note, update):
            assert dependent["depends_on"] == {
                "device_id": scene.device_id, "edit_id": job["edit_id"], "kind": "work_order",
                "record_id": job["record_id"], "state": "waiting",
            }  # fmt: skip
            answer = scene.decide(dependent, "apply")
            assert (answer.status_code, answer.json["code"]) == (409, "depends_on")
            assert answer.json["edit_id"] == job["edit_id"]
        scene.apply(job)
        assert scene.read(note["edit_id"])["depends_on"]["state"] == "applied"
        scene.apply(update)
        scene.apply(note)
        work_order = scene.world.read(job["record_id"], include="notes")
        assert (work_order["record"]["title"], work_order["notes"][0]["record"]["body"]) == ("Deep hole", "Deep")
        # It is the crew's, as it would have been, and its tablet has it under the id that it gave.
        assert work_order["record"]["crew_id"] == str(scene.world.crews["alpha"])
        scene.tablet.exchange()
        assert {("work_order", job["record_id"]), ("note", note["record_id"])} <= scene.tablet.records.keys()

    def test_for_nobody_or_another_crew(self, scene: Refusing) -> None:
        beta = str(scene.world.crews["beta"])
        for body, crew in (({"fields": {"crew_id": beta}}, beta), ({"without": ["crew_id"]}, None)):
            job, *_ = self.lost(scene)
            scene.apply(job, **body)
            assert scene.world.read(job["record_id"])["record"]["crew_id"] == crew

    def test_that_somebody_made_meanwhile(self, scene: Refusing) -> None:
        job, note, _ = self.lost(scene)
        verdict = scene.tablet.edit("work_order", job["record_id"], "create", **scene.job_fields())
        assert verdict["verdict"] == "applied"
        assert scene.read(job["edit_id"])["record"]["version"] == 1
        assert scene.refuse(job) == (409, "record_exists")
        assert scene.refuse(job, record_version=0) == (409, "record_exists")
        scene.apply(note)

    def test_when_the_work_order_was_deleted(self, scene: Refusing) -> None:
        job, note, update = self.lost(scene)
        scene.apply(job)
        read = scene.world.read(job["record_id"])
        scene.world.ask("DELETE", f"/work-orders/{job['record_id']}", if_match=read["etag"])
        assert scene.refuse(note) == (409, "record_deleted")
        assert scene.refuse(update) == (409, "record_deleted")

    def test_by_a_crew_that_may_not_have_it(self, scene: Refusing) -> None:
        job = scene.enter("work_order", new_id(), "create", **scene.job_fields(location=EAST, due_at=None))
        assert scene.refuse(job) == (409, "crew_not_eligible")
        scene.apply(job, fields={"crew_id": None})

    def test_where_she_does_not_dispatch(self, scene: Refusing) -> None:
        job = scene.enter("work_order", new_id(), "create", **scene.job_fields(location=EAST, due_at=None))
        assert scene.refuse(job, "of west", fields={"crew_id": None}) == (403, "not_allowed")


class TestChanges:
    """What was to be changed or deleted."""

    def test_a_deletion_that_only_the_office_may_do(self, scene: Refusing) -> None:
        job = scene.job()
        refused = scene.enter("work_order", job["id"], "delete", 1, title="x")
        assert refused["code"] == "action_not_allowed"
        assert scene.refuse(refused) == (422, "unknown_field")
        scene.apply(refused, without=["title"])
        assert scene.world.read(job["id"])["deleted_at"] is not None

    def test_when_the_crew_lost_the_job(self, scene: Refusing) -> None:
        refused = scene.due(resolution="Filled")
        read = scene.world.read(refused["record_id"])
        scene.world.change(read, crew_id=str(scene.world.crews["beta"]))
        scene.apply(refused)
        after = scene.world.read(refused["record_id"])["record"]
        assert (after["resolution"], after["crew_id"]) == ("Filled", str(scene.world.crews["beta"]))

    def test_a_status_that_no_single_step_leads_to(self, scene: Refusing) -> None:
        job = scene.job()
        scene.world.ask(
            "POST", f"/work-orders/{job['id']}/cancellation", if_match=job["etag"], json={"reason": "No need"}
        )
        scene.tablet.exchange()
        refused = scene.enter("work_order", job["id"], "update", 2, status="completed", resolution="Filled")
        assert refused["code"] == "illegal_transition"
        scene.apply(refused)
        record = scene.world.read(job["id"])["record"]
        assert (record["status"], record["resolution"]) == ("completed", "Filled")

    def test_what_is_required_must_be_there(self, scene: Refusing) -> None:
        scene.world.rows(
            'UPDATE service_type SET required_on_completion = \'{"fields": ["resolution"]}\''
            " WHERE partnership_id = :p RETURNING id"
        )
        refused = scene.enter("work_order", scene.job()["id"], "update", 1, status="completed")
        assert refused["code"] == "completion_requirements"
        assert scene.refuse(refused) == (409, "completion_requirements")
        scene.apply(refused, fields={"resolution": "Filled"})

    def test_of_a_record_that_never_was(self, scene: Refusing) -> None:
        refused = scene.enter("task", new_id(), "update", 1, done=True)
        assert scene.refuse(refused) == (404, "unknown_record")
        note = scene.enter("note", new_id(), "create", work_order_id=str(new_id()), body="x")
        assert scene.refuse(note) == (404, "unknown_record")

    def test_what_is_never_changed(self, scene: Refusing) -> None:
        refused = scene.enter("note", new_id(), "update", 1, body="x")
        assert scene.refuse(refused) == (422, "action_not_allowed")

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"fields": {"colour": "red"}}, 422, "unknown_field"),
            ({"fields": {"priority": 9}}, 422, "invalid_value"),
            ({"fields": {"title": "a\0b"}}, 422, "invalid_value"),
            ({"fields": {"service_type_id": str(uuid4())}}, 422, "unknown_reference"),
            ({"fields": []}, 422, "invalid_value"),
            ({"without": ["x"] * 101}, 422, "invalid_value"),
            ({"record_version": -1}, 422, "invalid_value"),
            ({"record_version": 1.5}, 422, "invalid_value"),
            ({"kind": "task"}, 422, "invalid_value"),
        ],
    )
    def test_corrections_must_be_right(self, scene: Refusing, body: Any, status: int, code: str) -> None:
        assert scene.refuse(scene.due(), **body) == (status, code)


class TestInPart:
    """Edits that were taken without fields of a newer app."""

    def test_only_what_was_refused_is_entered(self, scene: Refusing) -> None:
        job = scene.job()
        partly = scene.enter("work_order", job["id"], "update", 1, title="Deep", hazard="gas")
        assert (partly["verdict"], partly["code"], partly["problem"]) == ("applied", "unknown_field", None)
        assert [problem["field"] for problem in partly["refused_fields"]] == ["hazard"]
        assert partly["record"]["record"]["title"] == "Deep"
        assert scene.refuse(partly) == (422, "unknown_field")
        scene.world.change(scene.world.read(job["id"]), title="Later")
        scene.apply(partly, without=["hazard"], fields={"description": "Gas!"})
        record = scene.world.read(job["id"])["record"]
        assert (record["title"], record["description"]) == ("Later", "Gas!")

    def test_of_a_creation_too(self, scene: Refusing) -> None:
        partly = scene.enter("work_order", new_id(), "create", **scene.job_fields(hazard="gas"))
        scene.apply(partly, without=["hazard"], fields={"description": "Gas!"})
        assert scene.world.read(partly["record_id"])["version"] == 2

    def test_in_the_history(self, scene: Refusing) -> None:
        partly = scene.enter("work_order", new_id(), "create", **scene.job_fields(hazard="gas"))
        (entry,) = scene.world.ask("GET", f"/work-orders/{partly['record_id']}/history").json["items"]
        assert entry["entered"]["hazard"] == "gas"
        assert "hazard" not in entry["changed"]
        assert [problem["field"] for problem in entry["refused_fields"]] == ["hazard"]


class TestUnreadable:
    """Edits of which hardly anything is known."""

    def test_fields_that_are_no_fields(self, scene: Refusing) -> None:
        job = scene.job()
        for fields in ([1], "title", None, {"title": "a\0b"}, {"title": "cut \ud83d"}):
            refused = scene.send(
                {"kind": "work_order", "record_id": job["id"], "action": "update", "base_version": 1, "fields": fields}
            )
            read = scene.world.read(job["id"])
            # All of it is the dispatcher's to say.
            scene.apply(refused, fields={"title": f"T{read['version']}"})
            assert scene.world.read(job["id"])["record"]["title"] == f"T{read['version']}"

    def test_no_edit_at_all(self, scene: Refusing) -> None:
        edit = {"kind": "Work Order", "record_id": "none", "action": "explode", "edit_id": None, "fields": {}}
        answer = scene.tablet.exchange([edit | {"seq": next(scene.tablet.numbers)}])
        assert answer["verdicts"][0]["problem"]["code"] == "malformed_edit"
        (item,) = scene.list(code="malformed_edit")["items"]
        assert (item["kind"], item["work_order"], item["record"]) == ("unknown", None, None)
        assert item["fields"].keys() == {"unreadable"}
        assert scene.refuse(item) == (409, "refused_edit_not_applicable")
        assert scene.decide(item, "dismiss", reason="A broken app.").status_code == 200

    def test_an_unknown_kind_or_action(self, scene: Refusing) -> None:
        for change in ({"kind": "spaceship"}, {"kind": "jurisdiction"}, {"action": "explode"}):
            edit = {"kind": "work_order", "record_id": str(new_id()), "action": "update", "base_version": 1}
            assert scene.refuse(scene.send(edit | change)) == (409, "refused_edit_not_applicable")

    def test_under_a_used_number(self, scene: Refusing) -> None:
        job = scene.job()
        edit = {"seq": 1, "edit_id": str(uuid4()), "kind": "work_order", "record_id": job["id"], "action": "update",
                "base_version": 1, "observed_at": "2030-01-01T00:00:00Z", "fields": {"title": "First"}}  # fmt: skip
        scene.tablet.exchange([edit])
        scene.tablet.exchange([edit | {"edit_id": str(uuid4()), "fields": {"title": "Second"}}])
        (item,) = scene.list(code="edit_reused")["items"]
        assert (item["seq"], item["fields"]) == (None, {"title": "Second"})
        scene.apply(item)
        assert scene.world.read(job["id"])["record"]["title"] == "Second"
