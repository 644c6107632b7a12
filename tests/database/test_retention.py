"""What is old is moved, and nobody notices: receipts, histories, conflicts, and tablets that were away for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from fieldsync.auth import tokens
from fieldsync.auth.models import LoginAttempts, Token
from fieldsync.boundaries.runs import worker
from fieldsync.database import db, new_id
from fieldsync.journal.archive import thin
from fieldsync.partnerships.head import next_change
from fieldsync.retention import queries
from fieldsync.retention.keep import LOOK_EVERY, keep_one_short, keep_short
from tests.database.old_days import asked, counts, keep_house, let_time_pass, office_token
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World, make_world, now


def a_day(world: World) -> tuple[Tablet, list[Document], list[Document], UUID]:
    """Work of a crew and its office with something of each verdict: tablet, edits, verdicts, a job."""
    tablet = world.tablet()
    job, task = new_id(), new_id()
    edits = [
        tablet.edit("work_order", job, "create", world.job(description="as found")),
        tablet.edit("task", task, "create", {"work_order_id": str(job), "title": "dig"}),
    ]
    verdicts = tablet.push(*edits)
    world.office("work_order", job, "update", 1, {"priority": 1, "tags": ["wet"], "title": "By the office"})
    more = [
        tablet.edit("work_order", job, "update", {"priority": 2, "tags": ["deep"], "resolution": "filled"}, 1),
        tablet.edit("work_order", new_id(), "update", {"title": "of nobody"}, 1),
        tablet.edit("spaceship", new_id(), "create", {"fuel": None}),
        tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "wet"}),
        tablet.edit("task", task, "delete", base=1),
        tablet.edit("task", uuid4(), "create", {"work_order_id": str(new_id()), "title": "of nothing"}),
    ]
    verdicts += tablet.push(*more)
    assert {v["verdict"] for v in verdicts} == {"applied", "conflicted", "refused"}
    return tablet, edits + more, verdicts, job


def test_everything_can_be_read_and_repeated_as_before(world: World) -> None:
    tablet, edits, verdicts, job = a_day(world)
    token = office_token(world)
    paths = [f"/v1/work-orders/{job}/history?limit={limit}" for limit in (3, 100)] + ["/v1/conflicts?state=settled"]
    before = [asked(world, token, path) for path in paths]
    assert before[2]["items"]
    read = [tablet.verdict(edit["edit_id"]).json for edit in edits]
    let_time_pass(world)
    aged = [asked(world, token, path) for path in paths]  # the times of receipt are others now
    assert keep_house(world, step=2) == len(edits) + 2  # the office's entry; the deleted task's departure
    assert counts(world) == (0, len(edits) + 1)
    assert [asked(world, token, path) for path in paths] == aged
    assert [item["edit_id"] for item in aged[1]["items"]] == [item["edit_id"] for item in before[1]["items"]]
    assert [tablet.verdict(edit["edit_id"]).json for edit in edits] == read
    again = tablet.push(*edits)
    assert [v["verdict"] for v in again] == ["repeated"] * len(edits)
    assert [v["recorded"] for v in again] == [
        {name: v[name] for name in ("verdict", "version", "conflicts", "problem", "refused_fields")} for v in verdicts
    ]
    assert counts(world) == (0, len(edits) + 1)
    laws.a_replay_gives_the_same(world)
    laws.no_value_is_lost(world)


def outcome(world: World, *, old: bool) -> Any:
    """A crew's edit on a version before those that the office made since; all of that a year ago, or just now."""
    tablet = world.tablet()
    job, late = tablet.new_job(description="as found", tags=["a"]), tablet.new_job()
    tablet.pull()
    world.office("work_order", job, "update", 1, {"description": "by the office", "tags": ["a", "b"], "priority": 1})
    world.office("work_order", job, "update", 2, {"title": "By the office", "status": "on_hold"})
    world.assign(late, 1)
    if old:
        let_time_pass(world)
        assert keep_house(world) == 6  # five entries, one departure
        assert counts(world) == (0, 5)
    fields = {"description": "by the crew", "tags": ["c"], "priority": 4, "title": "By the crew", "status": "completed"}
    verdicts = tablet.push(
        tablet.edit("work_order", job, "update", fields, 1, at=now() - timedelta(days=500)),
        tablet.edit("work_order", late, "update", {"status": "in_progress"}, 1),
        tablet.edit("note", new_id(), "create", {"work_order_id": str(late), "body": "done all the same"}),
    )
    records = laws.records(world)
    token = office_token(world)
    told = asked(world, token, "/v1/conflicts")["items"]
    stands = {name: records[str(job)][name] for name in ("description", "tags", "priority", "title", "status")}
    return (
        [(v["verdict"], v["version"], [without_ids(c) for c in v["conflicts"]]) for v in verdicts],
        stands,
        sorted((c["sort"], c["field"], c["policy"], c["state"], repr(c["base"])) for c in told),
        sorted((c["field"], c["kept"]["by"] is None, c["other"]["by"] is None) for c in told),
    )


