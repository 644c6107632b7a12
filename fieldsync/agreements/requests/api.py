"""Resource requests over HTTP: one jurisdiction asks the others for crews."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from flask import Response, url_for

from fieldsync.agreements.requests import write
from fieldsync.agreements.requests.acting import Dispatcher
from fieldsync.agreements.requests.answers import (
    ResourceEventPage,
    ResourceHelperPage,
    ResourceRequestPage,
    ResourceRequestWhole,
)
from fieldsync.agreements.requests.problems import RequestAnswered, RequestOver
from fieldsync.agreements.requests.read import Listed, list_helpers, list_requests, read_history, read_request
from fieldsync.agreements.requests.schemas import (
    NewResourceRequest,
    ResourceReason,
    ResourceRequestPatch,
    ResourceRequestsArgs,
)
from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import IF_MATCH, STALE, json_response, read_body, versions_wanted
from fieldsync.problems import NotAllowed, NotFound, UnknownReference
from fieldsync.schemas import PageArgs
from fieldsync.shapes import body_of, json_answer, refuses

WRITERS = ("dispatcher",)

blp = Blueprint(
    "resource_requests", __name__, url_prefix="/v1/resource-requests", actors=("dispatcher", "admin"),
    description="One jurisdiction asks the others for crews. All dispatchers and admins of the partnership read all of"
                " it; each step is taken by dispatchers of the side whose step it is.",
)  # fmt: skip


def dispatcher() -> Dispatcher:
    """The dispatcher who asks, in the transaction that is open."""
    return Dispatcher.of(db.session(), staff_actor(), own_jurisdictions())


def _answer(request_id: UUID, status: int = 200) -> Response:
    document = read_request(db.session(), staff_actor().partnership_id, request_id, now())
    return json_response(document.sent, document.version, status)


def _page(listed: Listed) -> Response:
    document = {"items": [msgspec.Raw(sent.encode()) for sent in listed.sent], "next": listed.next}
    return json_response(msgspec.json.encode(document))


@blp.get("")
@blp.arguments(ResourceRequestsArgs, location="query")
@blp.doc(
    responses={200: json_answer(ResourceRequestPage, "A page of requests.")},
)
def list_(asked: dict[str, Any]) -> Response:
    """List requests, in the order in which they begin

    `state=open` are those that wait for crews. An id in a filter that means nothing here gives an empty list.
    """
    return _page(list_requests(db.session(), staff_actor().partnership_id, own_jurisdictions(), asked, now()))


@blp.post("", actors=WRITERS)
@blp.doc(
    requestBody=body_of(NewResourceRequest),
    responses={201: json_answer(ResourceRequestWhole, "It is asked for; ETag is its version.")},
)
@refuses(NotAllowed, UnknownReference)
def ask() -> Response:
    """Ask the partners for crews

    For a jurisdiction that you dispatch for; for up to 92 days, which begin from a day ago to 366 days ahead.
    """
    body = read_body(NewResourceRequest)
    with transaction():
        request_id = write.ask(dispatcher(), body)
        response = _answer(request_id, 201)
    response.headers["Location"] = url_for("resource_requests.read", request_id=request_id)
    return response


@blp.get("/<uuid:request_id>")
@blp.doc(
    responses={200: json_answer(ResourceRequestWhole, "With its offers and its history; ETag is its version.")},
)
@refuses(NotFound)
def read(request_id: UUID) -> Response:
    """Read a request

    With all offers, each with an ETag of its own, and the latest 200 steps.
    """
    return _answer(request_id)


@blp.patch("/<uuid:request_id>", actors=WRITERS)
@blp.doc(
    requestBody=body_of(ResourceRequestPatch),
    parameters=[IF_MATCH],
    responses={200: json_answer(ResourceRequestWhole, "As it is now.")},
)
@refuses(*STALE, NotAllowed, RequestOver, RequestAnswered, UnknownReference)
def change(request_id: UUID) -> Response:
    """Change a request

    By who asked, while it is open or filled. Once an offer waits or was accepted, skill, service type and place stay,
    and the time may only be made longer: helpers offered for what they read. More crews wanted open a filled one again.
    """
    body, wanted = read_body(ResourceRequestPatch), versions_wanted()
    with transaction():
        write.change(dispatcher(), request_id, body, wanted)
        return _answer(request_id)


@blp.post("/<uuid:request_id>/cancel", actors=WRITERS)
@blp.doc(
    requestBody=body_of(ResourceReason),
    parameters=[IF_MATCH],
    responses={200: json_answer(ResourceRequestWhole, "As it is now.")},
)
@refuses(*STALE, NotAllowed, RequestOver)
def cancel(request_id: UUID) -> Response:
    """Take a request back

    By who asked. Offers that wait are declined, crews that were accepted are released as of now, with the same reason.
    """
    body, wanted = read_body(ResourceReason), versions_wanted()
    with transaction():
        write.cancel(dispatcher(), request_id, body.reason, wanted)
        return _answer(request_id)


@blp.post("/<uuid:request_id>/close", actors=WRITERS)
@blp.doc(
    requestBody=body_of(ResourceReason),
    parameters=[IF_MATCH],
    responses={200: json_answer(ResourceRequestWhole, "As it is now.")},
)
@refuses(*STALE, NotAllowed, RequestOver)
def close(request_id: UUID) -> Response:
    """Want no more crews

    By who asked. Offers that wait are declined; crews that were accepted stay until their time is over or somebody
    releases them. When its time is over a request is closed by itself.
    """
    body, wanted = read_body(ResourceReason), versions_wanted()
    with transaction():
        write.close(dispatcher(), request_id, body.reason, wanted)
        return _answer(request_id)


@blp.get("/<uuid:request_id>/history")
@blp.arguments(PageArgs, location="query")
@blp.doc(
    responses={200: json_answer(ResourceEventPage, "Every step, in their order.")},
)
@refuses(NotFound)
def history(asked: dict[str, Any], request_id: UUID) -> Response:
    """Who did what, for which side, when and why"""
    found = read_history(db.session(), staff_actor().partnership_id, request_id, asked["cursor"], asked["limit"])
    return _page(found)


@blp.get("/<uuid:request_id>/helpers")
@blp.arguments(PageArgs, location="query")
@blp.doc(
    responses={200: json_answer(ResourceHelperPage, "Crews of the other partners, by code.")},
)
@refuses(NotFound)
def helpers(asked: dict[str, Any], request_id: UUID) -> Response:
    """Which crews of the other partners can do what is asked for

    By their skills, or those of their members in that time. Nothing is said of where they are and whether they are
    free: that is for their own dispatchers to know, and to offer.
    """
    partnership_id = staff_actor().partnership_id
    return _page(list_helpers(db.session(), partnership_id, request_id, asked["cursor"], asked["limit"], now()))
