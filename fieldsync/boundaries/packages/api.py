"""The package of boundaries over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from fieldsync.auth.actor import DEVICE, Blueprint, device_actor
from fieldsync.boundaries.packages.compose import ID_LENGTH_MAX, Package, composition, package
from fieldsync.boundaries.packages.outlines import TooLargeForTablets
from fieldsync.problems import ComeAgain
from fieldsync.schemas import Request, Text
from fieldsync.shapes import json_answer, refuses

blp = Blueprint(
    "boundary_package", __name__, url_prefix="/v1/boundaries/package", actors=(DEVICE,),
    description="The boundaries that a tablet takes along.",
)  # fmt: skip


class PackageArgs(Request):
    """Which package the tablet has."""

    have = Text(
        ID_LENGTH_MAX, min_length=1, pattern="^[A-Za-z0-9_-]*$", load_default=None,
        metadata={"description": "`package` of the one that it has; left out, the answer is whole."},
    )  # fmt: skip


@blp.get("")
@blp.arguments(PackageArgs, location="query")
@blp.doc(
    responses={
        200: json_answer(Package, "The boundaries in force now, whole or as changes to the package that you have."),
        304: {"description": "You have it: `If-None-Match` names it."},
    }
)
@refuses(ComeAgain, TooLargeForTablets)
def read_package(asked: dict[str, Any]) -> Response:
    """The boundaries in force, in few points

    The jurisdiction layer and the overlays; neighbours share their borders. With `have`, the answer may be what changed
    since; where that cannot be told or would be larger, it is whole all the same.
    """
    actor = device_actor()
    wanted = composition(actor.partnership_id)
    known = request.if_none_match.contains_weak(wanted.id)
    answer = Response(status=304) if known else Response(
        package(actor.partnership_id, wanted, asked["have"]), mimetype="application/json"
    )  # fmt: skip
    answer.set_etag(wanted.id)
    # Every time it is asked whether another one is in force.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