def without_ids(conflict: Document) -> str:
    return repr(sorted((name, value) for name, value in conflict.items() if name != "id"))


def test_a_base_version_from_years_ago_is_merged_as_one_of_today(sync_app: Flask) -> None:
    old, young = outcome(make_world(sync_app), old=True), outcome(make_world(sync_app), old=False)
    assert {v[0] for v in old[0]} == {"conflicted", "applied"}

    def unordered(found: Any) -> Any:
        return [(verdict, version, sorted(conflicts)) for verdict, version, conflicts in found[0]], *found[1:]

    assert unordered(old) == unordered(young)


def test_an_id_that_was_used_years_ago_is_not_used_again(world: World) -> None:
    tablet, edits, _, job = a_day(world)
    let_time_pass(world)
    keep_house(world)
    forged = tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "else"},
                         edit_id=edits[0]["edit_id"])  # fmt: skip
    good = tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "more"})
    first, second = tablet.push(forged, good)
    assert (first["verdict"], first["problem"]["code"]) == ("refused", "edit_reused")
    assert second["verdict"] == "applied"
    assert [v["verdict"] for v in tablet.push(forged, good)] == ["repeated", "repeated"]


def test_what_depends_on_a_creation_refused_years_ago_is_told_so(world: World) -> None:
    tablet = world.tablet()
    refused = new_id()
    (verdict,) = tablet.push(tablet.edit("work_order", refused, "create", {"title": "nowhere"}))
    assert verdict["verdict"] == "refused"
    let_time_pass(world)
    keep_house(world)
    (verdict,) = tablet.push(
        tablet.edit("note", new_id(), "create", {"work_order_id": str(refused), "body": "on nothing"})
    )
    assert verdict["problem"]["code"] == "depends_on"


