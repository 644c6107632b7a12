"""Agreements over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, url_for

from fieldsync.agreements import change
from fieldsync.agreements.answers import (
    AgreementHistoryPage,
    AgreementPage,
    AgreementVersionPage,
    AgreementVersionRead,
    AgreementWhole,
    GrantPage,
)
from fieldsync.agreements.change import Acting
from fieldsync.agreements.problems import (
    AgreementEnded,
    NothingInForce,
    NoticeTooShort,
    ProposalExpired,
    ProposalOpen,
    TooManyVersions,
    VersionSettled,
)
from fieldsync.agreements.read import (
    Reader,
    list_agreements,
    list_grants,
    read_agreement,
    read_history,
    read_version,
    read_versions,
)
from fieldsync.agreements.schemas import (
    ActingSchema,
    AgreementsArgs,
    EndSchema,
    GrantsArgs,
    NewAgreementSchema,
    NewVersionSchema,
    ReplySchema,
)
from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import json_response
from fieldsync.problems import AlreadyThere, NotAllowed, NotFound, UnknownReference
from fieldsync.schemas import PageArgs
from fieldsync.shapes import json_answer, refuses

blp = Blueprint(
    "agreements", __name__, url_prefix="/v1/agreements", actors=STAFF,
    description="Agreements between jurisdictions: whose crews may serve whom. Staff read those to which one of their"
                " jurisdictions is a party; its admins propose, answer and end them.",
)  # fmt: skip
ADMINS = ("admin",)
A_PROPOSAL = (NotAllowed, UnknownReference)
AN_ANSWER = (NotFound, NotAllowed, VersionSettled)


def _reader() -> Reader:
    return Reader(db.session(), staff_actor().partnership_id, own_jurisdictions(), now())


def _acting() -> Acting:
    actor = staff_actor()
    return Acting.of(db.session(), actor.partnership_id, actor.staff_id, own_jurisdictions(), now())


def _version(agreement_id: UUID, version_id: UUID, status: int = 200) -> Response:
    return json_response(read_version(_reader(), agreement_id, version_id), status=status)


def _whole(agreement_id: UUID, status: int = 200) -> Response:
    return json_response(read_agreement(_reader(), agreement_id), status=status)


@blp.get("")
@blp.arguments(AgreementsArgs, location="query")
@blp.doc(responses={200: json_answer(AgreementPage, "A page of agreements.")})
def list_(asked: dict[str, Any]) -> Response:
    """List agreements, by code

    An id in a filter that means nothing here gives an empty list.
    """
    return json_response(list_agreements(_reader(), asked))


@blp.get("/grants")
@blp.arguments(GrantsArgs, location="query")
@blp.doc(responses={200: json_answer(GrantPage, "A page of grants.")})
def grants(asked: dict[str, Any]) -> Response:
    """List who may serve whom on a day

    By agreements and by accepted offers, in the order in which they are tried: the first one whose days, hours and caps
    allow an assignment applies to it.
    """
    return json_response(list_grants(_reader(), asked))


@blp.post("", actors=ADMINS)
@blp.arguments(NewAgreementSchema)
@blp.doc(responses={201: json_answer(AgreementWhole, "It is proposed; the other parties have to accept it.")})
@refuses(*A_PROPOSAL, AlreadyThere)
def propose(wanted: dict[str, Any]) -> Response:
    """Propose an agreement

    Its parties are the givers and receivers of its terms. Whoever proposes it has accepted it.
    """
    with transaction():
        agreement_id = change.propose(_acting(), wanted)
    response = _whole(agreement_id, 201)
    response.headers["Location"] = url_for("agreements.read", agreement_id=agreement_id)
    return response


@blp.get("/<uuid:agreement_id>")
@blp.doc(responses={200: json_answer(AgreementWhole, "The agreement, its versions and its history.")})
@refuses(NotFound)
def read(agreement_id: UUID) -> Response:
    """Read an agreement"""
    return _whole(agreement_id)


@blp.get("/<uuid:agreement_id>/history")
@blp.arguments(PageArgs, location="query")
@blp.doc(responses={200: json_answer(AgreementHistoryPage, "Events, the oldest first.")})
@refuses(NotFound)
def history(asked: dict[str, Any], agreement_id: UUID) -> Response:
    """Who proposed, accepted, declined and ended what, and when"""
    return json_response(read_history(_reader(), agreement_id, asked))


@blp.get("/<uuid:agreement_id>/versions")
@blp.arguments(PageArgs, location="query")
@blp.doc(responses={200: json_answer(AgreementVersionPage, "Versions, the oldest first.")})
@refuses(NotFound)
def versions(asked: dict[str, Any], agreement_id: UUID) -> Response:
    """List an agreement's versions

    Without their terms (`terms` is null): each is read by itself with them.
    """
    return json_response(read_versions(_reader(), agreement_id, asked))


@blp.post("/<uuid:agreement_id>/versions", actors=ADMINS)
@blp.arguments(NewVersionSchema)
@blp.doc(responses={201: json_answer(AgreementVersionRead, "It is proposed; the other parties have to accept it.")})
@refuses(NotFound, *A_PROPOSAL, ProposalOpen, TooManyVersions, AgreementEnded)
def amend(wanted: dict[str, Any], agreement_id: UUID) -> Response:
    """Amend an agreement

    The next version, with all of its terms. Whoever gives or receives by what holds now has to accept it, too. From its
    first day on it takes the place of everything that was accepted before.
    """
    with transaction():
        version_id = change.amend(_acting(), agreement_id, wanted)
    response = _version(agreement_id, version_id, 201)
    response.headers["Location"] = url_for(
        "agreements.read_one_version", agreement_id=agreement_id, agreement_version_id=version_id
    )
    return response


@blp.get("/<uuid:agreement_id>/versions/<uuid:agreement_version_id>")
@blp.doc(responses={200: json_answer(AgreementVersionRead, "The version with its parties and terms.")})
@refuses(NotFound)
def read_one_version(agreement_id: UUID, agreement_version_id: UUID) -> Response:
    """Read a version"""
    return _version(agreement_id, agreement_version_id)


@blp.post("/<uuid:agreement_id>/versions/<uuid:agreement_version_id>/accept", actors=ADMINS)
@blp.arguments(ActingSchema)
@blp.doc(responses={200: json_answer(AgreementVersionRead, "As it is now.")})
@refuses(*AN_ANSWER, ProposalExpired)
def accept(wanted: dict[str, Any], agreement_id: UUID, agreement_version_id: UUID) -> Response:
    """Accept a version for a party

    Once all parties have, it holds from its first day on; where that is over, from today. Safe to repeat.
    """
    with transaction():
        change.accept(_acting(), agreement_id, agreement_version_id, wanted["jurisdiction_id"])
    return _version(agreement_id, agreement_version_id)


@blp.post("/<uuid:agreement_id>/versions/<uuid:agreement_version_id>/decline", actors=ADMINS)
@blp.arguments(ReplySchema)
@blp.doc(responses={200: json_answer(AgreementVersionRead, "As it is now.")})
@refuses(*AN_ANSWER)
def decline(wanted: dict[str, Any], agreement_id: UUID, agreement_version_id: UUID) -> Response:
    """Decline a version for a party

    One refusal settles it; what was accepted before holds on. A party that has accepted can decline as long as another
    one has not answered.
    """
    with transaction():
        change.decline(
            _acting(), agreement_id, agreement_version_id, wanted["jurisdiction_id"], wanted["reason"]
        )  # fmt: skip
    return _version(agreement_id, agreement_version_id)


@blp.post("/<uuid:agreement_id>/versions/<uuid:agreement_version_id>/withdraw", actors=ADMINS)
@blp.arguments(ReplySchema)
@blp.doc(responses={200: json_answer(AgreementVersionRead, "As it is now.")})
@refuses(*AN_ANSWER)
def withdraw(wanted: dict[str, Any], agreement_id: UUID, agreement_version_id: UUID) -> Response:
    """Take a proposal back

    For the party that made it.
    """
    with transaction():
        change.withdraw(
            _acting(), agreement_id, agreement_version_id, wanted["jurisdiction_id"], wanted["reason"]
        )  # fmt: skip
    return _version(agreement_id, agreement_version_id)


@blp.post("/<uuid:agreement_id>/end", actors=ADMINS)
@blp.arguments(EndSchema)
@blp.doc(responses={200: json_answer(AgreementWhole, "The agreement with its last day.")})
@refuses(NotFound, NotAllowed, NothingInForce, AgreementEnded, NoticeTooShort)
def end(wanted: dict[str, Any], agreement_id: UUID) -> Response:
    """End an agreement

    Any party can, with the notice that was agreed; `first_day` of a refusal is the first possible last day. Work that
    rests on the agreement leaves its crews the night after. Safe to repeat.
    """
    with transaction():
        change.end(_acting(), agreement_id, wanted["on"], wanted["reason"], wanted["jurisdiction_id"])
    return _whole(agreement_id)
