"""From one topology to another: which arcs and areas are gone, and which are new, with their places in the lists.

Both lists of a topology (geo.topology.topojson) are in an order that follows from what is in them, so what stays also
stays in its order: positions are all that has to be told. An area stays if its arcs do and what is said of it; what is
new of neighbours refers to the same new arcs, so their border is shared as it was before.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import msgspec

from geo.topology.topojson import OBJECT

Topology = dict[str, Any]


def changes(old: Topology, new: Topology) -> dict[str, Any]:
    """What to do to ``old`` so that it is ``new``: ``{bbox, arcs, areas}``, the latter two ``{gone, new}``.

    ``gone`` are positions in the old list, ascending; ``new`` are pairs of a position in the new list, ascending, and
    what stands there. docs/boundaries-serving.md has the algorithm that takes them in.
    """
    arcs = _stays([_key(arc) for arc in old["arcs"]], [_key(arc) for arc in new["arcs"]])
    before = [_moved(area, arcs) for area in _areas(old)]
    areas = _stays([None if area is None else _key(area) for area in before], [_key(area) for area in _areas(new)])
    return {
        "bbox": new.get("bbox"),
        "arcs": _told(arcs, old["arcs"], new["arcs"]),
        "areas": _told(areas, before, _areas(new)),
    }


def _areas(topology: Topology) -> list[dict[str, Any]]:
    areas: list[dict[str, Any]] = topology["objects"][OBJECT]["geometries"]
    return areas


def _key(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _stays(old: Sequence[Hashable], new: Sequence[Hashable]) -> dict[int, int]:
    """Position in the old list -> position in the new one, of what is in both, in the order of both."""
    places = {key: at for at, key in enumerate(new)}
    stays: dict[int, int] = {}
    last = -1
    for at, key in enumerate(old):
        place = places.get(key, -1)
        if place > last:
            stays[at] = last = place
    return stays


def _told(stays: dict[int, int], old: Sequence[Any], new: Sequence[Any]) -> dict[str, Any]:
    there = set(stays.values())
    return {
        "gone": [at for at in range(len(old)) if at not in stays],
        "new": [[at, value] for at, value in enumerate(new) if at not in there],
    }


def _moved(area: dict[str, Any], arcs: dict[int, int]) -> dict[str, Any] | None:
    """An old area with the new positions of its arcs; None where one of them is gone."""
    if "arcs" not in area:
        return area
    try:
        return area | {"arcs": _renumbered(area["arcs"], arcs)}
    except KeyError:
        return None


def _renumbered(value: Any, arcs: dict[int, int]) -> Any:
    if isinstance(value, list):
        return [_renumbered(inner, arcs) for inner in value]
    return arcs[value] if value >= 0 else ~arcs[~value]