class TestAwayTooLong:
    def test_its_queue_is_taken_and_it_begins_anew(self, world: World) -> None:
        tablet = world.tablet()
        gone, kept = tablet.new_job(), tablet.new_job()
        tablet.pull()
        world.assign(gone, 1)
        let_time_pass(world)
        keep_house(world)
        assert world.value("SELECT count(*) FROM scope_exit WHERE partnership_id = :p") == 0
        edits = [
            tablet.edit("work_order", gone, "update", {"status": "completed"}, 1),
            tablet.edit("note", new_id(), "create", {"work_order_id": str(gone), "body": "we were there"}),
            tablet.edit("work_order", kept, "update", {"status": "completed"}, 1),
        ]
        # While the queue is sent nothing else happens.
        first = tablet.exchange(edits[:1], limit=0)
        assert (first["reset"], first["cursor"]) == (False, tablet.cursor)
        answer = tablet.exchange(edits[1:], limit=500)
        verdicts = first["verdicts"] + answer["verdicts"]
        assert [v["verdict"] for v in verdicts] == ["conflicted", "applied", "applied"]
        assert [c["sort"] for c in verdicts[0]["conflicts"]] == ["custody"]
        assert (answer["reset"], answer["reset_because"]) == (True, "away_too_long")
        assert {c["id"] for c in answer["changes"] if c["kind"] == "work_order"} == {str(kept)}
        tablet.cursor = answer["cursor"]
        answer = tablet.exchange(limit=500)
        assert (answer["reset"], answer["reset_because"], answer["changes"]) == (False, None, [])

    def test_who_was_here_since_goes_on(self, world: World) -> None:
        tablet, other = world.tablet(), world.tablet()
        job = tablet.new_job()
        other.pull()
        let_time_pass(world)
        world.assign(job, 1)
        keep_house(world)
        other.cursor, there = other.cursor, other.exchange(limit=500)
        assert there["reset"] is False
        assert [c["gone"] for c in there["changes"]] == ["reassigned"]

    def test_a_download_that_begins_now_is_not_away(self, world: World) -> None:
        """However small its pages, and although all that it brings is older than what is told of departures."""
        tablet = world.tablet()
        for _ in range(4):
            tablet.new_job()
        gone = tablet.new_job()
        world.assign(gone, 1)
        let_time_pass(world)
        keep_house(world)
        resets, met = [], []
        for _ in range(10):
            answer = tablet.exchange(limit=1)
            tablet.cursor = answer["cursor"]
            resets.append(answer["reset"])
            met += answer["changes"]
            if not answer["more"]:
                break
        assert resets == [True] + [False] * 5
        assert len(met) == 6

    def test_a_departure_is_told_again_where_it_comes_twice(self, world: World) -> None:
        """A job that left long ago, came back and leaves now: the row is not the old one's."""
        tablet = world.tablet()
        job = tablet.new_job()
        world.assign(job, 1)
        let_time_pass(world)
        world.assign(job, 0)
        tablet.pull()
        world.assign(job, 1)
        keep_house(world)
        assert [c["gone"] for c in tablet.pull()] == ["reassigned"]

    def test_a_page_and_the_thinning_see_the_same(self, world: World) -> None:
        """A page that does not tell a departure any more says that the tablet begins anew: never neither."""
        tablet = world.tablet()
        job = tablet.new_job()
        tablet.pull()
        world.assign(job, 1)
        told = []
        with world.app.app_context():
            engine = db.engine
        with Session(engine) as session:
            head = "UPDATE head SET thinned = change WHERE partnership_id = :p RETURNING change"
            change = session.execute(sa.text(head), {"p": world.partnership_id}).scalar_one()
            told.append(tablet.exchange(limit=500))
            assert thin(session, world.partnership_id, change, 100) == 1
            told.append(tablet.exchange(limit=500))
            session.commit()
        told.append(tablet.exchange(limit=500))
        assert [(t["reset"], len(t["changes"])) for t in told] == [(False, 1), (False, 1), (True, 2)]


