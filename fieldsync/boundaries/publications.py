"""Rehearsing, publishing and withdrawing over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from flask import Response
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from fieldsync.agreements.serving import employers_of_crews
from fieldsync.auth.actor import Blueprint, staff_actor
from fieldsync.boundaries import publication
from fieldsync.boundaries.problems import REFUSED, answer_refusals
from fieldsync.boundaries.rehearse import LISTED_MAX, Rehearsal, jurisdiction_names, rehearse
from fieldsync.boundaries.standing import FIRST
from fieldsync.database import transaction
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound
from fieldsync.schemas import Answer, Flag, Instant, Request, Text
from fieldsync.shapes import refuses

blp = Blueprint(
    "publications", __name__, url_prefix="/v1/boundaries/versions", actors=("gis", "admin", "dispatcher"),
    whole_partnership=True,
    description="What a boundary version would do to open work orders, and doing it.",
)  # fmt: skip
answer_refusals(blp)

GEOJSON = "application/geo+json"
KINDS_MAX = 100

UNFIT = tuple(
    REFUSED[code]
    for code in ("version_not_draft", "version_empty", "version_not_checked", "version_has_errors")
)  # fmt: skip


class RehearsalArgs(Request):
    """For when, and which page of the list."""

    at = Instant(metadata={"description": "From when the version would hold; left out: from now."})
    limit = fields.Integer(load_default=100, validate=validate.Range(1, LISTED_MAX))
    cursor = Text(
        800, pattern="^[A-Za-z0-9_-]*$", load_default=None,
        metadata={"description": "`next` of the page before. Counts are then of what follows only."},
    )  # fmt: skip
    format = fields.String(
        load_default="json", validate=validate.OneOf(["json", "geojson"]),
        metadata={"description": "`geojson`: the page's work orders as points, for a map."},
    )  # fmt: skip


class PartnerSchema(Answer):
    """A jurisdiction by its names."""

    id = fields.UUID()
    code = fields.String()
    name = fields.String()


class PairSchema(Answer):
    """How many work orders would go from one jurisdiction (null: from none) to another (null: to none)."""

    from_ = fields.Nested(PartnerSchema, data_key="from", allow_none=True)
    to = fields.Nested(PartnerSchema, allow_none=True)
    count = fields.Integer()


class CrewPairSchema(Answer):
    """How many of a crew's work orders would go to a jurisdiction that it may not work for."""

    crew_id = fields.UUID()
    name = fields.String()
    jurisdiction_id = fields.UUID()
    count = fields.Integer()


class MovedSchema(Answer):
    """A work order that would change hands, or its need to be looked at."""

    id = fields.UUID()
    title = fields.String()
    status = fields.String()
    lon = fields.Float()
    lat = fields.Float()
    from_jurisdiction_id = fields.UUID(allow_none=True)
    to_jurisdiction_id = fields.UUID(allow_none=True)
    rule = fields.String()
    triage = fields.String(allow_none=True)
    crew_id = fields.UUID(allow_none=True)
    crew_fits = fields.Boolean(
        metadata={
            "description": "False: the crew may not work for the jurisdiction that receives the work order:"
            " neither is it employed there, nor does an agreement allow it."
        }
    )


class RehearsalSchema(Answer):
    """What publishing would do. Nothing has been written."""

    version_id = fields.UUID()
    at = Instant()
    open = fields.Integer(metadata={"description": "Open work orders that were looked at."})
    moved = fields.Integer(metadata={"description": "Those that would get another jurisdiction."})
    ambiguous = fields.Integer(metadata={"description": "Those that a person would have to look at, and has not now."})
    resolved = fields.Integer(metadata={"description": "Those that wait for a person now and would not any more."})
    stays_with_person = fields.Integer(
        metadata={"description": "Those that the lines would move, but a person has placed: they stay."}
    )
    pairs = fields.List(fields.Nested(PairSchema))
    crews = fields.List(fields.Nested(CrewPairSchema))
    items = fields.List(fields.Nested(MovedSchema))
    next = fields.String(allow_none=True)


class PublicationSchema(Request):
    """From when, and what was read and accepted before."""

    at = Instant(
        load_default=None, allow_none=True,
        metadata={"description": "From when it holds, up to three years ahead; left out: from now."},
    )  # fmt: skip
    acknowledge = fields.List(
        Text(60), load_default=list, validate=validate.Length(max=KINDS_MAX),
        metadata={"description": "The kinds of all warnings in its check report."},
    )  # fmt: skip
    release_crews = Flag(
        load_default=False,
        metadata={"description": "Take work orders from crews that may not work for the jurisdiction receiving them."},
    )


