"""Moving assignments: in time, to another crew, longer or shorter, pinned; many together, a verdict for each."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct, structs

from fieldsync.crews.facts import Span
from fieldsync.dispatch.assignments import queries, write
from fieldsync.dispatch.assignments.load import Dispatcher, Known, load
from fieldsync.dispatch.assignments.plan import Part, Place, codes, place_of, weighed
from fieldsync.dispatch.assignments.problems import AssignmentOver, AssignmentPinned, PartsLeftBehind
from fieldsync.dispatch.assignments.shapes import AssignmentMove, AssignmentMoves, AssignmentPatch
from fieldsync.dispatch.assignments.spans import SpanRefused, minutes_of, moved
from fieldsync.dispatch.assignments.verdicts import Result, all_or_none, not_eligible, show_present, told
from fieldsync.dispatch.assignments.whose import Whose, check_hers, whose
from fieldsync.dispatch.assignments.write import EventRow, HandOver, Row
from fieldsync.dispatch.facts import Booked
from fieldsync.problems import NotFound, PreconditionFailed, Problem, UnknownReference, Unprocessable


class _Candidate(Struct):
    """A move that may come true: where the assignment stands, and where it is to be."""

    item: AssignmentMove
    result: Result
    part: Part
    crew_id: UUID
    span: Span
    pinned: bool
    now: Place
    """Where it is booked as long as it has not moved."""
    then: Place
    """Where it is booked once it has; with the grant that applies there."""
    booked: bool = False
    """Whether it has been found that it can be there."""

    @property
    def moves(self) -> bool:
        """Whether anything but the pin changes."""
        return (self.crew_id, self.span) != (self.part.crew_id, self.part.span)


def move(dispatcher: Dispatcher, wanted: AssignmentMoves) -> dict[str, Any]:
    """Move what can be moved, and tell what became of each.

    All that are to move leave their places first; then each is looked at where it is to be, in the order of the items.
    One that is refused stays, and those to whom it matters are looked at again.

    Raises:
        Unprocessable: the times of the request are too far from each other.
    """
    results, versions = _move(dispatcher, wanted.items, wanted.all_or_none)
    return told(dispatcher, results, "moved", versions)


def move_one(dispatcher: Dispatcher, assignment_id: UUID, change: AssignmentPatch, versions: frozenset[int]) -> None:
    """Move one assignment whose version is one of ``versions``.

    Raises:
        NotFound, NotAllowed, PreconditionFailed, Unprocessable, UnknownReference, AssignmentOver, AssignmentPinned,
        PartsLeftBehind, CrewTaken, CrewNotEligible
    """
    item = AssignmentMove(id=assignment_id, version=max(versions, default=0), **structs.asdict(change))
    (result,), _ = _move(dispatcher, [item], versions=versions)
    if result.problem is not None:
        raise result.problem


def _move(
    dispatcher: Dispatcher,
    items: Sequence[AssignmentMove],
    together: bool = False,
    versions: frozenset[int] | None = None,
) -> tuple[list[Result], dict[UUID, int]]:  # fmt: skip
    """Decide and write: what became of each, and the versions of the work orders as they are now."""
    found = whose(dispatcher, [item.id for item in items])
    crew_ids = {one.crew_id for one in found.values()} | {item.crew_id for item in items if item.crew_id is not None}
    known = load(
        dispatcher, {one.work_order_id for one in found.values()}, crew_ids, _spans(dispatcher, items, found),
        list(found),
    )  # fmt: skip
    moving = _Moving(dispatcher, known, found, versions)
    results = moving.decide(items)
    if together:
        all_or_none(results)
    show_present(dispatcher, results, queries.SENT, "id")
    return results, moving.write()


def _spans(dispatcher: Dispatcher, items: Sequence[AssignmentMove], found: dict[UUID, Whose]) -> list[Span]:
    """Where the items would lie by what is there before anything is locked; what has moved since is refused later."""
    spans = []
    for item in items:
        if (one := found.get(item.id)) is not None:
            try:
                spans.append(moved(one.span, item.starts_at, item.ends_at, item.minutes))
            except SpanRefused:
                continue
    return spans


class _Moving:
    """A request while it is decided."""

    def __init__(
        self, dispatcher: Dispatcher, known: Known, found: dict[UUID, Whose], versions: frozenset[int] | None
    ) -> None:
        """``versions``: those that are accepted, where the items' own do not say."""
        self._dispatcher = dispatcher
        self._known = known
        self._found = found
        self._versions = versions
        self._candidates: dict[UUID, _Candidate] = {}

    def decide(self, items: Sequence[AssignmentMove]) -> list[Result]:
        """What becomes of the items."""
        results = []
        for item in items:
            result = Result(item.id)
            try:
                if item.id in self._candidates:
                    raise Unprocessable("The assignment is named twice.", field="id")
                self._candidates[item.id] = self._candidate(item, result)
            except Problem as problem:
                result.problem = problem
            results.append(result)
        self._settle([one for one in self._candidates.values() if one.moves])
        return results

    def _candidate(self, item: AssignmentMove, result: Result) -> _Candidate:
        """A move that nothing rules out before the crews' time is looked at."""
        part = self._known.parts.get(item.id)
        if part is None:
            raise NotFound("There is no such assignment that you may see.", field="id")
        record = self._known.records[part.work_order_id]
        check_hers(self._dispatcher, record.jurisdiction_id, self._found[item.id].employer_id)
        result.work_order_id = part.work_order_id
        wanted = frozenset({item.version}) if self._versions is None else self._versions
        # Of a crew or a time that came in between nothing was locked or read: even a version that was guessed is stale.
        if part.version not in wanted or not self._found[item.id].stands(part):
            raise PreconditionFailed("The assignment has changed since you looked at it.", field="version")
        if part.state != "planned":
            raise AssignmentOver
        if item.override and item.reason is None:
            raise Unprocessable("Say why the crew is sent all the same.", field="reason")
        if item.crew_id is not None and item.crew_id != part.crew_id and item.crew_id not in self._known.seen:
            raise UnknownReference("There is no such crew that you may give work to.", field="crew_id")
        try:
            span = moved(part.span, item.starts_at, item.ends_at, item.minutes)
        except SpanRefused as refused:
            raise Unprocessable(refused.detail, field=refused.field) from refused
        job = self._known.jobs[part.work_order_id]
        pinned = part.pinned if item.pinned is None else item.pinned
        now = place_of(part, job)
        then = Place(item.crew_id or part.crew_id, structs.replace(now.booked, span=span, pinned=pinned))
        candidate = _Candidate(item, result, part, then.crew_id, span, pinned, now, then)
        if candidate.moves and part.pinned and item.pinned is not False and not item.move_pinned:
            raise AssignmentPinned
        return candidate

    def _settle(self, moving: Sequence[_Candidate]) -> None:
        """Find those that can be where they are to be. Each refusal is for good, so it comes to an end."""
        for one in moving:
            self._known.plan.take(one.now)
        waiting = deque(moving)
        while waiting:
            one = waiting.popleft()
            if one.result.problem is not None or one.booked:
                continue
            try:
                self._look(one, moving)
            except Problem as problem:
                one.result.problem = problem
                self._known.plan.put(one.now)
                for other in moving:
                    if other.booked and _matters(one, other):
                        self._known.plan.take(other.then)
                        other.booked = False
                        waiting.append(other)

    def _look(self, one: _Candidate, moving: Sequence[_Candidate]) -> None:
        """Book it where it is to be.

        Raises:
            PartsLeftBehind, CrewNotEligible, CrewTaken
        """
        if one.crew_id != one.part.crew_id:
            going = {
                other.part.id for other in moving
                if other.result.problem is None and other.crew_id == one.crew_id
            }  # fmt: skip
            if any(part.id not in going for part in self._known.planned(one.part.work_order_id)):
                raise PartsLeftBehind
        job = self._known.jobs[one.part.work_order_id]
        answer = self._known.plan.examine(one.crew_id, job, one.span)
        standing, overruled = weighed(answer, one.item.override)
        if standing:
            raise not_eligible(answer, standing)
        one.result.overruled = codes(overruled)
        one.then = Place(one.crew_id, structs.replace(one.then.booked, grant_id=answer.grant_id))
        self._known.plan.put(one.then)
        one.booked = True

    def write(self) -> dict[UUID, int]:
        """Write what was decided. Returns the versions of all work orders, as they are now."""
        done = [one for one in self._candidates.values() if one.result.problem is None]
        changed = [one for one in done if one.moves or one.pinned != one.part.pinned]
        rows = [_row(one.part, one.then.crew_id, one.then.booked) for one in changed]
        write.move(self._dispatcher, rows, [_event(one, row) for one, row in zip(changed, rows, strict=True)])
        # Moved first: the journal releases what it finds planned for a crew that has lost the work order.
        handed: dict[UUID, HandOver] = {}
        for one in changed:
            record = self._known.records[one.part.work_order_id]
            if one.crew_id != record.crew_id:
                reason = one.item.reason
                handed.setdefault(record.id, HandOver(record.id, record.version, one.crew_id, reason))
        outcome = write.hand_over(self._dispatcher, handed.values())
        versions = {id_: record.version for id_, record in self._known.records.items()}
        return versions | {record.id: record.version for record in outcome.touched.values()}


def _matters(refused: _Candidate, other: _Candidate) -> bool:
    """Whether it may change what ``other`` can do that ``refused`` stays: the same crew, work order, or cap."""
    grant_id = refused.now.booked.grant_id
    return (
        other.crew_id == refused.now.crew_id
        or other.part.work_order_id == refused.part.work_order_id
        or (grant_id is not None and other.then.booked.grant_id == grant_id)
    )


def _row(part: Part, crew_id: UUID, booked: Booked) -> Row:
    starts, ends = booked.span
    minutes = minutes_of(booked.span)
    return Row(part.id, part.work_order_id, crew_id, starts, ends, minutes, booked.pinned, booked.grant_id)


def _event(one: _Candidate, row: Row) -> EventRow:
    part = one.part
    action = "moved" if one.moves else "pinned" if one.pinned else "unpinned"
    before = _row(part, part.crew_id, one.now.booked).facts()
    after = row.facts() | ({"overruled": one.result.overruled} if one.result.overruled else {})
    return EventRow(part.id, part.work_order_id, action, one.item.reason, before, after)
