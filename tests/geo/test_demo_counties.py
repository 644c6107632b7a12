"""The demo's boundaries: ten counties whose borders meet exactly, and which our own reader takes as they
are."""

from __future__ import annotations

from pathlib import Path

import shapely

from geo.read import read_areas

DEMO = Path(__file__).parents[2] / "fieldsync" / "demo"


def test_the_demo_s_counties_tile_their_region() -> None:
    areas = read_areas(DEMO / "counties.geojson")
    assert len(areas) == 10
    assert all(code.startswith("42") and len(code) == 5 for code in areas.codes)
    assert shapely.coverage_is_valid(areas.geoms)
    region = shapely.union_all(areas.geoms)
    assert region.geom_type == "Polygon"
    assert not region.interiors


def test_their_source_and_licence_are_named() -> None:
    note = (DEMO / "COUNTIES.md").read_text(encoding="utf-8")
    assert "Copyright 2013-2019 Michael Bostock" in note
    assert "provided that the above copyright notice" in note
    assert "Census" in note
