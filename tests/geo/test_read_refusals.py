"""What refusals tell beside their code, the limits that hold, and that each of them is documented and met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shapely

from geo import archive, formats, gdal, geojson, polygons, read, shapefile, topojson
from geo import refusals as r
from geo.read import read_areas
from tests.geo.damaged import archives, databases, documents, shapefiles
from tests.geo.damaged.databases import two_layers
from tests.geo.damaged.documents import topo
from tests.geo.made import feature, square_at, squares, write, zipped_shapefile
from tests.geo.made import geojson as written

CORPUS = [*archives.CASES, *shapefiles.CASES, *documents.CASES, *databases.CASES]


def test_layers_to_choose_from_are_facts(tmp_path: Path) -> None:
    with pytest.raises(r.LayerNotChosen) as caught:
        read_areas(two_layers(tmp_path))
    assert caught.value.facts == {"layers": ["new", "old"]}


def test_fields_to_choose_from_are_facts_with_samples_of_their_values(tmp_path: Path) -> None:
    path = write(tmp_path / "towns.gpkg", "GPKG", codes=(1.5, 2.5, 3.5), fields=("größe", "label"))
    with pytest.raises(r.FieldUnclear) as caught:
        read_areas(path)
    assert caught.value.field == "code"
    assert caught.value.facts == {
        "fields": ["größe", "label"],
        "samples": {"größe": ["1.5", "2.5", "3.5"], "label": ["Añasco", "Besòs", "Čakovec"]},
    }
    with pytest.raises(r.FieldNotFound) as missing:
        read_areas(path, code_field="code", name_field="label")
    assert missing.value.facts == caught.value.facts


def test_samples_are_short_and_few(tmp_path: Path) -> None:
    path = write(
        tmp_path / "towns.gpkg",
        "GPKG",
        codes=[f"{k}" for k in range(9)],
        names=["N" * 500] * 9,
        fields=("colour", "name"),
    )
    with pytest.raises(r.FieldUnclear) as caught:
        read_areas(path)
    samples = caught.value.facts["samples"]
    assert samples == {"colour": ["0", "1", "2"], "name": ["N" * 80] * 3}


@pytest.mark.parametrize("width_m", [0, -1, 1001, float("nan"), float("inf")])
def test_what_is_no_width_is_no_matter_of_the_file(width_m: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="width"):
        read_areas(written(tmp_path / "t.json", [feature(square_at())]), width_m=width_m)


@pytest.mark.parametrize("around", [(1, 0, 0, 1), (0, 0, 181, 1), (0, float("nan"), 1, 1)])
def test_what_is_no_box_is_no_matter_of_the_file(around: tuple[float, float, float, float], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="box"):
        read_areas(written(tmp_path / "t.json", [feature(square_at())]), around=around)


def zipped(folder: Path) -> Path:
    return zipped_shapefile(folder)


def lines(folder: Path) -> Path:
    drawn = [shapely.LineString([(-77, 38), (-76.9, 38.1)])] * 3
    return write(folder / "roads.gpkg", "GPKG", geoms=drawn, kind="LineString")


def plain(folder: Path) -> Path:
    return written(folder / "t.json", [feature(square_at()) for _ in range(3)])


LIMITS = [
    (formats, "FILE_BYTES_MAX", 100, zipped, r.FileTooLarge),
    (archive, "ENTRIES_MAX", 4, zipped, r.ArchiveTooLarge),
    (archive, "INFLATED_BYTES_MAX", 500, zipped, r.ArchiveTooLarge),
    (shapefile, "VERTICES_MAX", 1, zipped, r.TooManyVertices),
    (gdal, "AREAS_MAX", 2, zipped, r.TooManyAreas),
    (geojson, "AREAS_MAX", 2, plain, r.TooManyAreas),
    (topojson, "AREAS_MAX", 1, topo(), r.TooManyAreas),
    (topojson, "VERTICES_MAX", 9, topo(), r.TooManyVertices),
    (gdal, "FIELDS_MAX", 1, zipped, r.FileTooComplex),
    (polygons, "VERTICES_MAX", 14, zipped, r.TooManyVertices),
    (polygons, "RING_VERTICES_MAX", 4, zipped, r.RingTooLong),
    (read, "VERTICES_MAX", 40, lines, r.TooManyVertices),
]


@pytest.mark.parametrize(
    ("module", "name", "value", "make", "refusal"), LIMITS, ids=[f"{limit[0].__name__}.{limit[1]}" for limit in LIMITS]
)
def test_every_limit_holds(
    module: Any, name: str, value: int, make: Any, refusal: type[r.FileRefused], tmp_path: Path, monkeypatch: Any
) -> None:
    path = make(tmp_path)
    options = {"width_m": 10.0} if make is lines else {}
    assert len(read_areas(path, **options)) > 0
    monkeypatch.setattr(module, name, value)
    with pytest.raises(refusal):
        read_areas(path, **options)


def test_a_topology_that_repeats_one_arc_is_stopped_before_it_is_drawn(tmp_path: Path, monkeypatch: Any) -> None:
    """A few kilobytes that would become gigabytes, were they joined."""
    arc = [[0, 0], [1, 0], [1, 1], *[[0, 0]] * 97]
    rings = [{"type": "Polygon", "arcs": [[0] * 3], "properties": {"code": f"{k}"}} for k in range(9)]
    objects = {"towns": {"type": "GeometryCollection", "geometries": rings}}
    monkeypatch.setattr(topojson, "VERTICES_MAX", 1_000)
    with pytest.raises(r.TooManyVertices) as caught:
        read_areas(topo(arcs=[arc], transform=None, objects=objects)(tmp_path))
    assert caught.value.feature == 7  # Joints count twice: two thousand, of which six have taken 1,800.


def test_a_line_that_reaches_too_far_is_named(tmp_path: Path) -> None:
    drawn = [shapely.LineString([(-77, 38), (-76.9, 38)]), shapely.LineString([(-80, 38), (-72, 38)])]
    path = write(tmp_path / "r.gpkg", "GPKG", geoms=drawn, codes=("A", "B"), names=("a", "b"), kind="LineString")
    with pytest.raises(r.LineTooLong) as caught:
        read_areas(path, width_m=10)
    assert caught.value.feature == 2


def test_a_line_at_the_antimeridian_is_not_drawn_around_the_world(tmp_path: Path) -> None:
    drawn = [shapely.LineString([(179.9, 51), (179.99999, 51)])]
    path = write(tmp_path / "r.gpkg", "GPKG", geoms=drawn, codes=("A",), names=("a",), kind="LineString")
    with pytest.raises(r.OutsideAreaOfUse) as caught:
        read_areas(path, width_m=100)
    assert caught.value.feature == 1


def test_codes_of_refusals_are_distinct_and_explained() -> None:
    def below(kind: type[r.BoundaryRefusal]) -> list[type[r.BoundaryRefusal]]:
        return [kind, *(deeper for child in kind.__subclasses__() for deeper in below(child))]

    kinds = below(r.BoundaryRefusal)
    assert len({kind.code for kind in kinds}) == len(kinds)
    text = (Path(__file__).parents[2] / "docs" / "boundaries.md").read_text(encoding="utf-8")
    leaves = [kind for kind in kinds if not kind.__subclasses__()]
    assert [kind.code for kind in leaves if f"`{kind.code}`" not in text] == []


def test_every_refusal_of_files_is_met() -> None:
    tried = {case.code for case in CORPUS} | {limit[4].code for limit in LIMITS} | {r.LineTooLong.code}
    assert {kind.code for kind in r.FileRefused.__subclasses__()} == tried - {"read_ok"}


def test_squares_of_the_corpus_lie_where_its_cases_say() -> None:
    assert shapely.total_bounds(squares()).tolist() == [-77.0, 38.0, -76.7, 38.1]
