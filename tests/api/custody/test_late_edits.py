"""A crew works on a job that it has lost meanwhile: what it did is kept, whatever took the job from it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.custody.losing import WAYS, Job, Way, move_device
from tests.api.custody.lost import Lost
from tests.api.office.world import EAST, Tablet, World, now

Document = dict[str, Any]

RECORDED = ("labor_entry", "equipment_entry", "material_entry", "note", "task")


class Work:
    """What a crew enters on a job without a network: something of every kind."""

    def __init__(self, tablet: Tablet, job: Job, steps: dict[str, Document]) -> None:
        self.tablet = tablet
        self.ids = {kind: str(uuid4()) for kind in RECORDED}
        on_job = {"work_order_id": job["id"]}
        self.edits = [
            self._edit("labor_entry", self.ids["labor_entry"], "create", **on_job, minutes=45, worker="Maria"),
            self._edit("equipment_entry", self.ids["equipment_entry"], "create", **on_job, equipment="T7", minutes=40),
            self._edit(
                "material_entry", self.ids["material_entry"], "create", **on_job, material="asphalt", quantity=2,
                unit="t",
            ),
            self._edit("note", self.ids["note"], "create", **on_job, body="Deeper than it looked."),
            self._edit("task", self.ids["task"], "create", **on_job, title="Sweep"),
            self._edit("task", steps["Fill"]["id"], "update", steps["Fill"]["version"], done=True, result="Filled"),
            self._edit("task", steps["Cone"]["id"], "delete", steps["Cone"]["version"]),
            self._edit(
                "work_order", job["id"], "update", tablet.records["work_order", job["id"]]["version"],
                status="completed", resolution="Filled it", asset="MH-12",
            ),
        ]  # fmt: skip

    def _edit(self, kind: str, record_id: str, action: str, base: int | None = None, /, **fields: Any) -> Document:
        return {
            "seq": next(self.tablet.numbers), "edit_id": str(uuid4()), "kind": kind, "record_id": record_id,
            "action": action, "base_version": base, "observed_at": now().isoformat(), "fields": fields,
        }  # fmt: skip


def offline(world: World, way: Way) -> tuple[Tablet, Job, Work]:
    """A tablet that has the job and has entered its work; and then the job was lost."""
    job = way.prepare(world)
    for title in ("Fill", "Cone"):
        answer = world.ask("POST", f"/work-orders/{job['id']}/tasks", json={"title": title})
        assert answer.status_code == 201, answer.json
    tablet = world.tablet("alpha")
    tablet.exchange()
    steps = {held["record"]["title"]: held for (kind, _), held in tablet.records.items() if kind == "task"}
    work = Work(tablet, job, steps)
    way.lose(world, world.read(job["id"]))
    return tablet, job, work


@pytest.mark.parametrize("name", WAYS)
def test_what_was_recorded_stands_and_what_would_change_something_waits_for_a_dispatcher(
    world: World, name: str
) -> None:
    way = WAYS[name]
    tablet, job, work = offline(world, way)
    before = world.read(job["id"])["record"]
    answer = tablet.exchange(work.edits)

    verdicts = [(verdict["verdict"], verdict["problem"]) for verdict in answer["verdicts"]]
    assert verdicts == [("applied", None)] * len(RECORDED) + [("conflicted", None)] * 3
    for kind, record_id in work.ids.items():
        (row,) = world.rows(f"SELECT work_order_id FROM {kind} WHERE id = :id", id=record_id)
        assert str(row.work_order_id) == job["id"]

    # Everything that was entered is there for whoever decides, and nothing of it has changed the record.
    conflicts = [conflict for verdict in answer["verdicts"] for conflict in verdict["conflicts"]]
    assert {conflict["field"]: conflict["other"] for conflict in conflicts} == {
        "done": True, "result": "Filled", "deleted": True, "status": "completed", "resolution": "Filled it",
        "asset": "MH-12",
    }  # fmt: skip
    assert {(conflict["sort"], conflict["state"]) for conflict in answer["verdicts"][-1]["conflicts"]} == {
        (way.sort, "open")
    }
    after = world.read(job["id"])["record"]
    assert [after[field] for field in ("status", "resolution", "asset", "crew_id")] == [
        before[field] for field in ("status", "resolution", "asset", "crew_id")
    ]
    other = {"west": "east", "east": "west"}[way.town]
    for person, sees in (("dispatcher", True), (f"of {way.town}", True), (f"of {other}", False)):
        listed = world.ask("GET", "/conflicts", person, query_string={"work_order_id": job["id"]})
        found = {conflict["id"] for conflict in listed.json["items"]} if listed.status_code == 200 else set()
        assert found == ({conflict["id"] for conflict in conflicts} if sees else set()), person


@pytest.mark.parametrize("name", WAYS)
def test_it_leaves_the_tablet_with_the_reason_and_there_is_peace(world: World, name: str) -> None:
    way = WAYS[name]
    tablet, job, work = offline(world, way)
    first = tablet.exchange(work.edits)
    if way.gone is None:
        assert (first["reset"], first["reset_because"]) == (True, "crew_changed")
    else:
        assert tablet.gone == [(job["id"], way.gone)]
    held = [key for key, record in tablet.records.items()
            if job["id"] in (key[1], record["record"].get("work_order_id"))]  # fmt: skip
    assert held == []
    # Nothing comes any more, and the same again brings what was said before.
    idle = tablet.exchange()
    assert (idle["changes"], idle["more"], idle["reset"], idle["verdicts"]) == ([], False, False, [])
    again = tablet.exchange(work.edits)
    assert (again["changes"], again["expected_seq"]) == ([], len(work.edits) + 1)
    assert [one["verdict"] for one in again["verdicts"]] == ["repeated"] * len(work.edits)
    names = ("verdict", "version", "conflicts", "problem")
    assert [{name: one["recorded"][name] for name in names} for one in again["verdicts"]] == [
        {name: one[name] for name in names} for one in first["verdicts"]
    ]


def test_a_cancelled_job_stays_and_says_so(world: World) -> None:
    """It has not changed hands: the crew sees that it is cancelled, and only the status has to be decided on."""

    def cancel(world: World, job: Job) -> None:
        answer = world.ask(
            "POST", f"/work-orders/{job['id']}/cancellation", if_match=job["etag"], json={"reason": "No more hole"}
        )
        assert answer.status_code == 200, answer.json

    tablet, job, work = offline(world, WAYS["unassigned"]._replace(lose=cancel))
    verdicts = tablet.exchange(work.edits)["verdicts"]
    assert [one["verdict"] for one in verdicts] == ["applied"] * 7 + ["conflicted"]
    (conflict,) = verdicts[-1]["conflicts"]
    assert (conflict["field"], conflict["kept"], conflict["other"], conflict["state"]) == (
        "status", "cancelled", "completed", "open",
    )  # fmt: skip
    record = tablet.records["work_order", job["id"]]["record"]
    assert (record["status"], record["resolution"], record["asset"]) == ("cancelled", "Filled it", "MH-12")
    assert tablet.gone == [(work.edits[6]["record_id"], "deleted")]  # by the crew itself


def test_a_tablet_that_is_moved_there_and_back_edits_on(world: World) -> None:
    """What it holds of the crew in which it is again is ordinary work; of the crew between, it is kept."""
    home = world.create(crew_id=str(world.crews["alpha"]))
    tablet = world.tablet("alpha")
    tablet.exchange()
    first = tablet.records["work_order", home["id"]]["version"]
    move_device(world, "beta")
    guest = world.create(crew_id=str(world.crews["beta"]))
    tablet.exchange()
    second = tablet.records["work_order", guest["id"]]["version"]
    move_device(world, "alpha")
    edits = [
        {"seq": next(tablet.numbers), "edit_id": str(uuid4()), "kind": "work_order", "record_id": job["id"],
         "action": "update", "base_version": base, "observed_at": now().isoformat(), "fields": fields}
        for job, base, fields in (
            (home, first, {"status": "in_progress"}), (guest, second, {"resolution": "Done"}),
            (home, first, {"status": "completed"}),
        )
    ]  # fmt: skip
    answer = tablet.exchange(edits)
    assert [one["verdict"] for one in answer["verdicts"]] == ["applied", "conflicted", "applied"]
    assert [one["sort"] for one in answer["verdicts"][1]["conflicts"]] == ["custody"]
    assert {key[1] for key in tablet.records if key[0] == "work_order"} == {home["id"]}
    (row,) = world.rows("SELECT former_crew_ids FROM device WHERE partnership_id = :p AND name = 'alpha-1'")
    assert row.former_crew_ids == [world.crews["beta"]]


def test_what_a_crew_never_had_stays_unknown_to_a_moved_tablet(world: World) -> None:
    move_device(world, "beta")
    strange = world.create()
    tablet = world.tablet("alpha")
    verdict = tablet.edit("note", uuid4(), "create", work_order_id=strange["id"], body="Mine?")
    assert (verdict["verdict"], verdict["problem"]["code"]) == ("refused", "unknown_record")


def test_a_grant_brings_everything_however_old_it_is(world: World) -> None:
    """A job of last year with all that hangs on it, given to a crew that may work there only now."""
    job = world.create(location=EAST)
    world.ask("POST", f"/work-orders/{job['id']}/tasks", json={"title": "Fill"})
    world.ask("POST", f"/work-orders/{job['id']}/notes", json={"body": "Since the winter"})
    world.rows(
        "UPDATE work_order SET created_at = now() - interval '1 year', updated_at = now() - interval '1 year'"
        " WHERE id = :id RETURNING 1", id=job["id"],
    )  # fmt: skip
    tablet = world.tablet("alpha")
    for _ in range(3):
        world.create(crew_id=str(world.crews["alpha"]))
    tablet.exchange()
    world.agree()
    job = world.read(job["id"])
    answer = world.ask(
        "POST",
        f"/work-orders/{job['id']}/assignment",
        if_match=job["etag"],
        json={"crew_id": str(world.crews["alpha"])},
    )
    assert answer.status_code == 200, answer.json
    tablet.exchange()
    held = [kind for (kind, record_id), one in tablet.records.items()
            if job["id"] in (record_id, one["record"].get("work_order_id"))]  # fmt: skip
    assert sorted(held) == ["note", "task", "work_order"]


def test_a_tablet_that_joins_another_crew_anew_brings_what_it_holds_for_the_one_before(lost: Lost) -> None:
    """As a tablet that was moved does: where its crew was disbanded, there is no code for that one any more."""
    world = lost.world
    job = world.create(crew_id=str(world.crews["alpha"]))
    code = world.ask("POST", "/enrolments", json={"crew_id": str(world.crews["beta"]), "device_name": "Truck"})
    joining = {"code": code.json["code"], "former_token": world.tokens["alpha"]}
    joined = world.app.test_client().post("/v1/devices/enrol", json=joining)
    assert joined.status_code == 201, joined.json
    world.tokens["alpha"] = joined.json["token"]
    lost.note(job["id"])
    lost.enter("work_order", job["id"], "update", 1, status="completed")
    first, second = lost.exchange().json["verdicts"]
    assert first["verdict"] == "applied"
    assert (second["verdict"], [conflict["sort"] for conflict in second["conflicts"]]) == ("conflicted", ["custody"])
