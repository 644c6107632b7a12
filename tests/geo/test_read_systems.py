"""Where a layer lies: what is missing or wrong is told with systems in which it would lie where it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import CRS, Transformer

from geo import refusals as r
from geo.read import read_areas
from geo.suggest import CANDIDATES_MAX, SUGGESTIONS_MAX, Box, sample_of, suggestions
from tests.geo.cities import ALLEGHENY, needs_data
from tests.geo.made import WEST, feature, geojson, square_at, squares, write, zipped_shapefile

AROUND = (WEST, 38.0, WEST + 0.3, 38.1)


def moved(crs: str) -> list[shapely.Geometry]:
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return [
        shapely.transform(square, lambda at: np.column_stack(there.transform(at[:, 0], at[:, 1])))
        for square in squares()
    ]


def swapped() -> list[shapely.Geometry]:
    return [shapely.transform(square, lambda at: at[:, ::-1]) for square in squares()]


@pytest.mark.parametrize("crs", ["EPSG:2248", "EPSG:26985", "EPSG:26918", "EPSG:3857", "EPSG:26718", "EPSG:4326"])
def test_a_missing_system_is_suggested_and_reading_with_it_succeeds(crs: str, tmp_path: Path) -> None:
    path = zipped_shapefile(tmp_path, geoms=moved(crs), crs=crs, leave_out=("prj",))
    with pytest.raises(r.CrsMissing) as caught:
        read_areas(path, around=AROUND)
    found = caught.value.facts["suggestions"]
    assert isinstance(found, list)
    assert 1 <= len(found) <= SUGGESTIONS_MAX
    best = found[0]
    assert (best["crs"], best["swap_axes"], best["name"]) == (crs, False, CRS.from_user_input(crs).name)
    assert 0.97 <= best["overlap"] <= 1.0
    assert [one["overlap"] >= best["overlap"] / 2 for one in found] == [True] * len(found)
    areas = read_areas(path, around=AROUND, crs=best["crs"], swap_axes=best["swap_axes"])
    for geom, square in zip(areas.geoms, squares(), strict=True):
        assert geom.hausdorff_distance(square) < 1e-7


@pytest.mark.parametrize("stated", ["EPSG:4326", "EPSG:26985", "EPSG:31370", "EPSG:2926"])
def test_a_wrong_system_is_told_with_the_right_one(stated: str, tmp_path: Path) -> None:
    wkt = CRS.from_user_input(stated).to_wkt("WKT1_ESRI").encode()
    path = zipped_shapefile(tmp_path, geoms=moved("EPSG:2248"), crs="EPSG:2248", replace={"prj": wkt})
    with pytest.raises((r.OutsideAreaOfUse, r.CrsSuspect)) as caught:
        read_areas(path, around=AROUND)
    assert caught.value.facts["suggestions"][0]["crs"] == "EPSG:2248"  # type: ignore[index]
    areas = read_areas(path, around=AROUND, crs="EPSG:2248")
    assert areas.source.crs == "EPSG:2248"
    assert any(note.startswith("The file says") and "you said EPSG:2248" in note for note in areas.notes)


def test_lat_before_lon_is_suspect_and_exchanged_if_a_person_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "towns.gpkg", "GPKG", geoms=swapped())
    with pytest.raises(r.CrsSuspect) as caught:
        read_areas(path, around=AROUND)
    best = caught.value.facts["suggestions"][0]  # type: ignore[index]
    assert (best["crs"], best["swap_axes"], best["overlap"]) == ("EPSG:4326", True, 1.0)
    areas = read_areas(path, around=AROUND, swap_axes=True)
    assert shapely.equals(areas.geoms, np.array(squares(), dtype=object)).all()
    assert "x and y were exchanged, as you said." in areas.notes


def test_nothing_is_suspected_without_a_place_to_hold_it_against(tmp_path: Path) -> None:
    areas = read_areas(write(tmp_path / "towns.gpkg", "GPKG", geoms=swapped()))
    assert areas.geoms[0].bounds == (38.0, -77.0, 38.1, -76.9)


def test_a_layer_that_touches_its_place_is_not_suspect(tmp_path: Path) -> None:
    path = write(tmp_path / "towns.gpkg", "GPKG")
    assert len(read_areas(path, around=(WEST + 0.3, 38.1, WEST + 1, 39))) == 3


def test_who_gives_the_system_is_not_asked_again(tmp_path: Path) -> None:
    path = write(tmp_path / "towns.gpkg", "GPKG")
    elsewhere: Box = (10.0, 50.0, 11.0, 51.0)
    with pytest.raises(r.CrsSuspect) as caught:
        read_areas(path, around=elsewhere)
    assert caught.value.part == "EPSG:4326"
    assert caught.value.facts["suggestions"] == []
    areas = read_areas(path, around=elsewhere, crs="EPSG:4326")
    assert any("away from the area that it is for" in note for note in areas.notes)
    with pytest.raises(r.OutsideAreaOfUse):
        read_areas(path, around=elsewhere, crs="EPSG:2248")


def test_a_given_system_that_is_none_is_refused_with_what_would_fit(tmp_path: Path) -> None:
    with pytest.raises(r.CrsUnreadable) as caught:
        read_areas(write(tmp_path / "towns.gpkg", "GPKG"), crs="Klingon", around=AROUND)
    assert caught.value.facts["suggestions"][0]["crs"] == "EPSG:4326"  # type: ignore[index]


def test_axes_are_exchanged_without_a_place_if_they_fit_no_other_way(tmp_path: Path) -> None:
    far = [shapely.transform(square, lambda at: at[:, ::-1] - (0, 60)) for square in squares()]
    with pytest.raises(r.OutsideAreaOfUse) as caught:
        read_areas(write(tmp_path / "towns.gpkg", "GPKG", geoms=far))
    assert caught.value.facts["suggestions"] == [
        {"crs": "EPSG:4326", "name": "WGS 84", "swap_axes": True, "overlap": None}
    ]


def test_a_given_system_stands_above_a_document_s(tmp_path: Path) -> None:
    path = geojson(tmp_path / "t.json", [feature(square_at())], crs=None)
    with pytest.raises(r.CrsMissing):
        read_areas(path)
    assert read_areas(path, crs="EPSG:4326").source.crs == "EPSG:4326"


def test_a_wide_place_tries_no_more_systems_than_allowed() -> None:
    from geo.suggest import _candidates

    assert len(list(_candidates(None, (-125.0, 24.0, -66.0, 49.0)))) == CANDIDATES_MAX


def test_a_sample_has_the_outermost_vertices_in_every_direction() -> None:
    line = shapely.LineString(np.random.default_rng(1).normal(size=(5_000, 2)))
    sample = sample_of(np.array([line], dtype=object))
    assert len(sample) <= 1_000
    for angle in np.linspace(0, np.pi, 40):
        towards = (np.cos(angle), np.sin(angle))
        assert (sample @ towards).max() == (shapely.get_coordinates(line) @ towards).max()


@needs_data
def test_a_county_without_its_system_is_put_where_it_was() -> None:
    """Pennsylvania South in feet, found among all that are in use there."""
    before = read_areas(ALLEGHENY, name_field="LABEL")
    around = tuple(shapely.total_bounds(before.geoms).tolist())
    _, _, wkbs, _ = pyogrio.raw.read(f"/vsizip/{ALLEGHENY}", columns=[])
    sample = sample_of(np.asarray(shapely.from_wkb(wkbs), dtype=object))
    best = suggestions(sample, None, around)[0]
    assert (best["crs"], best["swap_axes"]) == ("EPSG:2272", False)
    assert 0.999 <= best["overlap"] <= 1.0  # type: ignore[operator]
    assert suggestions(sample[:, ::-1], None, around)[0] == best | {"swap_axes": True}
