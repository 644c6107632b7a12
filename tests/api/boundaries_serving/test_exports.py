"""Versions as files: what is exported and imported again is the same."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyogrio
import pytest
import shapely

from fieldsync.boundaries.export import FORMATS, Format, NotInThisFormat, write_export
from fieldsync.database import db
from geo.areas import AreaSet
from geo.load import load_areas
from geo.read import read_areas
from geo.refusals import VersionUnknown
from tests.api.boundaries_serving.layers import area_set, at, new_draft, new_layer, new_version
from tests.api.town import Caller, Town
from tests.geo.coverages import winding_cells

EVERY = [pytest.param(format_, id=format_) for format_ in FORMATS]
NAMES = ["Añasco", "Ærø", "北京市", "Київ", "القاهرة", "मुंबई", "ירושלים", "Ålesund", "🏙 Alder", "O'Brien", 'A "B"', "Ω"]


def mixed() -> AreaSet:
    """Holes, several parts, rings that run either way, codes in other scripts, owners and days, or none."""
    geoms = winding_cells()
    for k in range(12):
        box = shapely.box(*shapely.bounds(geoms[k]))
        centre = box.centroid
        if k % 3 == 0:
            geoms[k] = geoms[k].difference(centre.buffer(0.001))
        if k % 4 == 0:
            island = shapely.box(centre.x + 10, centre.y, centre.x + 10.1, centre.y + 0.1 + 1e-13)
            geoms[k] = shapely.MultiPolygon([*shapely.get_parts(geoms[k]), island.reverse()])
    codes = [f"№{k}" if k % 2 else f"{k:04}" for k in range(12)]
    owners = tuple(None if k % 3 else f"Ж{k}" for k in range(12))
    days = tuple(None if k % 5 else date(1900 + k, 2, 28) for k in range(12))
    return area_set(geoms, codes, NAMES, owners=owners, valid_from=days)


def exported(caller: Caller, version_id: object, format_: str, folder: Path) -> Path:
    answer = caller.get(f"/v1/boundaries/versions/{version_id}/export?format={format_}")
    assert answer.status_code == 200, answer.json
    ending, media = FORMATS[format_]  # type: ignore[index]
    assert answer.mimetype == media
    path = folder / f"export{ending}"
    path.write_bytes(answer.data)
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    return path


@pytest.mark.parametrize("format_", EVERY)
def test_what_is_exported_and_read_again_is_the_same(town: Town, gis: Caller, tmp_path: Path, format_: str) -> None:
    given = mixed()
    path = exported(gis, new_version(town, new_layer(town), given, at(2020)), format_, tmp_path)
    found = read_areas(
        path, code_field="code", name_field="name", owner_field="owner_code", valid_from_field="valid_from"
    )
    assert found.codes == given.codes
    assert found.names == given.names
    assert found.owners == given.owners
    assert found.valid_from == given.valid_from
    if format_ == "gpkg":
        assert shapely.to_wkb(found.geoms).tolist() == shapely.to_wkb(given.geoms).tolist()
    # To the last bit, in whatever order rings and parts come.
    assert shapely.equals_exact(shapely.normalize(found.geoms), shapely.normalize(given.geoms)).all()


def test_what_is_in_a_geojson(town: Town, gis: Caller, tmp_path: Path) -> None:
    """RFC 7946: rings by the right-hand rule, longitude first, no crs."""
    given = mixed()
    path = exported(gis, new_version(town, new_layer(town), given, at(2020)), "geojson", tmp_path)
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert "crs" not in document
    first = document["features"][0]
    assert first["id"] == 1
    assert first["properties"] == {"code": "0000", "name": "Añasco", "owner_code": "Ж0", "valid_from": "1900-02-28"}
    for feature in document["features"]:
        assert feature["geometry"]["type"] == "MultiPolygon"
        for outer, *holes in feature["geometry"]["coordinates"]:
            assert shapely.is_ccw(shapely.LinearRing(outer))
            assert not any(shapely.is_ccw(shapely.LinearRing(hole)) for hole in holes)


def test_what_is_in_a_shapefile(town: Town, gis: Caller, tmp_path: Path) -> None:
    layer_id = new_layer(town, "Große Städte")
    answer = gis.get(f"/v1/boundaries/versions/{new_version(town, layer_id, mixed(), at(2020))}/export?format=shp")
    assert "filename*=UTF-8''Gro%C3%9Fe%20St%C3%A4dte-1.zip" in answer.headers["Content-Disposition"]
    path = tmp_path / "s.zip"
    path.write_bytes(answer.data)
    with zipfile.ZipFile(path) as archive:
        parts = {Path(name).suffix: archive.read(name) for name in archive.namelist()}
        assert {Path(name).stem for name in archive.namelist()} == {"Große Städte-1"}
    assert set(parts) == {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    assert parts[".cpg"] == b"UTF-8"
    assert b"WGS_1984" in parts[".prj"]


@pytest.mark.parametrize("format_", EVERY)
def test_a_draft_with_gaps_in_its_table(town: Town, gis: Caller, tmp_path: Path, format_: str) -> None:
    """Codes and names that are missing or come twice, a ring that crosses itself."""
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    given = area_set([bow_tie, shapely.box(2, 0, 3, 1), shapely.box(4, 0, 5, 1)], [None, "A", "A"], ["x", None, "y"])
    path = exported(gis, new_draft(town, new_layer(town), given), format_, tmp_path)
    source = f"/vsizip/{path}" if format_ == "shp" else str(path)
    meta, _, wkbs, columns = pyogrio.raw.read(source)
    assert meta["fields"].tolist() == ["code", "name", "owner_code", "valid_from"]
    assert [value or None for value in columns[0]] == [None, "A", "A"]
    assert [value or None for value in columns[1]] == ["x", None, "y"]
    shown = shapely.from_wkb(wkbs)
    assert shapely.equals(shown[1:], given.geoms[1:]).all()
    assert shapely.get_num_coordinates(shown[0]) == 5


def test_texts_that_a_shapefile_would_cut_are_refused(town: Town, gis: Caller) -> None:
    long = "北" * 85
    version_id = new_draft(
        town, new_layer(town), area_set(winding_cells(2, 1), ["a", "b"], ["A", long])
    )  # fmt: skip
    path = f"/v1/boundaries/versions/{version_id}/export?format="
    answer = gis.get(path + "shp")
    assert (answer.status_code, answer.json["code"], answer.json["feature"]) == (422, "not_in_this_format", 2)
    assert gis.get(path + "gpkg").status_code == 200
    assert gis.get(path + "dwg").status_code == 422


def test_who_may_export(town: Town) -> None:
    version_id = new_draft(town, new_layer(town, public=True), area_set(winding_cells(1, 1)))
    path = f"/v1/boundaries/versions/{version_id}/export"
    stranger = Town(town.app)
    for caller, status in (
        (town.nobody(), 401), (town.tablet(), 403), (town.staff("dispatcher"), 403), (stranger.staff("gis"), 404),
        (town.staff("gis"), 200), (town.staff("admin"), 200),
    ):  # fmt: skip
        assert caller.get(path).status_code == status
    assert town.staff("gis").get(f"/v1/boundaries/versions/{uuid4()}/export").status_code == 404


@pytest.mark.parametrize("format_", EVERY)
def test_nothing_stays_behind(town: Town, tmp_path: Path, format_: Format) -> None:
    """Neither of an export that is done, nor of one that failed; and what was there before stays until then."""
    version_id = new_draft(town, new_layer(town), area_set(winding_cells(2, 1), ["a", "b"], ["A", "北" * 85]))
    path = tmp_path / "out"
    path.write_bytes(b"before")
    with town.app.app_context():
        with pytest.raises(VersionUnknown):
            write_export(db.session(), town.partnership_id, uuid4(), format_, path)
        if format_ == "shp":
            with pytest.raises(NotInThisFormat):
                write_export(db.session(), town.partnership_id, version_id, format_, path)
            assert path.read_bytes() == b"before"
        else:
            done = write_export(db.session(), town.partnership_id, version_id, format_, path)
            assert (done.name, done.areas) == (f"Towns-1{FORMATS[format_][0]}", 2)
            assert path.read_bytes() != b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format_", EVERY)
def test_more_areas_than_are_written_at_once(
    town: Town, gis: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    monkeypatch.setattr("fieldsync.boundaries.export.AREAS_AT_ONCE", 5)
    monkeypatch.setattr("fieldsync.boundaries.export.VERTICES_AT_ONCE", 150)
    geoms = winding_cells(6, 4)
    version_id = new_version(town, new_layer(town), area_set(geoms), at(2020))
    found = read_areas(exported(gis, version_id, format_, tmp_path), code_field="code", name_field="name")
    assert found.codes == tuple(f"{k:03}" for k in range(24))
    with town.app.app_context():
        stored = load_areas(db.session(), town.partnership_id, version_id)
    assert shapely.equals_exact(shapely.normalize(found.geoms), shapely.normalize(stored.geoms)).all()


def test_a_version_without_areas(town: Town, gis: Caller, tmp_path: Path) -> None:
    empty = AreaSet((), (), np.array([], dtype=object), mixed().source)
    version_id = new_draft(town, new_layer(town), empty)
    for format_ in FORMATS:
        path = exported(gis, version_id, format_, tmp_path)
        source = f"/vsizip/{path}" if format_ == "shp" else str(path)
        assert len(pyogrio.raw.read(source)[2]) == 0
