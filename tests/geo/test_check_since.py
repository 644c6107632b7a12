"""What a check says against the version before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from geo.areas import Areas
from geo.check import check
from geo.findings import Tolerances
from tests.geo.drawn import PLANE, box, drawn, kinds, only, row


def moved(areas: Areas, east_m: float, north_m: float) -> Areas:
    flat = shapely.transform(PLANE.flat(areas.geoms), lambda xy: xy + np.array([east_m, north_m]))
    return replace(areas, geoms=PLANE.lonlat(flat))


def test_nothing_changed() -> None:
    report = check(drawn(row()), before=drawn(row()))
    assert report.findings == ()
    assert report.measures["ground_lost_m2"] == report.measures["ground_gained_m2"] == 0


def test_a_vanished_and_an_appeared_code_are_warnings() -> None:
    old = drawn(row(3))
    new = drawn([*row(1), box(100, 0, 150, 100), box(150, 0, 300, 100)], ["A", "X", "C"])
    report = check(new, before=old)
    gone, come = only(report, "vanished"), only(report, "appeared")
    assert (gone.severity, gone.features, gone.codes) == ("warning", (), ("B",))
    assert gone.sentence == "Btown (B) was in the version before and is not in this one."
    assert gone.place is not None
    assert (come.severity, come.features, come.codes) == ("warning", (2,), ("X",))
    assert kinds(report) == {"vanished", "appeared", "shape_changed"}


def test_a_code_that_changed_on_the_same_shape_is_neither_vanished_nor_appeared() -> None:
    report = check(drawn(row(), ["A", "X", "C"], ["Atown", "Btown", "Ctown"]), before=drawn(row()))
    found = only(report, "code_changed")
    assert (found.severity, found.features, found.codes) == ("warning", (2,), ("B", "X"))
    assert found.sentence == "Btown (B) has the code X now; its shape is the same."
    assert kinds(report) == {"code_changed"}


def test_two_codes_that_changed_places_are_seen() -> None:
    report = check(drawn(row(), ["B", "A", "C"], ["Atown", "Btown", "Ctown"]), before=drawn(row()))
    assert [found.codes for found in report.of("code_changed")] == [("A", "B"), ("B", "A")]


@pytest.mark.parametrize(("top", "changed"), [(99.6, True), (99.4, False)])
def test_the_same_shape_is_one_within_the_tolerance(top: float, changed: bool) -> None:
    """Half a percent by default."""
    report = check(drawn([box(0, 0, 100, top)], ["X"]), before=drawn([box(0, 0, 100, 100)], ["A"]))
    assert ("code_changed" in kinds(report)) == changed
    assert ("vanished" in kinds(report)) != changed


@pytest.mark.parametrize(
    ("border", "kind"), [(98.9, "shape_changed"), (99.5, "shape_adjusted"), (99.995, None), (100, None)]
)
def test_a_shape_that_changed_is_a_warning_or_a_notice(border: float, kind: str | None) -> None:
    """Both sides of a border moved: what one lost, the other gained. One percent there is two together."""
    old = drawn([box(0, 0, 100, 100), box(100, 0, 200, 100)])
    new = drawn([box(0, 0, border, 100), box(border, 0, 200, 100)])
    report = check(new, before=old, tolerances=Tolerances(reshaped_share=0.01))
    assert kinds(report) == (set() if kind is None else {kind})
    if kind == "shape_changed":
        lost, gained = report.of(kind)
        assert (lost.severity, lost.features) == ("warning", (1,))
        assert lost.measures["lost_m2"] == pytest.approx(110, rel=1e-3)
        assert lost.sentence.startswith("Atown (A) lost 110 m² since the version before, 1.1 % of the ")
        assert gained.sentence.startswith("Btown (B) gained 110 m²")
        assert lost.place is not None
        assert PLANE.areas_m2(PLANE.flat([lost.place]))[0] == pytest.approx(110, rel=1e-3)


def test_a_new_name_is_a_notice() -> None:
    found = only(check(drawn(row(), names=["Atown", "Bville", "Ctown"]), before=drawn(row())), "renamed")
    assert (found.severity, found.features) == ("notice", (2,))
    assert found.sentence == "B was called Btown and is called Bville now."


def test_a_layer_that_moved_as_a_whole_is_a_warning_with_the_offset() -> None:
    report = check(moved(drawn(row(5)), 3.0, -4.0), before=drawn(row(5)))
    found = only(report, "layer_shifted")
    assert found.severity == "warning"
    assert (found.measures["east_m"], found.measures["north_m"]) == (
        pytest.approx(3, abs=0.01),
        pytest.approx(-4, abs=0.01),
    )
    assert "3.00 m east and 4.00 m south" in found.sentence
    assert "5 of 5 areas" in found.sentence


@pytest.mark.parametrize(("east_m", "seen"), [(0.49, False), (0.51, True)])
def test_a_shift_under_the_tolerance_is_none(east_m: float, seen: bool) -> None:
    assert ("layer_shifted" in kinds(check(moved(drawn(row()), east_m, 0), before=drawn(row())))) == seen


def test_a_shift_is_seen_although_one_area_was_redrawn() -> None:
    old = drawn(row(6))
    new = moved(drawn([*row(5), box(500, 0, 600, 300)]), 20, 0)
    assert only(check(new, before=old), "layer_shifted").measures["east_m"] == pytest.approx(20, abs=0.1)


def test_borders_that_moved_one_way_are_no_shift() -> None:
    """Every centre moved the same, but the outer line did not."""
    old = drawn([box(0, 0, 100, 100), box(100, 0, 200, 100)])
    new = drawn([box(0, 0, 110, 100), box(110, 0, 200, 100)])
    report = check(new, before=old)
    assert kinds(report) == {"shape_changed"}


def test_ground_that_nobody_has_any_more_is_a_warning() -> None:
    report = check(drawn([*row(2), box(200, 0, 300, 99)]), before=drawn(row(3)))
    found = only(report, "ground_lost")
    assert (found.severity, found.features, found.codes) == ("warning", (), ("C",))
    assert found.measures["area_m2"] == pytest.approx(100, rel=1e-3)
    assert found.sentence == "100 m² that belonged to Ctown (C) in the version before are in no area now."
    assert report.measures["ground_lost_m2"] == pytest.approx(100, rel=1e-3)
    gained = only(check(drawn(row(3)), before=drawn([*row(2), box(200, 0, 300, 99)])), "ground_gained")
    assert (gained.severity, gained.features) == ("notice", (3,))


def test_lost_slivers_are_measured_but_no_finding() -> None:
    report = check(drawn([*row(2), box(200, 0, 300, 99.991)]), before=drawn(row(3)))
    assert kinds(report) == {"border_unmatched"}
    assert report.measures["ground_lost_m2"] == pytest.approx(0.9, rel=1e-2)


def test_ground_of_an_invalid_area_is_not_called_lost() -> None:
    bow = shapely.Polygon([(200, 0), (300, 0), (300, 100), (200, 100), (200, 50), (250, 120), (200, 120)])
    assert not bow.is_valid
    report = check(drawn([*row(2), bow]), before=drawn(row(3)))
    assert "ground_lost" not in kinds(report)
    assert "vanished" not in kinds(report)
    assert kinds(report) == {"geometry_invalid"}


def test_an_overlay_is_compared_by_its_areas_not_by_its_ground() -> None:
    old, new = drawn(row(3)), drawn([*row(2), box(200, 0, 300, 50)])
    assert kinds(check(new, before=old, overlay=True)) == {"shape_changed"}


def test_repeated_and_missing_codes_are_not_compared() -> None:
    new = drawn(row(4), ["A", "A", None, "D"], ["Atown", "Btown", "Ctown", "Dtown"])
    report = check(new, before=drawn(row(4)))
    assert kinds(report) == {"code_repeated", "code_missing", "code_changed", "vanished"}
    assert only(report, "code_changed").codes == ("B", "A")
    assert only(report, "vanished").codes == ("C",)
