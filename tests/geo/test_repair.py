"""Proposed repairs: what they would change is told, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.errors import GEOSException

from geo.check import check
from geo.difference import difference
from geo.findings import Tolerances
from geo.ground import areas_m2
from geo.read import read_areas
from geo.repair import Repair, repair
from tests.geo.cities import ALLEGHENY, needs_data
from tests.geo.drawn import box, drawn, kinds, row

BOW = shapely.Polygon([(200, 0), (300, 0), (300, 100), (200, 100), (200, 50), (250, 120), (200, 120)])


def flows(proposed: Repair) -> dict[tuple[int | None, int | None], float]:
    return {(each.from_feature, each.to_feature): each.m2 for each in proposed.transfers}


def test_a_sound_layer_is_left_as_it_is_to_the_last_bit() -> None:
    areas = drawn(row())
    proposed = repair(areas)
    assert shapely.equals_identical(proposed.areas.geoms, areas.geoms).all()
    assert proposed.repaired == proposed.transfers == proposed.refused == ()
    assert proposed.vanishing == proposed.staying == proposed.arising == ()


def test_an_overlap_goes_to_the_lowest_code_and_no_point_moves() -> None:
    areas = drawn([box(90, 0, 200, 100), box(0, 0, 100, 100)], ["B", "A"])
    before = shapely.to_wkb(areas.geoms)
    proposed = repair(areas)
    assert np.array_equal(shapely.to_wkb(areas.geoms), before)
    assert check(proposed.areas).findings == ()
    assert flows(proposed) == {(1, 2): pytest.approx(1000, rel=1e-4)}
    (transfer,) = proposed.transfers
    assert (transfer.from_code, transfer.to_code) == ("B", "A")
    lost = {each.code: each.lost_m2 for each in proposed.repaired}
    assert lost["B"] == pytest.approx(1000, rel=1e-4)
    assert lost.get("A", 0) == pytest.approx(0, abs=1e-3)
    assert [found.kind for found in proposed.vanishing] == ["overlap"]
    assert proposed.staying == proposed.arising == ()
    assert difference(areas, proposed.areas).moved_m2 == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("winner", "loser"), [("lowest_code", "B"), ("largest", "B"), ("smallest", "A"), ("longest_border", None)]
)
def test_who_wins_an_overlap_can_be_said(winner: Any, loser: str | None) -> None:
    areas = drawn([box(0, 0, 100, 100), box(90, 0, 180, 100)])
    losers = [each.code for each in repair(areas, winner=winner).repaired if (each.lost_m2 or 0) > 1]
    assert len(losers) == 1
    assert loser is None or losers == [loser]


def test_a_narrow_gap_is_closed_and_a_wide_one_stays() -> None:
    narrow, wide = box(99.8, 20, 100.2, 80), box(195, 40, 205, 60)
    areas = drawn([square - narrow - wide for square in row(3)])
    proposed = repair(areas)
    assert {found.kind for found in proposed.vanishing} == {"gap"}
    assert [found.codes for found in proposed.staying] == [("B", "C")]
    ((_, gainer),) = flows(proposed)
    assert flows(proposed) == {(None, gainer): pytest.approx(24, rel=1e-3)}
    gained = sum(each.gained_m2 or 0 for each in proposed.repaired)
    assert gained == pytest.approx(24, rel=1e-3)
    assert kinds(check(proposed.areas)) == {"gap"}
    assert repair(areas, tolerances=Tolerances(fill_m=0.3)).vanishing == ()
    assert repair(areas, tolerances=Tolerances(fill_m=15)).staying == ()


def test_unmatched_borders_get_the_same_vertices() -> None:
    proposed = repair(drawn([box(0, 0, 100, 100), box(100, 0, 200, 50), box(100, 50, 200, 100)]))
    assert [found.kind for found in proposed.vanishing] == ["border_unmatched"] * 2
    assert [each.feature for each in proposed.repaired] == [1]
    assert proposed.transfers == ()
    assert shapely.coverage_is_valid(proposed.areas.geoms)


def test_an_invalid_polygon_is_made_valid_and_had_no_area_before() -> None:
    areas = drawn([*row(2), BOW])
    proposed = repair(areas, coverage=False)
    (repaired,) = proposed.repaired
    assert (repaired.feature, repaired.code) == (3, "C")
    assert repaired.before_m2 is repaired.gained_m2 is repaired.lost_m2 is None
    assert repaired.after_m2 == pytest.approx(areas_m2(proposed.areas.geoms[2])[0])
    assert [found.kind for found in proposed.vanishing] == ["geometry_invalid"]
    assert shapely.is_valid(proposed.areas.geoms).all()
    assert {geom.geom_type for geom in proposed.areas.geoms} == {"MultiPolygon"}


def test_only_what_was_asked_for_is_repaired() -> None:
    areas = drawn([box(0, 0, 110, 100), *row(2)[1:], BOW])
    coverage_only = repair(areas, validity=False)
    assert "geometry_invalid" in {found.kind for found in coverage_only.staying}
    assert shapely.equals_identical(coverage_only.areas.geoms[2], areas.geoms[2])
    assert {found.kind for found in coverage_only.vanishing} == {"overlap"}
    nothing = repair(areas, validity=False, coverage=False)
    assert shapely.equals_identical(nothing.areas.geoms, areas.geoms).all()


def test_an_area_of_which_nothing_would_be_left_is_refused_and_kept() -> None:
    flat = shapely.Polygon([(0, 0), (50, 0), (100, 0), (50, 0)])
    areas = drawn([*row(2), flat])
    proposed = repair(areas)
    (refused,) = proposed.refused
    assert (refused.feature, refused.code) == (3, "C")
    assert "Nothing would be left of Ctown (C)" in refused.sentence
    assert shapely.equals_identical(proposed.areas.geoms, areas.geoms).all()
    assert [found.kind for found in proposed.staying] == ["geometry_invalid"]


def test_an_area_inside_a_lower_code_is_refused_and_kept() -> None:
    areas = drawn([box(0, 0, 100, 100), box(40, 40, 60, 60)])
    proposed = repair(areas)
    (refused,) = proposed.refused
    assert (refused.feature, refused.code) == (2, "B")
    assert "if the areas were fitted together" in refused.sentence
    assert shapely.equals_identical(proposed.areas.geoms[1], areas.geoms[1])
    assert [found.kind for found in proposed.staying] == ["overlap"]
    assert repair(areas, winner="smallest").refused == ()


def test_an_empty_geometry_is_refused() -> None:
    areas = drawn(row())
    geoms = areas.geoms.copy()
    geoms[1], geoms[2] = None, shapely.MultiPolygon()
    proposed = repair(replace(areas, geoms=geoms))
    assert [each.feature for each in proposed.refused] == [2, 3]
    assert proposed.areas.geoms[1] is None
    assert proposed.repaired == ()


def test_what_else_the_areas_carry_is_kept() -> None:
    areas = drawn([box(0, 0, 110, 100), box(100, 0, 200, 100)], [None, "B"], ["x", None], owners=["o", "p"])
    proposed = repair(areas).areas
    assert (proposed.codes, proposed.names, proposed.owners) == (areas.codes, areas.names, areas.owners)
    # Whoever has no code wins nothing.
    assert areas_m2(proposed.geoms)[1] == pytest.approx(areas_m2(areas.geoms)[1])


def test_what_cannot_be_fitted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    heap = [shapely.Point(k, k).buffer(5000, quad_segs=32) for k in range(1_500)]
    with pytest.raises(ValueError, match="lie upon each other"):
        repair(drawn(heap, [str(k) for k in range(1_500)]))

    def never(*given: Any, **options: Any) -> Any:
        raise GEOSException("TopologyException: no")

    monkeypatch.setattr(shapely, "coverage_clean", never)
    with pytest.raises(ValueError, match="TopologyException"):
        repair(drawn([box(0, 0, 110, 100), box(100, 0, 200, 100)]))


def test_the_work_is_told_and_can_be_stopped() -> None:
    class Stopped(Exception):
        pass

    steps: list[str] = []
    repair(drawn(row()), progress=lambda step, done, total: steps.append(step))
    assert {"repair", "codes", "shapes"} <= set(steps)

    def stop(step: str, done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        repair(drawn(row()), progress=stop)


messy = st.lists(
    st.builds(
        lambda x, y, w, h: box(x, y, x + w, y + h),
        st.integers(0, 90),
        st.integers(0, 90),
        st.integers(5, 60),
        st.integers(5, 60),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(messy, st.sampled_from(["lowest_code", "longest_border", "largest", "smallest"]))
def test_what_areas_gain_and_lose_adds_up(shapes: list[shapely.Polygon], winner: Any) -> None:
    areas = drawn(shapes)
    proposed = repair(areas, winner=winner)
    out: dict[int | None, float] = {}
    for each in proposed.transfers:
        assert each.from_feature != each.to_feature
        out[each.from_feature] = out.get(each.from_feature, 0) + each.m2
    for each in proposed.repaired:
        assert each.before_m2 is not None
        assert each.gained_m2 is not None
        assert each.lost_m2 is not None
        assert each.after_m2 == pytest.approx(each.before_m2 + each.gained_m2 - each.lost_m2, abs=1e-3)
        assert each.after_m2 == pytest.approx(areas_m2(proposed.areas.geoms)[each.feature - 1])
        if not proposed.refused:
            assert out.get(each.feature, 0) == pytest.approx(each.lost_m2, abs=1e-2)
    if not proposed.refused:
        assert not {"overlap", "overlap_sliver", "border_unmatched"} & kinds(check(proposed.areas))
        assert shapely.coverage_is_valid(proposed.areas.geoms)
        if winner == "lowest_code":
            # Points are placed as before, but for gaps that were closed and a snap's width along borders.
            handed = [move for move in difference(areas, proposed.areas).moves if move.from_code and move.m2 > 1]
            assert handed == []


@needs_data
def test_allegheny_is_repaired_without_moving_a_point_between_towns() -> None:
    county = read_areas(ALLEGHENY, name_field="LABEL")
    proposed = repair(county)
    assert proposed.refused == ()
    assert len(proposed.repaired) == 35
    assert len(proposed.vanishing) == 29 + 61 + 1
    assert {found.kind for found in proposed.staying} == {"enclave"}
    assert proposed.arising == ()
    assert shapely.coverage_is_valid(proposed.areas.geoms)
    assert sum(each.lost_m2 or 0 for each in proposed.repaired) == pytest.approx(4_598.9, abs=0.5)
    assert sum(each.m2 for each in proposed.transfers if each.from_feature is None) == pytest.approx(1_279.3, abs=0.5)
    between = [move for move in difference(county, proposed.areas).moves if move.from_code and move.to_code]
    assert sum(move.m2 for move in between) < 0.1