class TestDays:
    def test_it_follows_the_days(self, world: World) -> None:
        """A change every day, and a look every day: what is 180 days old is thinned, and marks do not pile up."""
        begin = datetime(2020, 1, 1, 3, tzinfo=UTC)
        changes = []
        for day in range(220):
            with world.session() as session:
                changes.append(next_change(session, world.partnership_id))
            with world.app.app_context():
                keep_one_short(world.partnership_id, lambda at=begin + timedelta(days=day): at)
        thinned = world.value("SELECT thinned FROM head WHERE partnership_id = :p")
        assert thinned == changes[219 - 180]
        assert world.value("SELECT count(*) FROM feed_mark WHERE partnership_id = :p") == 181

    def test_once_a_day(self, world: World) -> None:
        def due(at: datetime) -> bool:
            bound = {"since": at - LOOK_EVERY, "at": at, "rows": 100_000}
            with world.session() as session:
                return world.partnership_id in session.execute(queries.DUE, bound).scalars().all()

        at = now()
        assert due(at)
        keep_house(world)
        assert not due(now())
        assert due(now() + LOOK_EVERY)
        # The clock was ahead for a while: what it noted then does not count, and is forgotten.
        world.run("UPDATE feed_mark SET noted_at = noted_at + interval '300 days' WHERE partnership_id = :p")
        assert due(now())
        keep_house(world)
        assert world.value("SELECT count(*) FROM feed_mark WHERE partnership_id = :p AND noted_at > now()") == 0

    def test_so_many_rows_and_no_more(self, world: World) -> None:
        a_day(world)
        let_time_pass(world)
        with world.app.app_context():
            assert keep_one_short(world.partnership_id, most=6, step=4) == 6
            assert world.value("SELECT count(*) FROM feed_mark WHERE partnership_id = :p") == 1  # it is not done
            assert keep_one_short(world.partnership_id, most=6, step=4) == 4
        assert counts(world) == (0, 9)
        assert world.value("SELECT count(*) FROM feed_mark WHERE partnership_id = :p") == 2

    def test_the_worker_does_it_when_it_keeps_house(self, world: World) -> None:
        assert keep_short in [worker._at_path(path) for path in worker.HOUSEKEEPING]


def test_sessions_and_log_ins_that_are_over_are_forgotten(world: World) -> None:
    ids = {"partnership_id": world.partnership_id}
    with world.session() as session:
        for purpose, hours in (("session", -1), ("session", 1), ("api", -1), ("api", None)):
            _, token_hash = tokens.make("session", world.partnership_id)
            expires = None if hours is None else now() + timedelta(hours=hours)
            session.add(
                Token(**ids, token_hash=token_hash, id=new_id(), staff_id=world.staff_id, purpose=purpose,
                      label=purpose, expires_at=expires)
            )  # fmt: skip
        for minutes in (-1, 1):
            forgotten = now() + timedelta(minutes=minutes)
            session.add(LoginAttempts(**ids, email_hash=uuid4().bytes, attempts=3, forgotten_at=forgotten))
    keep_house(world)
    kept = world.rows("SELECT purpose, expires_at > now() AS open FROM token WHERE partnership_id = :p ORDER BY 1, 2")
    assert [tuple(row.values()) for row in kept] == [("api", False), ("api", None), ("session", True)]
    assert world.value("SELECT count(*) FROM login_attempts WHERE partnership_id = :p") == 1


INDEXES = """
    SELECT replace(replace(replace(pg_get_indexdef(x.indexrelid), ' ONLY', ''), ic.relname, ''), tc.relname, '') AS it
    FROM pg_index x JOIN pg_class ic ON ic.oid = x.indexrelid JOIN pg_class tc ON tc.oid = x.indrelid
    WHERE tc.relname = :name
"""


def test_the_archive_is_found_by_the_same_ways(world: World) -> None:
    """Whoever gives the journal an index gives the archive its like, or reading both would read all of it."""
    hot, old = ({row["it"] for row in world.rows(INDEXES, name=name)} for name in ("journal", "journal_archive"))
    assert {it for it in hot if "(partnership_id, received_at)" not in it} == old
    assert len(hot) == len(old) + 1


@pytest.mark.parametrize("of", ["journal", "journal_archive"])
def test_what_is_said_of_an_entry_is_said_of_both(world: World, of: str) -> None:
    columns = """
        SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute
        WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attname
    """
    assert world.rows(columns, name=of) == world.rows(columns, name="journal")
    checks = "SELECT conname FROM pg_constraint WHERE conrelid = CAST(:name AS regclass) AND contype = 'c' ORDER BY 1"
    assert world.rows(checks, name=of) == world.rows(checks, name="journal")
