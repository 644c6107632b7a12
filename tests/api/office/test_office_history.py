"""The history of a work order: who, when, what, from where, and which conflict."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.api.office.world import World, now


def history(world: World, work_order_id: str, **query: Any) -> dict[str, Any]:
    answer = world.ask("GET", f"/work-orders/{work_order_id}/history", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json  # type: ignore[no-any-return]


def test_tells_who_did_what_when_and_from_where(world: World) -> None:
    tablet = world.tablet("alpha")
    work_order = world.create(crew_id=str(world.crews["alpha"]), title="Hole")
    tablet.exchange()
    at = now() - timedelta(hours=3)
    tablet.edit("work_order", work_order["id"], "update", 1, at=at, status="in_progress", title="Deep hole")
    created, changed = history(world, work_order["id"])["items"]
    assert (created["action"], created["verdict"], created["version"]) == ("create", "applied", 1)
    assert created["by"] == {"side": "office", "id": str(world.staff["dispatcher"]), "name": "Dispatcher"}
    assert created["changed"]["title"] == {"before": None, "after": "Hole"}
    assert changed["by"] == {
        "side": "crew", "id": changed["by"]["id"], "name": "alpha-1", "app_version": "2.4",
        "crew_id": str(world.crews["alpha"]), "crew_name": "Alpha",
    }  # fmt: skip
    assert changed["changed"] == {
        "status": {"before": "open", "after": "in_progress"},
        "title": {"before": "Hole", "after": "Deep hole"},
    }
    assert changed["entered"] == {"status": "in_progress", "title": "Deep hole"}
    assert changed["happened_at"][:16] == changed["observed_at"][:16] == at.isoformat()[:16]
    assert changed["received_at"] > changed["happened_at"]


def test_holds_what_is_recorded_on_the_work_order(world: World) -> None:
    work_order = world.create()
    path = f"/work-orders/{work_order['id']}"
    task = world.ask("POST", f"{path}/tasks", json={"title": "Fill"}).json
    world.ask("PATCH", f"{path}/tasks/{task['id']}", if_match='"1"', json={"done": True})
    world.ask("DELETE", f"{path}/tasks/{task['id']}", if_match='"2"')
    world.ask("POST", f"{path}/notes", json={"body": "Bring cones"})
    world.create(title="Another")
    entries = history(world, work_order["id"])["items"]
    assert [(entry["kind"], entry["action"]) for entry in entries] == [
        ("work_order", "create"), ("task", "create"), ("task", "update"), ("task", "delete"), ("note", "create"),
    ]  # fmt: skip
    assert entries[2]["changed"] == {"done": {"before": False, "after": True}}
    assert entries[3]["changed"] == {"deleted": {"before": False, "after": True}}


def test_tells_what_came_out_of_a_union(world: World) -> None:
    tablet = world.tablet("alpha")
    work_order = world.create(crew_id=str(world.crews["alpha"]), tags=["a"])
    tablet.exchange()
    world.change(work_order, tags=["a", "office"])
    tablet.edit("work_order", work_order["id"], "update", 1, tags=["a", "crew"])
    last = history(world, work_order["id"])["items"][-1]
    assert last["entered"] == {"tags": ["a", "crew"]}
    assert last["changed"] == {"tags": {"before": ["a", "office"], "after": ["a", "office", "crew"]}}
    assert last["verdict"] == "merged"


def test_names_conflicts_and_what_settled_them(world: World) -> None:
    tablet = world.tablet("alpha")
    work_order = world.create(crew_id=str(world.crews["alpha"]), description="As reported")
    tablet.exchange()
    world.change(work_order, description="By the office")
    tablet.edit("work_order", work_order["id"], "update", 1, description="By the crew")
    *_, conflicted = history(world, work_order["id"])["items"]
    (conflict,) = conflicted["conflicts"]
    assert (conflict["field"], conflict["sort"], conflict["state"]) == ("description", "field", "open")
    assert (conflicted["changed"], conflicted["entered"]) == (None, {"description": "By the crew"})
    path = f"/conflicts/{conflict['id']}/settlement"
    assert world.ask("POST", path, if_match='"1"', json={"choice": "other"}).status_code == 200
    *_, conflicted, settling = history(world, work_order["id"])["items"]
    assert conflicted["conflicts"][0]["state"] == "settled"
    assert settling["settles"] == [conflict["id"]]
    assert settling["changed"] == {"description": {"before": "By the office", "after": "By the crew"}}


def test_shows_refused_edits_with_the_reason(world: World) -> None:
    tablet = world.tablet("alpha")
    work_order = world.create(crew_id=str(world.crews["alpha"]))
    tablet.exchange()
    tablet.edit("work_order", work_order["id"], "update", 1, colour="red")
    last = history(world, work_order["id"])["items"][-1]
    assert (last["verdict"], last["problem"]["code"]) == ("refused", "unknown_field")
    assert (last["entered"], last["changed"]) == ({"colour": "red"}, None)


def test_leaves_out_what_is_too_large_for_a_page_of_many(world: World) -> None:
    """Large as it was sent, or small in the database and large once it is looked at; read alone it is whole."""
    tablet = world.tablet("alpha")
    work_order = world.create(crew_id=str(world.crews["alpha"]))
    sent = [{"title": "x" * 1_000_000}, {"asset": [str(uuid4())] * 10_000}, {"title": "x" * 1_000}]
    for fields in sent:
        tablet.edit("work_order", work_order["id"], "update", 1, **fields)
    answer = world.ask("GET", f"/work-orders/{work_order['id']}/history")
    assert len(answer.data) < 20_000
    _, *entries = answer.json["items"]
    assert [entry["entered_left_out"] for entry in entries] == [True, True, False]
    assert [entry["entered"] for entry in entries] == [None, None, sent[2]]
    for entry, fields in zip(entries, sent, strict=True):
        path = f"/refused-edits/{entry['by']['id']}/{entry['edit_id']}"
        assert world.ask("GET", path).json["fields"] == fields


def test_comes_in_pages(world: World) -> None:
    work_order = world.create()
    for number in range(6):
        work_order = world.change(work_order, title=f"Title {number}")
    whole = history(world, work_order["id"])
    assert (len(whole["items"]), whole["next"]) == (7, None)
    seen, cursor = [], None
    while True:
        page = history(world, work_order["id"], limit=3, **({"cursor": cursor} if cursor else {}))
        seen += page["items"]
        if (cursor := page["next"]) is None:
            break
    assert seen == whole["items"]


def test_of_a_deleted_work_order_can_be_read(world: World) -> None:
    work_order = world.create()
    world.ask("DELETE", f"/work-orders/{work_order['id']}", if_match='"1"')
    assert [entry["action"] for entry in history(world, work_order["id"])["items"]] == ["create", "delete"]


def test_of_no_work_order_is_not_found(world: World) -> None:
    assert world.ask("GET", f"/work-orders/{uuid4()}/history").status_code == 404


def test_a_refused_edit_of_strange_characters_does_not_hide_the_rest(world: World) -> None:
    """The journal keeps what was sent, also what PostgreSQL's text could not hold."""
    work_order = world.create()
    world.rows(
        """INSERT INTO journal (partnership_id, edit_id, author_id, side, kind, record_id, action, observed_at,
                                happened_at, received_at, fields, verdict)
           VALUES (:p, gen_random_uuid(), gen_random_uuid(), 'crew', 'work_order', :w, 'update', now(), now(), now(),
                   CAST(:fields AS json), 'refused') RETURNING entry""",
        w=work_order["id"], fields='{"title": "\\u0000", "\\u0000": "\\ud800"}',
    )  # fmt: skip
    entries = history(world, work_order["id"])["items"]
    assert [entry["verdict"] for entry in entries] == ["applied", "refused"]
    assert entries[1]["by"] is None
