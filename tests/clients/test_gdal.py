"""GDAL's OAPIF driver, as ogrinfo and ogr2ogr of Debian's gdal-bin and as pyogrio brings it, reads every feature."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from shapely import Geometry

from tests.clients.live import JOBS, PARCELS, WARDS, Live
from tests.clients.scene import CELL, SOUTH, UTM33, WEST

PAGE = 10
"""Features of a page, so that there are several."""

needs_gdal_bin = pytest.mark.skipif(
    shutil.which("ogr2ogr") is None, reason="ogrinfo and ogr2ogr are not installed (apt-get install gdal-bin)"
)


@pytest.fixture(params=["basic", "anybody"])
def credentials(request: pytest.FixtureRequest, live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """With and without an API token, as GDAL is told of it."""
    if request.param == "basic":
        userpwd = f"qgis:{live.token}"
        monkeypatch.setenv("GDAL_HTTP_USERPWD", userpwd)
        pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": userpwd})
    yield request.param
    pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": None})


@pytest.fixture
def staff(live: Live) -> Iterator[None]:
    """With an API token."""
    pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": f"qgis:{live.token}"})
    yield
    pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": None})


def alike(found: Mapping[str, Geometry], wanted: Mapping[str, Geometry], tolerance: float = 1e-8) -> bool:
    """The same keys, with geometries that differ by less than ``tolerance`` in every vertex."""
    assert sorted(found) == sorted(wanted)
    return all(
        shapely.equals_exact(shapely.normalize(found[key]), shapely.normalize(wanted[key]), tolerance=tolerance)
        for key in wanted
    )


def run(*command: str | Path, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **(environ or {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def read(path: str | Path, layer: str, key: str, **options: Any) -> dict[str, Geometry]:
    """A layer's geometries by one of its columns."""
    meta, _, geometry, columns = pyogrio.raw.read(path, layer=layer, **options)
    keys = columns[list(meta["fields"]).index(key)]
    assert len(set(keys)) == len(keys)
    return dict(zip(map(str, keys), shapely.from_wkb(geometry), strict=True))


@needs_gdal_bin
class TestGdalBin:
    def test_ogrinfo_lists_what_the_caller_may_see(self, live: Live, credentials: str) -> None:
        said = run("ogrinfo", f"OAPIF:{live.url}")
        assert f"{live.wards} (title: Wards) (Multi Polygon)" in said
        assert "work-orders (title: Work orders) (Point)" in said
        assert ("(title: Parcels)" in said) == (credentials == "basic")

    def test_ogrinfo_counts_and_measures(self, live: Live, credentials: str) -> None:
        said = run("ogrinfo", "-so", f"OAPIF:{live.url}", live.wards)
        assert f"Feature Count: {WARDS}" in said
        assert re.search(r"^code: String", said, re.MULTILINE)
        assert re.search(r"^version: Integer", said, re.MULTILINE)
        assert re.search(r"^in_force_from: DateTime", said, re.MULTILINE)

    def test_ogr2ogr_copies_every_feature_across_pages(self, live: Live, credentials: str, tmp_path: Path) -> None:
        copy = tmp_path / "copy.gpkg"
        run("ogr2ogr", copy, f"OAPIF:{live.url}", "-oo", f"PAGE_SIZE={PAGE}")
        assert alike(read(copy, live.wards, "code"), live.stored(live.wards))
        layers = set(pyogrio.list_layers(copy)[:, 0])
        if credentials == "basic":
            assert layers == {live.wards, live.parcels, "work-orders"}
            assert alike(read(copy, live.parcels, "code"), live.stored(live.parcels))
            assert alike(read(copy, "work-orders", "id"), live.jobs())
        else:
            assert layers == {live.wards, "work-orders"}
            rounded = sorted((round(point.x, 3), round(point.y, 3)) for point in live.jobs().values())
            found = read(copy, "work-orders", "id").values()
            assert np.allclose(sorted((point.x, point.y) for point in found), rounded, atol=1e-9)

    def test_ogr2ogr_leads_to_another_system(self, live: Live, tmp_path: Path) -> None:
        copy = tmp_path / "copy.gpkg"
        run("ogr2ogr", copy, f"OAPIF:{live.url}", live.wards, "-t_srs", f"EPSG:{UTM33}", "-oo", f"PAGE_SIZE={PAGE}")
        assert alike(read(copy, live.wards, "code"), live.stored(live.wards, UTM33), tolerance=1e-3)

    def test_ogr2ogr_selects_on_the_server(self, live: Live, tmp_path: Path) -> None:
        copy = tmp_path / "copy.gpkg"
        said = run(
            "ogr2ogr", copy, f"OAPIF:{live.url}", live.wards, "-where", "code = 'C7'", environ={"CPL_DEBUG": "HTTP"}
        )
        assert "&code=C7" in said
        assert alike(read(copy, live.wards, "code"), {"C7": live.stored(live.wards)["C7"]})

    def test_wrong_credentials_open_nothing(self, live: Live) -> None:
        done = subprocess.run(
            ["ogrinfo", f"OAPIF:{live.url}", "-oo", "USERPWD=qgis:wrong"], capture_output=True, text=True, timeout=120
        )
        assert done.returncode != 0
        assert "401" in done.stderr + done.stdout


