"""Formats in which several layers lie in one file: topologies, geodatabases and archives of several things."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import shapely

from geo import refusals as r
from geo.read import read_areas
from tests.geo.made import squares, topology, write, zipped_geodatabase, zipped_shapefile


def topo(folder: Path, **changes: Any) -> Path:
    path = folder / "towns.topojson"
    path.write_text(json.dumps(topology() | changes))
    return path


def test_arcs_are_joined_forward_and_backward(tmp_path: Path) -> None:
    areas = read_areas(topo(tmp_path))
    assert (areas.codes, areas.names) == (("A", "B"), ("Añasco", "Besòs"))
    for geom, square in zip(areas.geoms, squares(2), strict=True):
        assert geom.geom_type == "MultiPolygon"
        assert geom.normalize().equals_exact(shapely.multipolygons([square]).normalize(), 1e-12)
    assert shapely.coverage_is_valid(areas.geoms)
    source = areas.source
    assert (source.format, source.layer, source.crs, source.encoding) == ("TopoJSON", "towns", "EPSG:4326", "utf-8")
    assert not list(tmp_path.glob("*.geojson"))


def test_arcs_without_a_transform_are_positions(tmp_path: Path) -> None:
    ring = [[-77, 38], [-76.5, 38], [-76.5, 38.25], [-77, 38]]
    town = {"type": "Polygon", "arcs": [[0]], "properties": {"code": "A", "name": "a"}}
    areas = read_areas(topo(tmp_path, arcs=[ring], transform=None, objects={"towns": town}))
    assert areas.codes == ("A",)
    assert areas.geoms[0].equals(shapely.Polygon(ring))


def test_an_id_serves_as_code_if_it_is_named(tmp_path: Path) -> None:
    """As in the atlases of the United States, where the id is the FIPS code."""
    whole = topology()
    for geometry, fips in zip(whole["objects"]["towns"]["geometries"], ("42003", "42005"), strict=True):
        geometry["id"] = fips
        del geometry["properties"]["code"]
    (tmp_path / "atlas.json").write_text(json.dumps(whole))
    assert read_areas(tmp_path / "atlas.json", code_field="id").codes == ("42003", "42005")


def test_an_object_is_chosen_by_name(tmp_path: Path) -> None:
    whole = topology()
    whole["objects"]["old"] = whole["objects"]["towns"]["geometries"][0]
    path = tmp_path / "both.json"
    path.write_text(json.dumps(whole))
    assert read_areas(path, layer="old").codes == ("A",)
    assert read_areas(path, layer="towns").codes == ("A", "B")
    with pytest.raises(r.LayerNotChosen) as caught:
        read_areas(path)
    assert caught.value.facts["layers"] == ["old", "towns"]


def test_a_geodatabase_need_not_lie_in_a_folder_called_so(tmp_path: Path) -> None:
    assert read_areas(zipped_geodatabase(tmp_path, folders=("export/2024",))).codes == ("A", "B", "C")


def test_a_layer_of_one_of_several_geodatabases(tmp_path: Path) -> None:
    path = zipped_geodatabase(tmp_path, folders=("data/old.gdb", "data/new.gdb"))
    with pytest.raises(r.LayerNotChosen) as caught:
        read_areas(path)
    assert caught.value.facts["layers"] == ["data/new.gdb", "data/old.gdb"]
    assert read_areas(path, layer="old.gdb").source.layer == "towns"
    assert len(read_areas(path, layer="data/new.gdb/towns")) == 3
    with pytest.raises(r.LayerNotFound):
        read_areas(path, layer="new.gdb/roads")


def test_a_geodatabase_beside_a_shapefile(tmp_path: Path) -> None:
    database = zipped_geodatabase(tmp_path)
    path = zipped_shapefile(tmp_path, codes=("X",), names=("Xanten",))
    with zipfile.ZipFile(path, "a") as archive:
        for file in sorted((database.parent / "inside.gdb").iterdir()):
            archive.write(file, f"towns.gdb/{file.name}")
    with pytest.raises(r.LayerNotChosen) as caught:
        read_areas(path)
    assert caught.value.facts["layers"] == ["towns", "towns.gdb"]
    assert read_areas(path, layer="towns").codes == ("X",)
    assert read_areas(path, layer="towns.gdb").codes == ("A", "B", "C")


def test_a_layer_of_a_geodatabase_with_several(tmp_path: Path) -> None:
    inside = write(tmp_path / "inside.gdb", "OpenFileGDB", layer="old")
    write(inside, "OpenFileGDB", layer="new", codes=("X",), names=("Xanten",), append=True)
    path = tmp_path / "both.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(inside.iterdir()):
            archive.write(file, f"both.gdb/{file.name}")
    assert read_areas(path, layer="new").codes == ("X",)
    assert read_areas(path, layer="old").source.layer == "old"
    with pytest.raises(r.LayerNotChosen):
        read_areas(path)


def test_a_geopackage_that_is_open_elsewhere_is_read_as_it_is_now(tmp_path: Path) -> None:
    """What another program has written stands in the log beside the file until it closes it."""
    path = write(tmp_path / "towns.gpkg", "GPKG", layer="towns")
    with closing(sqlite3.connect(path)) as editing:
        editing.execute("PRAGMA journal_mode = WAL")
        for (name,) in editing.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            editing.execute(f'DROP TRIGGER "{name}"')
        editing.execute("UPDATE towns SET name = 'Arecibo' WHERE code = 'A'")
        editing.commit()
        assert read_areas(path).names[0] == "Arecibo"
