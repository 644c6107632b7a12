"""GeoPackages, geodatabases and FlatGeobufs: damaged, of another kind, or with something that would run."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import shapely
from shapely.affinity import translate

from tests.geo.damaged.case import Case, Make, content, cut, fgb, gpkg, patched, scribbled, zipped_gdb
from tests.geo.made import curved_geopackage, squares, write, zipped_geodatabase

BOWTIE = shapely.Polygon([(-77, 38), (-76.7, 38.1), (-76.7, 38), (-77, 38.1)])
FOR_EVER = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS fid, x AS geom, x AS code FROM n"
)


def altered(*statements: str, texts: bytes | None = None, **layer: object) -> Make:
    """A GeoPackage after some SQL; `texts` takes the place of the second name, byte by byte."""

    def make(folder: Path) -> Path:
        path = write(folder / "towns.gpkg", "GPKG", layer="towns", **layer)
        with closing(sqlite3.connect(path)) as database:
            # Triggers of the format call functions that only GDAL has.
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{name}"')
            for statement in statements:
                database.execute(statement)
            if texts is not None:
                database.execute("UPDATE towns SET name = CAST(? AS TEXT) WHERE fid = 2", (texts,))
            database.commit()
        return path

    return make


def sqlite(*statements: str) -> Make:
    """A database of somebody else's."""

    def make(folder: Path) -> Path:
        with closing(sqlite3.connect(folder / "other.gpkg")) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()
        return folder / "other.gpkg"

    return make


def as_view(query: str, table: str = "towns") -> Sequence[str]:
    """A query in the place of one of the tables."""
    return (f"ALTER TABLE {table} RENAME TO hidden", f"CREATE VIEW {table} AS {query}")


def two_layers(folder: Path) -> Path:
    path = write(folder / "both.gpkg", "GPKG", layer="old")
    return write(path, "GPKG", layer="new", append=True)


def two_geodatabases(folder: Path) -> Path:
    return zipped_geodatabase(folder, folders=("old.gdb", "new.gdb"))


def scribbled_on(writer: Make, seed: int) -> Make:
    def make(folder: Path) -> Path:
        path = writer(folder)
        data = path.read_bytes()
        path.write_bytes(data[:4_096] + scribbled(data[4_096:], seed, 4_000))
        return path

    return make


def lines(folder: Path) -> Path:
    drawn = [shapely.LineString([(-77, 38), (-76, 39)])] * 3
    return write(folder / "roads.gpkg", "GPKG", geoms=drawn, kind="LineString")


def with_third(*positions: tuple[float, float]) -> Make:
    """Two squares and a triangle, which may have what is no number."""

    def make(folder: Path) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return write(folder / "towns.gpkg", "GPKG", geoms=[*squares(2), shapely.Polygon(positions)])

    return make


INF, NAN = float("inf"), float("nan")
HOLLOW = [shapely.multipolygons([shapely.Polygon(), square]) for square in squares()]
FAR_EAST = [translate(g, 6e7) for g in squares()]
AROUND = {"around": (-77.0, 38.0, -76.7, 38.1)}

