"""Merge policies over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response

from fieldsync.auth.actor import STAFF, Blueprint, require_whole_partnership, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import IF_MATCH, STALE, json_response, read_body, versions_wanted
from fieldsync.office.policies import choose as choosing
from fieldsync.office.policies.answers import (
    Custody,
    MergePolicies,
    MergePolicyChangePage,
    MergePolicyChoice,
    MergePolicyRead,
)
from fieldsync.office.policies.problems import PolicyNotAllowed
from fieldsync.problems import NotAllowed, NotFound
from fieldsync.schemas import PageArgs
from fieldsync.shapes import body_of, json_answer, refuses

blp = Blueprint(
    "merge_policies", __name__, url_prefix="/v1/merge-policies", actors=STAFF,
    description="How two values for one field are merged. All staff read the policies; admins of the whole partnership"
                " choose among those that the field allows.",
)  # fmt: skip
ADMINS = ("admin",)


def _chooser() -> choosing.Chooser:
    actor = staff_actor()
    return choosing.Chooser(db.session(), actor.partnership_id, actor.staff_id, now())


def _answer(policy: MergePolicyRead) -> Response:
    return json_response(msgspec.json.encode(policy), policy.version)


@blp.get("")
@blp.doc(responses={200: json_answer(MergePolicies, "Of every field that can be edited.")})
def list_() -> Response:
    """List the merge policies"""
    return json_response(msgspec.json.encode(MergePolicies(choosing.list_policies(_chooser()))))


@blp.get("/changes")
@blp.arguments(PageArgs, location="query")
@blp.doc(responses={200: json_answer(MergePolicyChangePage, "A page of changes.")})
def list_changes(asked: dict[str, Any]) -> Response:
    """List what was changed, by whom and when, the oldest first"""
    page = choosing.list_changes(_chooser(), asked["limit"], asked["cursor"])
    return json_response(msgspec.json.encode(page))


@blp.get("/<string:kind>/<string:field>")
@blp.doc(responses={200: json_answer(MergePolicyRead, "The policy; ETag is its version.")})
@refuses(NotFound)
def read(kind: str, field: str) -> Response:
    """Read the merge policy of a field"""
    return _answer(choosing.read_policy(_chooser(), kind, field))


@blp.put("/<string:kind>/<string:field>", actors=ADMINS)
@blp.doc(
    requestBody=body_of(MergePolicyChoice), parameters=[IF_MATCH],
    responses={200: json_answer(MergePolicyRead, "It holds for edits that arrive from now on.")},
)  # fmt: skip
@refuses(*STALE, NotAllowed, PolicyNotAllowed)
def choose(kind: str, field: str) -> Response:
    """Choose how a field is merged

    Nothing that was decided is decided again: verdicts, conflicts and records stay as they are. Sent again, it changes
    nothing.
    """
    require_whole_partnership()
    body, wanted = read_body(MergePolicyChoice), versions_wanted()
    with transaction():
        policy = choosing.choose(_chooser(), kind, field, body.policy, body.custody, body.reason, wanted)
    return _answer(policy)


@blp.delete("/<string:kind>/<string:field>", actors=ADMINS)
@blp.doc(parameters=[IF_MATCH], responses={200: json_answer(MergePolicyRead, "It is the default's again.")})
@refuses(*STALE, NotAllowed)
def take_back(kind: str, field: str) -> Response:
    """Go back to the default"""
    require_whole_partnership()
    wanted = versions_wanted()
    with transaction():
        policy = choosing.choose(_chooser(), kind, field, None, Custody.REVIEW, None, wanted)
    return _answer(policy)