class TestPyogrio:
    def test_lists_what_the_caller_may_see(self, live: Live, credentials: str) -> None:
        layers = dict(pyogrio.list_layers(f"OAPIF:{live.url}"))
        wanted = {live.wards: "MultiPolygon", "work-orders": "Point"}
        assert layers == wanted | ({live.parcels: "MultiPolygon"} if credentials == "basic" else {})

    @pytest.mark.parametrize("page", [1, 7, 1000])
    def test_reads_every_feature_across_pages(self, live: Live, credentials: str, page: int) -> None:
        options = {"PAGE_SIZE": str(page)}
        assert alike(read(f"OAPIF:{live.url}", live.wards, "code", **options), live.stored(live.wards))
        jobs = read(f"OAPIF:{live.url}", "work-orders", "id", **options)
        assert len(jobs) == JOBS
        if credentials == "basic":
            assert alike(jobs, live.jobs())
            parcels = read(f"OAPIF:{live.url}", live.parcels, "code", **options)
            assert len(parcels) == PARCELS
            assert alike(parcels, live.stored(live.parcels))

    @pytest.mark.parametrize(("epsg", "tolerance"), [(4326, 1e-8), (3857, 1e-3), (UTM33, 1e-3)])
    def test_asks_for_other_coordinate_systems(self, live: Live, epsg: int, tolerance: float) -> None:
        found = read(f"OAPIF:{live.url}", live.wards, "code", CRS=f"EPSG:{epsg}", PAGE_SIZE=str(PAGE))
        assert alike(found, live.stored(live.wards, epsg), tolerance)

    def test_selects_by_a_box(self, live: Live) -> None:
        box = (WEST, SOUTH, WEST + 1.3 * CELL, SOUTH + 1.7 * CELL)
        wanted = {code: geom for code, geom in live.stored(live.wards).items() if geom.intersects(shapely.box(*box))}
        assert 3 < len(wanted) < WARDS
        assert alike(read(f"OAPIF:{live.url}", live.wards, "code", bbox=box, PAGE_SIZE="3"), wanted)

    @pytest.mark.parametrize("column", ["created_at", "due_at", "updated_at"])
    def test_a_comparison_of_times_misses_nothing(self, live: Live, staff: None, column: str) -> None:
        """GDAL makes ``datetime`` of it, whatever column is compared, and does not look again."""
        rows = live.scene.town.rows(
            f"SELECT CAST(id AS text) AS id, {column} AS at FROM work_order WHERE partnership_id = :p ORDER BY at"
        )
        since = rows[20]["at"].strftime("%Y-%m-%dT%H:%M:%SZ")
        found = read(f"OAPIF:{live.url}", "work-orders", "id", where=f"{column} > '{since}'", PAGE_SIZE="10")
        assert {row["id"] for row in rows[20:]} <= set(found)
