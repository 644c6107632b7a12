"""Who sees what after a batch in which a job is made and changes hands."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import msgspec
import pytest

from fieldsync.database import new_id
from fieldsync.journal.edits import Author, Edit
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from tests.sync_model import laws
from tests.sync_model.world import Document, World, now


def by_office(kind: str, record_id: UUID, action: str, base: int | None, fields: Document) -> Edit:
    raw = msgspec.Raw(json.dumps(fields).encode())
    return prepare("office", uuid4(), None, kind, record_id, action, base, now(), now(), raw)


@pytest.mark.parametrize("together", [True, False])
def test_a_job_that_is_made_and_handed_over_at_once_takes_along_what_is_on_it(world: World, together: bool) -> None:
    job, task, note = new_id(), new_id(), new_id()
    first, second = (str(crew_id) for crew_id in world.crew_ids)
    on_job = {"work_order_id": str(job)}
    edits = [
        by_office("work_order", job, "create", None, world.job(crew_id=first)),
        by_office("task", task, "create", None, on_job | {"title": "dig"}),
        by_office("note", note, "create", None, on_job | {"body": "wet"}),
        by_office("work_order", job, "update", 1, {"crew_id": second}),
    ]
    author = Author(world.staff_id, "office", world.partnership_id)
    for batch in [edits] if together else [[edit] for edit in edits]:
        with world.session() as session:
            outcome = enter(session, author, batch, now())
            assert {decision.verdict for decision in outcome.decisions} == {"applied"}
    ids = {str(job), str(task), str(note)}
    assert {c["id"] for c in world.tablet(1).pull() if "gone" not in c} >= ids
    assert {c["id"] for c in world.tablet(0).pull() if "gone" not in c}.isdisjoint(ids)
    laws.a_replay_gives_the_same(world)
