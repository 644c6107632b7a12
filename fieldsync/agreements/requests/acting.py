"""Who takes a step and for which side, what it is taken on, and what it leaves behind.

Locks in this order: the request (which covers its offers), crews by id, the partnership's head. So of two people who
act on the same request or offer at once, the second waits, and then sees what the first did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from fieldsync.agreements.requests import queries
from fieldsync.agreements.requests.models import ResourceEvent
from fieldsync.agreements.requests.problems import RequestOver
from fieldsync.agreements.requests.read import read_offer, read_request
from fieldsync.agreements.requests.rules import OPEN, filled, standing
from fieldsync.auth.actor import StaffActor
from fieldsync.clock import now
from fieldsync.database import new_id
from fieldsync.documents import etag
from fieldsync.partnerships.head import next_change
from fieldsync.problems import NotAllowed, NotFound, PreconditionFailed


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """A dispatcher in a transaction of hers. ``own``: the jurisdictions that she acts for; None means all."""

    session: Session
    partnership_id: UUID
    staff_id: UUID
    own: frozenset[UUID] | None

    @classmethod
    def of(cls, session: Session, actor: StaffActor, own: frozenset[UUID] | None) -> Dispatcher:
        """The person who asks."""
        return cls(session, actor.partnership_id, actor.staff_id, own)

    def acts_for(self, jurisdiction_id: UUID) -> bool:
        """Whether her role holds for it."""
        return self.own is None or jurisdiction_id in self.own

    def expect(self, jurisdiction_id: UUID, who: str) -> None:
        """Raises:
        NotAllowed: the step is for the side called ``who``, and her role does not hold for it.
        """
        if not self.acts_for(jurisdiction_id):
            raise NotAllowed(f"Only a dispatcher of {who} may do this.")

    def open(self, request_id: UUID) -> Case:
        """A request with its offers, locked.

        Raises:
            NotFound: the partnership has none with this id.
        """
        ids = {"partnership_id": self.partnership_id, "id": request_id}
        request = self.session.execute(queries.LOCK_REQUEST, ids).one_or_none()
        if request is None:
            raise NotFound
        bound = {"partnership_id": self.partnership_id, "request_id": request_id}
        offers = self.session.execute(queries.OFFERS, bound).all()
        # The moment of the step is that at which it is this person's turn: so the history is in the order of time.
        return Case(self, request, offers, now())


@dataclass(slots=True)
class Case:
    """A request and its offers, locked: true until the commit."""

    who: Dispatcher
    request: Row[Any]
    offers: Sequence[Row[Any]]
    at: datetime
    events: list[dict[str, Any]] = field(default_factory=list)

    def expect_version(self, wanted: frozenset[int]) -> None:
        """Raises:
        PreconditionFailed: the request has changed since she read it; the problem holds it as it is.
        """
        if self.request.version not in wanted:
            document = read_request(self.who.session, self.who.partnership_id, self.request.id, self.at)
            raise PreconditionFailed(current=msgspec.Raw(document.sent), etag=etag(document.version))

    def expect_open(self) -> str:
        """The request's state, ``open`` or ``filled``.

        Raises:
            RequestOver: it is neither; ``state`` says what it is.
        """
        state = standing(self.request.state, self.request.ends_at, self.at)
        if state not in OPEN:
            raise RequestOver(f"The request is {state}.", state=state)
        return state

    def offer(self, offer_id: UUID) -> Row[Any]:
        """One of the request's offers.

        Raises:
            NotFound: it has none with this id.
        """
        for offer in self.offers:
            if offer.id == offer_id:
                return offer
        raise NotFound

    def expect_offer_version(self, offer: Row[Any], wanted: frozenset[int]) -> None:
        """Raises:
        PreconditionFailed: the offer has changed since she read it; the problem holds it as it is.
        """
        if offer.version not in wanted:
            document = read_offer(self.who.session, self.who.partnership_id, self.request.id, offer.id, self.at)
            raise PreconditionFailed(current=msgspec.Raw(document.sent), etag=etag(document.version))

    def accepted(self) -> int:
        """How many crews are accepted."""
        return sum(offer.state == "accepted" for offer in self.offers)

    def run(self, statement: sa.TextClause, **bound: Any) -> None:
        """Carry out one of the statements of ``queries`` that change something."""
        self.who.session.execute(statement, {"partnership_id": self.who.partnership_id} | bound)

    def settle(self, state: str) -> None:
        """Give the request this state, if it has another one."""
        if self.request.state != state:
            self.run(queries.SETTLE_REQUEST, id=self.request.id, state=state)

    def recount(self, accepted: int) -> None:
        """Fill or open the request, now that so many crews are accepted; one that is over stays as it is."""
        if standing(self.request.state, self.request.ends_at, self.at) in OPEN:
            self.settle(filled(self.request.crews_wanted, accepted))

    def note(
        self, action: str, jurisdiction_id: UUID, *, offer_id: UUID | None = None, reason: str | None = None,
        changed: dict[str, tuple[Any, Any]] | None = None,
    ) -> None:  # fmt: skip
        """Remember a step for the history; ``changed``: field -> values before and after."""
        self.events.append(
            event(self.who, self.request.id, self.at, action, jurisdiction_id, offer_id, reason, changed)
        )

    def lock_crews(self, crew_ids: Collection[UUID]) -> None:
        """Lock crews whose grants are about to change: whoever plans for them now, does so by what holds afterwards."""
        self.run(queries.LOCK_CREWS, ids=list(crew_ids))

    def finish(self, crew_ids: Collection[UUID] = ()) -> None:
        """Write the history, and tell consoles. ``crew_ids``: crews whose grants changed, locked before."""
        finish(self.who, self.events, crew_ids)


def event(
    who: Dispatcher, request_id: UUID, at: datetime, action: str, jurisdiction_id: UUID, offer_id: UUID | None = None,
    reason: str | None = None, changed: dict[str, tuple[Any, Any]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A row of the history. Later ones sort later."""
    return {
        "partnership_id": who.partnership_id, "id": new_id(), "request_id": request_id, "offer_id": offer_id, "at": at,
        "action": action, "jurisdiction_id": jurisdiction_id, "staff_id": who.staff_id, "reason": reason,
        "changed": sa.null() if changed is None else _plain(changed),
    }  # fmt: skip


def finish(who: Dispatcher, events: Iterable[dict[str, Any]], crew_ids: Collection[UUID] = ()) -> None:
    """Write rows of the history, and take the partnership's next number, by which consoles learn that there is news."""
    who.session.execute(sa.insert(ResourceEvent).values(list(events)))
    change = next_change(who.session, who.partnership_id)
    if crew_ids:
        bound = {"partnership_id": who.partnership_id, "change": change, "ids": list(crew_ids)}
        who.session.execute(queries.STAMP_CREWS, bound)


def shortened(offer: Row[Any], end: datetime) -> dict[str, tuple[Any, Any]]:
    """What the history tells of a release as of ``end``: its end, and where it had not begun, its begin."""
    changed = {"ends_at": (offer.ends_at, end)}
    return changed if offer.starts_at <= end else {"starts_at": (offer.starts_at, end)} | changed


def _plain(changed: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    moments = {
        name: {
            "before": before.astimezone(UTC) if isinstance(before, datetime) else before,
            "after": after.astimezone(UTC) if isinstance(after, datetime) else after,
        }
        for name, (before, after) in changed.items()
    }
    plain: dict[str, Any] = msgspec.to_builtins(moments)
    return plain
