"""Carrying out a difference of two versions: lists that a person can read, and places for a map."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import text

from fieldsync.boundaries.problems import NotComparable
from fieldsync.boundaries.runs import Run
from fieldsync.database import transaction
from geo.difference import Changed, Difference, Move, difference
from geo.findings import Tolerances
from geo.load import load_areas

LISTED_MAX = 1_000
"""Of each list, the first in the order of codes; of the pairs, those with most ground. The counts are of all."""

FEATURE_VERTICES_MAX = 100_000
"""Of all places together: some 3 MB of GeoJSON, which a browser draws at once."""

_WITHIN_DEG = (1e-5, 4e-5, 16e-5, 64e-5)
"""How far a simplified line may lie from the exact one: the first that is coarse enough. The smallest is 1.1 m."""

_METRES_A_DEGREE = 111_400
"""At most, on the WGS 84 ellipsoid, in any direction that a degree may have."""


def compare(run: Run) -> dict[str, Any]:
    """Hold the version of a run against the one that ``run.parameters`` names (``before``).

    Its result: counts; lists of areas added, removed, renamed, recoded and reshaped; hectares by pair of codes (null:
    no area); and ``features``, the ground by pair as GeoJSON, with ``within_m``: how far its lines may lie beside.

    Raises:
        geo.refusals.VersionUnknown: one of them is not there any more.
        NotComparable: one of them is a draft whose codes or shapes mean nothing yet.
    """
    assert run.version_id is not None
    run.tell("reading the versions")
    with transaction() as session:
        before = load_areas(session, run.partnership_id, UUID(run.parameters["before"]))
        after = load_areas(session, run.partnership_id, run.version_id)
        bound = {"partnership_id": run.partnership_id, "layer_id": run.layer_id}
        tolerances = Tolerances(**session.execute(_TOLERANCES, bound).scalar_one())
    try:
        found = difference(
            before, after, tolerances=tolerances,
            progress=lambda step, done, total: run.tell(f"comparing: {step}", done, total),
        )  # fmt: skip
    except ValueError as error:
        raise NotComparable(str(error)) from error
    run.tell("drawing what changed hands")
    return told(found)


_TOLERANCES = text("SELECT tolerances FROM layer WHERE partnership_id = :partnership_id AND id = :layer_id")


def told(found: Difference) -> dict[str, Any]:
    """A difference in JSON, within limits."""
    lists = {
        "added": [_changed(one) for one in found.added[:LISTED_MAX]],
        "removed": [_changed(one) for one in found.removed[:LISTED_MAX]],
        "renamed": [_changed(one) for one in found.renamed[:LISTED_MAX]],
        "reshaped": [_changed(one) for one in found.reshaped[:LISTED_MAX]],
        "recoded": [
            {
                "old_code": one.old_code, "new_code": one.new_code, "old_name": one.old_name, "new_name": one.new_name,
                "hectares": _hectares(one.m2),
            }
            for one in found.recoded[:LISTED_MAX]
        ],
    }  # fmt: skip
    moves = sorted(found.moves, key=lambda move: -move.m2)[:LISTED_MAX]
    counts = {name: len(getattr(found, name)) for name in lists} | {"pairs": len(found.moves) + found.further}
    return {
        "counts": counts,
        "moved_hectares": _hectares(found.moved_m2),
        **lists,
        "pairs": [_pair(move) for move in moves],
        "features": _features(moves),
    }


def _changed(one: Changed) -> dict[str, Any]:
    return {
        "code": one.code, "old_name": one.old_name, "new_name": one.new_name, "old_hectares": _hectares(one.old_m2),
        "new_hectares": _hectares(one.new_m2), "lost_hectares": _hectares(one.lost_m2),
        "gained_hectares": _hectares(one.gained_m2),
    }  # fmt: skip


def _pair(move: Move) -> dict[str, Any]:
    return {
        "from": move.from_code, "to": move.to_code, "hectares": _hectares(move.m2), "pieces": move.pieces,
        "slivers": move.slivers, "sliver_m2": round(move.slivers_m2, 3),
    }  # fmt: skip


def _hectares(m2: float) -> float:
    """To the tenth of a square metre."""
    return round(m2 / 10_000, 5)


def _features(moves: Sequence[Move]) -> dict[str, Any]:
    exact = np.array([move.geom for move in moves], dtype=object)
    shapes, within_deg = exact, 0.0
    for within_deg in _WITHIN_DEG:
        shapes = shapely.simplify(exact, within_deg, preserve_topology=True)
        if int(shapely.get_num_coordinates(shapes).sum()) <= FEATURE_VERTICES_MAX:
            break
    # What is still too much goes without a place, the smallest first.
    shapes[np.cumsum(shapely.get_num_coordinates(shapes)) > FEATURE_VERTICES_MAX] = shapely.MultiPolygon()
    # To seven digits, a centimetre.
    shapes = shapely.transform(shapes, lambda coordinates: np.round(coordinates, 7)) if len(shapes) else shapes
    features = [
        {
            "type": "Feature",
            "geometry": None if shapely.is_empty(shape) else json.loads(shapely.to_geojson(shape)),
            "properties": _pair(move),
        }
        for move, shape in zip(moves, shapes, strict=True)
    ]
    within_m = round(within_deg * _METRES_A_DEGREE + 0.01, 2)
    return {"type": "FeatureCollection", "features": features, "within_m": within_m}
