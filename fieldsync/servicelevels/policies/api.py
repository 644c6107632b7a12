"""Policies of service levels over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from flask import Response, url_for

from fieldsync.auth.actor import STAFF, Blueprint, require_whole_partnership, staff_actor
from fieldsync.clock import now
from fieldsync.crews.problems import TooManyThere
from fieldsync.database import db, transaction
from fieldsync.documents import json_response
from fieldsync.problems import AlreadyThere, NotAllowed, NotFound, UnknownReference
from fieldsync.schemas import PageArgs
from fieldsync.servicelevels.answers import PolicyPage, PolicyRead
from fieldsync.servicelevels.calendars.change import Acting
from fieldsync.servicelevels.policies import change
from fieldsync.servicelevels.policies.schemas import NewPolicySchema, PolicyInForceArgs
from fieldsync.servicelevels.problems import PolicyBegun
from fieldsync.shapes import json_answer, refuses

blp = Blueprint(
    "service_policies", __name__, url_prefix="/v1/service-levels/policies", actors=STAFF,
    description="Service levels: how soon work is begun and completed. Dated versions; one that has begun never"
                " changes. All staff read them; admins of the whole partnership publish them.",
)  # fmt: skip
ADMINS = ("admin",)


def _acting() -> Acting:
    return Acting(db.session(), staff_actor().partnership_id, now())


@blp.get("")
@blp.arguments(PageArgs, location="query")
@blp.doc(responses={200: json_answer(PolicyPage, "A page of policies.")})
def list_(asked: dict[str, Any]) -> Response:
    """List policies, in the order in which they begin"""
    return json_response(msgspec.json.encode(change.list_policies(_acting(), asked["limit"], asked["cursor"])))


@blp.post("", actors=ADMINS)
@blp.arguments(NewPolicySchema)
@blp.doc(responses={201: json_answer(PolicyRead, "It begins as it says.")})
@refuses(NotAllowed, AlreadyThere, UnknownReference, TooManyThere)
def publish(wanted: dict[str, Any]) -> Response:
    """Publish a policy with all its targets

    It holds for the work orders that are created from its beginning on. Clocks that run already keep theirs.
    """
    require_whole_partnership()
    with transaction():
        policy_id = change.publish(_acting(), staff_actor().staff_id, wanted)
    response = json_response(msgspec.json.encode(change.read_policy(_acting(), policy_id)), status=201)
    response.headers["Location"] = url_for("service_policies.read", policy_id=policy_id)
    return response


@blp.get("/in-force")
@blp.arguments(PolicyInForceArgs, location="query")
@blp.doc(responses={200: json_answer(PolicyRead, "The policy with its targets.")})
@refuses(NotFound)
def read_in_force(asked: dict[str, Any]) -> Response:
    """Read the policy in force, now or at another moment"""
    acting = _acting()
    return json_response(msgspec.json.encode(change.read_in_force(acting, asked["at"] or acting.at)))


@blp.get("/<uuid:policy_id>")
@blp.doc(responses={200: json_answer(PolicyRead, "The policy with its targets.")})
@refuses(NotFound)
def read(policy_id: UUID) -> Response:
    """Read a policy"""
    return json_response(msgspec.json.encode(change.read_policy(_acting(), policy_id)))


@blp.delete("/<uuid:policy_id>", actors=ADMINS)
@blp.response(204)
@refuses(NotFound, NotAllowed, PolicyBegun)
def take_back(policy_id: UUID) -> None:
    """Take back a policy that has not begun"""
    require_whole_partnership()
    with transaction():
        change.take_back(_acting(), policy_id)
