"""Files that cannot be trusted are refused with a code, the feature or field, and a reason; none is repaired.

Each case makes its damaged file at run time, and names the refusal and what it must point at.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.affinity import translate

from geo import archive, formats, polygons, read
from geo import refusals as r
from geo.read import read_areas
from tests.geo.made import feature, geojson, put_nan, square_at, squares, write, zipped_shapefile

BOWTIE = shapely.Polygon([(-77, 38), (-76, 39), (-76, 38), (-77, 39)])


@dataclass(frozen=True)
class Case:
    """`facts` are the refusal's attributes that must be so; `asked` goes to read_areas."""

    name: str
    make: Callable[[Path], Path]
    refusal: type[r.FileRefused]
    facts: dict[str, object] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)


def content(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def cut(writer: Callable[[Path], Path], keep: float) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = writer(folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])
        return path

    return make


def zipped(**changes: Any) -> Callable[[Path], Path]:
    return lambda folder: zipped_shapefile(folder, **changes)


def gpkg(**layer: Any) -> Callable[[Path], Path]:
    return lambda folder: write(folder / "towns.gpkg", "GPKG", **layer)


def fgb(folder: Path) -> Path:
    return write(folder / "towns.fgb", "FlatGeobuf")


def collection(*geometries: object, **members: object) -> Callable[[Path], Path]:
    features = [feature(geometry, code=f"T{k}") for k, geometry in enumerate(geometries, start=1)]
    return lambda folder: geojson(folder / "towns.geojson", features, **members)


def with_entry(name: str, data: bytes = b"x", mode: int = 0, times: int = 1) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = zipped_shapefile(folder)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as opened:
            for _ in range(times):
                entry = zipfile.ZipInfo(name)
                entry.external_attr = mode << 16
                opened.writestr(entry, data)
        return path

    return make


def encrypted(folder: Path) -> Path:
    """Set the flag in the directory's entries: zipfile cannot write encrypted ones."""
    path = zipped_shapefile(folder)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)
    return path


def broken_crc(folder: Path) -> Path:
    path = zipped_shapefile(folder)
    data = path.read_bytes()
    at = data.find(b"PK\x01\x02")
    path.write_bytes(data[: at + 16] + b"\0\0\0\0" + data[at + 20 :])
    return path


def two_layers(folder: Path) -> Path:
    path = write(folder / "both.gpkg", "GPKG", layer="old")
    return write(path, "GPKG", layer="new", append=True)


def nan_in_shapefile(folder: Path) -> Path:
    shp = write(folder / "plain.shp", "ESRI Shapefile").read_bytes()
    return zipped_shapefile(folder, replace={"shp": put_nan(shp)})


def rows_of_another_file(folder: Path) -> Path:
    write(folder / "other.shp", "ESRI Shapefile", codes=("A", "B"), names=("a", "b"))
    return zipped_shapefile(folder, replace={"dbf": (folder / "other.dbf").read_bytes()})


def lines(folder: Path) -> Path:
    drawn = [shapely.LineString([(-77, 38), (-76, 39)])] * 3
    return write(folder / "roads.gpkg", "GPKG", geoms=drawn, kind="LineString")


def unclosed() -> dict[str, object]:
    square: dict[str, Any] = square_at()
    square["coordinates"][0].pop()
    return square


CRS_NAMED = {"type": "name", "properties": {"name": "EPSG:999999"}}
CRS_LINK = {"type": "link", "properties": {"href": "somewhere"}}
DC_METRES = {"type": "name", "properties": {"name": "EPSG:26985"}}
OWN_DATUM = (
    b'GEOGCS["Town",DATUM["Town 1921",SPHEROID["Mystery",6377000,299]],'
    b'PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]]'
)
BAD_JSON = b'{"type": "FeatureCollection", "features": [{"type": "Feature"'
LATIN = json.dumps({"type": "FeatureCollection", "features": [feature(square_at(), name="?")]})

