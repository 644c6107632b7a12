"""Shapefiles that are incomplete, disagree with themselves, or state what is not so."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS
from shapely.affinity import translate

from tests.geo.damaged.case import Case, Make, zipped
from tests.geo.made import WEST, loose_shapefile, put_nan, squares, zipped_shapefile

BOWTIE = shapely.Polygon([(-77, 38), (-76.7, 38.1), (-76.7, 38), (-77, 38.1)])
AROUND = {"around": (WEST, 38.0, WEST + 0.3, 38.1)}
FEET = CRS.from_epsg(2248)  # Maryland, in feet.

OWN_DATUM = (
    b'GEOGCS["Town",DATUM["Town 1921",SPHEROID["Mystery",6377000,299]],'
    b'PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]]'
)


def in_feet() -> list[shapely.Geometry]:
    from pyproj import Transformer

    there = Transformer.from_crs(4326, FEET, always_xy=True)
    return [
        shapely.transform(square, lambda at: np.column_stack(there.transform(at[:, 0], at[:, 1])))
        for square in squares()
    ]


def prj(epsg: int) -> dict[str, bytes]:
    return {"prj": CRS.from_epsg(epsg).to_wkt("WKT1_ESRI").encode()}


def rewritten(extension: str, change: Callable[[bytes], bytes], **layer: object) -> Make:
    """A zipped shapefile with one file changed; the others stay."""

    def make(folder: Path) -> Path:
        zipped_shapefile(folder, **layer)
        whole = (folder / "inside" / f"towns.{extension}").read_bytes()
        return zipped_shapefile(folder, replace={extension: change(whole)}, **layer)

    return make


def put(at: int, data: bytes) -> Callable[[bytes], bytes]:
    return lambda whole: whole[:at] + data + whole[at + len(data) :]


def first_point(x: float) -> Callable[[bytes], bytes]:
    """The first coordinate of the first shape's second point: headers 100 and 8, then 52 before the points."""
    return put(100 + 8 + 44 + 4 + 16, struct.pack("<d", x))


def opened_ring(whole: bytes) -> bytes:
    """The first shape's first point moved: GDAL might close the ring by itself."""
    return put(100 + 8 + 44 + 4, struct.pack("<dd", -77.05, 38.05))(whole)


def rows_of_another_file(folder: Path) -> Path:
    other = zipped_shapefile(folder, codes=("A", "B"), names=("a", "b"))
    dbf = (other.parent / "inside" / "towns.dbf").read_bytes()
    return zipped_shapefile(folder, replace={"dbf": dbf})


def loose(**changes: object) -> Make:
    return lambda folder: loose_shapefile(folder, **changes)


POINTS = [shapely.Point(-77, 38), shapely.Point(-76, 38), shapely.Point(-75, 38)]

SHAPES = [
    Case(".shp cut short", zipped(cut={"shp": 40}), "file_unreadable", {"part": ".shp"}),
    Case(".shx cut short", zipped(cut={"shx": 8}), "file_unreadable", {"part": ".shx"}),
    Case(".dbf cut short", zipped(cut={"dbf": 90}), "file_unreadable", {"part": ".dbf"}),
    Case(".dbf of another shapefile", rows_of_another_file, "file_unreadable", {"part": ".dbf"}),
    Case(".dbf empty", zipped(replace={"dbf": b""}), "file_unreadable", {"part": ".dbf"}),
    Case(".shp is something else", zipped(replace={"shp": b"x" * 400}), "file_unreadable", {"part": ".shp"}),
    Case(
        ".shx leads elsewhere",
        rewritten("shx", put(108, struct.pack(">i", 40))),
        "file_unreadable",
        {"part": ".shx", "feature": 2},
    ),
    Case(
        ".shx leads beyond the end",
        rewritten("shx", put(116, struct.pack(">i", 2_000_000_000))),
        "file_unreadable",
        {"part": ".shx", "feature": 3},
    ),
    Case(".shp claims to be longer", rewritten("shp", put(24, struct.pack(">i", 9_999))), "file_unreadable"),
    Case("a shape of two thousand million points", rewritten("shp", put(148, b"\xff\xff\xff\x7f")), "file_unreadable"),
    Case("a shape of fewer than no points", rewritten("shp", put(148, b"\xff\xff\xff\xff")), "file_unreadable"),
    Case("no .dbf", zipped(leave_out=("dbf",)), "archive_incomplete", {"part": ".dbf"}),
    Case("no .shx", zipped(leave_out=("shx",)), "archive_incomplete", {"part": ".shx"}),
    Case("no .shp", zipped(leave_out=("shp",)), "archive_incomplete", {"part": ".shp"}),
    Case("loose without .dbf", loose(leave_out=("dbf",)), "archive_incomplete", {"part": ".dbf"}),
    Case("loose without .shx", loose(leave_out=("shx",)), "archive_incomplete", {"part": ".shx"}),
    Case("loose without .prj", loose(leave_out=("prj",)), "crs_missing"),
    Case("loose in capitals", loose(capitals=True), "read_ok"),
    Case("NaN", rewritten("shp", put_nan), "coordinate_not_finite", {"feature": 2}),
    Case(
        "NaN where a ring begins",
        rewritten("shp", put(156, struct.pack("<d", float("nan")))),
        "coordinate_not_finite",
        {"feature": 1},
    ),
    Case("infinite", rewritten("shp", first_point(float("inf"))), "coordinate_not_finite", {"feature": 1}),
    Case("no data, as 1e-39 of the largest says", rewritten("shp", first_point(-1e39)), "outside_area_of_use"),
    Case("ring not closed in a .shp", rewritten("shp", opened_ring), "geometry_invalid", {"feature": 1}),
    Case("null shape", zipped(geoms=[*squares(2), None]), "geometry_missing", {"feature": 3}),
    Case("points", zipped(geoms=POINTS, kind="Point"), "not_polygon", {"feature": 1}),
    Case("self-crossing in a .shp", zipped(geoms=[*squares(2), BOWTIE]), "read_ok", finding="geometry_invalid"),
    Case(
        "heights in a .shp",
        zipped(geoms=[shapely.force_3d(square, 9.0) for square in squares()], kind="Polygon Z"),
        "read_ok",
        note="heights or measures",
    ),
]

