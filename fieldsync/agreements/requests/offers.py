"""Steps on an offer: the helper offers, withdraws and releases; who asked accepts, declines and releases."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from fieldsync.agreements.requests import queries
from fieldsync.agreements.requests.acting import Case, Dispatcher, shortened
from fieldsync.agreements.requests.models import ResourceOffer
from fieldsync.agreements.requests.problems import (
    OfferNotAccepted,
    OfferOver,
    OfferSettled,
    RequestFilled,
    TooManyOffers,
)
from fieldsync.agreements.requests.rules import OFFERS_MAX, check_within
from fieldsync.agreements.requests.rules import release as end_of
from fieldsync.agreements.requests.schemas import NewResourceOffer
from fieldsync.agreements.requests.write import ASKER
from fieldsync.crews.find import find_crew
from fieldsync.crews.models import Crew
from fieldsync.database import new_id
from fieldsync.problems import AlreadyThere, CrewDisbanded, NotAllowed, NotFound, UnknownReference, Unprocessable

HELPER = "the jurisdiction that offers the crew"


def offer(who: Dispatcher, request_id: UUID, wanted: NewResourceOffer, versions: frozenset[int]) -> UUID:
    """Offer one of her crews for a request whose version, the one that she answers to, is one of ``versions``.

    Raises:
        NotFound, PreconditionFailed, RequestOver: see ``Dispatcher`` and ``Case``.
        UnknownReference: the partnership has no such crew.
        NotAllowed: the crew is not employed by a jurisdiction that she dispatches for.
        RequestFilled, TooManyOffers: no more crews are wanted; or nobody could read more offers.
        CrewDisbanded, AlreadyThere: the crew is disbanded, or offered for this request already.
        Unprocessable: it is the asker's own crew; or the time is not within what was asked for.
    """
    case = who.open(request_id)
    request = case.request
    crew = _crew(who, wanted.crew_id)
    who.expect(crew.jurisdiction_id, "the jurisdiction that employs the crew")
    case.expect_version(versions)
    if case.expect_open() == "filled":
        raise RequestFilled
    if crew.jurisdiction_id == request.jurisdiction_id:
        raise Unprocessable("The crew is the asking jurisdiction's own.", field="crew_id")
    if crew.disbanded_at is not None:
        raise CrewDisbanded(field="crew_id")
    if any(one.crew_id == crew.id and one.state in ("offered", "accepted") and one.ends_at > case.at
           for one in case.offers):  # fmt: skip
        raise AlreadyThere("The crew is offered for this request already.", field="crew_id")
    if len(case.offers) >= OFFERS_MAX:
        raise TooManyOffers(f"A request takes {OFFERS_MAX} offers in all.")
    starts_at, ends_at = wanted.starts_at or request.starts_at, wanted.ends_at or request.ends_at
    check_within(starts_at, ends_at, request.starts_at, request.ends_at, case.at)
    offer_id = new_id()
    who.session.execute(
        sa.insert(ResourceOffer).values(
            partnership_id=who.partnership_id, id=offer_id, version=1, request_id=request_id,
            jurisdiction_id=crew.jurisdiction_id, crew_id=crew.id, starts_at=starts_at, ends_at=ends_at,
            cents_per_hour=wanted.cents_per_hour, note=wanted.note, state="offered", created_at=case.at,
            created_by=who.staff_id,
        )
    )  # fmt: skip
    case.note("offered", crew.jurisdiction_id, offer_id=offer_id)
    case.finish()
    return offer_id


def accept(who: Dispatcher, request_id: UUID, offer_id: UUID, reason: str | None, versions: frozenset[int]) -> None:
    """Take an offer: from now on the crew may work for who asked, in the time and for the jobs that were named.

    Raises:
        NotFound, NotAllowed, PreconditionFailed, RequestOver: see ``Dispatcher`` and ``Case``.
        OfferSettled: it was settled when she read it.
        RequestFilled: as many crews are accepted as were asked for.
        CrewDisbanded, OfferOver: the crew is disbanded, or not the helper's any more; or the offer's time is over.
    """
    case = who.open(request_id)
    found = _waiting(case, offer_id, versions, case.request.jurisdiction_id, ASKER)
    if case.expect_open() == "filled":
        raise RequestFilled
    crew = find_crew(who.session, who.partnership_id, None, found.crew_id, lock=True)
    if crew.disbanded_at is not None:
        raise CrewDisbanded
    if crew.jurisdiction_id != found.jurisdiction_id:
        raise OfferOver("The crew is not employed by the helper any more.")
    if found.ends_at <= case.at:
        raise OfferOver("The offer's time is over.")
    case.run(queries.SETTLE_OFFERS, ids=[offer_id], state="accepted")
    case.recount(case.accepted() + 1)
    case.note("accepted", case.request.jurisdiction_id, offer_id=offer_id, reason=reason)
    case.finish([crew.id])


def decline(who: Dispatcher, request_id: UUID, offer_id: UUID, reason: str, versions: frozenset[int]) -> None:
    """Do without an offer.

    Raises:
        NotFound, NotAllowed, PreconditionFailed, OfferSettled: as in ``accept``.
    """
    case = who.open(request_id)
    _waiting(case, offer_id, versions, case.request.jurisdiction_id, ASKER)
    case.run(queries.SETTLE_OFFERS, ids=[offer_id], state="declined")
    case.note("declined", case.request.jurisdiction_id, offer_id=offer_id, reason=reason)
    case.finish()


def withdraw(who: Dispatcher, request_id: UUID, offer_id: UUID, reason: str | None, versions: frozenset[int]) -> None:
    """Take an offer back that nobody has accepted yet.

    Raises:
        NotFound, NotAllowed, PreconditionFailed, OfferSettled: as in ``accept``; here the helper is the right party.
    """
    case = who.open(request_id)
    helper = case.offer(offer_id).jurisdiction_id
    _waiting(case, offer_id, versions, helper, HELPER)
    case.run(queries.SETTLE_OFFERS, ids=[offer_id], state="withdrawn")
    case.note("withdrawn", helper, offer_id=offer_id, reason=reason)
    case.finish()


def release(
    who: Dispatcher, request_id: UUID, offer_id: UUID, at: datetime | None, reason: str | None, side: UUID | None
) -> None:
    """End a crew's help as of ``at`` (None: now).

    The helper may at any time: it says no reason, no version, and asks nobody. Who asked may when she is done. One that
    was released for a later moment can be released for an earlier one, by either.

    Raises:
        NotFound: there is no such offer.
        NotAllowed: she acts for neither side, or not for ``side``.
        OfferNotAccepted, OfferOver: there is nothing to release: it was never accepted, or holds no longer than that.
        Unprocessable: ``at`` is not a moment from now to its end; or she acts for both sides and names none.
    """
    case = who.open(request_id)
    found = case.offer(offer_id)
    side = _side(who, side, found.jurisdiction_id, case.request.jurisdiction_id)
    if found.state not in ("accepted", "released"):
        raise OfferNotAccepted
    end = end_of(found.ends_at, at, case.at)
    if end is None:
        raise OfferOver("The offer holds no longer than that already.")
    case.lock_crews([found.crew_id])
    case.run(queries.RELEASE_OFFERS, ids=[offer_id], end=end)
    case.recount(case.accepted() - (found.state == "accepted"))
    case.note("released", side, offer_id=offer_id, reason=reason, changed=shortened(found, end))
    case.finish([found.crew_id])


def _crew(who: Dispatcher, crew_id: UUID) -> Crew:
    """The crew, locked, so that it is not disbanded meanwhile."""
    try:
        return find_crew(who.session, who.partnership_id, None, crew_id, lock=True)
    except NotFound:
        raise UnknownReference("There is no such crew.", field="crew_id") from None


def _waiting(case: Case, offer_id: UUID, versions: frozenset[int], side: UUID, called: str) -> Row[Any]:
    """The offer, if it waits for an answer and she acts for ``side``."""
    found = case.offer(offer_id)
    case.who.expect(side, called)
    case.expect_offer_version(found, versions)
    if found.state != "offered":
        raise OfferSettled(f"The offer is {found.state}.", state=found.state)
    return found


def _side(who: Dispatcher, named: UUID | None, helper_id: UUID, asker_id: UUID) -> UUID:
    """For which of the two sides she acts. A history that guesses would be none."""
    sides = [side for side in (helper_id, asker_id) if who.acts_for(side)]
    if not sides:
        raise NotAllowed("Only a dispatcher of the jurisdiction that offered the crew, or that asked, may do this.")
    if named is None and len(sides) > 1:
        raise Unprocessable("You dispatch for both sides: say for which you release the crew.", field="jurisdiction_id")
    if named is None:
        return sides[0]
    if named not in sides:
        raise NotAllowed("That is not a side for which you dispatch.", field="jurisdiction_id")
    return named
