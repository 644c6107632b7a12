"""The asking side's steps on its request: ask, change, cancel, close."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec import UNSET

from fieldsync.agreements.requests import queries
from fieldsync.agreements.requests.acting import Case, Dispatcher, event, finish, shortened
from fieldsync.agreements.requests.models import ResourceRequest
from fieldsync.agreements.requests.problems import RequestAnswered
from fieldsync.agreements.requests.rules import check_time, filled, release
from fieldsync.agreements.requests.schemas import NewResourceRequest, ResourceRequestPatch
from fieldsync.clock import now
from fieldsync.database import new_id
from fieldsync.problems import UnknownReference, Unprocessable
from fieldsync.workorders.kinds import Location

ASKER = "the jurisdiction that asks"

ANSWERED_FOR = ("skill", "service_type_id", "location", "address")
"""What a helper's offer is an answer to: it stays once there is one that waits or was accepted."""


def ask(who: Dispatcher, wanted: NewResourceRequest) -> UUID:
    """Ask the partners for help, for one of her jurisdictions; the new request's id.

    Raises:
        NotAllowed: her role does not hold for the jurisdiction.
        UnknownReference: there is no such jurisdiction or service type, or it is retired.
        Unprocessable: a skill and a service type; or no time for which help may be asked.
    """
    at, request_id = now(), new_id()
    who.expect(wanted.jurisdiction_id, ASKER)
    check_time(wanted.starts_at, wanted.ends_at, at)
    _check_need(wanted.skill, wanted.service_type_id)
    ids = {"partnership_id": who.partnership_id, "id": wanted.jurisdiction_id}
    if who.session.execute(queries.JURISDICTION, ids).one_or_none() is None:
        raise UnknownReference("There is no such jurisdiction.", field="jurisdiction_id")
    _check_service_type(who, wanted.service_type_id)
    names = [name for name in wanted.__struct_fields__ if name != "location"]
    who.session.execute(
        sa.insert(ResourceRequest).values(
            partnership_id=who.partnership_id, id=request_id, version=1, state="open", created_at=at,
            created_by=who.staff_id, location=_point(wanted.location),
            **{name: getattr(wanted, name) for name in names},
        )
    )  # fmt: skip
    finish(who, [event(who, request_id, at, "requested", wanted.jurisdiction_id)])
    return request_id


def change(who: Dispatcher, request_id: UUID, wanted: ResourceRequestPatch, versions: frozenset[int]) -> None:
    """Change a request that is open or filled, and whose version is one of ``versions``.

    Raises:
        NotFound, NotAllowed, PreconditionFailed, RequestOver: see ``Dispatcher`` and ``Case``.
        RequestAnswered: helpers have offered for what would change.
        UnknownReference, Unprocessable: as in ``ask``.
    """
    case = who.open(request_id)
    request = case.request
    who.expect(request.jurisdiction_id, ASKER)
    case.expect_version(versions)
    case.expect_open()
    before = {name: getattr(request, name) for name in wanted.__struct_fields__ if name not in ("location", "reason")}
    before["location"] = None if request.lon is None else Location(request.lon, request.lat)
    given = {name: getattr(wanted, name) for name in before if getattr(wanted, name) is not UNSET}
    changed = {name: value for name, value in given.items() if value != before[name]}
    if not changed:
        return
    after = before | changed
    _check_answered(case, after, changed)
    if "starts_at" in changed or "ends_at" in changed:
        check_time(after["starts_at"], after["ends_at"], case.at, begun="starts_at" not in changed)
    _check_need(after["skill"], after["service_type_id"])
    _check_service_type(who, changed.get("service_type_id"))
    case.note(
        "changed", request.jurisdiction_id, reason=wanted.reason,
        changed={name: (before[name], value) for name, value in changed.items()},
    )  # fmt: skip
    columns = dict(changed)
    if "location" in columns:
        columns["location"] = _point(columns["location"])
    who.session.execute(
        sa.update(ResourceRequest)
        .where(ResourceRequest.partnership_id == who.partnership_id, ResourceRequest.id == request_id)
        .values(version=request.version + 1, state=filled(after["crews_wanted"], case.accepted()), **columns)
    )
    case.finish()


