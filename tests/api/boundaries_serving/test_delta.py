"""From one package to another: what the server tells is what the reference tablet makes the same of."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsync.boundaries.packages.delta import changes
from fieldsync.tablet.package import applied
from geo.areas import Areas
from geo.topology.outline import outline_of
from geo.topology.topojson import topology_of
from tests.geo.coverages import Objects, winding_cells

Topology = dict[str, Any]


def topology(geoms: Objects, codes: list[str], names: list[str]) -> Topology:
    """As a tablet has it, through JSON and back."""
    made: Topology = json.loads(
        msgspec.json.encode(topology_of(outline_of(Areas(tuple(codes), tuple(names), geoms, owners=tuple(codes)))))
    )
    return made


def package(**layers: Topology) -> Topology:
    return {
        "package": str(uuid4()), "whole": True, "since": None, "format": 1, "error_m": 5.0, "until": None,
        "layers": [{"layer_id": name, "topology": drawn} for name, drawn in layers.items()],
    }  # fmt: skip


def answer(old: Topology, new: Topology) -> Topology:
    """What the server answers to a tablet that has the old package: through JSON, as it goes over the line."""
    before = {layer["layer_id"]: layer["topology"] for layer in old["layers"]}
    layers = []
    for layer in new["layers"]:
        told = {key: value for key, value in layer.items() if key != "topology"}
        drawn = layer["topology"]
        had = before.get(layer["layer_id"])
        layers.append(told | ({"topology": drawn} if had is None else {"changes": changes(had, drawn)}))
    answered: Topology = json.loads(
        json.dumps(new | {"whole": False, "since": old["package"], "layers": layers})
    )  # fmt: skip
    return answered


@st.composite
def layers(draw: st.DrawFn) -> Topology:
    """Cells of one of a few layers, some moved, merged, renamed, left out or in other hands."""
    geoms = winding_cells(4, 3, seed=draw(st.integers(0, 2)), points=6)
    codes = [f"{k}" for k in range(len(geoms))]
    names = list(codes)
    for k in draw(st.lists(st.integers(0, 11), max_size=4)):
        act = draw(st.sampled_from(["rename", "recode", "shrink", "merge", "vanish"]))
        if act == "rename":
            names[k] = draw(st.text(alphabet="abñ№", max_size=3))
        elif act == "recode":
            codes[k] = f"x{codes[k]}"
        elif act == "shrink":
            geoms[k] = shapely.MultiPolygon([geoms[k].buffer(-0.001)])
        elif act == "vanish":
            geoms[k] = shapely.MultiPolygon([shapely.box(0, 0, 1e-7, 1e-7)])
        else:
            union = geoms[k].union(geoms[(k + 1) % len(geoms)])
            geoms[k] = shapely.MultiPolygon(shapely.get_parts(union).tolist())
    kept = sorted(draw(st.sets(st.integers(0, 11))))
    chosen = np.array([geoms[k] for k in kept], dtype=object)
    if not kept:
        return topology(np.array([shapely.MultiPolygon([shapely.box(0, 0, 1, 1)])]), ["0"], ["0"])
    return topology(chosen, [codes[k] for k in kept], [names[k] for k in kept])


@settings(max_examples=150, deadline=None)
@given(old=layers(), new=layers())
def test_what_changed_makes_the_new_package_of_the_old_one(old: Topology, new: Topology) -> None:
    one, two = package(base=old, gone=old), package(base=new, added=old)
    assert applied(one, answer(one, two)) == two


@settings(max_examples=20, deadline=None)
@given(old=layers())
def test_nothing_is_told_of_what_stays(old: Topology) -> None:
    told = changes(old, old)
    assert told == {"bbox": old.get("bbox"), "arcs": {"gone": [], "new": []}, "areas": {"gone": [], "new": []}}


def test_little_is_told_of_a_small_change() -> None:
    geoms = winding_cells(12, 12, points=20)
    codes = [f"{k}" for k in range(len(geoms))]
    old = topology(geoms, codes, codes)
    merged = shapely.MultiPolygon(shapely.get_parts(geoms[0].union(geoms[1])).tolist())
    new = topology(np.array([merged, *geoms[2:]], dtype=object), [codes[0], *codes[2:]], [codes[0], *codes[2:]])
    told = changes(old, new)
    assert told["areas"]["gone"] == [0, 1]
    assert [value["id"] for _, value in told["areas"]["new"]] == ["0"]
    assert len(json.dumps(told)) < 0.02 * len(json.dumps(new))


def test_changes_to_another_package_are_not_taken() -> None:
    geoms = winding_cells(2, 1)
    one, two, other = (package(base=topology(geoms[:n], ["a", "b"][:n], ["A", "B"][:n])) for n in (2, 1, 2))
    told = answer(one, two)
    for have in (None, other, two):
        with pytest.raises(ValueError, match="another package"):
            applied(have, told)
    told["layers"][0]["changes"]["arcs"]["gone"] = []
    told["layers"][0]["changes"]["areas"]["new"] = [[7, {}]]
    with pytest.raises((ValueError, KeyError, IndexError)):
        applied(one, told)
