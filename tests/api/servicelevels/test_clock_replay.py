"""Law 9 for clocks: the same journal, replayed with no database and no clock on the wall, gives the same ones."""

from __future__ import annotations

import json
import random
from typing import Any
from uuid import UUID, uuid4

import msgspec

from fieldsync.database import db, new_id
from fieldsync.journal.clocks import fold
from fieldsync.journal.edits import Decision, Verdict
from fieldsync.journal.prepare import prepare
from fieldsync.servicelevels import keep
from fieldsync.servicelevels.clocks import Job
from fieldsync.servicelevels.targets import Terms
from fieldsync.workorders.kinds import KINDS, entered
from tests.api.office.world import EAST, WEST, Tablet, World, now
from tests.api.servicelevels.promises import Promises, ago, stored

CONCERNS = {"status", "priority", "service_type_id", "deleted"}


def test_a_replayed_journal_gives_the_same_clocks(world: World, promises: Promises) -> None:
    chance = random.Random(9)
    tablets = [world.tablet("alpha"), world.tablet("alpha")]
    jobs = [new_id() for _ in range(10)]
    for record_id in jobs:
        fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": chance.choice([WEST, EAST])}
        assert tablets[0].edit("work_order", record_id, "create", at=ago(5_000), **fields)["verdict"] == "applied"
    for _ in range(12):
        tablet = chance.choice(tablets)
        send(world, tablet, [anything(chance, world, chance.choice(jobs)) for _ in range(chance.randint(1, 12))])
        record = world.read(str(chance.choice(jobs)))
        if record["record"]["status"] == "completed":
            # To nobody: where no agreement lets the crew work, nobody opens a job again for it.
            world.change(record, status="open", crew_id=None)
        elif chance.random() < 0.5:
            world.change(record, priority=chance.randint(1, 5))
    replayed = replay(world, promises)
    for record_id in jobs:
        rows = stored(world, record_id)
        clocks = {clock.sort.value: clock for clock in replayed[record_id].clocks()}
        assert clocks.keys() == rows.keys()
        for sort, row in rows.items():
            kept: dict[str, Any] = {name: getattr(clocks[sort], name) for name in row}
            assert kept == row
    # Something was to be folded.
    assert len({str(stored(world, record_id)) for record_id in jobs}) == len(jobs)


def replay(world: World, promises: Promises) -> dict[UUID, Job]:
    """The clocks of all work orders, from the journal and the policy alone, edit by edit."""
    with world.app.app_context():
        known = keep.look(db.session(), world.partnership_id)
        assert known is not None
        terms: Terms = keep.load_terms(db.session(), world.partnership_id, known, [promises.policy_id])
        db.session.rollback()
    rows = world.rows(
        """SELECT j.*, j.fields::text AS sent, w.jurisdiction_id FROM journal j
           JOIN work_order w ON w.partnership_id = j.partnership_id AND w.id = j.record_id
           WHERE j.partnership_id = :p AND j.kind = 'work_order' AND j.verdict <> 'refused' ORDER BY j.entry"""
    )
    jobs: dict[UUID, Job] = {}
    kind = KINDS["work_order"]
    for row in rows:
        edit = prepare(
            row.side, row.edit_id, row.seq, row.kind, row.record_id, row.action, row.base_version, row.observed_at,
            row.happened_at, msgspec.Raw(row.sent.encode()),
        )  # fmt: skip
        before, after = (
            entered(kind, msgspec.convert(values or {}, kind.fields)) for values in (row.before, row.after)
        )
        decision = Decision(edit, Verdict(row.verdict), row.version, before or None, after or None)
        if row.action == "create" or CONCERNS & before.keys():
            fold(decision, row.jurisdiction_id, jobs, terms)
    return jobs


def anything(chance: random.Random, world: World, record_id: UUID) -> dict[str, Any]:
    """An edit that clocks may go by, made at any time since the work order was."""
    fields: dict[str, Any] = chance.choice([
        {"status": chance.choice(["open", "in_progress", "on_hold", "completed"])},
        {"status": chance.choice(["open", "in_progress", "on_hold", "completed"])},
        {"priority": chance.randint(1, 5), "status": "on_hold"},
        {"service_type_id": str(chance.choice([world.pothole, world.signal]))},
        {"title": f"Hole {chance.randint(1, 99)}"},
    ])  # fmt: skip
    return {
        "edit_id": str(uuid4()), "kind": "work_order", "record_id": str(record_id), "action": "update",
        "base_version": chance.randint(1, 9), "observed_at": ago(chance.randint(0, 5_000)).isoformat(),
        "fields": fields,
    }  # fmt: skip


def send(world: World, tablet: Tablet, edits: list[dict[str, Any]]) -> None:
    numbered = [{"seq": next(tablet.numbers)} | edit for edit in edits]
    body = {"protocol": 1, "sent_at": now().isoformat(), "cursor": None, "limit": 0, "edits": numbered}
    answer = world.ask(
        "POST", "/sync", by=tablet.crew, data=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200, answer.json