class RunAskedSchema(Answer):
    """The run that lets open work orders follow; null where the layer decides nothing."""

    run_id = fields.UUID(allow_none=True)


@blp.get("/<uuid:version_id>/rehearsal")
@blp.arguments(RehearsalArgs, location="query")
@blp.alt_response(200, schema=RehearsalSchema, description="Counts of all, and a page of those that would change.")
@refuses(NotFound, *UNFIT)
def read_rehearsal(asked: dict[str, Any], version_id: UUID) -> Response:
    """Rehearse a publication

    Looks at every open work order with this draft in the place of its layer's version. Nothing is written. Warnings
    need not be acknowledged yet. Agreements are not looked at.
    """
    after = FIRST if asked["cursor"] is None else decode(asked["cursor"], [UUID])[0]
    partnership_id = staff_actor().partnership_id
    with transaction() as session:
        found = rehearse(session, partnership_id, version_id, asked.get("at"), limit=asked["limit"], after=after)
        if asked["format"] == "geojson":
            features = list(_features(found))
            return _json({"type": "FeatureCollection", "features": features}, GEOJSON)
        return _json(RehearsalSchema().dump(_told(session, partnership_id, found)), "application/json")


def _json(document: Any, mimetype: str) -> Response:
    return Response(msgspec.json.encode(document), mimetype=mimetype)


def _features(found: Rehearsal) -> Iterator[dict[str, Any]]:
    for one in found.listed:
        properties = msgspec.to_builtins(one)
        point = {"type": "Point", "coordinates": [properties.pop("lon"), properties.pop("lat")]}
        yield {"type": "Feature", "id": properties.pop("id"), "geometry": point, "properties": properties}


def _told(session: Session, partnership_id: UUID, found: Rehearsal) -> dict[str, Any]:
    """The rehearsal with names."""
    names = jurisdiction_names(session, partnership_id)
    crews = employers_of_crews(session, partnership_id)

    def partner(id_: UUID | None) -> dict[str, Any] | None:
        return None if id_ is None else {"id": id_, "code": names[id_][0], "name": names[id_][1]}

    counts = {name: getattr(found, name) for name in RehearsalSchema().fields if hasattr(found, name)}
    return counts | {
        "pairs": [
            {"from_": partner(source), "to": partner(target), "count": count}
            for (source, target), count in found.pairs.most_common()
        ],
        "crews": [
            {
                "crew_id": id_, "name": crews[id_].name, "jurisdiction_id": crews[id_].jurisdiction_id, "count": count,
            }
            for id_, count in found.crews.most_common()
        ],
        "items": found.listed,
        "next": None if found.next is None else encode([found.next]),
    }  # fmt: skip


@blp.post("/<uuid:version_id>/publication", actors=("gis", "admin"))
@blp.arguments(PublicationSchema)
@blp.response(202, RunAskedSchema)
@refuses(
    NotFound, *UNFIT, REFUSED["report_outdated"], REFUSED["warnings_not_acknowledged"], REFUSED["starts_too_early"]
)
def publish(wanted: dict[str, Any], version_id: UUID) -> dict[str, Any]:
    """Publish a version

    New work orders are placed by it from the moment it is in force. Those that are open follow in the background, in
    small steps that do not hold up tablets; the run tells how far it is.
    """
    actor = staff_actor()
    with transaction() as session:
        run_id = publication.publish(
            session, actor.partnership_id, version_id, wanted["at"], wanted["acknowledge"],
            release_crews=wanted["release_crews"], by=actor.staff_id,
        )  # fmt: skip
    return {"run_id": run_id}


@blp.post("/<uuid:version_id>/withdrawal", actors=("gis", "admin"))
@blp.response(202, RunAskedSchema)
@refuses(NotFound, REFUSED["version_not_published"], REFUSED["version_not_last"])
def withdraw(version_id: UUID) -> dict[str, Any]:
    """Withdraw the last publication of a layer

    The version before it holds again at once. What the publication moved, and nobody has changed since, goes back.
    What it placed anew otherwise, and would now lie elsewhere, waits in triage.
    """
    actor = staff_actor()
    with transaction() as session:
        run_id = publication.withdraw(session, actor.partnership_id, version_id, by=actor.staff_id)
    return {"run_id": run_id}
