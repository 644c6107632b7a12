"""The list of work orders: pages, filters, staying current, and its cost on many rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import event, text

from fieldsync import create_app
from fieldsync.config import Settings
from fieldsync.database import db
from fieldsync.office.desk import Desk
from fieldsync.office.work_orders.read import list_work_orders
from tests.api.office.world import EAST, NOWHERE, World, make_world, now


def listed(world: World, by: str = "dispatcher", **query: Any) -> dict[str, Any]:
    answer = world.ask("GET", "/work-orders", by, query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json  # type: ignore[no-any-return]


def titles(world: World, by: str = "dispatcher", **query: Any) -> list[str]:
    return [item["record"]["title"] for item in listed(world, by, **query)["items"]]


def test_pages_follow_one_another_without_gap_or_double(world: World) -> None:
    made = [world.create(title=f"Job {number}") for number in range(7)]
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = listed(world, **query)
        seen += page["items"]
        if page["next"] is None:
            break
        assert len(page["items"]) == 3
        query["cursor"] = page["next"]
    assert seen == made
    assert page["change"] == made[-1]["change"]


def test_what_changes_between_pages_is_read_again_and_nothing_is_missed(world: World) -> None:
    made = [world.create(title=f"Job {number}") for number in range(4)]
    first = listed(world, limit=2)
    world.change(made[0], title="Job 0, again")
    world.change(made[3], title="Job 3, again")
    second = listed(world, limit=10, cursor=first["next"])
    assert [item["record"]["title"] for item in second["items"]] == ["Job 2", "Job 0, again", "Job 3, again"]


def test_a_copy_is_kept_current_by_the_number_of_the_last_change(world: World) -> None:
    first, second = world.create(title="First"), world.create(title="Second")
    since = listed(world)["change"]
    assert listed(world, changed_since=since)["items"] == []
    world.change(first, title="Changed")
    world.ask("DELETE", f"/work-orders/{second['id']}", if_match='"1"')
    page = listed(world, changed_since=since, deleted="include")
    assert [(item["record"]["title"], item["deleted_at"] is None) for item in page["items"]] == [
        ("Changed", True), ("Second", False),
    ]  # fmt: skip
    assert page["change"] > since
    assert listed(world)["epoch"] == page["epoch"]


class TestFilters:
    """Each narrows the list down; together all must hold."""

    @pytest.fixture
    def full(self, world: World) -> World:
        world.agree("west", "east")
        world.create(title="west alpha", crew_id=str(world.crews["alpha"]), priority=1)
        world.create(title="west", service_type_id=str(world.signal))
        world.create(title="east beta", location=EAST, crew_id=str(world.crews["beta"]), status="in_progress")
        world.create(title="nowhere", location=NOWHERE, status="completed")
        return world

    def test_by_one_thing(self, full: World) -> None:
        assert titles(full, jurisdiction_id=full.towns["east"]) == ["east beta"]
        assert titles(full, jurisdiction_id="none") == ["nowhere"]
        assert titles(full, crew_id=full.crews["alpha"]) == ["west alpha"]
        assert titles(full, crew_id="none") == ["west", "nowhere"]
        assert titles(full, status="in_progress") == ["east beta"]
        assert titles(full, status=["in_progress", "completed"]) == ["east beta", "nowhere"]
        assert titles(full, service_type_id=full.signal) == ["west"]
        assert titles(full, priority=1) == ["west alpha"]
        assert titles(full, placed_by="outside") == ["nowhere"]
        assert titles(full, placed_by="inside") == ["west alpha", "west", "east beta"]
        assert titles(full, bbox="-79.9,40,-79.7,41") == ["east beta"]

    def test_together(self, full: World) -> None:
        assert titles(full, jurisdiction_id=full.towns["west"], crew_id="none") == ["west"]
        assert titles(full, status="open", priority=1, bbox="-80.1,40,-79.7,41") == ["west alpha"]
        assert titles(full, placed_by="outside", jurisdiction_id="none", status="completed") == ["nowhere"]
        assert titles(full, placed_by="outside", crew_id=full.crews["alpha"]) == []

    def test_deleted_ones_are_left_out_unless_they_are_asked_for(self, full: World) -> None:
        work_order = full.create(title="gone")
        full.ask("DELETE", f"/work-orders/{work_order['id']}", if_match='"1"')
        assert "gone" not in titles(full)
        assert "gone" in titles(full, deleted="include")
        assert titles(full, deleted="only") == ["gone"]

    def test_by_ids_that_mean_nothing_is_empty(self, full: World, elsewhere: World) -> None:
        for name in ("jurisdiction_id", "crew_id", "service_type_id"):
            assert titles(full, **{name: uuid4()}) == []
        assert titles(full, jurisdiction_id=elsewhere.towns["west"]) == []
        assert titles(full, crew_id=elsewhere.crews["alpha"]) == []

    @pytest.mark.parametrize("query", [
        {"bbox": "1,2,3"}, {"bbox": "1,2,3,x"}, {"bbox": "2,1,1,2"}, {"bbox": "1,2,2,1"}, {"bbox": "nan,0,1,1"},
        {"bbox": "-181,0,1,1"}, {"bbox": "0,0,1,inf"}, {"status": "broken"}, {"priority": 0}, {"limit": 0},
        {"limit": 501}, {"changed_since": -1}, {"changed_since": 2**63}, {"crew_id": "nobody"}, {"cursor": "x"},
        {"cursor": ""}, {"deleted": "yes"}, {"placed_by": "magic"}, {"sort": "title"}, {"service_type_id": "none"},
    ])  # fmt: skip
    def test_that_make_no_sense_are_refused(self, world: World, query: dict[str, Any]) -> None:
        answer = world.ask("GET", "/work-orders", query_string=query)
        assert answer.status_code == 422
        assert answer.json["field"].split(".")[0] == next(iter(query))

    def test_a_cursor_of_another_list_is_refused(self, world: World) -> None:
        work_order = world.create()
        world.change(work_order, title="x")
        cursor = world.ask("GET", f"/work-orders/{work_order['id']}/history?limit=1").json["next"]
        answer = world.ask("GET", "/work-orders", query_string={"cursor": cursor})
        assert (answer.status_code, answer.json["field"]) == (422, "cursor")


ROWS = 200_000

FILL = text("""
    INSERT INTO work_order (partnership_id, id, version, change, title, service_type_id, status, priority, location,
                            tags, crew_id, jurisdiction_id, placed_by, placed_at, created_at, updated_at)
    SELECT :p, gen_random_uuid(), 1, 1 + i, 'Job ' || i, :service, (ARRAY['open', 'closed', 'closed'])[1 + i % 3],
           1 + i % 5, ST_SetSRID(ST_MakePoint(-80.1 + 0.4 * random(), 40 + random()), 4326), '{}',
           CASE WHEN i % 100 < 2 THEN CAST((ARRAY[:alpha, :beta])[1 + i % 2] AS uuid) END,
           CASE WHEN i % 1000 > 0 THEN CAST((ARRAY[:west, :east])[1 + i % 2] AS uuid) END,
           CASE WHEN i % 1000 > 0 THEN 'inside' ELSE 'outside' END, now(), now(), now()
    FROM generate_series(1, :rows) i
