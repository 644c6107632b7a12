"""Whatever an edit is made of: it has one verdict, always the same, and blocks nothing."""

from __future__ import annotations

import json
import os
from datetime import UTC
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from fieldsync.database import new_id
from tests.sync_model import laws
from tests.sync_model.world import Document, World

TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)
NUMBERS = st.one_of(st.integers(), st.integers(-(10**40), 10**40), st.floats(allow_nan=False, allow_infinity=False))
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, MOMENTS, st.uuids().map(str))
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
NAMES = st.sampled_from(
    ["title", "description", "status", "priority", "location", "tags", "due_at", "started_at", "service_type_id",
     "work_order_id", "body", "minutes", "member_id", "quantity", "done", "position"]
)  # fmt: skip
FIELDS = st.dictionaries(NAMES, ANYTHING | st.sampled_from(["open", 3, True, ["a"], {"lon": 1, "lat": 2}]), max_size=4)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["work_order", "task", "note", "labor_entry", "material_entry"]) | ANYTHING,
        "record_id": ANYTHING,
        "action": st.sampled_from(["create", "update", "delete", "restore"]) | ANYTHING,
        "base_version": st.integers(-1, 3) | ANYTHING,
        "observed_at": MOMENTS | ANYTHING,
        "edit_id": ANYTHING,
        "fields": FIELDS | ANYTHING,
        "another": ANYTHING,
    },
)
PARTS = st.sampled_from(["kind", "record_id", "action", "base_version", "observed_at", "edit_id", "fields"])
EXAMPLES = int(os.environ.get("FIELDSYNC_LAWS_EXAMPLES", "0"))
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES or 60, derandomize=not EXAMPLES, deadline=None, database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip


@SETTINGS
@hypothesis.given(changes=st.lists(CHANGES, min_size=1, max_size=4), left_out=st.lists(PARTS, max_size=2))
def try_anything(world: World, changes: list[Document], left_out: list[str]) -> None:
    tablet = world.tablet()
    job = tablet.new_job()
    batch: list[Any] = []
    for number, change in enumerate(changes):
        edit = tablet.edit("work_order", job, "update", {"title": "x"}, 1) | change
        if number == 0:
            for name in left_out:
                edit.pop(name, None)
        batch.append(edit)
    behind = tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "behind"})
    response = tablet.post(json.dumps(tablet.document([*batch, behind])))
    assert response.status_code == 200, response.json
    verdicts = response.json["verdicts"]
    assert [v["seq"] for v in verdicts] == [edit["seq"] for edit in [*batch, behind]]
    assert verdicts[-1]["verdict"] == "applied"
    # Again as it was, and each alone.
    for again in ([*batch, behind], *([edit] for edit in batch)):
        repeated = tablet.push(*again)
        assert [v["verdict"] for v in repeated] == ["repeated"] * len(again)
        first = {v["seq"]: laws.recorded(v) for v in verdicts}
        assert [v["recorded"] for v in repeated] == [first[v["seq"]] for v in repeated]
    # Nor does another tablet stumble over what was stored.
    world.tablet().exchange(limit=5)


def test_any_edit_has_one_verdict_and_blocks_nothing(world: World) -> None:
    try_anything(world)
    laws.a_replay_gives_the_same(world)


@SETTINGS
@hypothesis.given(document=st.dictionaries(
    st.sampled_from(["protocol", "sent_at", "epoch", "cursor", "limit", "app_version", "edits"]),
    ANYTHING | st.sampled_from([1, "2026-03-01T08:00:00Z", []]),
))  # fmt: skip
def try_any_document(world: World, document: Document) -> None:
    tablet = world.tablet()
    response = tablet.post(json.dumps(document))
    assert response.status_code in (200, 400, 409), response.json
    assert tablet.post(json.dumps(tablet.document(limit=500))).status_code == 200


def test_any_document_is_an_exchange_or_a_problem(world: World) -> None:
    try_any_document(world)


@pytest.mark.parametrize("raw", ["1" * 5_000, "-" + "9" * 400 + ".5", "1e-5000", "0." + "3" * 3_000])
def test_any_number(world: World, raw: str) -> None:
    """Of any length, where a number is expected and where none is."""
    tablet = world.tablet()
    job = tablet.new_job()
    for fields in ({"priority": "@"}, {"location": {"lon": "@", "lat": 0}}, {"x": "@"}):
        edit = tablet.edit("work_order", job, "update", fields, 1)
        body = json.dumps(tablet.document([edit])).replace('"@"', raw)
        first, again = (tablet.post(body) for _ in range(2))
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.json["verdicts"][0]["recorded"] == laws.recorded(first.json["verdicts"][0])