GEOPACKAGE = [
    Case("GeoPackage cut short", cut(gpkg(), 0.5), "file_unreadable"),
    Case("GeoPackage of its first bytes only", content("t.gpkg", b"SQLite format 3\0"), "file_unreadable"),
    Case("GeoPackage scribbled on", scribbled_on(gpkg(), 1), "file_unreadable"),
    Case("another SQLite file", sqlite("CREATE TABLE person (name text)"), "format_unknown"),
    Case("map tiles", sqlite("CREATE TABLE tiles (x int)", "CREATE TABLE metadata (name text)"), "format_unknown"),
    Case("a table that is only announced", altered("DROP TABLE towns"), "no_areas"),
    Case(
        "no layer of geometries", altered("DELETE FROM gpkg_geometry_columns", "DELETE FROM gpkg_contents"), "no_areas"
    ),
    Case("no rows", altered("DELETE FROM towns"), "no_areas"),
    Case("a layer that is a query", altered(*as_view("SELECT * FROM hidden")), "layer_is_view", {"part": "towns"}),
    Case("a query that never ends", altered(*as_view(FOR_EVER)), "layer_is_view", {"part": "towns"}),
    Case(
        "a query in place of the contents",
        altered(*as_view("SELECT * FROM hidden", "gpkg_contents")),
        "layer_is_view",
        {"part": "gpkg_contents"},
    ),
    Case(
        "a table that is none",
        altered("DROP TABLE towns", "CREATE VIRTUAL TABLE towns USING rtree(fid, w, e)"),
        "layer_is_view",
        {"part": "towns"},
    ),
    Case(
        "a trigger that would fail",
        altered("CREATE TRIGGER angry BEFORE DELETE ON towns BEGIN SELECT RAISE(FAIL, 'no'); END"),
        "read_ok",
    ),
    Case("a journal of its own", altered("PRAGMA journal_mode = WAL"), "read_ok"),
    Case(
        "a geometry that is text",
        altered("UPDATE towns SET geom = 'here' WHERE fid = 2"),
        "file_unreadable",
        {"feature": 2},
    ),
    Case(
        "a geometry cut short",
        altered("UPDATE towns SET geom = substr(geom, 1, 60) WHERE fid = 2"),
        "file_unreadable",
        {"feature": 2},
    ),
    Case(
        "no geometry in a row",
        altered("UPDATE towns SET geom = NULL WHERE fid = 3"),
        "geometry_missing",
        {"feature": 3},
    ),
    Case("GeoPackage without system", gpkg(crs=None), "crs_missing"),
    Case(
        "GeoPackage without system, and known where it should be",
        gpkg(crs=None),
        "crs_missing",
        asked=AROUND,
        first={"crs": "EPSG:4326", "swap_axes": False},
    ),
    Case("several layers", two_layers, "layer_not_chosen"),
    Case("no such layer", two_layers, "layer_not_found", {"part": "newest"}, {"layer": "newest"}),
    Case("off the Mercator map", gpkg(geoms=FAR_EAST, crs="EPSG:3857"), "outside_area_of_use", {"feature": 1}),
    Case("arcs of circles", lambda folder: curved_geopackage(folder / "round.gpkg"), "not_polygon", {"feature": 2}),
    Case("lines", lines, "not_polygon", {"feature": 1}),
    Case("empty part", gpkg(geoms=HOLLOW, kind="MultiPolygon"), "geometry_missing", {"feature": 1}),
    Case(
        "infinite in a GeoPackage",
        with_third((-77, 38), (-76, 38), (INF, 39), (-77, 38)),
        "coordinate_not_finite",
        {"feature": 3},
    ),
    Case(
        "coordinates as large as numbers go",
        with_third((-77, 38), (-1e308, 38), (1e308, 1e308), (-77, 38)),
        "outside_area_of_use",
        {"feature": 3},
        AROUND,
    ),
    Case(
        "coordinates as large as numbers go, in metres",
        gpkg(geoms=[shapely.Polygon([(0, 0), (-1e308, 38), (1e308, 1e308), (0, 0)])] * 3, crs="EPSG:26985"),
        "outside_area_of_use",
        {"feature": 1},
        AROUND,
    ),
    Case(
        "NaN in a GeoPackage",
        with_third((-77, 38), (-76, 38), (NAN, 39), (-77, 38)),
        "coordinate_not_finite",
        {"feature": 3},
    ),
    Case("self-crossing in a GeoPackage", gpkg(geoms=[*squares(2), BOWTIE]), "read_ok", finding="geometry_invalid"),
    Case(
        "latin-1 in a GeoPackage",
        altered(texts="Añasco".encode("latin-1"), names=("A", "B", "C")),
        "encoding_wrong",
        {"feature": 2, "field": "name"},
        first={"encoding": "cp1252", "sample": "Añasco"},
    ),
    Case(
        "replacement characters",
        gpkg(names=("A", "A\ufffdasco", "C")),
        "encoding_wrong",
        {"feature": 2, "field": "name"},
    ),
]