""")


@pytest.fixture(scope="module")
def many(databases: Any, template_database: str) -> Iterator[World]:
    """A partnership with 200,000 work orders, in a database of its own."""
    name = f"fieldsync_many_{uuid4().hex[:12]}"
    app = create_app(Settings(database_url=databases.copy(template_database, name), log_level="ERROR"))
    world = make_world(app)
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(FILL, {
                "p": world.partnership_id, "service": world.pothole, "rows": ROWS,
                "alpha": str(world.crews["alpha"]), "beta": str(world.crews["beta"]),
                "west": str(world.towns["west"]), "east": str(world.towns["east"]),
            })  # fmt: skip
            connection.execute(text("UPDATE head SET change = :n WHERE partnership_id = :p"),
                               {"n": ROWS + 1, "p": world.partnership_id})  # fmt: skip
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE work_order"))
    yield world
    with app.app_context():
        db.engine.dispose()
    databases.drop(name)


def statements(app: Flask, work: Callable[[], Any]) -> list[tuple[str, Any]]:
    """The SQL that ``work`` sends, with what it binds."""
    sent: list[tuple[str, Any]] = []

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return sent


def plan_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from plan_nodes(child)


QUESTIONS: list[tuple[dict[str, Any], str | None, bool]] = [
    ({}, "work_order_changed", False),
    ({"changed_since": ROWS - 10}, "work_order_changed", False),
    ({"status": ["open"], "priority": 2}, "work_order_changed", False),
    ({"jurisdiction_id": "west"}, "work_order_changed", False),
    ({"crew_id": "alpha"}, "work_order_feed", False),
    ({"crew_id": "none"}, None, False),
    ({"bbox": (-80.0, 40.5, -79.999, 40.501)}, "work_order_place", False),
    ({"placed_by": "outside"}, "work_order_triage", False),
    ({"jurisdiction_id": "none"}, "work_order_triage", False),
    ({}, "work_order_changed", True),
]


@pytest.mark.parametrize(("filters", "index", "scoped"), QUESTIONS)
def test_a_page_is_one_statement_that_reads_by_an_index(
    many: World, filters: dict[str, Any], index: str | None, scoped: bool
) -> None:
    """Out of 200,000 rows a page reads some pages of an index, not the table, wherever the list is entered."""
    named = {name: many.towns.get(value) or many.crews.get(value) or value if isinstance(value, str) else value
             for name, value in filters.items()}  # fmt: skip
    asked = {"limit": 100, "cursor": None, "deleted": "exclude"} | named
    own = frozenset({many.towns["west"]}) if scoped else None
    with many.app.app_context():
        desk = Desk(db.session(), many.partnership_id, UUID(int=0), own, now())
        desk.session.execute(text("SELECT 1"))
        pages = []
        sent = statements(many.app, lambda: pages.append(list_work_orders(desk, asked)))
        assert len(sent) == 1
        if pages[0].next is not None:
            asked["cursor"] = pages[0].next
            sent += statements(many.app, lambda: list_work_orders(desk, asked))
        for statement, parameters in sent:
            cursor = db.session.connection().connection.cursor()
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters)
            document = cursor.fetchone()[0]
            plan = (json.loads(document) if isinstance(document, str) else document)[0]["Plan"]
            nodes = list(plan_nodes(plan))
            assert not [n for n in nodes if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "work_order"]
            used = {n["Index Name"] for n in nodes if "Index Name" in n and n["Index Name"].startswith("work_order")}
            assert index is None or used == {index}
            # The whole table has some 5,000 pages of 8 kB.
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 700


def test_the_number_of_statements_does_not_depend_on_the_rows(many: World) -> None:
    counts = []
    for limit in (1, 500):
        with many.app.app_context():
            engine = db.engine
            sent: list[str] = []

            def note(conn: Any, cursor: Any, statement: str, *_: Any, sent: list[str] = sent) -> None:
                sent.append(statement)

            event.listen(engine, "before_cursor_execute", note)
            answer = many.ask("GET", "/work-orders", query_string={"limit": limit})
            event.remove(engine, "before_cursor_execute", note)
        assert len(answer.json["items"]) == limit
        counts.append(len([statement for statement in sent if "work_order" in statement]))
    assert counts == [1, 1]
