"""What is recorded on a work order, as the office reads and adds it."""

from __future__ import annotations

from uuid import uuid4

from tests.api.office.world import World


def test_tasks_are_added_edited_deleted_and_restored(world: World) -> None:
    tablet = world.tablet("alpha")
    path = f"/work-orders/{world.create(crew_id=str(world.crews['alpha']))['id']}"
    task = world.ask("POST", f"{path}/tasks", json={"title": "Fill", "position": 2})
    assert (task.status_code, task.headers["ETag"]) == (201, '"1"')
    address = f"{path}/tasks/{task.json['id']}"
    edited = world.ask("PATCH", address, if_match='"1"', json={"title": "Fill and seal"})
    assert (edited.status_code, edited.headers["ETag"]) == (200, '"2"')
    tablet.exchange()
    assert tablet.records["task", task.json["id"]]["record"] == edited.json["record"]
    deleted = world.ask("DELETE", address, if_match='"2"')
    assert (deleted.status_code, deleted.json["version"]) == (200, 3)
    tablet.exchange()
    assert (task.json["id"], "deleted") in tablet.gone
    assert world.ask("PATCH", address, if_match='"3"', json={"done": True}).json["code"] == "record_deleted"
    restored = world.ask("POST", f"{address}/restoration", if_match='"3"')
    assert (restored.status_code, restored.json["deleted_at"]) == (200, None)
    tablet.exchange()
    assert ("task", task.json["id"]) in tablet.records


def test_a_task_is_found_under_its_own_work_order_only(world: World) -> None:
    mine, other = world.create()["id"], world.create()["id"]
    task = world.ask("POST", f"/work-orders/{mine}/tasks", json={"title": "Fill"}).json
    answer = world.ask("PATCH", f"/work-orders/{other}/tasks/{task['id']}", if_match='"1"', json={"done": True})
    assert answer.status_code == 404


def test_the_work_order_is_that_of_the_address(world: World) -> None:
    mine, other = world.create()["id"], world.create()["id"]
    same = world.ask("POST", f"/work-orders/{mine}/notes", json={"work_order_id": mine.upper(), "body": "x"})
    assert same.status_code == 201
    for value in (other, None, 7):
        answer = world.ask("POST", f"/work-orders/{mine}/notes", json={"work_order_id": value, "body": "x"})
        assert (answer.status_code, answer.json["field"]) == (422, "work_order_id")
    task = world.ask("POST", f"/work-orders/{mine}/tasks", json={"title": "Fill"}).json
    moved = world.ask("PATCH", f"/work-orders/{mine}/tasks/{task['id']}", if_match='"1"', json={"work_order_id": other})
    assert (moved.status_code, moved.json["code"]) == (422, "create_only_field")


def test_what_is_asked_for_is_read_along(world: World) -> None:
    tablet = world.tablet("alpha")
    work_order = world.create(crew_id=str(world.crews["alpha"]))
    path = f"/work-orders/{work_order['id']}"
    for position, title in ((2, "Seal"), (1, "Fill")):
        world.ask("POST", f"{path}/tasks", json={"title": title, "position": position})
    world.ask("POST", f"{path}/notes", json={"body": "Bring cones"})
    gone = world.ask("POST", f"{path}/tasks", json={"title": "Not this"}).json
    world.ask("DELETE", f"{path}/tasks/{gone['id']}", if_match='"1"')
    for kind, fields in (
        ("labor_entry", {"minutes": 30, "member_id": str(world.member)}),
        ("equipment_entry", {"minutes": 30, "equipment": "Roller"}),
        ("material_entry", {"material": "Asphalt", "quantity": 0.5, "unit": "t"}),
    ):
        assert tablet.edit(kind, uuid4(), "create", work_order_id=work_order["id"], **fields)["verdict"] == "applied"
    plain = world.read(work_order["id"])
    assert not plain.keys() & {"tasks", "notes", "entries"}
    whole = world.read(work_order["id"], include="tasks,notes,entries")
    assert plain.items() <= whole.items()
    assert [task["record"]["title"] for task in whole["tasks"]] == ["Fill", "Seal"]
    assert [note["record"]["body"] for note in whole["notes"]] == ["Bring cones"]
    assert sorted(entry["kind"] for entry in whole["entries"]) == ["equipment_entry", "labor_entry", "material_entry"]
    assert whole["more"] == []
    assert world.ask("GET", path, query_string={"include": "costs"}).status_code == 422


def test_very_many_notes_are_cut_and_it_says_so(world: World) -> None:
    work_order = world.create()
    world.rows(
        """INSERT INTO note (partnership_id, id, version, change, work_order_id, created_at, updated_at, body)
           SELECT :p, gen_random_uuid(), 1, 1, :w, now(), now(), 'n' FROM generate_series(1, 501) i RETURNING id""",
        w=work_order["id"],
    )
    whole = world.read(work_order["id"], include="notes,tasks")
    assert (len(whole["notes"]), whole["tasks"], whole["more"]) == (500, [], ["note"])
