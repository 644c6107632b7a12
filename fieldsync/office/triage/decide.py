"""Deciding whose a work order is, where the lines leave it in doubt. A decision is remembered for that job."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from msgspec import structs

from fieldsync.journal import anew
from fieldsync.journal.edits import Author, Placed, PlacementMade, Record
from fieldsync.office.desk import Desk, Found
from fieldsync.office.triage import queries
from fieldsync.problems import NotAllowed, NotInTriage, RecordDeleted, UnknownReference
from geo.assign import in_force


def accept(desk: Desk, work_order_id: UUID, reason: str | None, wanted: frozenset[int]) -> Found:
    """Leave a work order where the rules placed it. Later publications that leave it there do not ask again.

    Raises:
        NotFound, PreconditionFailed, RecordDeleted
        NotInTriage: nobody asked.
    """
    record, placed = _found(desk, work_order_id, wanted)
    if placed.triage in (None, "accepted"):
        raise NotInTriage
    return _write(desk, record, structs.replace(placed, triage="accepted"), reason)


def move(desk: Desk, work_order_id: UUID, jurisdiction_id: UUID, reason: str | None, wanted: frozenset[int]) -> Found:
    """Give a work order to a jurisdiction, whatever the lines say. It stays there until its point or its service type
    is corrected, or a person decides otherwise.

    Raises:
        NotFound, PreconditionFailed, RecordDeleted
        UnknownReference: there is no such jurisdiction.
        NotAllowed: she does not dispatch for it.
    """
    bound = {"partnership_id": desk.partnership_id, "jurisdiction_id": jurisdiction_id}
    if desk.session.execute(queries.JURISDICTION, bound).one_or_none() is None:
        raise UnknownReference(f"There is no jurisdiction {jurisdiction_id}.", field="jurisdiction_id")
    if desk.own is not None and jurisdiction_id not in desk.own:
        raise NotAllowed("You do not dispatch for that jurisdiction.", field="jurisdiction_id")
    record, placed = _found(desk, work_order_id, wanted)
    at = in_force(desk.session, desk.partnership_id).at
    by_person = Placed(jurisdiction_id, placed.area_id, placed.placed_version_id, "person", "accepted", at)
    return _write(desk, record, by_person, reason)


def _found(desk: Desk, work_order_id: UUID, wanted: frozenset[int]) -> tuple[Record, Placed]:
    found = desk.read_locked("work_order", work_order_id, work_order_id, wanted)
    if found.deleted:
        raise RecordDeleted
    record = anew.lock(desk.session, desk.partnership_id, [work_order_id])[work_order_id]
    assert record.placed is not None
    return record, record.placed


def _write(desk: Desk, record: Record, placed: Placed, reason: str | None) -> Found:
    change = anew.Change(record, placed, PlacementMade("person", desk.staff_id), reason=reason)
    author = Author(desk.staff_id, "office", desk.partnership_id, None, desk.own)
    anew.place_anew(desk.session, author, [change], desk.at)
    # By its id alone: she may have given it away, and is told what became of it all the same.
    return replace(desk, own=None).read("work_order", record.id, record.id)
