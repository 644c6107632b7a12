"""Whose an assignment is: who sees it, who changes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from fieldsync.crews.facts import Span
from fieldsync.dispatch.assignments import queries
from fieldsync.dispatch.assignments.load import Dispatcher
from fieldsync.dispatch.assignments.plan import Part
from fieldsync.problems import NotAllowed, NotFound


class Whose(Struct):
    """An assignment as it stood before anything was locked."""

    id: UUID
    work_order_id: UUID
    crew_id: UUID
    employer_id: UUID
    """The jurisdiction that employs the crew."""
    starts_at: datetime
    ends_at: datetime

    @property
    def span(self) -> Span:
        """Its planned time."""
        return Span(self.starts_at.astimezone(UTC), self.ends_at.astimezone(UTC))

    def stands(self, part: Part) -> bool:
        """Whether it still has this crew and time: by them it was found out what to lock and to read."""
        return (self.crew_id, self.span) == (part.crew_id, part.span)


def whose(dispatcher: Dispatcher, ids: Sequence[UUID]) -> dict[UUID, Whose]:
    """The assignments with these ids; one statement. To know what to lock: read them again afterwards."""
    rows = dispatcher.session.execute(queries.OF_WORK_ORDERS, dispatcher.ids(ids=list(ids)))
    return {row.id: Whose(*row) for row in rows}


def check_hers(dispatcher: Dispatcher, jurisdiction_id: UUID | None, employer_id: UUID) -> None:
    """That she dispatches for the jurisdiction where the work lies.

    Raises:
        NotFound: she may not even see the assignment.
        NotAllowed: she sees it, because the crew is hers.
    """
    if not dispatcher.may(jurisdiction_id):
        if not dispatcher.may(employer_id):
            raise NotFound("There is no such assignment that you may see.", field="id")
        raise NotAllowed("Who dispatches where the work lies plans it; the home of the crew may recall it.")
