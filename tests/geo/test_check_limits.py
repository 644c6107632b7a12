"""What a check does with too much, with nasty input, and when it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.errors import GEOSException

from geo import findings
from geo.check import check
from geo.findings import FEATURES_PER_FINDING_MAX, FINDINGS_PER_KIND_MAX, PLACE_VERTICES_MAX, Tolerances
from tests.geo.drawn import box, drawn, kinds, only, row


def test_lists_end_with_how_many_are_left_out() -> None:
    """The largest are listed; the others are counted and added up."""
    count = FINDINGS_PER_KIND_MAX + 7
    pairs = [
        square
        for k in range(count)
        for square in (box(30 * k, 0, 30 * k + 10, 10), box(30 * k + 8 + 0.001 * k, 0, 30 * k + 20, 10))
    ]
    report = check(drawn(pairs, [str(k) for k in range(len(pairs))]))
    found = report.of("overlap")
    assert len(found) == FINDINGS_PER_KIND_MAX + 1
    assert found[-1].features == ()
    assert found[-1].measures["count"] == 7
    assert found[-1].sentence.startswith("And 7 more of this kind, none larger than those listed, together ")
    listed = sum(each.measures["area_m2"] for each in found)
    assert listed == pytest.approx(report.measures["overlaps_m2"])
    assert min(each.measures["area_m2"] for each in found[:-1]) > found[-1].measures["area_m2"] / 7


def test_a_finding_names_so_many_features_and_shows_so_many_vertices() -> None:
    round_ = shapely.Point(0, 0).buffer(1000, quad_segs=400)
    areas = drawn([round_, *row(150)], ["A", *(["B"] * 150)], [f"n{k}" for k in range(151)])
    found = only(check(areas, overlay=True), "code_repeated")
    assert len(found.features) == FEATURES_PER_FINDING_MAX
    assert found.measures["count"] == 150
    assert "150 areas" in found.sentence
    gone = only(check(drawn(row(1)), before=drawn([round_], ["R"])), "vanished")
    assert gone.place is not None
    assert 10 < shapely.get_num_coordinates(gone.place) <= PLACE_VERTICES_MAX


def test_a_place_of_many_pieces_shows_the_largest() -> None:
    many = shapely.MultiPolygon([box(3 * k, 0, 3 * k + 1 + k / 1000, 1) for k in range(500)])
    shown = findings.place(many)
    assert shown is not None
    assert shapely.get_num_coordinates(shown) <= PLACE_VERTICES_MAX
    assert shapely.covers(many.buffer(1e-9), shown)
    assert shapely.bounds(shown)[2] == shapely.bounds(many)[2]


def test_a_thousand_copies_of_one_area_are_one_finding() -> None:
    report = check(drawn([box(0, 0, 100, 100)] * 1000, [str(k) for k in range(1000)]))
    assert only(report, "duplicate_shape").measures["count"] == 1000
    assert kinds(report) == {"duplicate_shape"}


def test_areas_upon_each_other_without_end_are_shown_and_given_up() -> None:
    """Two million pairs: some of them are shown, the others not even looked for."""
    heap = [shapely.Point(k, k).buffer(5000, quad_segs=32) for k in range(1_500)]
    areas = drawn(heap, [str(k) for k in range(1_500)])
    report = check(areas, before=areas, tolerances=Tolerances(same_shape=1.0))
    assert len(report.of("overlap")) == FINDINGS_PER_KIND_MAX + 1
    given_up = [found.sentence for found in report.of("not_checked")]
    assert len(given_up) == 2
    assert all("lie upon each other" in sentence for sentence in given_up)
    assert not report.of("gap", "ground_lost")


def failing(real: Callable[..., Any], when: Callable[[tuple[Any, ...]], bool]) -> Callable[..., Any]:
    def called(*given: Any, **options: Any) -> Any:
        if when(given) and "grid_size" not in options:
            raise GEOSException("TopologyException: side location conflict")
        return real(*given, **options)

    return called


def test_where_geos_fails_on_doubles_it_is_asked_again_on_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    areas = drawn([box(0, 0, 100, 100), box(90, 0, 200, 100), box(200, 0, 300, 100) - box(240, 40, 260, 60)])
    before = drawn(row(3))
    sound = check(areas, before=before)
    for name in ("intersection", "difference", "symmetric_difference", "union_all"):
        monkeypatch.setattr(shapely, name, failing(getattr(shapely, name), lambda given: True))
    report = check(areas, before=before)
    assert [found.kind for found in report.findings] == [found.kind for found in sound.findings]
    assert only(report, "overlap").measures["area_m2"] == pytest.approx(1000, rel=1e-3)


def test_where_geos_fails_altogether_the_report_says_what_was_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any, **options: Any) -> Any:
        raise GEOSException("TopologyException: no")

    monkeypatch.setattr(shapely, "union_all", never)
    monkeypatch.setattr(shapely, "coverage_union_all", never)
    monkeypatch.setattr(shapely, "coverage_invalid_edges", never)
    report = check(drawn([box(0, 0, 100, 100), box(90, 0, 200, 100)], [None, "B"]), before=drawn(row(2)))
    assert {"overlap", "code_missing", "not_checked"} <= kinds(report)
    assert all("could not be checked" in found.sentence for found in report.of("not_checked"))


class Stopped(Exception):
    pass


def test_the_work_is_told_and_can_be_stopped_at_every_step() -> None:
    areas = drawn([box(0, 0, 100, 100), box(90, 0, 200, 100), box(200, 50, 300, 100), box(200, 0, 300, 50)])
    steps: list[tuple[str, int, int]] = []
    check(areas, before=drawn(row()), progress=lambda *told: steps.append(told))
    assert {step for step, _, _ in steps} == {"codes", "shapes", "overlaps", "gaps", "borders", "before"}
    assert all(0 <= done <= total for _, done, total in steps)
    for stop_at in range(len(steps)):
        left = iter(range(stop_at))

        def stop(step: str, done: int, total: int, left: Any = left) -> None:
            if next(left, None) is None:
                raise Stopped

        with pytest.raises(Stopped):
            check(areas, before=drawn(row()), progress=stop)


def test_areas_stay_as_they_were() -> None:
    areas = drawn([box(0, 0, 100, 100), box(90, 0, 200, 100)])
    before = shapely.to_wkb(areas.geoms)
    check(areas, before=areas)
    assert np.array_equal(shapely.to_wkb(areas.geoms), before)


@pytest.mark.parametrize("at", [(179.99, 0.0), (-180.0, -60.0), (0.0, 89.5), (-0.001, -0.001)])
def test_layers_at_the_edges_of_the_map_are_checked(at: tuple[float, float]) -> None:
    lon, lat = at
    squares = [shapely.box(lon, lat, lon + 0.004, lat + 0.01), shapely.box(lon + 0.003, lat, lon + 0.008, lat + 0.01)]
    areas = drawn(row(2))
    geoms = np.array([shapely.MultiPolygon([square]) for square in squares], dtype=object)
    report = check(type(areas)(areas.codes, areas.names, geoms))
    assert kinds(report) == {"overlap"}
