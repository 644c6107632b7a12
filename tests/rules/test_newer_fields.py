"""Fields of an app that is newer than the server: refused one by one, the rest of the edit is decided."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fieldsync.journal.edits import Author, Decision, Touch, Verdict
from fieldsync.journal.prepare import _PARTS, NEWER_BYTES_MAX, NEWER_FIELDS_MAX, prepare
from fieldsync.workorders.kinds import KINDS
from tests.rules.stage import CREW, JOB, NOTE, OFFICE, POTHOLE, TABLET, at, decided, edit, job, known, named, plain

PLACE = {"lon": -80, "lat": 40}
NEW_JOB = {"title": "Hole", "service_type_id": str(POTHOLE), "location": PLACE}


def update(author: Author = TABLET, **fields: Any) -> Decision:
    return decided(author, edit(author, "update", 1, **fields), known(job()))


def names(decision: Decision) -> list[str]:
    return [problem["field"] for problem in decision.refused_fields]


def test_what_is_known_is_taken_and_each_other_field_is_told_of() -> None:
    decision = update(title="Deep hole", hazard=3, aspect={"deep": [1]})
    assert (decision.verdict, decision.before) == (Verdict.APPLIED, {"title": "Hole"})
    assert [(p["code"], p["field"]) for p in decision.refused_fields] == [
        ("unknown_field", "aspect"), ("unknown_field", "hazard"),
    ]  # fmt: skip
    assert all(p["title"] and p["detail"] for p in decision.refused_fields)
    assert json.loads(bytes(decision.edit.raw)) == {"title": "Deep hole", "hazard": 3, "aspect": {"deep": [1]}}
    assert decision.edit.values == {"title": "Deep hole"}


def test_a_new_record_is_made_without_them() -> None:
    made = edit(TABLET, "create", None, record_id=named("new"), **NEW_JOB, hazard=3)
    assert names(decided(TABLET, made, known())) == ["hazard"]
    note = edit(TABLET, "create", None, kind="note", record_id=NOTE, work_order_id=str(JOB), body="x", mood="good")
    assert names(decided(TABLET, note, known(job()))) == ["mood"]


@pytest.mark.parametrize("fields", [{"hazard": 3}, {"hazard": 3, "location": PLACE | {"alt": 3}}])
def test_an_edit_of_nothing_else_is_refused(fields: dict[str, Any]) -> None:
    decision = update(**fields)
    assert (decision.verdict, decision.problem and decision.problem["code"]) == (Verdict.REFUSED, "unknown_field")
    assert decision.refused_fields == []


def test_a_value_with_an_unknown_part_is_refused_as_a_whole() -> None:
    """Half of a point that somebody entered is not what she entered."""
    decision = update(title="Deep hole", location=PLACE | {"alt": 3})
    assert (decision.verdict, names(decision), decision.before) == (Verdict.APPLIED, ["location"], {"title": "Hole"})
    new = edit(TABLET, "create", None, record_id=named("new"), **NEW_JOB | {"location": PLACE | {"alt": 3}}, hazard=1)
    problem = decided(TABLET, new, known()).problem
    assert problem is not None
    assert (problem["code"], problem["field"]) == ("unknown_field", "location")


def test_only_a_point_has_parts() -> None:
    """Every field whose value has members is known to have."""
    _, shapes = msgspec.json.schema_components([kind.fields for kind in KINDS.values()])
    assert shapes.keys() == {kind.fields.__name__ for kind in KINDS.values()} | {"Location", "Status"}
    of_points = {
        name
        for kind in KINDS.values()
        for name, shape in shapes[kind.fields.__name__]["properties"].items()
        if "Location" in str(shape)
    }
    assert of_points == _PARTS.keys()


def test_a_bad_value_beside_them_refuses_the_edit() -> None:
    decision = update(priority=9, hazard=3)
    assert decision.problem is not None
    assert (decision.problem["code"], decision.problem["field"]) == ("invalid_value", "priority")
    assert decision.refused_fields == []


def test_what_is_refused_later_tells_of_no_fields() -> None:
    """The edit was not taken without them: it was not taken."""
    decision = update(status="closed", hazard=3)
    assert decision.problem is not None
    assert (decision.problem["code"], decision.refused_fields) == ("illegal_transition", [])


def test_the_office_is_told_at_once() -> None:
    decision = update(OFFICE, title="Deep hole", hazard=3)
    assert decision.problem is not None
    assert (decision.problem["code"], decision.problem["field"]) == ("unknown_field", "hazard")


@pytest.mark.parametrize(
    "fields",
    [
        {f"f{number}": 1 for number in range(NEWER_FIELDS_MAX + 1)},
        {"hazard": "x" * NEWER_BYTES_MAX},
        {"a name": 1},
        {"n" * 51: 1},
        {"": 1},
        {"haz\0ard": 1},
        {"hazard": "\0"},
        {"größe": 1},
    ],
    ids=str,
)
def test_what_no_app_of_ours_would_send_refuses_the_edit(fields: dict[str, Any]) -> None:
    decision = update(title="Deep hole", **fields)
    assert decision.problem is not None
    assert (decision.verdict, decision.problem["code"]) == (Verdict.REFUSED, "unknown_field")
    assert len(decision.problem["detail"]) < 500
    assert "\0" not in json.dumps(decision.problem)


def test_deep_nesting_in_one_of_them_refuses_the_edit() -> None:
    raw = msgspec.Raw(b'{"title": "x", "hazard": ' + b"[" * 500 + b"]" * 500 + b"}")
    made = prepare("crew", named("e"), 1, "work_order", JOB, "update", 1, at(0), at(0), raw)
    assert made.refusal is not None
    assert json.loads(bytes(made.raw)).keys() == {"unreadable"}


@pytest.mark.parametrize(
    "raw", [b'{"title": "T", "hazard": 1e999, "n": 123456789012345678901234567890}', b'{"title": "T", "hazard": null}']
)
def test_deciding_what_is_kept_again_gives_the_same(raw: bytes) -> None:
    first = prepare("crew", named("e"), 1, "work_order", JOB, "update", 1, at(0), at(0), msgspec.Raw(raw))
    again = prepare("crew", named("e"), 1, "work_order", JOB, "update", 1, at(0), at(0), first.raw)
    assert first.refusal is None
    assert (first.values, first.refused_fields) == (again.values, again.refused_fields)
    assert bytes(first.raw) == bytes(again.raw)


def test_its_size_counts_as_it_is_kept() -> None:
    """A number that grows by being kept as text does not make an edit one that a replay would refuse."""
    long = "9" * (NEWER_BYTES_MAX - 1)
    raw = msgspec.Raw(b'{"title": "T", "hazard": ' + long.encode() + b"}")
    made = prepare("crew", named("e"), 1, "work_order", JOB, "update", 1, at(0), at(0), raw)
    assert made.refusal is not None


def test_a_refused_field_has_nothing_to_clash_with() -> None:
    """What others did meanwhile concerns the fields that are left, and they merge as ever."""
    theirs = Touch(2, OFFICE.id, "office", at(1), {"title": "Their hole", "asset": "A1"}, {"title": "Hole"})
    record = job(title="Their hole", crew_id=CREW)
    record.version = 2
    knows = known(record, history={("work_order", JOB): [theirs]})
    decision = decided(TABLET, edit(TABLET, "update", 1, 2, resolution="Filled", hazard="x"), knows)
    assert (decision.verdict, names(decision), plain(decision.before)) == (
        Verdict.MERGED, ["hazard"], {"resolution": None},
    )  # fmt: skip