CASES = [
    Case("empty file", content("towns.zip", b""), r.FormatUnknown),
    Case("text", content("towns.zip", b"code,name\nA,B\n"), r.FormatUnknown),
    Case("TopoJSON", content("t.json", b'{"type": "Topology", "arcs": []}'), r.FormatUnknown),
    Case("single geometry", content("t.json", json.dumps(square_at()).encode()), r.FormatUnknown),
    Case("no such file", lambda folder: folder / "none.gpkg", r.FileUnreadable),
    Case("GeoPackage cut short", cut(gpkg(), 0.5), r.FileUnreadable),
    Case("FlatGeobuf cut short", cut(fgb, 0.6), r.FileUnreadable),
    Case("FlatGeobuf without its end", cut(fgb, 0.99), r.FileUnreadable),
    Case("GeoJSON cut short", content("t.json", BAD_JSON), r.FileUnreadable),
    Case("archive cut short", cut(zipped(), 0.7), r.FileUnreadable),
    Case("archive with a wrong checksum", broken_crc, r.FileUnreadable),
    Case(".shp cut short", zipped(cut={"shp": 40}), r.FileUnreadable, {"part": ".shp"}),
    Case(".shx cut short", zipped(cut={"shx": 8}), r.FileUnreadable, {"part": ".shx"}),
    Case(".dbf cut short", zipped(cut={"dbf": 90}), r.FileUnreadable, {"part": ".dbf"}),
    Case(".dbf of another shapefile", rows_of_another_file, r.FileUnreadable, {"part": ".dbf"}),
    Case(".shp is something else", zipped(replace={"shp": b"x" * 400}), r.FileUnreadable, {"part": ".shp"}),
    Case("no .dbf", zipped(leave_out=("dbf",)), r.ArchiveIncomplete, {"part": ".dbf"}),
    Case("no .shx", zipped(leave_out=("shx",)), r.ArchiveIncomplete, {"part": ".shx"}),
    Case("no shapefile", zipped(leave_out=("shp",)), r.ArchiveIncomplete, {"part": ".shp"}),
    Case("path upward", with_entry("../../outside.shp"), r.ArchiveUnsafe, {"part": "../../outside.shp"}),
    Case("path upward as on Windows", with_entry("..\\outside.shp"), r.ArchiveUnsafe),
    Case("path from the root", with_entry("/etc/outside"), r.ArchiveUnsafe, {"part": "/etc/outside"}),
    Case("link", with_entry("link", b"/etc/passwd", mode=0o120777), r.ArchiveUnsafe, {"part": "link"}),
    Case("encrypted", encrypted, r.ArchiveUnsafe),
    Case("several layers", two_layers, r.LayerNotChosen),
    Case("no such layer", two_layers, r.LayerNotFound, {"part": "newest"}, {"layer": "newest"}),
    Case("no such shapefile", zipped(), r.LayerNotFound, {"part": "roads"}, {"layer": "roads"}),
    Case("no .prj", zipped(leave_out=("prj",)), r.CrsMissing),
    Case(".prj unreadable", zipped(replace={"prj": b"GEOGCS[nonsense"}), r.CrsUnreadable),
    Case("GeoPackage without system", gpkg(crs=None), r.CrsMissing),
    Case("crs null", collection(square_at(), crs=None), r.CrsMissing),
    Case("crs unknown", collection(square_at(), crs=CRS_NAMED), r.CrsUnreadable),
    Case("crs elsewhere", collection(square_at(), crs=CRS_LINK), r.CrsUnreadable),
    Case("crs of another form", collection(square_at(), crs="EPSG:4326"), r.CrsUnreadable),
    Case("a town's own datum", zipped(replace={"prj": OWN_DATUM}), r.CrsUntied),
    Case("a plan's grid", zipped(replace={"prj": b'LOCAL_CS["Plan",UNIT["metre",1]]'}), r.CrsUnreadable),
    Case("other crs given", gpkg(), r.CrsContradicted, asked={"crs": "EPSG:2272"}),
    Case("metres as degrees", collection(square_at(4e5, 1.3e5)), r.OutsideAreaOfUse, {"feature": 1}),
    Case(
        "degrees as metres",
        collection(square_at(), crs=DC_METRES),
        r.OutsideAreaOfUse,
        {"feature": 1},
    ),
    Case(
        "one feature off the globe",
        collection(square_at(), square_at(10, 91)),
        r.OutsideAreaOfUse,
        {"feature": 2},
    ),
    Case(
        "off the Mercator map",
        gpkg(geoms=[translate(g, 6e7) for g in squares()], crs="EPSG:3857"),
        r.OutsideAreaOfUse,
    ),
    Case(
        ".cpg says UTF-8 and names are latin-1",
        zipped(encoding="ISO-8859-1", names=("A", "Añasco", "C"), replace={"cpg": b"UTF-8"}),
        r.EncodingWrong,
        {"feature": 2, "field": "name"},
    ),
    Case(
        ".cpg says latin-1 and names are UTF-8",
        zipped(replace={"cpg": b"ISO-8859-1"}),
        r.EncodingWrong,
        {"feature": 1, "field": "name"},
    ),
    Case(".cpg says nothing known", zipped(replace={"cpg": b"KLINGON"}), r.EncodingUnknown),
    Case(
        "no .cpg and latin-1 names",
        zipped(encoding="ISO-8859-1", names=("A", "B", "Añasco"), leave_out=("cpg",)),
        r.EncodingUnknown,
        {"feature": 3, "field": "name"},
    ),
    Case("GeoJSON in latin-1", content("t.json", LATIN.replace("?", "ñ").encode("latin-1")), r.EncodingWrong),
    Case(
        "replacement characters",
        gpkg(names=("A", "A\ufffdasco", "C")),
        r.EncodingWrong,
        {"feature": 2, "field": "name"},
    ),
    Case("lines", lines, r.NotPolygon, {"feature": 1}),
    Case(
        "a point among polygons",
        collection(square_at(), {"type": "Point", "coordinates": [-77, 38]}),
        r.NotPolygon,
        {"feature": 2},
    ),
    Case(
        "collection of geometries",
        collection({"type": "GeometryCollection", "geometries": [square_at()]}),
        r.NotPolygon,
    ),
    Case("no features", collection(), r.NoAreas),
    Case("no geometry", collection(square_at(), None), r.GeometryMissing, {"feature": 2}),
    Case(
        "empty geometry",
        collection(square_at(), {"type": "Polygon", "coordinates": []}),
        r.GeometryMissing,
        {"feature": 2},
    ),
    Case(
        "empty part",
        gpkg(
            geoms=[shapely.multipolygons([shapely.Polygon(), square]) for square in squares()],
            kind="MultiPolygon",
        ),
        r.GeometryMissing,
        {"feature": 1},
    ),
    Case("NaN", nan_in_shapefile, r.CoordinateNotFinite, {"feature": 2}),
    Case(
        "infinite",
        gpkg(geoms=[*squares(2), shapely.Polygon([(-77, 38), (-76, 38), (np.inf, 39), (-77, 38)])]),
        r.CoordinateNotFinite,
        {"feature": 3},
    ),
    Case(
        "self-crossing",
        gpkg(geoms=[squares()[0], BOWTIE, squares()[2]]),
        r.GeometryInvalid,
        {"feature": 2, "part": "-76.5 38.5"},
    ),
    Case("ring not closed", collection(square_at(), unclosed()), r.GeometryInvalid, {"feature": 2}),
    Case("no such field", gpkg(), r.FieldNotFound, {"field": "id"}, {"code_field": "id"}),
    Case("no field like a code", gpkg(fields=("colour", "name")), r.FieldUnclear, {"field": "code"}),
    Case("no field like a name", gpkg(fields=("code", "label")), r.FieldUnclear, {"field": "name"}),
    Case("fractions as codes", gpkg(codes=(1.5, 2.0, 3.0)), r.FieldUnclear, asked={"code_field": "code"}),
    Case(
        "code missing",
        gpkg(codes=np.array(["A", None, "C"], dtype=object)),
        r.CodeMissing,
        {"feature": 2, "field": "code"},
        {"code_field": "code"},
    ),
    Case("code blank", gpkg(codes=("A", "B", "  ")), r.CodeMissing, {"feature": 3}, {"code_field": "code"}),
    Case(
        "code repeated",
        gpkg(codes=("A", "B", "A")),
        r.CodeRepeated,
        {"feature": 3, "field": "code"},
        {"code_field": "code"},
    ),
    Case("name missing", gpkg(names=("A", None, "C")), r.NameMissing, {"feature": 2, "field": "name"}),
    Case("name too long", gpkg(names=("A", "B", "C" * 201)), r.TextTooLong, {"feature": 3, "field": "name"}),
    Case("code too long", gpkg(codes=("A", "B", "C" * 65)), r.TextTooLong, asked={"code_field": "code"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_cannot_be_trusted_is_refused_with_the_place(case: Case, tmp_path: Path) -> None:
    path = case.make(tmp_path)
    with pytest.raises(r.FileRefused) as caught:
        read_areas(path, **case.asked)
    refusal = caught.value
    assert type(refusal) is case.refusal, refusal
    assert {name: getattr(refusal, name) for name in case.facts} == case.facts, refusal
    assert str(refusal).startswith(refusal.title)


def test_layers_to_choose_from_are_facts(tmp_path: Path) -> None:
    with pytest.raises(r.LayerNotChosen) as caught:
        read_areas(two_layers(tmp_path))
    assert caught.value.facts == {"layers": ["new", "old"]}


LIMITS = [
    (formats, "FILE_BYTES_MAX", 100, r.FileTooLarge),
    (archive, "ENTRIES_MAX", 4, r.ArchiveTooLarge),
    (archive, "INFLATED_BYTES_MAX", 500, r.ArchiveTooLarge),
    (read, "AREAS_MAX", 2, r.TooManyAreas),
    (polygons, "VERTICES_MAX", 14, r.TooManyVertices),
]


@pytest.mark.parametrize(("module", "name", "value", "refusal"), LIMITS, ids=[limit[1] for limit in LIMITS])
def test_every_limit_holds(
    module: Any, name: str, value: int, refusal: type[r.FileRefused], tmp_path: Path, monkeypatch: Any
) -> None:
    path = zipped_shapefile(tmp_path)
    monkeypatch.setattr(module, name, value)
    with pytest.raises(refusal):
        read_areas(path)


def test_a_bomb_is_stopped_by_its_bytes_not_its_claims(tmp_path: Path, monkeypatch: Any) -> None:
    """A megabyte of zeros whose directory entry claims a hundred bytes."""
    path = zipped_shapefile(tmp_path, leave_out=("cpg",), replace={"cpg": b""})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("towns.cpg", bytes(1_000_000))
    data = path.read_bytes()
    claimed, lie = (1_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")
    path.write_bytes(data.replace(claimed, lie))
    monkeypatch.setattr(archive, "INFLATED_BYTES_MAX", 50_000)
    with pytest.raises((r.ArchiveTooLarge, r.FileUnreadable)):
        read_areas(path)


def test_codes_of_refusals_are_distinct_and_explained() -> None:
    def below(kind: type[r.BoundaryRefusal]) -> list[type[r.BoundaryRefusal]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    kinds = below(r.BoundaryRefusal)
    assert len({kind.code for kind in kinds}) == len(kinds)
    text = (Path(__file__).parents[2] / "docs" / "boundaries.md").read_text(encoding="utf-8")
    leaves = [kind for kind in kinds if not kind.__subclasses__()]
    assert [kind.code for kind in leaves if f"`{kind.code}`" not in text] == []


def test_every_refusal_of_files_has_a_case() -> None:
    tried = {case.refusal for case in CASES} | {limit[3] for limit in LIMITS}
    assert set(r.FileRefused.__subclasses__()) == tried
