"""A corpus of damaged files: each ends in the refusal that names what is wrong, or is read and then judged.

None crashes, hangs, raises anything else, or leaves a file behind.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import shapely

from geo import refusals as r
from geo.apart import read_apart
from geo.areas import AreaSet
from geo.check import check
from geo.read import read_areas
from tests.geo.damaged import archives, databases, documents, shapefiles
from tests.geo.damaged.case import Case

CASES = [*archives.CASES, *shapefiles.CASES, *documents.CASES, *databases.CASES]
APART = {"bomb of bytes", "FlatGeobuf with an endless header", "self-crossing", "ring not closed", "axes exchanged"}


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where whatever is read puts its temporary files; the damaged ones are made elsewhere."""
    folder = tmp_path / "workshop"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def made(case: Case, tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    return case.make(folder)


def hold(case: Case, refusal: r.FileRefused) -> None:
    """Hold a refusal to what the case says of it."""
    assert refusal.code == case.code, refusal
    assert {name: getattr(refusal, name) for name in case.facts} == case.facts, refusal
    assert refusal.sentence.startswith(refusal.title)
    assert "/tmp" not in refusal.sentence
    assert len(refusal.sentence) < 1_500
    if case.first is not None:
        suggested = refusal.facts["suggestions"]
        assert isinstance(suggested, list)
        assert 1 <= len(suggested) <= 5
        assert case.first.items() <= suggested[0].items(), suggested


def judge(case: Case, areas: AreaSet) -> None:
    """Hold what was read to what is promised of all that is read, and to what the case says of it."""
    assert case.code == "read_ok"
    assert len(areas) == len(areas.names) == len(areas.geoms) > 0
    assert set(shapely.get_type_id(areas.geoms)) == {shapely.GeometryType.MULTIPOLYGON}
    assert not shapely.has_z(areas.geoms).any()
    assert not shapely.is_empty(areas.geoms).any()
    if case.note is not None:
        assert any(case.note in note for note in areas.notes), areas.notes
    if case.finding is not None:
        assert case.finding in {finding.kind for finding in check(areas).findings}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_damaged_file_ends_in_a_clear_word(case: Case, tmp_path: Path, workshop: Path) -> None:
    path = made(case, tmp_path)
    before = sorted(file.name for file in path.parent.iterdir())
    try:
        areas = read_areas(path, **case.asked)
    except r.FileRefused as refusal:
        hold(case, refusal)
    else:
        judge(case, areas)
    assert list(workshop.iterdir()) == []
    assert sorted(file.name for file in path.parent.iterdir()) == before


@pytest.mark.parametrize("case", [case for case in CASES if case.name in APART], ids=lambda case: case.name)
def test_apart_it_ends_in_the_same_word(case: Case, tmp_path: Path, workshop: Path) -> None:
    path = made(case, tmp_path)
    try:
        areas = read_apart(path, **case.asked)
    except r.FileRefused as refusal:
        hold(case, refusal)
    else:
        judge(case, areas)
    assert list(workshop.iterdir()) == []


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(CASES) >= 45
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.name for case in CASES} >= APART
