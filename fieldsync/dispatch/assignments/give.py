"""Giving work orders to crews for a time: many at once, a verdict for each."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

import msgspec

from fieldsync.crews.facts import Span
from fieldsync.database import new_id
from fieldsync.dispatch.assignments import queries, write
from fieldsync.dispatch.assignments.load import Dispatcher, Known, Made, load, made_before
from fieldsync.dispatch.assignments.plan import Part, Place, codes, place_of, weighed
from fieldsync.dispatch.assignments.problems import AssignmentPinned, CrewDiffers
from fieldsync.dispatch.assignments.shapes import AssignmentsWanted, AssignmentWanted, Instant
from fieldsync.dispatch.assignments.spans import SpanRefused, minutes_of, span_of
from fieldsync.dispatch.assignments.verdicts import Result, all_or_none, not_eligible, show_present, told
from fieldsync.dispatch.assignments.write import EventRow, HandOver, Row
from fieldsync.dispatch.facts import Booked
from fieldsync.journal.edits import Record
from fieldsync.problems import EditReused, PreconditionFailed, Problem, RecordDeleted, UnknownReference, Unprocessable


def give(dispatcher: Dispatcher, wanted: AssignmentsWanted, key: UUID | None) -> dict[str, object]:
    """Assign what can be assigned, in the order of the items, and tell what became of each.

    ``key``: of the whole request; from it ids are made for items that have none, so that a repeated one is known.

    Raises:
        Unprocessable: the times of the request are too far from each other.
    """
    items = wanted.items
    for place, item in enumerate(items):
        item.id = item.id or (new_id() if key is None else uuid5(key, str(place)))
    spans = [_span(item) for item in items]
    known = load(
        dispatcher, {item.work_order_id for item in items}, {item.crew_id for item in items},
        [span for span in spans if isinstance(span, Span)],
    )  # fmt: skip
    giving = _Giving(dispatcher, known, made_before(dispatcher, {item.id for item in items if item.id}))
    results = [giving.decide(item, span) for item, span in zip(items, spans, strict=True)]
    if wanted.all_or_none:
        all_or_none(results)
    show_present(dispatcher, results, queries.WORK_ORDERS, "work_order_id")
    versions = giving.write([result.id for result in results if result.problem is None])
    return told(dispatcher, results, "assigned", versions)


def _span(item: AssignmentWanted) -> Span | SpanRefused:
    try:
        return span_of(item.starts_at, item.ends_at, item.minutes)
    except SpanRefused as refused:
        return refused


class _Giving:
    """A request while it is decided: each item sees what became of those before it."""

    def __init__(self, dispatcher: Dispatcher, known: Known, made: dict[UUID, Made]) -> None:
        self._dispatcher = dispatcher
        self._known = known
        self._made = made
        self._looked_at = {id_: len(known.planned(id_)) for id_ in known.records}
        self._given: dict[UUID, HandOver] = {}
        self._rows: dict[UUID, tuple[Row, EventRow]] = {}

    def decide(self, item: AssignmentWanted, span: Span | SpanRefused) -> Result:
        """What becomes of an item."""
        assert item.id is not None
        result = Result(item.id, item.work_order_id)
        try:
            if isinstance(span, SpanRefused):
                raise Unprocessable(span.detail, field=span.field)
            # Also where it was done before: what has become of it is for those who may see the work order now.
            self._record(item)
            if (made := self._made.get(item.id)) is not None:
                _check_same(self._dispatcher, made, item, span)
                result.repeated = True
            else:
                result.overruled = self._decide(item, span)
        except Problem as problem:
            result.problem = problem
        return result

    def _decide(self, item: AssignmentWanted, span: Span) -> list[str]:
        """Book the crew. Returns the codes of the reasons that were overruled."""
        self._check_work_order(item)
        known, plan = self._known, self._known.plan
        job = known.jobs[item.work_order_id]
        leaving = [part for part in known.planned(item.work_order_id) if part.crew_id != item.crew_id]
        if not item.move_pinned and any(part.pinned for part in leaving):
            raise AssignmentPinned("A part of the work order is pinned for the crew that it would leave.")
        # What is planned for the crew that it leaves falls away with it: that crew, and the cap, are free again.
        places = [place_of(part, job) for part in leaving]
        for place in places:
            plan.take(place)
        answer = plan.examine(item.crew_id, job, span)
        standing, overruled = weighed(answer, item.override)
        if standing:
            for place in places:
                plan.put(place)
            raise not_eligible(answer, standing)
        for part in leaving:
            del known.parts[part.id]
        self._book(item, span, answer.grant_id, codes(overruled))
        return codes(overruled)

    def _record(self, item: AssignmentWanted) -> Record:
        record = self._known.records.get(item.work_order_id)
        if record is None or not self._dispatcher.may(record.jurisdiction_id):
            raise UnknownReference("There is no such work order that you may see.", field="work_order_id")
        return record

    def _check_work_order(self, item: AssignmentWanted) -> None:
        known, record = self._known, self._record(item)
        if item.crew_id not in known.seen:
            raise UnknownReference("There is no such crew that you may give work to.", field="crew_id")
        if record.deleted:
            raise RecordDeleted("The work order has been deleted; restore it first.")
        if item.work_order_version not in (None, record.version):
            raise PreconditionFailed("The work order has changed since you looked at it.", field="work_order_version")
        if item.planned_parts not in (None, self._looked_at[record.id]):
            raise PreconditionFailed("The work order has been planned since you looked at it.", field="planned_parts")
        given = self._given.get(record.id)
        if given is not None and given.crew_id != item.crew_id:
            raise CrewDiffers
        if item.override and item.reason is None:
            raise Unprocessable("Say why the crew is sent all the same.", field="reason")

    def _book(self, item: AssignmentWanted, span: Span, grant_id: UUID | None, overruled: list[str]) -> None:
        assert item.id is not None
        known, (starts, ends) = self._known, span
        record = known.records[item.work_order_id]
        # Also where it has the crew already: no other item of the request takes it away again.
        self._given.setdefault(record.id, HandOver(record.id, record.version, item.crew_id, item.reason))
        row = Row(item.id, record.id, item.crew_id, starts, ends, minutes_of(span), item.pinned, grant_id)
        known.parts[row.id] = Part(
            row.id, 1, row.work_order_id, row.crew_id, starts, ends, row.minutes, row.pinned, "planned", grant_id
        )
        job = known.jobs[record.id]
        booked = Booked(row.id, row.work_order_id, span, job.at, row.pinned, grant_id, job.jurisdiction_id)
        known.plan.put(Place(row.crew_id, booked))
        after = row.facts() | ({"overruled": overruled} if overruled else {})
        self._rows[row.id] = row, EventRow(row.id, row.work_order_id, "assigned", item.reason, None, after)
        self._made[row.id] = Made(
            row.id, row.work_order_id, self._dispatcher.staff_id, item.reason, msgspec.to_builtins(row.facts())
        )

    def write(self, ids: Sequence[UUID]) -> dict[UUID, int]:
        """Write what was decided of these assignments. Returns the versions of all work orders, as they are now."""
        known = self._known
        new = [self._rows[id_] for id_ in dict.fromkeys(ids) if id_ in self._rows]
        handed = [
            self._given[id_] for id_ in dict.fromkeys(row.work_order_id for row, _ in new)
            if known.records[id_].crew_id != self._given[id_].crew_id
        ]  # fmt: skip
        outcome = write.hand_over(self._dispatcher, handed)
        write.insert(self._dispatcher, [row for row, _ in new], [event for _, event in new])
        versions = {id_: record.version for id_, record in known.records.items()}
        return versions | {record.id: record.version for record in outcome.touched.values()}


def _check_same(dispatcher: Dispatcher, made: Made, item: AssignmentWanted, span: Span) -> None:
    """Raises:
    EditReused: the assignment with this id was made by somebody else, or otherwise.
    """
    then = (made.work_order_id, made.staff_id, made.reason, UUID(str(made.after["crew_id"])), made.after["pinned"])
    now = (item.work_order_id, dispatcher.staff_id, item.reason, item.crew_id, item.pinned)
    if then != now or _stored(made) != span:
        raise EditReused("An assignment with this id was made with other content.", field="id")


def _stored(made: Made) -> Span:
    return Span(*msgspec.convert([made.after["starts_at"], made.after["ends_at"]], list[Instant]))
