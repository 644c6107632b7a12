"""GeoJSON and TopoJSON documents that are damaged, or are something else."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.geo.damaged.case import Case, Make, collection, content, cut
from tests.geo.made import WEST, feature, square_at, topology

HERE = {"around": (WEST, 38.0, WEST + 0.1, 38.1)}
RING_VERTICES = 1_000_000

CRS_NAMED = {"type": "name", "properties": {"name": "EPSG:999999"}}
CRS_LINK = {"type": "link", "properties": {"href": "somewhere"}}
CRS_METRES = {"type": "name", "properties": {"name": "EPSG:26985"}}
HALF = b'{"type": "FeatureCollection", "features": [{"type": "Feature"'
LATIN = json.dumps({"type": "FeatureCollection", "features": [feature(square_at(), name="A?asco")]})
PIPELINE = b'{"type": "gdal_streamed_alg", "command_line": "gdal vector read /etc", "type": "FeatureCollection"'


def document(*features: object, **members: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", **members, "features": features}).encode()


def ring(*positions: Sequence[object]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [list(positions)]}


def unclosed() -> dict[str, object]:
    square: dict[str, Any] = square_at()
    square["coordinates"][0].pop()
    return square


def in_coordinates(text: str) -> Make:
    """A second feature whose first number is something that is written so."""
    broken = json.dumps([feature(square_at()), feature(ring(["?", 38], [-76, 38], [-76, 39], ["?", 38]), "B")])
    whole = f'{{"type": "FeatureCollection", "features": {broken.replace(json.dumps("?"), text)}}}'
    return content("towns.geojson", whole.encode())


def nested(where: str, depth: int = 100_000) -> Make:
    """Brackets as deep as no reader that calls itself can follow."""
    deep = "[" * depth + "]" * depth
    whole = json.dumps(feature(ring("?") if where == "geometry" else square_at(), name="N")).replace(
        '["?"]' if where == "geometry" else '"N"', deep
    )
    return content("deep.geojson", f'{{"type": "FeatureCollection", "features": [{whole}]}}'.encode())


def million(folder: Path) -> Path:
    """A circle of a million vertices behind a square."""
    steps = (k * math.tau / RING_VERTICES for k in range(RING_VERTICES))
    circle = ",".join(f"[{-77 + math.cos(step):.9f},{38 + math.sin(step):.9f}]" for step in steps)
    geometry = f'{{"type":"Polygon","coordinates":[[{circle},[-76.000000000,38.000000000]]]}}'
    path = folder / "circle.geojson"
    path.write_text(
        '{"type":"FeatureCollection","features":['
        + json.dumps(feature(square_at()))
        + ',{"type":"Feature","properties":{"code":"B","name":"Circle"},"geometry":'
        + geometry
        + "}]}"
    )
    return path


def topo(**changes: object) -> Make:
    def make(folder: Path) -> Path:
        path = folder / "towns.topojson"
        path.write_text(json.dumps(topology() | changes))
        return path

    return make


def objects_of(*geometries: object) -> dict[str, object]:
    return {"objects": {"towns": {"type": "GeometryCollection", "geometries": geometries}}}


def town(arcs: object, kind: str | None = "Polygon", code: str = "A") -> dict[str, object]:
    return {"type": kind, "arcs": arcs, "properties": {"code": code, "name": "Town"}}


SQUARE = town([[0]])
TRIANGLE = [[0, 0], [1, 0], [0, 1], [0, 0]]

GEOJSON = [
    Case("GeoJSON cut short", content("t.json", HALF), "file_unreadable"),
    Case("GeoJSON cut at its end", cut(collection(square_at(), square_at()), 0.99), "file_unreadable"),
    Case("single geometry", content("t.json", json.dumps(square_at()).encode()), "format_unknown"),
    Case("single feature", content("t.json", json.dumps(feature(square_at())).encode()), "format_unknown"),
    Case(
        "features line by line",
        content("t.json", (json.dumps(feature(square_at())) + "\n").encode() * 2),
        "file_unreadable",
    ),
    Case("a list of features", content("t.json", b'[{"type": "Feature"}]'), "format_unknown"),
    Case("another program's JSON", content("t.json", b'{"rings": [[]], "spatialReference": {}}'), "format_unknown"),
    Case("features are no list", content("t.json", b'{"type":"FeatureCollection","features":{}}'), "file_unreadable"),
    Case("no features member", content("t.json", b'{"type":"FeatureCollection"}'), "no_areas"),
    Case("no features", collection(), "no_areas"),
    Case(
        "a geometry among features",
        content("t.json", document(feature(square_at()), square_at())),
        "file_unreadable",
        {"feature": 2},
    ),
    Case(
        "null among features",
        content("t.json", document(feature(square_at()), None)),
        "file_unreadable",
        {"feature": 2},
    ),
    Case("a command for GDAL", content("t.json", PIPELINE + b', "features": []}'), "no_areas"),
    Case(
        "a command for GDAL with features",
        content("t.json", PIPELINE + b', "features": [{"type": "Feature"}]}'),
        "field_unclear",
    ),
    Case("brackets without end, in a text's place", nested("property"), "file_unreadable"),
    Case("brackets without end, in coordinates", nested("geometry"), "file_unreadable"),
    Case("NaN in GeoJSON", in_coordinates("NaN"), "file_unreadable"),
    Case("a number beyond numbers", in_coordinates("1e999"), "file_unreadable"),
    Case("a text for a number", in_coordinates('"west"'), "file_unreadable", {"feature": 2}),
    Case("null for a number", in_coordinates("null"), "geometry_missing", {"feature": 2}),
    Case(
        "positions of one number", collection(square_at(), ring([1], [2], [3], [1])), "geometry_missing", {"feature": 2}
    ),
    Case(
        "numbers for rings",
        collection(square_at(), {"type": "Polygon", "coordinates": [1, 2]}),
        "file_unreadable",
        {"feature": 2},
    ),
    Case(
        "a kind of geometry that is none",
        collection({"type": "Cube", "coordinates": []}),
        "geometry_missing",
        {"feature": 1},
    ),
    Case("no geometry", collection(square_at(), None), "geometry_missing", {"feature": 2}),
    Case(
        "empty geometry",
        collection(square_at(), {"type": "Polygon", "coordinates": []}),
        "geometry_missing",
        {"feature": 2},
    ),
    Case("ring not closed", collection(square_at(), unclosed()), "geometry_invalid", {"feature": 2}),
    Case("ring of one point", collection(square_at(), ring([0, 0], [0, 0])), "geometry_invalid", {"feature": 2}),
    Case(
        "ring there and back",
        collection(square_at(), ring([0, 0], [1, 1], [0, 0])),
        "read_ok",
        finding="geometry_invalid",
    ),
    Case("ring of a million vertices", million, "ring_too_long", {"feature": 2}),
    Case(
        "mixed kinds",
        collection(square_at(), {"type": "Point", "coordinates": [-77, 38]}),
        "not_polygon",
        {"feature": 2},
    ),
    Case(
        "a line without a width",
        collection({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}),
        "not_polygon",
        {"feature": 1},
    ),
    Case(
        "collection of geometries",
        collection({"type": "GeometryCollection", "geometries": [square_at()]}),
        "not_polygon",
        {"feature": 1},
    ),
    Case(
        "self-crossing",
        collection(square_at(), ring([0, 0], [1, 1], [1, 0], [0, 1], [0, 0])),
        "read_ok",
        finding="geometry_invalid",
    ),
    Case(
        "heights", collection(ring([0, 0, 9], [1, 0, 9], [1, 1, 9], [0, 0, 9])), "read_ok", note="heights or measures"
    ),
    Case(
        "crs null", collection(square_at(), crs=None), "crs_missing", {}, HERE, {"crs": "EPSG:4326", "swap_axes": False}
    ),
    Case("crs unknown", collection(square_at(), crs=CRS_NAMED), "crs_unreadable", {}, HERE, {"crs": "EPSG:4326"}),
    Case("crs elsewhere", collection(square_at(), crs=CRS_LINK), "crs_unreadable"),
    Case("crs of another form", collection(square_at(), crs="EPSG:4326"), "crs_unreadable"),
    Case("metres as degrees", collection(square_at(4e5, 1.3e5)), "outside_area_of_use", {"feature": 1}),
    Case(
        "degrees as metres",
        collection(square_at(), crs=CRS_METRES),
        "outside_area_of_use",
        {"feature": 1},
        HERE,
        {"crs": "EPSG:4326"},
    ),
    Case(
        "one feature off the globe", collection(square_at(), square_at(10, 91)), "outside_area_of_use", {"feature": 2}
    ),
    Case(
        "lat before lon",
        collection(square_at(38, WEST)),
        "crs_suspect",
        {},
        HERE,
        {"crs": "EPSG:4326", "swap_axes": True},
    ),
    Case(
        "GeoJSON in latin-1",
        content("t.json", LATIN.replace("?", "ñ").encode("latin-1")),
        "encoding_wrong",
        first={"encoding": "cp1252", "sample": "Añasco"},
    ),
    Case("U+0000 in a name", content("t.json", document(feature(square_at(), name="A\0B"))), "encoding_wrong"),
    Case(
        "half a character",
        content("t.json", LATIN.replace("?", "\\ud800").encode()),
        "file_unreadable",
    ),
    Case(
        "a tab in a name",
        content("t.json", document(feature(square_at(), name="A\tB"))),
        "encoding_wrong",
        {"feature": 1, "field": "name"},
    ),
    Case(
        "a name of a megabyte",
        content("t.json", document(feature(square_at(), name="N" * 1_000_000))),
        "text_too_long",
        {"feature": 1, "field": "name"},
    ),
    Case(
        "codes repeated",
        content("t.json", document(feature(square_at()), feature(square_at(1, 1)))),
        "read_ok",
        finding="code_repeated",
    ),
    Case(
        "codes and names of null",
        content("t.json", document(feature(square_at(), None, None), feature(square_at(1, 1)))),
        "read_ok",
        finding="name_missing",
    ),
    Case(
        "a day that is none",
        content("t.json", document(feature(square_at()) | {"properties": {"code": "A", "name": "B", "since": "soon"}})),
        "date_unreadable",
        {"feature": 1, "field": "since"},
        {"valid_from_field": "since"},
    ),
    Case(
        "a guessed day that is none",
        content(
            "t.json", document(feature(square_at()) | {"properties": {"code": "A", "name": "B", "valid_from": "soon"}})
        ),
        "read_ok",
        note="valid_from was not taken",
    ),
    Case(
        "codes that are lists",
        content("t.json", document(feature(square_at(), code=[1, 2]))),
        "field_unclear",
        {"field": "code"},
        {"code_field": "code"},
    ),
]

TOPOJSON = [
    Case("TopoJSON without objects", topo(objects={}), "no_areas"),
    Case(
        "TopoJSON whose objects are left out", content("t.json", b'{"type": "Topology", "arcs": []}'), "file_unreadable"
    ),
    Case("TopoJSON cut short", cut(topo(), 0.6), "file_unreadable"),
    Case("arcs that are not there", topo(**objects_of(SQUARE, town([[7]]))), "file_unreadable", {"feature": 2}),
    Case(
        "arcs that are not there, backward", topo(**objects_of(SQUARE, town([[~7]]))), "file_unreadable", {"feature": 2}
    ),
    Case("arcs of another depth", topo(**objects_of(SQUARE, town([0]))), "file_unreadable", {"feature": 2}),
    Case("arcs by name", topo(**objects_of(town([["a"]]))), "file_unreadable", {"feature": 1}),
    Case("an arc of texts", topo(arcs=[[["west", 0], [1, 1]]]), "file_unreadable", {"part": "arc 0"}),
    Case("an arc with heights", topo(arcs=[TRIANGLE, [[0, 0, 9], [1, 1, 9]]]), "file_unreadable", {"part": "arc 1"}),
    Case(
        "arcs that leave the numbers",
        topo(arcs=[[[1e300, 0], [1e300, 0], [0, 0]]], transform={"scale": [1e300, 1], "translate": [0, 0]}),
        "coordinate_not_finite",
        {"part": "arc 0"},
    ),
    Case(
        "arcs that close no ring",
        topo(arcs=[TRIANGLE[:3]], transform=None, **objects_of(SQUARE)),
        "geometry_invalid",
        {"feature": 1},
    ),
    Case("a ring of no arcs", topo(**objects_of(town([[]]))), "geometry_missing", {"feature": 1}),
    Case(
        "a geometry of null",
        topo(arcs=[TRIANGLE], transform=None, **objects_of(SQUARE, town([], kind=None))),
        "geometry_missing",
        {"feature": 2},
    ),
    Case(
        "a collection within",
        topo(**objects_of(SQUARE, town([], kind="GeometryCollection"))),
        "not_polygon",
        {"feature": 2},
    ),
    Case("a transform that is none", topo(transform={"scale": 1}), "file_unreadable"),
    Case("several objects", topo(objects={"old": SQUARE, "new": SQUARE}), "layer_not_chosen"),
    Case("no such object", topo(), "layer_not_found", {"part": "roads"}, {"layer": "roads"}),
    Case(
        "TopoJSON in pixels",
        topo(
            arcs=[[[0, 0], [500, 0], [0, 500], [-500, -500]]],
            transform={"scale": [1, 1], "translate": [0, 0]},
            **objects_of(SQUARE),
        ),
        "outside_area_of_use",
        {"feature": 1},
    ),
]

CASES = [*GEOJSON, *TOPOJSON]
