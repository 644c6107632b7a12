"""Offers for resource requests over HTTP."""

from __future__ import annotations

from uuid import UUID

from flask import Response, url_for

from fieldsync.agreements.requests import offers
from fieldsync.agreements.requests.answers import ResourceOfferWhole
from fieldsync.agreements.requests.api import WRITERS, dispatcher
from fieldsync.agreements.requests.problems import (
    OfferNotAccepted,
    OfferOver,
    OfferSettled,
    RequestFilled,
    RequestOver,
    TooManyOffers,
)
from fieldsync.agreements.requests.read import read_offer
from fieldsync.agreements.requests.schemas import NewResourceOffer, ResourceReason, ResourceRelease, ResourceRemark
from fieldsync.auth.actor import Blueprint, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import IF_MATCH, STALE, json_response, read_body, versions_wanted
from fieldsync.problems import AlreadyThere, CrewDisbanded, NotAllowed, NotFound, UnknownReference
from fieldsync.shapes import body_of, json_answer, refuses

blp = Blueprint(
    "resource_offers", __name__, url_prefix="/v1/resource-requests/<uuid:request_id>/offers",
    actors=("dispatcher", "admin"),
    description="Crews that partners offer. A helper offers, withdraws and releases at its sole discretion.",
)  # fmt: skip
A_STEP = (*STALE, NotAllowed, OfferSettled)
"""The problems of any answer to an offer that waits."""


def _answer(request_id: UUID, offer_id: UUID, status: int = 200) -> Response:
    document = read_offer(db.session(), staff_actor().partnership_id, request_id, offer_id, now())
    return json_response(document.sent, document.version, status)


@blp.post("", actors=WRITERS)
@blp.doc(
    requestBody=body_of(NewResourceOffer),
    parameters=[IF_MATCH],
    responses={201: json_answer(ResourceOfferWhole, "It is offered; ETag is the offer's version.")},
)
@refuses(*STALE, NotAllowed, UnknownReference, RequestOver, RequestFilled, CrewDisbanded, AlreadyThere, TooManyOffers)
def offer(request_id: UUID) -> Response:
    """Offer a crew

    One that a jurisdiction employs for which you dispatch. If-Match is the request's: you answer to what you have read.
    """
    body, wanted = read_body(NewResourceOffer), versions_wanted()
    with transaction():
        offer_id = offers.offer(dispatcher(), request_id, body, wanted)
        response = _answer(request_id, offer_id, 201)
    response.headers["Location"] = url_for("resource_offers.read", request_id=request_id, offer_id=offer_id)
    return response


@blp.get("/<uuid:offer_id>")
@blp.doc(
    responses={200: json_answer(ResourceOfferWhole, "With the request as it stands; ETag is the offer's version.")},
)
@refuses(NotFound)
def read(request_id: UUID, offer_id: UUID) -> Response:
    """Read an offer"""
    return _answer(request_id, offer_id)


@blp.post("/<uuid:offer_id>/accept", actors=WRITERS)
@blp.doc(
    requestBody=body_of(ResourceRemark),
    parameters=[IF_MATCH],
    responses={200: json_answer(ResourceOfferWhole, "As it is now.")},
)
@refuses(*A_STEP, RequestOver, RequestFilled, CrewDisbanded, OfferOver)
def accept(request_id: UUID, offer_id: UUID) -> Response:
    """Accept an offer

    By who asked. From now on the crew may work for her in the offer's time, on what was asked for, as by an agreement;
    its home jurisdiction may recall it. With the last crew that was wanted the request is `filled`.
    """
    body, wanted = read_body(ResourceRemark), versions_wanted()
    with transaction():
        offers.accept(dispatcher(), request_id, offer_id, body.reason, wanted)
        return _answer(request_id, offer_id)


@blp.post("/<uuid:offer_id>/decline", actors=WRITERS)
@blp.doc(
    requestBody=body_of(ResourceReason),
    parameters=[IF_MATCH],
    responses={200: json_answer(ResourceOfferWhole, "As it is now.")},
)
@refuses(*A_STEP)
def decline(request_id: UUID, offer_id: UUID) -> Response:
    """Decline an offer

    By who asked. The crew may be offered anew.
    """
    body, wanted = read_body(ResourceReason), versions_wanted()
    with transaction():
        offers.decline(dispatcher(), request_id, offer_id, body.reason, wanted)
        return _answer(request_id, offer_id)


@blp.post("/<uuid:offer_id>/withdraw", actors=WRITERS)
@blp.doc(
    requestBody=body_of(ResourceRemark),
    parameters=[IF_MATCH],
    responses={200: json_answer(ResourceOfferWhole, "As it is now.")},
)
@refuses(*A_STEP)
def withdraw(request_id: UUID, offer_id: UUID) -> Response:
    """Withdraw an offer that nobody has accepted yet

    By the helper.
    """
    body, wanted = read_body(ResourceRemark), versions_wanted()
    with transaction():
        offers.withdraw(dispatcher(), request_id, offer_id, body.reason, wanted)
        return _answer(request_id, offer_id)


@blp.post("/<uuid:offer_id>/release", actors=WRITERS)
@blp.doc(
    requestBody=body_of(ResourceRelease),
    responses={200: json_answer(ResourceOfferWhole, "As it is now; its end has been brought forward.")},
)
@refuses(NotAllowed, NotFound, OfferNotAccepted, OfferOver)
def release(request_id: UUID, offer_id: UUID) -> Response:
    """Release a crew that was accepted

    By the helper, at any time and at its sole discretion: no reason, no If-Match and nobody's approval is needed. Or by
    who asked, when she is done. Before the request's time is over, it is open again.
    """
    body = read_body(ResourceRelease)
    with transaction():
        offers.release(dispatcher(), request_id, offer_id, body.at, body.reason, body.jurisdiction_id)
        return _answer(request_id, offer_id)
