"""Codes, names, owners and the outlines of single areas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from geo.check import check
from geo.findings import KINDS, SEVERITIES, Tolerances
from tests.geo.drawn import PLANE, box, drawn, kinds, only, row


def test_a_sound_layer_has_no_findings() -> None:
    report = check(drawn(row()), expected={"A": "Atown", "B": "Btown", "C": "Ctown"})
    assert report.findings == ()
    assert report.counts == {"error": 0, "warning": 0, "notice": 0}
    assert report.measures["areas"] == 3
    assert report.measures["area_m2"] == pytest.approx(30_000, rel=1e-4)


def test_every_kind_has_a_severity_and_a_meaning() -> None:
    assert {severity for severity, _ in KINDS.values()} == set(SEVERITIES)
    assert all(meaning for _, meaning in KINDS.values())


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_a_missing_code_is_an_error(empty: str | None) -> None:
    found = only(check(drawn(row(), ["A", empty, "C"], ["Atown", "Btown", "Ctown"])), "code_missing")
    assert (found.severity, found.features) == ("error", (2,))
    assert (
        found.sentence == "The area Btown (feature 2) has no code."
        if empty is None
        else "has no code" in found.sentence
    )


def test_a_missing_name_is_an_error() -> None:
    found = only(check(drawn(row(), names=["Atown", None, "Ctown"])), "name_missing")
    assert (found.severity, found.features, found.codes) == ("error", (2,), ("B",))
    assert found.sentence == "The area B has no name."


def test_a_repeated_code_is_an_error_that_names_all() -> None:
    found = only(check(drawn(row(4), ["A", "B", "A", "A"], ["w", "x", "y", "z"])), "code_repeated")
    assert (found.severity, found.features, found.codes) == ("error", (1, 3, 4), ("A",))
    assert found.sentence == "3 areas have the code A: features 1, 3 and 4."


def test_a_repeated_name_is_a_notice_but_nothing_in_an_overlay() -> None:
    areas = drawn(row(), names=["Springfield", "Btown", "Springfield"])
    found = only(check(areas), "name_repeated")
    assert (found.severity, found.features, found.codes) == ("notice", (1, 3), ("A", "C"))
    assert found.sentence.endswith("Their codes are A and C.")
    assert "name_repeated" not in kinds(check(areas, overlay=True))


def test_codes_are_held_against_the_jurisdictions() -> None:
    report = check(drawn(row(), ["042", "7", "X"]), expected={"42": "Adams", "7": "Berks", "9": "Chester"})
    unknown = report.of("unknown_code")
    assert [found.features for found in unknown] == [(1,), (3,)]
    # A zero too many or too few is what spreadsheets do to codes.
    assert unknown[0].sentence.endswith("42 (Adams) is, and is missing here.")
    assert "missing here" not in unknown[1].sentence
    assert [found.codes for found in report.of("uncovered_jurisdiction")] == [("42",), ("9",)]
    assert "Chester" in report.of("uncovered_jurisdiction")[1].sentence


def test_an_overlay_s_owners_are_held_against_the_jurisdictions() -> None:
    areas = drawn(row(4), ["p1", "p2", "p3", "p4"], owners=["A", "Q", None, "A"])
    report = check(areas, expected={"A": "Atown", "B": "Btown"}, overlay=True)
    assert kinds(report) == {"unknown_code", "owner_missing"}
    assert only(report, "unknown_code").features == (2,)
    assert "owner Q" in only(report, "unknown_code").sentence
    assert only(report, "owner_missing").features == (3,)


def test_an_overlay_may_lie_upon_itself_and_leave_gaps() -> None:
    frame = box(0, 0, 100, 100) - box(40, 40, 60, 60)
    areas = drawn([frame, box(50, 0, 150, 100), box(50, 0, 150, 100)])
    assert kinds(check(areas)) > {"overlap", "duplicate_shape"}
    assert check(areas, overlay=True).findings == ()


@pytest.mark.parametrize(
    ("rings", "reason"),
    [
        ([[(0, 0), (100, 100), (100, 0), (0, 100), (0, 0)]], "its outline crosses itself"),
        ([[(0, 0), (100, 0), (100, 100), (0, 0)], [(500, 0), (510, 0), (510, 10), (500, 0)]], "outside its outline"),
        ([[(0, 0), (50, 0), (50, 50), (50, 0), (100, 0), (100, 100), (0, 0)]], "crosses itself"),
    ],
)
def test_an_invalid_polygon_is_an_error_with_its_place(rings: list[list[tuple[float, float]]], reason: str) -> None:
    wrong = shapely.Polygon(rings[0], rings[1:])
    report = check(drawn([wrong, *row()[1:]]))
    found = only(report, "geometry_invalid")
    assert (found.severity, found.features, found.codes) == ("error", (1,), ("A",))
    assert reason in found.sentence
    assert found.place is not None
    assert shapely.distance(PLANE.flat([found.place])[0], wrong) < 0.01
    # It is set aside: neither a gap nor an overlap is seen where it lies.
    assert kinds(report) == {"geometry_invalid"}
    assert report.measures["invalid"] == 1


def test_an_empty_geometry_and_none_are_invalid() -> None:
    areas = drawn(row())
    geoms = areas.geoms.copy()
    geoms[0], geoms[2] = shapely.MultiPolygon(), None
    report = check(replace(areas, geoms=geoms), before=areas)
    assert [found.features for found in report.of("geometry_invalid")] == [(1,), (3,)]
    assert all("it is empty" in found.sentence for found in report.of("geometry_invalid"))


def test_no_areas_at_all() -> None:
    nothing = drawn([])
    assert check(nothing).findings == ()
    assert kinds(check(nothing, before=drawn(row()), expected={"A": "Atown"})) == {
        "vanished",
        "uncovered_jurisdiction",
        "ground_lost",
    }
    assert kinds(check(drawn(row()), before=nothing)) == {"appeared", "ground_gained"}


def test_a_part_far_from_the_layer_is_a_warning_with_its_distance() -> None:
    stray = shapely.MultiPolygon([box(0, 0, 100, 100), box(40_100, 0, 40_110, 10)])
    areas = drawn([stray, *row()[1:]])
    found = only(check(areas), "far_part")
    assert (found.severity, found.features, found.codes) == ("warning", (1,), ("A",))
    assert found.sentence == "1 part of Atown (A) lies 39.8 km from the rest of the layer."
    assert found.measures["distance_m"] == pytest.approx(39_800, rel=1e-4)
    assert "far_part" not in kinds(check(areas, tolerances=Tolerances(far_m=45_000)))


def test_an_area_far_from_the_layer_is_named_as_a_whole() -> None:
    found = only(check(drawn([*row(), box(0, 60_000, 10, 60_010), box(10, 60_000, 20, 60_010)])), "far_part")
    assert found.features == (4, 5)
    assert found.sentence == "Dtown (D) and Etown (E) lie 59.9 km from the rest of the layer."


def test_a_part_far_from_its_area_but_among_others_is_a_warning() -> None:
    chain = [box(k * 10_000, 0, (k + 1) * 10_000, 10_000) for k in range(6)]
    chain[0] = shapely.MultiPolygon([chain[0], box(59_000, 0, 60_000, 1_000)])
    chain[5] -= box(59_000, 0, 60_000, 1_000)
    found = only(check(drawn(chain)), "far_part")
    assert found.features == (1,)
    assert found.measures["distance_m"] == pytest.approx(49_000, rel=1e-3)
    assert "of that area" in found.sentence
    assert check(drawn(chain), tolerances=Tolerances(far_m=60_000)).findings == ()


def test_a_tiny_part_is_a_notice() -> None:
    crumbs = [box(0, 200, 0.9, 201), box(5, 200, 5.9, 201)]
    areas = drawn([shapely.MultiPolygon([box(0, 0, 100, 100), *crumbs]), *row()[1:]])
    found = only(check(areas), "tiny_part")
    assert (found.severity, found.features) == ("notice", (1,))
    assert found.sentence == "2 parts of Atown (A) have only 1.8 m² together."
    assert check(areas, tolerances=Tolerances(tiny_m2=0.89)).findings == ()
    whole = drawn([*row(), box(0, 200, 0.5, 201)])
    assert only(check(whole), "tiny_part").sentence == "Dtown (D) as a whole has 0.50 m²."


def test_the_same_areas_give_the_same_report() -> None:
    generator = np.random.default_rng(5)
    messy = [box(x, y, x + 60, y + 60) for x, y in generator.integers(0, 300, (40, 2))]
    codes = [str(k % 30) for k in range(40)]
    one, other = check(drawn(messy, codes)), check(drawn(messy, codes))
    assert one == other
    assert list(one.findings) == sorted(one.findings, key=lambda found: found.rank)
    severities = [SEVERITIES.index(found.severity) for found in one.findings]
    assert severities == sorted(severities)