def cancel(who: Dispatcher, request_id: UUID, reason: str, versions: frozenset[int]) -> None:
    """Take a request back: offers that wait are declined, crews that were accepted are released as of now.

    Raises:
        NotFound, NotAllowed, PreconditionFailed, RequestOver: see ``Dispatcher`` and ``Case``.
    """
    case = _end(who, request_id, "cancelled", reason, versions)
    ended = {
        offer.id: (offer, end)
        for offer in case.offers
        if offer.state in ("accepted", "released") and (end := release(offer.ends_at, None, case.at)) is not None
    }
    crew_ids = {offer.crew_id for offer, _ in ended.values()}
    if ended:
        case.lock_crews(crew_ids)
        case.run(queries.RELEASE_OFFERS, ids=list(ended), end=case.at)
    for offer, end in ended.values():
        case.note(
            "released", case.request.jurisdiction_id, offer_id=offer.id, reason=reason, changed=shortened(offer, end),
        )  # fmt: skip
    case.finish(crew_ids)


def close(who: Dispatcher, request_id: UUID, reason: str, versions: frozenset[int]) -> None:
    """Take no more offers: those that wait are declined; crews that were accepted go on until they are released.

    Raises:
        NotFound, NotAllowed, PreconditionFailed, RequestOver: see ``Dispatcher`` and ``Case``.
    """
    _end(who, request_id, "closed", reason, versions).finish()


def _end(who: Dispatcher, request_id: UUID, state: str, reason: str, versions: frozenset[int]) -> Case:
    case = who.open(request_id)
    asker = case.request.jurisdiction_id
    who.expect(asker, ASKER)
    case.expect_version(versions)
    case.expect_open()
    case.settle(state)
    case.note(state, asker, reason=reason)
    waiting = [offer.id for offer in case.offers if offer.state == "offered"]
    if waiting:
        case.run(queries.SETTLE_OFFERS, ids=waiting, state="declined")
    for offer_id in waiting:
        case.note("declined", asker, offer_id=offer_id, reason=reason)
    return case


def _check_answered(case: Case, after: dict[str, Any], changed: dict[str, Any]) -> None:
    """What helpers have offered for, or are bound by, does not change behind their backs."""
    if "crews_wanted" in changed and after["crews_wanted"] < case.accepted():
        raise RequestAnswered(f"{case.accepted()} crews are accepted already.", field="crews_wanted")
    answers = [offer for offer in case.offers if offer.state in ("offered", "accepted", "released")]
    if not answers:
        return
    for name in ANSWERED_FOR:
        if name in changed:
            raise RequestAnswered(field=name)
    times = [(offer.starts_at, offer.ends_at) for offer in answers if offer.starts_at < offer.ends_at]
    for name, ok in (
        ("starts_at", all(after["starts_at"] <= starts_at for starts_at, _ in times)),
        ("ends_at", all(ends_at <= after["ends_at"] for _, ends_at in times)),
    ):
        if name in changed and not ok:
            raise RequestAnswered("A crew is offered for a time that would be cut off.", field=name)


def _check_need(skill: str | None, service_type_id: UUID | None) -> None:
    if skill is not None and service_type_id is not None:
        raise Unprocessable("Name a skill or a service type: the type names the skill it needs.", field="skill")


def _check_service_type(who: Dispatcher, service_type_id: UUID | None) -> None:
    ids = {"partnership_id": who.partnership_id, "id": service_type_id}
    if service_type_id is not None and who.session.execute(queries.SERVICE_TYPE, ids).one_or_none() is None:
        raise UnknownReference("There is no such service type, or it is retired.", field="service_type_id")


def _point(location: Location | None) -> Any:
    return None if location is None else sa.func.ST_SetSRID(sa.func.ST_MakePoint(location.lon, location.lat), 4326)
