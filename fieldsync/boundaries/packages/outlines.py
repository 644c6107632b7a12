"""A published version's areas in few points: made once, stored, and kept at hand."""

from __future__ import annotations

from collections.abc import Collection
from threading import Lock
from typing import Any
from uuid import UUID

import msgspec
import zstandard
from sqlalchemy.orm import Session

from fieldsync.boundaries.held import Held
from fieldsync.boundaries.packages import queries
from fieldsync.boundaries.runs.run import Run
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.problems import ComeAgain, Conflict
from geo.load import load_areas
from geo.topology.outline import RECIPE, outline_of
from geo.topology.topojson import topology_of

KEPT_PER_LAYER = 8
"""Versions of a layer whose outlines stay stored: a tablet that has one of them is sent what changed since. A layer
changes a few times a year."""

BYTES_HELD_MAX = 32 * 1024 * 1024
"""Outlines that a process keeps at hand; a county of 130 towns has 90 kB."""

VERTICES_MAX = 1_000_000
"""Vertices of a version that is drawn for tablets: 30 s and 0.8 GB on an idle core of 2020, and a megabyte to send. A
county of 130 towns has 70,000."""


class TooLargeForTablets(Conflict):
    """The boundaries in force are too detailed for a tablet to take along."""

    code = "too_large_for_tablets"


WAIT_S_MAX = 3.0
"""The longest that a request waits for another one that makes an outline; then its tablet is asked to come again."""

_held = Held(BYTES_HELD_MAX)
_making = Lock()


def outlines(session: Session, partnership_id: UUID, version_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """The outlines of published versions that are stored, as TopoJSON. Not made where they are missing."""
    found = {key: held for key in version_ids if (held := _held.get((partnership_id, key))) is not None}
    missing = [key for key in version_ids if key not in found]
    if missing:
        bound = {"partnership_id": partnership_id, "version_ids": missing, "recipe": RECIPE}
        for row in session.execute(queries.STORED, bound):
            found[row.version_id] = zstandard.ZstdDecompressor().decompress(row.topology)
            _held.put((partnership_id, row.version_id), found[row.version_id])
    return found


def make(partnership_id: UUID, version_id: UUID) -> bytes:
    """The outline of a version, made and stored unless it is; in transactions of its own, none of them open while it
    is made (a second for 70,000 vertices).

    Safe to call again at any time, so that whatever publishes a version may have it made before a tablet asks.

    Raises:
        ComeAgain: this process makes one already, and it takes longer than a few seconds.
        TooLargeForTablets: the version has more than a million vertices.
        geo.refusals.VersionUnknown: there is no such version.
    """
    bound = {"partnership_id": partnership_id, "version_id": version_id}
    # One at a time: several would take all processors and memory from those who work. Most take less than a second, and
    # whoever waits finds it stored.
    if not _making.acquire(timeout=WAIT_S_MAX):
        raise ComeAgain("The boundaries are being prepared for tablets.", retry_after_s=10)
    try:
        with transaction() as session:
            if (found := outlines(session, partnership_id, [version_id]).get(version_id)) is not None:
                return found
            if (vertices := session.execute(queries.VERTICES, bound).scalar_one()) > VERTICES_MAX:
                raise TooLargeForTablets(
                    f"Of {VERTICES_MAX:,} vertices at most, one layer has {vertices:,}.", version_id=version_id
                )
            areas = load_areas(session, partnership_id, version_id)
        topology = msgspec.json.encode(topology_of(outline_of(areas)))
        with transaction() as session:
            packed = zstandard.ZstdCompressor(level=9).compress(topology)
            session.execute(queries.STORE, bound | {"recipe": RECIPE, "topology": packed, "made_at": now()})
            session.execute(queries.PRUNE, bound | {"kept": KEPT_PER_LAYER})
    finally:
        _making.release()
    _held.put((partnership_id, version_id), topology)
    return topology


def prepare(run: Run) -> dict[str, Any]:
    """Carry out a run: have a version's outline ready before a tablet asks. Its result: the bytes.

    Raises what ``make`` raises.
    """
    assert run.version_id is not None
    run.tell("drawing it for tablets")
    return {"bytes": len(make(run.partnership_id, run.version_id))}


def layers_of(partnership_id: UUID, version_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Layer -> version, of versions that are or were published."""
    bound = {"partnership_id": partnership_id, "version_ids": list(version_ids)}
    return {row.layer_id: row.id for row in db.session.execute(queries.LAYERS_OF, bound)}
