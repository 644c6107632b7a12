"""The difference of two versions: who gained what from whom, and that it adds up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import difference as module
from geo.areas import Areas
from geo.difference import Difference, difference
from geo.findings import Tolerances
from geo.ground import areas_m2
from geo.read import read_areas
from tests.geo.cities import ALLEGHENY, DC, needs_data
from tests.geo.drawn import box, drawn, row


def moved_m2(found: Difference) -> dict[tuple[str | None, str | None], float]:
    return {(move.from_code, move.to_code): move.m2 for move in found.moves}


def test_a_version_does_not_differ_from_itself() -> None:
    found = difference(drawn(row()), drawn(row()))
    assert not found
    assert found.changed == found.moves == ()
    turned = replace(drawn(row()), geoms=shapely.reverse(drawn(row()).geoms))
    assert not difference(drawn(row()), turned)


def test_a_border_that_moved() -> None:
    new = drawn([box(0, 0, 90, 100), box(90, 0, 200, 100), box(200, 0, 300, 100)])
    found = difference(drawn(row()), new)
    assert moved_m2(found) == {("A", "B"): pytest.approx(1000, rel=1e-4)}
    (move,) = found.moves
    assert (move.pieces, move.slivers, move.slivers_m2) == (1, 0, 0)
    assert move.hectares == pytest.approx(0.1, rel=1e-4)
    assert areas_m2([move.geom])[0] == pytest.approx(move.m2, rel=1e-9)
    assert [(row.code, row.lost_m2 > 0, row.gained_m2 > 0) for row in found.reshaped] == [
        ("A", True, False),
        ("B", False, True),
    ]
    assert found.added == found.removed == found.renamed == found.recoded == ()
    assert found.moved_m2 == pytest.approx(1000, rel=1e-4)


def test_areas_that_came_went_and_were_renamed() -> None:
    old = drawn(row(3), ["A", "B", "C"])
    new = drawn(
        [box(0, 0, 100, 100), box(100, 0, 150, 100), box(150, 0, 200, 100)], ["A", "D", "E"], ["Aville", "d", "e"]
    )
    found = difference(old, new)
    assert [row.code for row in found.added] == ["D", "E"]
    assert [row.code for row in found.removed] == ["B", "C"]
    assert [(row.old_name, row.new_name) for row in found.renamed] == [("Atown", "Aville")]
    assert (found.added[0].old_name, found.added[0].new_name, found.added[0].old_m2) == (None, "d", 0)
    assert moved_m2(found) == {
        ("B", "D"): pytest.approx(5000, rel=1e-4),
        ("B", "E"): pytest.approx(5000, rel=1e-4),
        ("C", None): pytest.approx(10000, rel=1e-4),
    }


def test_a_shape_under_another_code_is_recoded_and_its_ground_moves() -> None:
    found = difference(drawn(row()), drawn(row(), ["A", "X", "C"]))
    (recoded,) = found.recoded
    assert (recoded.old_code, recoded.new_code, recoded.old_name, recoded.new_name) == ("B", "X", "Btown", "Xtown")
    assert recoded.m2 == pytest.approx(10_000, rel=1e-4)
    assert found.added == found.removed == ()
    assert [row.code for row in found.changed] == ["B", "X"]
    assert moved_m2(found) == {("B", "X"): pytest.approx(10_000, rel=1e-4)}


def test_slivers_are_added_up_and_counted_but_not_drawn() -> None:
    """0.9 m² and 100 m² from A to B; only slivers from B to C."""
    old = drawn([box(0, 0, 100, 100), box(100, 0, 200, 100), box(200, 0, 300, 100)])
    a = box(0, 0, 100, 100) - box(99.9, 0, 100, 9) - box(90, 50, 100, 60)
    c = box(200, 0, 300, 100) | box(199.9, 0, 200, 5) | box(199.9, 50, 200, 53)
    b = box(100, 0, 200, 100) | box(99.9, 0, 100, 9) | box(90, 50, 100, 60)
    found = difference(old, drawn([a, b - c, c]))
    assert moved_m2(found) == {("A", "B"): pytest.approx(100.9, rel=1e-3), ("B", "C"): pytest.approx(0.8, rel=1e-3)}
    first, second = found.moves
    assert (first.pieces, first.slivers, first.slivers_m2) == (2, 1, pytest.approx(0.9, rel=1e-3))
    assert areas_m2([first.geom])[0] + first.slivers_m2 == pytest.approx(first.m2, rel=1e-9)
    assert (second.pieces, second.slivers) == (2, 2)
    assert second.geom.is_empty
    finer = difference(old, drawn([a, b - c, c]), tolerances=Tolerances(piece_m2=0.4))
    assert [move.slivers for move in finer.moves] == [0, 1]


def test_where_areas_overlap_ground_is_that_of_the_lowest_code() -> None:
    """As points are placed: B's claim on A's ground means nothing until A gives it up."""
    old = drawn([box(0, 0, 100, 100), box(80, 0, 200, 100)])
    without = drawn([box(0, 0, 100, 100), box(100, 0, 200, 100)])
    assert difference(old, without).moves == ()
    gave_up = drawn([box(0, 0, 80, 100), box(80, 0, 200, 100)])
    assert moved_m2(difference(old, gave_up)) == {("A", "B"): pytest.approx(2000, rel=1e-4)}


def test_vertices_come_back_as_they_were() -> None:
    old, new = drawn(row(2)), drawn([box(0, 0, 90, 100), box(90, 0, 200, 100)])
    (move,) = difference(old, new).moves
    known = set(map(tuple, shapely.get_coordinates([*old.geoms, *new.geoms]).tolist()))
    assert set(map(tuple, shapely.get_coordinates(move.geom).tolist())) <= known


@pytest.mark.parametrize(
    ("old", "words"),
    [
        (drawn(row(), ["A", None, "C"]), "old version have no code: features 2"),
        (drawn(row(), ["A", "B", "A"]), "old version repeat a code: features 3"),
        (drawn([shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)]), *row()[1:]]), "old version are invalid: features 1"),
    ],
)
def test_what_means_nothing_is_refused_by_feature(old: Areas, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        difference(old, drawn(row()))
    with pytest.raises(ValueError, match=words.replace("old", "new")):
        difference(drawn(row()), old)


def test_many_wrong_features_are_counted() -> None:
    with pytest.raises(ValueError, match=r"19, 20 and 5 more\.$"):
        difference(drawn(row(25), [None] * 25, ["x"] * 25), drawn(row()))


def test_too_many_areas_upon_each_other_are_refused() -> None:
    heap = [shapely.Point(k, k).buffer(5000, quad_segs=32) for k in range(1_500)]
    areas = drawn(heap, [str(k) for k in range(1_500)])
    with pytest.raises(ValueError, match="lie upon each other"):
        difference(areas, areas)


def test_the_smallest_of_too_many_moves_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = drawn(row(5)), drawn([box(100 * k, 0, 100 * (k + 1) + 10 - k, 100) for k in range(5)])
    everything = difference(old, new)
    monkeypatch.setattr(module, "MOVES_MAX", 2)
    some = difference(old, new)
    assert [(move.from_code, move.to_code) for move in some.moves] == [("B", "A"), ("C", "B")]
    assert some.further == len(everything.moves) - 2
    assert some.moved_m2 == pytest.approx(everything.moved_m2)
    assert some.changed == everything.changed


def test_nothing_is_a_version_too() -> None:
    found = difference(drawn([]), drawn(row()))
    assert [row.code for row in found.added] == ["A", "B", "C"]
    assert {move.from_code for move in found.moves} == {None}
    assert not difference(drawn([]), drawn([]))


def test_the_work_is_told_and_can_be_stopped() -> None:
    class Stopped(Exception):
        pass

    def stop(step: str, done: int, total: int) -> None:
        assert step == "moves"
        raise Stopped

    with pytest.raises(Stopped):
        difference(drawn(row()), drawn([box(0, 0, 90, 100)]), progress=stop)


def holds(old: Areas, new: Areas) -> None:
    """The laws of a difference."""
    found, back = difference(old, new), difference(new, old)
    out: dict[str | None, float] = {}
    into: dict[str | None, float] = {}
    for move in found.moves:
        out[move.from_code] = out.get(move.from_code, 0) + move.m2
        into[move.to_code] = into.get(move.to_code, 0) + move.m2
        assert move.from_code != move.to_code
        assert areas_m2([move.geom])[0] + move.slivers_m2 == pytest.approx(move.m2, rel=1e-6, abs=1e-4)
    for row_ in found.changed:
        assert row_.new_m2 == pytest.approx(row_.old_m2 + row_.gained_m2 - row_.lost_m2, rel=1e-9, abs=1e-3)
        assert out.get(row_.code, 0) == pytest.approx(row_.lost_m2, rel=1e-9, abs=1e-6)
        assert into.get(row_.code, 0) == pytest.approx(row_.gained_m2, rel=1e-9, abs=1e-6)
    mirrored = {(to, from_): m2 for (from_, to), m2 in moved_m2(back).items()}
    assert moved_m2(found) == pytest.approx(mirrored, rel=1e-9, abs=1e-4)
    assert [row_.code for row_ in found.added] == [row_.code for row_ in back.removed]
    assert [row_.code for row_ in found.removed] == [row_.code for row_ in back.added]
    assert {(row_.old_code, row_.new_code) for row_ in found.recoded} == {
        (row_.new_code, row_.old_code) for row_ in back.recoded
    }
    assert not difference(old, old)


SIDE = 5


def parted(owners: list[int]) -> Areas:
    """A coverage of the cells of a square, each the area of the code that it is given; 0 is nobody's."""
    cells = np.array(
        [box(10 * (k % SIDE), 10 * (k // SIDE), 10 * (k % SIDE + 1), 10 * (k // SIDE + 1)) for k in range(SIDE**2)]
    )
    codes = sorted({owner for owner in owners if owner})
    shapes = [shapely.union_all(cells[np.array(owners) == code]) for code in codes]
    return drawn(shapes, [str(code) for code in codes])


cells = st.lists(st.integers(0, 4), min_size=SIDE**2, max_size=SIDE**2)


@settings(max_examples=60, deadline=None)
@given(cells, cells)
def test_the_laws_hold_for_coverages(before: list[int], now: list[int]) -> None:
    old, new = parted(before), parted(now)
    holds(old, new)
    # Each cell goes from its old owner to its new one, and nothing else does.
    expected: dict[tuple[str | None, str | None], int] = {}
    for owner, heir in zip(before, now, strict=True):
        if owner != heir:
            pair = (str(owner) if owner else None, str(heir) if heir else None)
            expected[pair] = expected.get(pair, 0) + 100
    assert moved_m2(difference(old, new)) == pytest.approx(expected, rel=1e-3)


boxes = st.lists(
    st.builds(
        lambda x, y, w, h: box(x, y, x + w, y + h),
        st.floats(0, 90),
        st.floats(0, 90),
        st.floats(1, 60),
        st.floats(1, 60),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(boxes, boxes)
def test_the_laws_hold_for_areas_that_overlap_anyhow(before: list[shapely.Polygon], now: list[shapely.Polygon]) -> None:
    holds(drawn(before), drawn(now))


@needs_data
@pytest.mark.parametrize(("old", "new"), [(1990, 2002), (2002, 2012)])
def test_the_laws_hold_for_washington_s_wards(old: int, new: int) -> None:
    holds(*(read_areas(DC / f"dc_wards_{year}.geojson") for year in (old, new)))


@needs_data
def test_what_washington_s_wards_gained_and_lost() -> None:
    found = difference(*(read_areas(DC / f"dc_wards_{year}.geojson") for year in (2002, 2012)))
    hectares = {pair: m2 / 1e4 for pair, m2 in moved_m2(found).items()}
    assert hectares["2", "6"] == pytest.approx(202.8, abs=0.1)
    assert hectares["1", "3"] == pytest.approx(63.8, abs=0.1)
    assert found.moved_m2 / 1e4 == pytest.approx(476.0, abs=0.1)
    assert len(found.reshaped) == len(found.renamed) == 8


@needs_data
def test_a_messy_county_does_not_differ_from_itself() -> None:
    county = read_areas(ALLEGHENY, name_field="LABEL")
    assert not difference(county, county)
