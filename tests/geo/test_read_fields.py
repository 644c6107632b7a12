"""Fields are guessed when only one can be meant, and said; what a person names or gives is taken."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from geo import refusals as r
from geo.encoding import codec_of
from geo.legible import suggestions, unusual
from geo.read import read_areas
from tests.geo.made import feature, geojson, square_at, squares, zipped_shapefile


def town(at: int, **properties: object) -> dict[str, object]:
    return feature(square_at(at)) | {"properties": properties}


def towns(folder: Path, *rows: dict[str, object]) -> Path:
    return geojson(folder / "towns.json", [town(at, **row) for at, row in enumerate(rows)])


def test_a_named_code_is_taken_whatever_it_holds(tmp_path: Path) -> None:
    path = towns(tmp_path, {"code": "A", "name": "a"}, {"code": "A", "name": None}, {"code": " ", "name": "c"})
    areas = read_areas(path, code_field="code", name_field="name")
    assert (areas.codes, areas.names) == (("A", "A", None), ("a", None, "c"))
    assert areas.notes == ()


def test_of_several_fields_like_a_code_the_one_that_tells_areas_apart(tmp_path: Path) -> None:
    path = towns(
        tmp_path, {"state_code": "42", "geoid": "1", "name": "a"}, {"state_code": "42", "geoid": "2", "name": "b"}
    )
    assert read_areas(path).source.code_field == "geoid"


def test_the_only_field_like_a_code_is_it_even_with_faults(tmp_path: Path) -> None:
    """So that the check can tell which features they are."""
    path = towns(tmp_path, {"code": "A", "name": "a"}, {"code": "A", "name": "b"}, {"code": None, "name": "c"})
    areas = read_areas(path)
    assert (areas.codes, areas.source.code_field) == (("A", "A", None), "code")
    assert "The codes were taken from code." in areas.notes


def test_two_fields_that_could_be_it_are_asked_for(tmp_path: Path) -> None:
    path = towns(tmp_path, {"code": "A", "geoid": "1", "name": "a"}, {"code": "B", "geoid": "2", "name": "b"})
    with pytest.raises(r.FieldUnclear, match="code, geoid"):
        read_areas(path)


@pytest.mark.parametrize(
    "field", ["valid_from", "VALIDFROM", "effective", "eff_date", "EFFDATE", "start_date", "date_effective"]
)
def test_the_day_from_which_areas_hold_is_found_and_said(field: str, tmp_path: Path) -> None:
    path = towns(tmp_path, {"code": "A", "name": "a", field: "2012-05-01"}, {"code": "B", "name": "b", field: None})
    areas = read_areas(path)
    assert areas.valid_from == (date(2012, 5, 1), None)
    assert areas.source.valid_from_field == field
    assert f"The days from which areas hold were taken from {field}." in areas.notes


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2012-05-01", date(2012, 5, 1)),
        ("20120501", date(2012, 5, 1)),
        ("2012/05/01", date(2012, 5, 1)),
        ("2012-05-01T23:30:00-04:00", date(2012, 5, 1)),
        ("2012-05-01 00:00:00", date(2012, 5, 1)),
        (20120501, date(2012, 5, 1)),
        ("", None),
    ],
)
def test_days_are_read_as_they_are_written(text: object, day: date | None, tmp_path: Path) -> None:
    path = towns(tmp_path, {"code": "A", "name": "a", "since": text}, {"code": "B", "name": "b", "since": None})
    assert read_areas(path, valid_from_field="since").valid_from == (day, None)


@pytest.mark.parametrize("driver", ["GPKG", "ESRI Shapefile", "FlatGeobuf"])
def test_days_of_a_database_are_days(driver: str, tmp_path: Path) -> None:
    days = np.array(["2012-05-01", "NaT", "1999-12-31"], dtype="datetime64[D]")
    codes, names = (np.array(list(texts), dtype=object) for texts in ("ABC", "abc"))
    path = tmp_path / ("t.gpkg" if driver == "GPKG" else "t.fgb" if driver == "FlatGeobuf" else "t.shp")
    wkbs = shapely.to_wkb(np.array(squares(), dtype=object))
    pyogrio.raw.write(
        path,
        wkbs,
        [codes, names, days],
        ["code", "name", "valid_from"],
        geometry_type="Polygon",
        crs="EPSG:4326",
        driver=driver,
    )
    areas = read_areas(path)
    expected = {"A": date(2012, 5, 1), "B": None, "C": date(1999, 12, 31)}
    assert dict(zip(areas.codes, areas.valid_from, strict=True)) == expected


def test_a_named_day_that_is_none_is_refused_and_a_guessed_one_left_out(tmp_path: Path) -> None:
    path = towns(
        tmp_path, {"code": "A", "name": "a", "effective": "2012-05-01"}, {"code": "B", "name": "b", "effective": "soon"}
    )
    areas = read_areas(path)
    assert (areas.valid_from, areas.source.valid_from_field) == ((), None)
    assert any("effective was not taken" in note and "soon" in note for note in areas.notes)
    with pytest.raises(r.DateUnreadable) as caught:
        read_areas(path, valid_from_field="effective")
    assert (caught.value.feature, caught.value.field) == (2, "effective")


def test_of_two_fields_of_days_none_is_taken(tmp_path: Path) -> None:
    path = towns(tmp_path, {"code": "A", "name": "a", "effective": "2012-05-01", "start_date": "2012-06-01"})
    areas = read_areas(path)
    assert areas.valid_from == ()
    assert any("effective, start_date" in note for note in areas.notes)


def test_owners_are_read_only_if_they_are_asked_for(tmp_path: Path) -> None:
    path = towns(tmp_path, {"code": "A", "name": "a", "owner": "county"}, {"code": "B", "name": "b", "owner": None})
    assert read_areas(path).owners == ()
    areas = read_areas(path, owner_field="owner")
    assert (areas.owners, areas.source.owner_field) == (("county", None), "owner")
    assert areas.source.fields == ("code", "name", "owner")
    with pytest.raises(r.FieldNotFound) as caught:
        read_areas(path, owner_field="whose")
    assert caught.value.field == "whose"


@pytest.mark.parametrize(("cpg", "given"), [("UTF-8", "cp1252"), ("KLINGON", "cp1252"), (None, "latin-1")])
def test_a_given_encoding_stands_above_the_file_s(cpg: str | None, given: str, tmp_path: Path) -> None:
    changes = {"leave_out": ("cpg",)} if cpg is None else {"replace": {"cpg": cpg.encode()}}
    path = zipped_shapefile(tmp_path, encoding="ISO-8859-1", names=("Añasco", "Besòs", "C"), **changes)
    with pytest.raises((r.EncodingWrong, r.EncodingUnknown)):
        read_areas(path)
    areas = read_areas(path, encoding=given)
    assert areas.names == ("Añasco", "Besòs", "C")
    assert areas.source.encoding == codec_of(given)
    said = [note for note in areas.notes if "you said" in note]
    assert said == (
        []
        if cpg is None
        else [f"The file says that its texts are {cpg if cpg == 'KLINGON' else 'utf-8'}; you said cp1252."]
    )


def test_a_suggested_encoding_is_one_that_may_be_given(tmp_path: Path) -> None:
    path = zipped_shapefile(tmp_path, encoding="CP850", names=("Añasco", "Besòs", "C"), leave_out=("cpg",))
    with pytest.raises(r.EncodingUnknown) as caught:
        read_areas(path)
    best = caught.value.facts["suggestions"][0]  # type: ignore[index]
    assert best["sample"] == "Añasco"
    assert read_areas(path, encoding=best["encoding"]).names == ("Añasco", "Besòs", "C")


def test_texts_that_can_only_be_utf8_are_not_taken_for_anything_else(tmp_path: Path) -> None:
    with pytest.raises(r.EncodingWrong) as caught:
        read_areas(zipped_shapefile(tmp_path), encoding="cp1252")
    assert caught.value.facts["suggestions"][0] == {"encoding": "utf-8", "sample": "Añasco"}  # type: ignore[index]


def test_json_that_is_not_utf8_is_read_as_a_person_says(tmp_path: Path) -> None:
    path = geojson(tmp_path / "t.json", [feature(square_at(), name="A?asco")])
    path.write_bytes(path.read_bytes().replace(b"?", "ñ".encode("cp1252")))
    areas = read_areas(path, encoding="cp1252")
    assert (areas.names, areas.source.encoding) == (("Añasco",), "cp1252")
    assert "The file says that its texts are utf-8; you said cp1252." in areas.notes


@pytest.mark.parametrize(
    "name", ["hex", "rot13", "idna", "punycode", "unicode_escape", "utf-7", "utf-16", "undefined", ""]
)
def test_codecs_that_are_none_of_files_are_not_known(name: str) -> None:
    with pytest.raises(r.EncodingUnknown):
        codec_of(name)


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "cp437", "utf-8"])
@pytest.mark.parametrize("name", ["Añasco", "Mayagüez", "Cañon City", "Saint-Étienne", "Düsseldorf", "Peñuelas"])
def test_the_encoding_that_a_name_was_written_in_comes_first(encoding: str, name: str) -> None:
    assert suggestions([name.encode(encoding)])[0]["sample"] == name


@pytest.mark.parametrize(
    "name", ["Coeur d’Alene", "Añasco (1ª)", "№ 7", "O'Fallon", "A–B", "Łódź", "Москва", "Ring “A”"]
)
def test_what_stands_in_names_is_not_unusual(name: str) -> None:
    assert not unusual(name)


@pytest.mark.parametrize("name", ["A¤asco", "A±asco", "Bes‗s", "K”ln", "Gro▀stadt", "A\tB", "A\x81B", "ƒVREUX"])
def test_what_stands_in_no_name_is(name: str) -> None:
    assert unusual(name)