OTHERS = [
    Case("FlatGeobuf cut short", cut(fgb(), 0.6), "file_unreadable"),
    Case("FlatGeobuf without its end", cut(fgb(), 0.99), "file_unreadable"),
    Case("FlatGeobuf of its first bytes only", content("t.fgb", b"fgb\x03fgb\x00"), "file_unreadable"),
    Case("FlatGeobuf with an endless header", patched(fgb(), 8, b"\xff\xff\xff\x7f"), "file_unreadable"),
    Case("FlatGeobuf with a scribbled header", patched(fgb(), 12, b"\xee" * 60), "file_unreadable"),
    Case("FlatGeobuf of another version", patched(fgb(), 3, b"\x01"), "format_unknown"),
    Case(
        "geodatabase without its catalog",
        zipped_gdb(leave_out=("a00000001.gdbtable",)),
        "archive_incomplete",
        {"part": "a00000001.gdbtable"},
    ),
    Case(
        "geodatabase without offsets",
        zipped_gdb(leave_out=("a00000009.gdbtablx",)),
        "archive_incomplete",
        {"part": "a00000009.gdbtablx"},
    ),
    Case(
        "geodatabase without rows",
        zipped_gdb(leave_out=("a00000009.gdbtable",)),
        "archive_incomplete",
        {"part": "a00000009.gdbtable"},
    ),
    Case(
        "geodatabase with a table cut short",
        zipped_gdb(cut={"a00000009.gdbtable": 0.6}),
        "file_unreadable",
        {"part": "a00000009.gdbtable"},
    ),
    Case(
        "geodatabase with offsets cut short",
        zipped_gdb(cut={"a00000009.gdbtablx": 0.5}),
        "file_unreadable",
        {"part": "a00000009.gdbtablx"},
    ),
    Case(
        "geodatabase with an empty table",
        zipped_gdb(cut={"a00000004.gdbtable": 0.0}),
        "file_unreadable",
        {"part": "a00000004.gdbtable"},
    ),
    Case("two geodatabases", two_geodatabases, "layer_not_chosen"),
    Case("no such layer in a geodatabase", zipped_gdb(), "layer_not_found", {"part": "roads"}, {"layer": "roads"}),
    Case("geodatabase without system", zipped_gdb(crs=None), "crs_missing"),
]

FIELDS = [
    Case("no such field", gpkg(), "field_not_found", {"field": "id"}, {"code_field": "id"}),
    Case("no field like a code", gpkg(fields=("colour", "name")), "field_unclear", {"field": "code"}),
    Case("no field like a name", gpkg(fields=("code", "label")), "field_unclear", {"field": "name"}),
    Case("two fields like a code", gpkg(fields=("town_code", "geoid")), "field_unclear", {"field": "code"}),
    Case("fractions as codes", gpkg(codes=(1.5, 2.0, 3.0)), "field_unclear", {"field": "code"}, {"code_field": "code"}),
    Case(
        "codes beyond whole numbers",
        gpkg(codes=(2.0**53, 2.0, 3.0)),
        "field_unclear",
        {"field": "code"},
        {"code_field": "code"},
    ),
    Case("code missing", gpkg(codes=np.array(["A", None, "C"], dtype=object)), "read_ok", finding="code_missing"),
    Case("code blank", gpkg(codes=("A", "B", "  ")), "read_ok", {}, {"code_field": "code"}, finding="code_missing"),
    Case("code repeated", gpkg(codes=("A", "B", "A")), "read_ok", {}, {"code_field": "code"}, finding="code_repeated"),
    Case("name missing", gpkg(names=("A", None, "C")), "read_ok", finding="name_missing"),
    Case("name too long", gpkg(names=("A", "B", "C" * 201)), "text_too_long", {"feature": 3, "field": "name"}),
    Case(
        "code too long",
        gpkg(codes=("A", "B", "C" * 65)),
        "text_too_long",
        {"feature": 3, "field": "code"},
        {"code_field": "code"},
    ),
]

CASES = [*GEOPACKAGE, *OTHERS, *FIELDS]
