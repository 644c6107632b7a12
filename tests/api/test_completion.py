"""Required on completion, over HTTP: stated by an admin, seen by tablets, asked of whoever completes a work order."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from flask import Flask

from fieldsync.database import new_id, transaction
from fieldsync.journal.edits import Author
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from tests.api.office.world import Tablet, World, make_world
from tests.api.office.world import now as moment

RESOLVED = {"fields": ["resolution"]}
MUCH = {"fields": ["resolution"], "tasks": {"all": True, "named": ["Clean"]}, "entries": {"labor_entry": 1}}


@pytest.fixture
def world(sync_app: Flask) -> World:
    return make_world(sync_app)


@pytest.fixture
def alpha(world: World) -> Tablet:
    return world.tablet("alpha")


def require(world: World, document: Any, service_type: Any = None) -> Any:
    """An admin states what completing needs; the service type as it is then."""
    path = f"/service-types/{service_type or world.pothole}"
    answer = world.ask("PATCH", path, "admin", json={"required_on_completion": document})
    assert answer.status_code == 200, answer.json
    return answer.json


def new(kind: str, fields: dict[str, Any], record_id: Any = None) -> dict[str, Any]:
    return {"kind": kind, "record_id": str(record_id or new_id()), "action": "create", "base_version": None,
            "fields": fields}  # fmt: skip


def changed(kind: str, record_id: Any, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "record_id": str(record_id), "action": "update", "base_version": 1, "fields": fields}


def done(record_id: Any, **fields: Any) -> dict[str, Any]:
    return changed("work_order", record_id, status="completed", **fields)


def push(tablet: Tablet, *edits: dict[str, Any]) -> list[dict[str, Any]]:
    """The verdicts on a batch."""
    sent = [
        {"seq": next(tablet.numbers), "edit_id": str(uuid4()), "observed_at": moment().isoformat()} | edit
        for edit in edits
    ]
    verdicts: list[dict[str, Any]] = tablet.exchange(sent)["verdicts"]
    return verdicts


def told(verdict: dict[str, Any]) -> str:
    """The verdict, or what is missing."""
    if verdict["problem"] is None:
        return str(verdict["verdict"])
    assert (verdict["verdict"], verdict["version"]) == ("refused", None)
    return lacking(verdict["problem"])


def lacking(problem: dict[str, Any]) -> str:
    assert (problem["code"], problem["field"]) == ("completion_requirements", "status")
    assert problem["title"] == "Something is missing without which the work order may not be completed."
    assert all(one["detail"] for one in problem["missing"])
    named = [one.get("field") or one.get("title") or one["kind"] for one in problem["missing"]]
    return ", ".join(named)


def job_of(world: World, crew: str = "alpha", **fields: Any) -> dict[str, Any]:
    return world.create(crew_id=str(world.crews[crew]), **fields)


class TestATablet:
    """What it sends hours later is refused alone, with what is missing; and it goes on."""

    def test_completes_when_all_is_there(self, world: World, alpha: Tablet) -> None:
        require(world, MUCH)
        job = job_of(world)["id"]
        dig = new("task", {"work_order_id": job, "title": "Dig"})
        first = push(alpha, dig, done(job), changed("work_order", job, title="Deep hole"))
        assert [told(verdict) for verdict in first] == ["applied", "resolution, Clean, Dig, labor_entry", "applied"]
        assert first[1]["problem"]["detail"].endswith("The task “Dig” is not done. And 1 more.")
        second = push(
            alpha,
            changed("task", dig["record_id"], done=True),
            new("task", {"work_order_id": job, "title": "Clean", "done": True}),
            done(job, resolution="Filled"),
            new("labor_entry", {"work_order_id": job, "minutes": 30}),
            done(job, resolution="Filled"),
        )
        assert [told(verdict) for verdict in second] == ["applied", "applied", "labor_entry", "applied", "applied"]
        assert world.read(job)["record"]["status"] == "completed"
        assert second[-1]["seq"] == 8, "numbers are used up, one by one"

    def test_a_refused_edit_is_kept_and_told_again(self, world: World, alpha: Tablet) -> None:
        require(world, RESOLVED)
        job = job_of(world)["id"]
        edit = done(job, tags=["deep"]) | {"seq": 1, "edit_id": str(uuid4()), "observed_at": moment().isoformat()}
        first, again = (alpha.exchange([edit])["verdicts"][0] for _ in range(2))
        assert told(first) == "resolution"
        assert (again["verdict"], again["recorded"]["problem"]) == ("repeated", first["problem"])
        read = world.ask("GET", f"/sync/edits/{edit['edit_id']}", by="alpha").json
        assert (read["verdict"], read["problem"]) == ("refused", first["problem"])
        ((fields, problem),) = world.rows("SELECT fields, problem FROM journal WHERE partnership_id = :p AND seq = 1")
        assert (fields, problem) == ({"status": "completed", "tags": ["deep"]}, first["problem"])
        entries = world.ask("GET", f"/work-orders/{job}/history").json["items"]
        assert first["problem"] in [entry["problem"] for entry in entries], "the office can see it"

    def test_what_was_recorded_before_counts(self, world: World, alpha: Tablet) -> None:
        require(world, {"tasks": {"named": ["Clean"]}, "entries": {"note": 2, "material_entry": 1}})
        job = job_of(world, resolution="Filled")["id"]
        task = new("task", {"work_order_id": job, "title": "Clean"})
        push(alpha, task, new("note", {"work_order_id": job, "body": "x"}))
        assert told(push(alpha, done(job))[0]) == "Clean, note, material_entry"
        push(alpha, changed("task", task["record_id"], done=True))
        world.ask("POST", f"/work-orders/{job}/notes", json={"body": "of the office"})
        assert told(push(alpha, done(job))[0]) == "material_entry"
        salt = {"work_order_id": job, "material": "Salt", "quantity": 2.5, "unit": "kg"}
        assert [told(verdict) for verdict in push(alpha, new("material_entry", salt), done(job))] == ["applied"] * 2

    def test_a_deleted_task_neither_hinders_nor_helps(self, world: World, alpha: Tablet) -> None:
        require(world, {"tasks": {"all": True}})
        job = job_of(world)["id"]
        tasks = [new("task", {"work_order_id": job, "title": title}) for title in ("Dig", "Fill", "Clean")]
        push(alpha, *tasks)
        delete = [
            {"kind": "task", "record_id": task["record_id"], "action": "delete", "base_version": 1, "fields": {}}
            for task in tasks
        ]
        assert told(push(alpha, delete[0], done(job))[1]) == "Clean, Fill"
        assert told(push(alpha, delete[1], done(job))[1]) == "Clean"
        require(world, {"tasks": {"all": True, "named": ["Dig"]}})
        assert told(push(alpha, delete[2], done(job))[1]) == "Dig"

    def test_a_job_that_it_found_is_made_before_it_is_done(self, world: World, alpha: Tablet) -> None:
        require(world, {"fields": ["resolution"], "entries": {"note": 1}})
        fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": {"lon": -80.0, "lat": 40.5}}
        lost, found = new_id(), new_id()
        note = new("note", {"work_order_id": str(lost), "body": "x"})
        verdicts = push(alpha, new("work_order", fields | {"status": "completed"}, lost), note)
        assert told(verdicts[0]) == "resolution, note"
        assert verdicts[1]["problem"]["code"] == "depends_on"
        steps = [
            new("work_order", fields | {"status": "in_progress", "resolution": "Filled"}, found),
            new("note", {"work_order_id": str(found), "body": "x"}),
            done(found) | {"base_version": 0},
        ]
        assert [told(verdict) for verdict in push(alpha, *steps)] == ["applied"] * 3
        (verdict,) = push(alpha, new("work_order", fields | {"status": "completed"}, found))
        assert verdict["problem"]["code"] == "record_exists", "which is said before what would be missing"

    def test_with_an_id_that_is_taken(self, world: World, alpha: Tablet) -> None:
        """The batch is decided a second time, having looked, and comes to the same otherwise."""
        require(world, MUCH | {"entries": {"note": 1}})
        job = job_of(world, resolution="Filled")["id"]
        note = new("note", {"work_order_id": job, "body": "x"})
        push(alpha, note)
        clean = new("task", {"work_order_id": job, "title": "Clean", "done": True})
        dig = new("task", {"work_order_id": job, "title": "Dig"})
        verdicts = push(alpha, note, clean, dig, done(job), changed("task", dig["record_id"], done=True), done(job))
        assert verdicts[0]["problem"]["code"] == "record_exists"
        assert [told(verdict) for verdict in verdicts[1:]] == ["applied", "applied", "Dig", "applied", "applied"]

    def test_work_is_not_refused_because_the_office_moved_the_job(self, world: World, alpha: Tablet) -> None:
        require(world, MUCH)
        job = job_of(world)
        alpha.exchange()
        world.change(job, crew_id=str(world.crews["beta"]))
        (verdict,) = push(alpha, done(job["id"]))
        assert (verdict["verdict"], [conflict["sort"] for conflict in verdict["conflicts"]]) == (
            "conflicted", ["custody"],
        )  # fmt: skip

    def test_what_counts_is_what_is_required_when_it_arrives(self, world: World, alpha: Tablet) -> None:
        """More was required while the tablet was offline: it learns so with the refusal, and nothing is lost."""
        job = job_of(world)["id"]
        alpha.exchange()
        require(world, RESOLVED)
        assert told(push(alpha, done(job))[0]) == "resolution"
        held = alpha.records["service_type", str(world.pothole)]["record"]
        assert held["required_on_completion"] == RESOLVED
        assert told(push(alpha, done(job, resolution="Filled"))[0]) == "applied"
        require(world, MUCH)
        reopened = changed("work_order", job, status="in_progress")
        assert told(push(alpha, reopened)[0]) == "applied"
        require(world, {})
        assert told(push(alpha, done(job))[0]) == "applied"

    def test_the_service_type_that_stands_decides(self, world: World, alpha: Tablet) -> None:
        require(world, RESOLVED, world.signal)
        job = job_of(world)["id"]
        assert told(push(alpha, done(job, service_type_id=str(world.signal)))[0]) == "resolution"
        batch = [changed("work_order", job, service_type_id=str(world.signal)), done(job)]
        assert [told(verdict) for verdict in push(alpha, *batch)] == ["applied", "resolution"]
        assert told(push(alpha, done(job, service_type_id=str(world.pothole)))[0]) == "applied"

    def test_many_jobs_in_one_batch(self, world: World, alpha: Tablet) -> None:
        require(world, {"fields": ["asset"], "tasks": {"all": True}, "entries": {"note": 1}})
        jobs = [job_of(world)["id"] for _ in range(6)]
        edits = []
        for number, job in enumerate(jobs):
            fields = {"asset": "A1"} if number % 2 else {}
            edits.append(new("task", {"work_order_id": job, "title": "Dig", "done": number % 3 > 0}))
            edits += [new("note", {"work_order_id": job, "body": "x"})] * (number > 1)
            edits.append(done(job, **fields))
        verdicts = push(alpha, *[edit | {"record_id": edit["record_id"]} for edit in edits])
        last = [told(v) for v, edit in zip(verdicts, edits, strict=True) if edit["kind"] == "work_order"]
        assert last == ["asset, Dig, note", "note", "asset", "Dig", "asset", "applied"]


def test_a_task_that_is_restored_in_the_same_batch_counts(world: World, alpha: Tablet) -> None:
    require(world, {"tasks": {"all": True}})
    job = job_of(world)["id"]
    task = new("task", {"work_order_id": job, "title": "Dig"})
    push(alpha, task, task | {"action": "delete", "base_version": 1, "fields": {}})
    author = Author(world.staff["dispatcher"], "office", world.partnership_id)

    def entered(*edits: tuple[str, str, str, bytes]) -> list[str]:
        with world.app.app_context(), transaction() as session:
            ready = [
                prepare("office", uuid4(), None, kind, UUID(name), action, 9, moment(), moment(), msgspec.Raw(fields))
                for kind, name, action, fields in edits
            ]
            decisions = enter(session, author, ready, moment()).decisions
            return [lacking(d.problem) if d.problem else str(d.verdict) for d in decisions]

    complete = ("work_order", job, "update", b'{"status": "completed"}')
    restore = ("task", task["record_id"], "restore", b"{}")
    assert entered(restore, complete) == ["applied", "Dig"]
    assert entered(("task", task["record_id"], "delete", b"{}"), complete) == ["applied", "applied"]


class TestTheOffice:
    """At a desk it is told at once, and nothing is written."""

    def test_completes_when_all_is_there(self, world: World) -> None:
        require(world, MUCH)
        job = world.create()
        path = f"/work-orders/{job['id']}"
        before = world.rows("SELECT count(*) FROM journal WHERE partnership_id = :p")
        answer = world.ask("PATCH", path, if_match=job["etag"], json={"status": "completed"})
        assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
        assert lacking(answer.json) == "resolution, Clean, labor_entry"
        assert world.rows("SELECT count(*) FROM journal WHERE partnership_id = :p") == before
        assert world.read(job["id"])["record"]["status"] == "open"
        require(world, RESOLVED)
        job = world.change(job, status="completed", resolution="Filled")
        require(world, MUCH)
        assert world.change(job, status="closed")["record"]["status"] == "closed", "nothing is asked afterwards"

    def test_creates_what_is_done_already(self, world: World) -> None:
        require(world, RESOLVED)
        given = {"title": "Hole", "service_type_id": str(world.pothole), "location": {"lon": -80.0, "lat": 40.5}}
        answer = world.ask("POST", "/work-orders", json=given | {"status": "completed"})
        assert (answer.status_code, lacking(answer.json)) == (409, "resolution")
        assert world.create(status="completed", resolution="Filled")["record"]["status"] == "completed"

    def test_settles_what_it_had_cancelled(self, world: World, alpha: Tablet) -> None:
        """The way leads over `completed`, where all must be there: she enters it, or settles those conflicts first."""
        require(world, RESOLVED)
        job = job_of(world)
        alpha.exchange()
        job = world.change(job, status="cancelled")
        (verdict,) = push(alpha, done(job["id"]))
        (conflict,) = verdict["conflicts"]
        path = f"/conflicts/{conflict['id']}/settlement"
        answer = world.ask("POST", path, if_match='"1"', json={"choice": "other"})
        assert (answer.status_code, lacking(answer.json)) == (409, "resolution")
        assert world.read(job["id"])["record"]["status"] == "cancelled"
        world.change(world.read(job["id"]), resolution="Filled")
        assert world.ask("POST", path, if_match='"1"', json={"choice": "other"}).status_code == 200
        assert world.read(job["id"])["record"]["status"] == "completed"

    def test_settles_what_a_crew_did_after_the_job_had_left_it(self, world: World, alpha: Tablet) -> None:
        require(world, RESOLVED)
        job = job_of(world)
        alpha.exchange()
        world.change(job, crew_id=str(world.crews["beta"]))
        (verdict,) = push(alpha, done(job["id"], resolution="Filled"))
        by_field = {conflict["field"]: f"/conflicts/{conflict['id']}/settlement" for conflict in verdict["conflicts"]}
        answer = world.ask("POST", by_field["status"], if_match='"1"', json={"choice": "other"})
        assert (answer.status_code, lacking(answer.json)) == (409, "resolution")
        for field in ("resolution", "status"):
            answer = world.ask("POST", by_field[field], if_match='"1"', json={"choice": "other"})
            assert answer.status_code == 200, answer.json
        assert world.read(job["id"])["record"]["status"] == "completed"

    def test_what_another_partnership_requires_is_its_own(self, world: World, sync_app: Flask) -> None:
        other = make_world(sync_app)
        require(other, MUCH)
        assert world.create(status="completed")["record"]["status"] == "completed"


class TestStatingIt:
    """A service type says it, and tablets hold it."""

    def test_all_of_it(self, world: World, alpha: Tablet) -> None:
        alpha.exchange()
        wanted = {"minutes": 90, "certificates": ["saw", "traffic-2"], "required_on_completion": MUCH}
        made = world.ask("POST", "/service-types", "admin", json={"code": "tree", "name": "Tree"} | wanted)
        assert made.status_code == 201, made.json
        assert {name: made.json[name] for name in wanted} == wanted
        assert world.ask("GET", f"/service-types/{made.json['id']}").json == made.json
        alpha.exchange()
        record = alpha.records["service_type", made.json["id"]]["record"]
        assert {name: record[name] for name in wanted} == wanted
        listed = world.ask("GET", "/service-types").json["items"]
        assert made.json in listed
        assert {"minutes": None, "certificates": [], "required_on_completion": {}}.items() <= listed[0].items()

    def test_only_what_changes_is_sent_to_tablets(self, world: World, alpha: Tablet) -> None:
        require(world, RESOLVED)
        alpha.exchange()
        require(world, RESOLVED | {"tasks": {"all": False, "named": []}, "entries": {"note": 0}})
        assert alpha.exchange()["changes"] == [], "it says the same"
        assert require(world, {})["required_on_completion"] == {}
        assert [change["kind"] for change in alpha.exchange()["changes"]] == ["service_type"]

    def test_it_is_replaced_as_a_whole(self, world: World) -> None:
        require(world, MUCH)
        assert require(world, RESOLVED)["required_on_completion"] == RESOLVED

    @pytest.mark.parametrize(
        ("field", "value", "where"),
        [
            ("required_on_completion", {"fields": ["crew_id"]}, "required_on_completion.fields[0]"),
            ("required_on_completion", {"photos": 2}, "required_on_completion.photos"),
            ("required_on_completion", {"entries": {"note": 101}}, "required_on_completion.entries.note"),
            ("required_on_completion", {"tasks": {"named": ["a", "a"]}}, "required_on_completion.tasks.named"),
            ("required_on_completion", {"tasks": {"named": ["a\0b"]}}, "required_on_completion.tasks.named[0]"),
            ("required_on_completion", "all", "required_on_completion"),
            ("required_on_completion", None, "required_on_completion"),
            ("certificates", ["a", "a"], "certificates"),
            ("certificates", ["no blanks"], "certificates.0"),
            ("certificates", [f"c{number}" for number in range(21)], "certificates"),
            ("certificates", None, "certificates"),
            ("minutes", 0, "minutes"),
            ("minutes", 10_081, "minutes"),
            ("minutes", "90", "minutes"),
        ],
    )
    def test_what_it_cannot_be(self, world: World, field: str, value: Any, where: str) -> None:
        answer = world.ask("PATCH", f"/service-types/{world.pothole}", "admin", json={field: value})
        assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "invalid_value", where)

    def test_only_admins_of_the_whole_partnership(self, world: World) -> None:
        answer = world.ask("PATCH", f"/service-types/{world.pothole}", json={"required_on_completion": RESOLVED})
        assert answer.status_code == 403
