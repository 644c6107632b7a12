"""What may be read, is read whole: every format gives the same areas, and says what was assumed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.affinity import translate

from geo.areas import AreaSet
from geo.read import read_areas
from tests.geo.made import (
    feature,
    geojson,
    loose_shapefile,
    square_at,
    squares,
    write,
    zipped_geodatabase,
    zipped_shapefile,
)

FILES = {
    "GeoPackage": lambda folder, **layer: write(folder / "towns.gpkg", "GPKG", **layer),
    "FlatGeobuf": lambda folder, **layer: write(folder / "towns.fgb", "FlatGeobuf", **layer),
    "GeoJSON": lambda folder, **layer: write(folder / "towns.geojson", "GeoJSON", **layer),
    "Shapefile": zipped_shapefile,
    "Shapefile, loose": loose_shapefile,
    "File geodatabase": zipped_geodatabase,
}


def by_code(areas: AreaSet) -> dict[str, tuple[str, shapely.Geometry]]:
    rows = zip(areas.codes, areas.names, areas.geoms, strict=True)
    return {code: (name, geom) for code, name, geom in rows}


@pytest.mark.parametrize("kind", FILES)
def test_every_format_gives_the_areas_that_were_written(kind: str, tmp_path: Path) -> None:
    areas = read_areas(FILES[kind](tmp_path))
    found = by_code(areas)
    assert {code: name for code, (name, _) in found.items()} == {"A": "Añasco", "B": "Besòs", "C": "Čakovec"}
    for code, square in zip("ABC", squares(), strict=True):
        geom = found[code][1]
        assert geom.geom_type == "MultiPolygon"
        # A geodatabase keeps whole steps of a billionth of a degree.
        tolerance = 2e-9 if kind == "File geodatabase" else 0
        assert geom.normalize().equals_exact(shapely.multipolygons([square]).normalize(), tolerance)
    source = areas.source
    assert (source.format, source.crs, source.accuracy_m) == (kind.split(",")[0], "EPSG:4326", 0)
    assert (source.fields, source.valid_from_field, source.owner_field) == (("code", "name"), None, None)
    assert (source.layer, areas.owners, areas.valid_from) == ("towns", (), ())
    assert areas.notes == ("The codes were taken from code.", "The names were taken from name.")


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("crs", ["EPSG:2272", "EPSG:26917", "EPSG:3857", "EPSG:4269"])
def test_other_systems_are_led_to_lon_lat(kind: str, crs: str, tmp_path: Path) -> None:
    """Against pyproj by itself; GDAL writes what we read."""
    from pyproj import Transformer

    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    moved = [
        shapely.transform(square, lambda c: np.column_stack(there.transform(c[:, 0], c[:, 1])))
        for square in (translate(square, -3, 2) for square in squares())
    ]
    areas = read_areas(FILES[kind](tmp_path, geoms=moved, crs=crs))
    assert areas.source.crs == crs
    assert any(note.startswith(f"Reprojected from {crs}") for note in areas.notes)
    for code, square in zip("ABC", squares(), strict=True):
        expected = translate(square, -3, 2)
        assert by_code(areas)[code][1].hausdorff_distance(expected) < 1e-8


def test_a_shared_border_stays_shared_through_reprojection(tmp_path: Path) -> None:
    metric = [shapely.box(300_000 + 1000 * k, 4_300_000, 301_000 + 1000 * k, 4_301_000) for k in range(3)]
    areas = read_areas(write(tmp_path / "towns.gpkg", "GPKG", geoms=metric, crs="EPSG:26918"))
    assert shapely.coverage_is_valid(areas.geoms)


def test_geojson_without_crs_is_lon_lat_and_with_one_is_that(tmp_path: Path) -> None:
    plain = read_areas(geojson(tmp_path / "plain.json", [feature(square_at())]))
    assert plain.source.crs == "EPSG:4326"
    metres = {
        "type": "Polygon",
        "coordinates": [[[4e5, 1.3e5], [4.1e5, 1.3e5], [4.1e5, 1.4e5], [4e5, 1.3e5]]],
    }
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::26985"}}
    moved = read_areas(geojson(tmp_path / "metres.json", [feature(metres)], crs=named))
    assert moved.source.crs == "EPSG:26985"
    west, south, east, north = moved.geoms[0].bounds
    assert -77.01 < west < east < -76.8
    assert 38.8 < south < north < 39.0
    crs84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert read_areas(geojson(tmp_path / "84.json", [feature(square_at())], crs=crs84)).source.accuracy_m == 0


def test_a_layer_is_chosen_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "both.gpkg", "GPKG", layer="old")
    write(path, "GPKG", layer="new", codes=("X",), names=("Xanten",), append=True)
    assert read_areas(path, layer="new").codes == ("X",)
    assert read_areas(path, layer="old").source.layer == "old"


def test_one_shapefile_of_several_in_an_archive(tmp_path: Path) -> None:
    one = zipped_shapefile(tmp_path)
    path = tmp_path / "both.zip"
    with zipfile.ZipFile(one) as source, zipfile.ZipFile(path, "w") as archive:
        for name in source.namelist():
            archive.writestr(f"2012/{name}", source.read(name))
            archive.writestr(f"2002/{name.upper()}", source.read(name))
            archive.writestr(f"__MACOSX/._{name}", b"not ours")
    assert read_areas(path, layer="2012/towns").source.layer == "2012/towns"
    assert read_areas(path, layer="TOWNS").source.layer == "2002/TOWNS"


def test_heights_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    high = [shapely.force_3d(square, 120.0) for square in squares()]
    areas = read_areas(write(tmp_path / "towns.gpkg", "GPKG", geoms=high, kind="Polygon Z"))
    assert not shapely.has_z(areas.geoms).any()
    assert "3 of 3 features have heights or measures, which were left out." in areas.notes


def test_several_parts_and_holes_stay(tmp_path: Path) -> None:
    ring = shapely.box(-77, 38, -76, 39).difference(shapely.box(-76.6, 38.4, -76.4, 38.6))
    island = shapely.box(-75, 38, -74.9, 38.1)
    geoms = [shapely.multipolygons([ring, island]), shapely.multipolygons([shapely.box(-73, 38, -72, 39)])]
    path = write(tmp_path / "towns.gpkg", "GPKG", geoms=geoms, codes=("A", "B"), names=("a", "b"), kind="MultiPolygon")
    areas = read_areas(path)
    assert [len(geom.geoms) for geom in areas.geoms] == [2, 1]
    assert shapely.equals(areas.geoms, np.array(geoms)).all()


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "CP1252", "ISO-8859-2"])
def test_other_encodings_are_read_if_the_file_states_them(encoding: str, tmp_path: Path) -> None:
    names = ("Łódź", "Čakovec") if encoding == "ISO-8859-2" else ("Añasco", "Besòs")
    path = zipped_shapefile(tmp_path, encoding=encoding, codes=("A", "B"), names=names)
    assert read_areas(path).names == names


def test_an_encoding_and_a_system_that_the_file_does_not_state_can_be_given(tmp_path: Path) -> None:
    path = zipped_shapefile(
        tmp_path,
        encoding="ISO-8859-1",
        leave_out=("cpg", "prj"),
        codes=("A", "B"),
        names=("Añasco", "Besòs"),
    )
    areas = read_areas(path, encoding="latin-1", crs="EPSG:4326")
    assert areas.names == ("Añasco", "Besòs")
    assert (areas.source.encoding, areas.source.crs) == ("iso8859-1", "EPSG:4326")


def test_utf8_needs_no_cpg(tmp_path: Path) -> None:
    areas = read_areas(zipped_shapefile(tmp_path, leave_out=("cpg",)))
    assert areas.names[0] == "Añasco"
    assert "The file states no encoding; its texts were read as UTF-8." in areas.notes


def test_whole_numbers_serve_as_codes(tmp_path: Path) -> None:
    path = write(tmp_path / "towns.gpkg", "GPKG", codes=(42003, 42005, 42007), fields=("geoid", "townname"))
    areas = read_areas(path)
    assert areas.codes == ("42003", "42005", "42007")
    assert (areas.source.code_field, areas.source.name_field) == ("geoid", "townname")
    path = write(tmp_path / "floats.gpkg", "GPKG", codes=(1.0, 2.0, 3.0))
    assert read_areas(path).codes == ("1", "2", "3")


def test_given_fields_are_used_and_not_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "towns.gpkg", "GPKG", fields=("wappen", "ort"))
    areas = read_areas(path, code_field="wappen", name_field="ort", source_name="Towns 2016.gpkg")
    assert areas.notes == ()
    assert areas.source.name == "Towns 2016.gpkg"
    assert read_areas(path, code_field="wappen", name_field="wappen").names == ("A", "B", "C")