SYSTEMS = [
    Case("no .prj", zipped(leave_out=("prj",)), "crs_missing"),
    Case(
        "no .prj, and known where it should be",
        zipped(geoms=in_feet(), crs="EPSG:2248", leave_out=("prj",)),
        "crs_missing",
        asked=AROUND,
        first={"crs": "EPSG:2248", "swap_axes": False},
    ),
    Case(".prj unreadable", zipped(replace={"prj": b"GEOGCS[nonsense"}), "crs_unreadable"),
    Case(".prj of zeros", zipped(replace={"prj": bytes(300)}), "crs_unreadable"),
    Case(".prj of a megabyte", zipped(replace={"prj": b"GEOGCS[" * 150_000}), "crs_unreadable"),
    Case("a town's own datum", zipped(replace={"prj": OWN_DATUM}), "crs_untied"),
    Case("a plan's grid", zipped(replace={"prj": b'LOCAL_CS["Plan",UNIT["metre",1]]'}), "crs_unreadable"),
    Case(
        ".prj of another continent",
        zipped(geoms=in_feet(), crs="EPSG:2248", replace=prj(31370)),
        "outside_area_of_use",
        {"feature": 1},
        AROUND,
        {"crs": "EPSG:2248", "swap_axes": False},
    ),
    Case(
        ".prj of the neighbouring zone",
        zipped(geoms=[translate(g, -6) for g in squares()], replace={"prj": prj(4326)["prj"]}),
        "crs_suspect",
        {"part": "EPSG:4326"},
        AROUND,
    ),
    Case(
        "feet said to be degrees",
        zipped(geoms=in_feet(), crs="EPSG:2248", replace=prj(4269)),
        "outside_area_of_use",
        {"feature": 1},
        AROUND,
        {"crs": "EPSG:2248", "swap_axes": False},
    ),
    Case(
        "degrees said to be feet",
        zipped(replace=prj(2248)),
        "outside_area_of_use",
        {"feature": 1},
        AROUND,
        {"crs": "EPSG:4326", "swap_axes": False},
    ),
    Case(
        "feet said to be metres",
        zipped(geoms=in_feet(), crs="EPSG:2248", replace=prj(26985)),
        "outside_area_of_use",
        {"feature": 1},
        AROUND,
        {"crs": "EPSG:2248", "swap_axes": False},
    ),
    Case(
        "axes exchanged",
        zipped(geoms=[shapely.transform(g, lambda at: at[:, ::-1]) for g in squares()]),
        "crs_suspect",
        {"part": "EPSG:4326"},
        AROUND,
        {"crs": "EPSG:4326", "swap_axes": True, "overlap": 1.0},
    ),
    Case(
        "axes exchanged, and nothing known",
        zipped(geoms=[shapely.transform(translate(g, -45), lambda at: at[:, ::-1]) for g in squares()]),
        "outside_area_of_use",
        {"feature": 1},
        first={"crs": "EPSG:4326", "swap_axes": True, "overlap": None},
    ),
]

TEXTS = [
    Case(
        ".cpg says UTF-8 and names are latin-1",
        zipped(encoding="ISO-8859-1", names=("A", "Añasco", "C"), replace={"cpg": b"UTF-8"}),
        "encoding_wrong",
        {"feature": 2, "field": "name"},
        first={"encoding": "cp1252", "sample": "Añasco"},
    ),
    Case(
        ".cpg says latin-1 and names are UTF-8",
        zipped(replace={"cpg": b"ISO-8859-1"}),
        "encoding_wrong",
        {"feature": 1, "field": "name"},
        first={"encoding": "utf-8", "sample": "Añasco"},
    ),
    Case(
        ".cpg says cp1252 and names are of DOS",
        zipped(encoding="CP850", names=("A", "Añasco", "C"), replace={"cpg": b"1252"}),
        "encoding_wrong",
        {"feature": 2, "field": "name"},
        first={"encoding": "cp850", "sample": "Añasco"},
    ),
    Case(
        ".cpg says nothing known",
        zipped(replace={"cpg": b"KLINGON"}),
        "encoding_unknown",
        {"feature": 1, "field": "name"},
        first={"encoding": "utf-8", "sample": "Añasco"},
    ),
    Case(".cpg says what is no encoding of texts", zipped(replace={"cpg": b"hex"}), "encoding_unknown"),
    Case(".cpg says nothing known, of ASCII", zipped(names=("A", "B", "C"), replace={"cpg": b"?"}), "read_ok"),
    Case(
        "no .cpg and latin-1 names",
        zipped(encoding="ISO-8859-1", names=("A", "B", "Añasco"), leave_out=("cpg",)),
        "encoding_unknown",
        {"feature": 3, "field": "name"},
        first={"encoding": "cp1252", "sample": "Añasco"},
    ),
    Case("an encoding that is none", zipped(), "encoding_unknown", asked={"encoding": "punycode"}),
    Case(
        "no codes in the .dbf",
        zipped(codes=("", "", "")),
        "read_ok",
        {},
        {"code_field": "code"},
        finding="code_missing",
    ),
]

CASES = [*SHAPES, *SYSTEMS, *TEXTS]
