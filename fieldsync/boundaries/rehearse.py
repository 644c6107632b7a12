"""Rehearsing a publication: what it would do to the work orders that are open now. Nothing is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.agreements.serving import load_serving
from fieldsync.boundaries import queries
from fieldsync.boundaries.standing import FIRST, Standing, differs, open_work_orders
from fieldsync.journal.edits import Placed
from fieldsync.journal.place import placed_at
from geo.assign import InForce, Ruling, in_force, index_for
from geo.index import PlacementIndex
from geo.publish import refuse_unfit
from geo.refusals import VersionUnknown

LISTED_MAX = 1_000
"""Work orders of one page of the list."""

EXAMINED_PER_READ = 20_000


class Listed(msgspec.Struct):
    """A work order that would change, at its point (degrees, EPSG:4326)."""

    id: UUID
    title: str
    status: str
    lon: float
    lat: float
    from_jurisdiction_id: UUID | None
    to_jurisdiction_id: UUID | None
    rule: str
    triage: str | None
    crew_id: UUID | None
    crew_fits: bool
    """False where the crew may not work for the jurisdiction that receives the work order."""


@dataclass(slots=True)
class Rehearsal:
    """What publishing would do. Counts are of all open work orders; ``listed`` is a page of those that change."""

    version_id: UUID
    at: datetime
    open: int = 0
    moved: int = 0
    ambiguous: int = 0
    """Those that a person would have to look at and has not to now."""
    resolved: int = 0
    """Those that wait for a person now and would not any more."""
    stays_with_person: int = 0
    """Those that a person has placed, and that the lines would place elsewhere."""
    pairs: Counter[tuple[UUID | None, UUID | None]] = field(default_factory=Counter)
    """(from, to) jurisdiction -> how many would move."""
    crews: Counter[UUID] = field(default_factory=Counter)
    """Crew -> how many of its work orders would go to a jurisdiction that it may not work for."""
    listed: list[Listed] = field(default_factory=list)
    next: UUID | None = None
    """Where the next page of the list begins; None on the last."""


def rehearse(
    session: Session, partnership_id: UUID, version_id: UUID, at: datetime | None = None, *,
    limit: int = LISTED_MAX, after: UUID = FIRST,
) -> Rehearsal:  # fmt: skip
    """Look at every open work order with a draft in the place of its layer's version.

    ``at``: the moment from which it would hold, for what other layers say then; without it, now. Where the list goes
    on (``after``), only what follows is looked at and counted.

    Raises:
        geo.refusals.BoundaryRefusal: no such version, or one that could not be published (but for warnings).
    """
    bound = {"partnership_id": partnership_id, "version_id": version_id}
    session.execute(_READ_ONLY)
    layers = _layers_with(session, bound, at)
    draft = PlacementIndex.load(session, partnership_id, version_id)

    def index_of(session: Session, partnership_id: UUID, wanted: UUID) -> PlacementIndex:
        return draft if wanted == version_id else index_for(session, partnership_id, wanted)

    serving = load_serving(session, partnership_id, layers.at)
    found = Rehearsal(version_id, layers.at)
    for standing in open_work_orders(session, partnership_id, EXAMINED_PER_READ, after):
        then = placed_at(session, partnership_id, [one.point for one in standing], layers, index_of)
        found.open += len(standing)
        for one, placed in zip(standing, then, strict=True):
            if differs(one, placed):
                fits = one.crew_id is None or serving.may(one.crew_id, placed.jurisdiction_id, one.service_type_id)
                _count(found, one, placed, fits=fits, limit=limit)
            elif one.placed_by == "person" and one.jurisdiction_id != placed.jurisdiction_id:
                found.stays_with_person += 1
    _name(session, partnership_id, found.listed)
    return found


# For those that are listed only: the others are looked at without it.
_TITLES = text("""
    SELECT w.id, w.title, w.status FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
        SELECT id, title, status FROM work_order WHERE partnership_id = :partnership_id AND id = wanted.id OFFSET 0
    ) w
""")


def _name(session: Session, partnership_id: UUID, listed: list[Listed]) -> None:
    rows = session.execute(_TITLES, {"partnership_id": partnership_id, "ids": [one.id for one in listed]})
    named = {row.id: row for row in rows}
    for one in listed:
        one.title, one.status = named[one.id].title, named[one.id].status


_NAMES = msgspec.json.Decoder(dict[UUID, tuple[str, str]])


def jurisdiction_names(session: Session, partnership_id: UUID) -> dict[UUID, tuple[str, str]]:
    """Jurisdiction -> its code and its name."""
    return _NAMES.decode(session.execute(queries.JURISDICTION_NAMES, {"partnership_id": partnership_id}).scalar_one())


_READ_ONLY = text("SET TRANSACTION READ ONLY")


def _layers_with(session: Session, bound: dict[str, Any], at: datetime | None) -> InForce:
    version = session.execute(queries.VERSION, bound).one_or_none()
    if version is None:
        raise VersionUnknown(version_id=bound["version_id"])
    # What stands against publishing it but can be acknowledged is no obstacle to a rehearsal.
    refuse_unfit(session, bound["partnership_id"], version.id, None)
    layers = in_force(session, bound["partnership_id"], at)
    ruling = Ruling(
        version.layer_id, version.id, version.rank, version.tolerance_m, version.border_m,
        frozenset(version.service_types),
    )  # fmt: skip
    if version.role == "jurisdiction":
        return structs.replace(layers, base=ruling)
    if version.role != "overlay":
        return layers
    others = [one for one in layers.overlays if one.layer_id != version.layer_id]
    return structs.replace(layers, overlays=tuple(sorted([*others, ruling], key=lambda one: one.rank or 0)))


def _count(found: Rehearsal, one: Standing, placed: Placed, *, fits: bool, limit: int) -> None:
    moves = one.jurisdiction_id != placed.jurisdiction_id
    if moves:
        found.moved += 1
        found.pairs[one.jurisdiction_id, placed.jurisdiction_id] += 1
        if one.crew_id is not None and not fits:
            found.crews[one.crew_id] += 1
    found.ambiguous += placed.triage is not None and one.triage in (None, "accepted")
    found.resolved += placed.triage is None and one.triage not in (None, "accepted")
    if len(found.listed) < limit:
        found.listed.append(
            Listed(
                one.id, "", "", one.lon, one.lat, one.jurisdiction_id, placed.jurisdiction_id,
                placed.placed_by, placed.triage, one.crew_id, fits or not moves,
            )
        )  # fmt: skip
    elif found.next is None:
        found.next = found.listed[-1].id
