"""The package of boundaries: what is in it, who gets it, and that a tablet knows by it whose ground it is on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyogrio
import pytest
import shapely

from fieldsync.boundaries.packages import outlines
from fieldsync.boundaries.packages.compose import composition, versions_in
from fieldsync.database import db
from fieldsync.tablet import NotEnrolled, Reply, ServerRefused, Tablet, Unreachable
from fieldsync.tablet.ground import Ground
from fieldsync.tablet.store import _STEPS
from geo.assign import in_force
from geo.responsible import responsible
from tests.api.boundaries_serving.layers import area_set, at, new_draft, new_layer, new_version
from tests.api.town import Caller, Town
from tests.geo.coverages import winding_cells

PATH = "/v1/boundaries/package"


class AppLine:
    """A tablet's line straight into the application."""

    def __init__(self, town: Town) -> None:
        self.client = town.app.test_client()
        self.sent: list[str] = []
        self.bodies: list[bytes] = []

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        self.sent.append(path)
        plain = {name: value for name, value in headers.items() if name != "Accept-Encoding"}
        answer = self.client.open(path, method=method, headers=plain, data=body)
        self.bodies.append(answer.data)
        return Reply(answer.status_code, answer.headers, answer.data)


def app_tablet(town: Town, folder: Path) -> tuple[Tablet, AppLine]:
    line = AppLine(town)
    tablet = Tablet(folder / f"{uuid4().hex}.sqlite3", "https://server.example", line=line)
    tablet.enrol(town.code()["code"])
    line.sent.clear()
    return tablet, line


def base_and_overlays(town: Town) -> None:
    """Twelve cells; a park for one service above them; roads above both, which belong to jurisdiction 003."""
    new_version(town, new_layer(town, tolerance_m=30), area_set(winding_cells()), at(2020))
    park = shapely.Point(-79.98, 40.015).buffer(0.006)
    road = shapely.LineString([(-80.01, 40.0), (-79.97, 40.03)]).buffer(0.0004)
    ring = shapely.Point(-79.975, 40.01).buffer(0.008).difference(shapely.Point(-79.975, 40.01).buffer(0.0075))
    new_version(
        town, new_layer(town, "Parks", "overlay", rank=2, service_types=["tree"]),
        area_set([park], ["P"], owners=("parks",)), at(2020),
    )  # fmt: skip
    new_version(
        town, new_layer(town, "Roads", "overlay", rank=1),
        area_set([road, ring], ["R1", "R2"], owners=("003", None)), at(2020),
    )  # fmt: skip


# --- what is in it ---------------------------------------------------------------------------------------------------


def test_a_package_holds_what_is_in_force_in_the_order_in_which_it_is_asked(town: Town) -> None:
    base_and_overlays(town)
    new_version(town, new_layer(town, "Districts", "reference"), area_set(winding_cells()), at(2020))
    found = town.tablet().get(PATH).json
    assert (found["format"], found["whole"], found["since"], found["until"]) == (1, True, None, None)
    assert found["error_m"] == 5.0
    assert [(layer["name"], layer["role"], layer["rank"]) for layer in found["layers"]] == [
        ("Roads", "overlay", 1), ("Parks", "overlay", 2), ("Towns", "jurisdiction", None),
    ]  # fmt: skip
    roads, parks, towns = found["layers"]
    assert parks["service_types"] == ["tree"]
    assert towns["tolerance_m"] == 30
    areas = roads["topology"]["objects"]["areas"]["geometries"]
    assert [(area["id"], area["properties"]) for area in areas] == [
        ("R1", {"name": "R1", "owner": "003"}), ("R2", {"name": "R2"}),
    ]  # fmt: skip
    assert [area["id"] for area in towns["topology"]["objects"]["areas"]["geometries"]] == [
        f"{k:03}" for k in range(12)
    ]


def test_gdal_reads_a_layers_topology(town: Town, tmp_path: Path) -> None:
    geoms = winding_cells()
    geoms[5] = geoms[5].difference(shapely.centroid(geoms[5]).buffer(0.001))
    new_version(town, new_layer(town), area_set(geoms), at(2020))
    (layer,) = town.tablet().get(PATH).json["layers"]
    path = tmp_path / "towns.topojson"
    path.write_text(json.dumps(layer["topology"]))
    meta, _, wkbs, columns = pyogrio.raw.read(path)
    read = shapely.from_wkb(wkbs)
    codes = columns[meta["fields"].tolist().index("id")].tolist()
    assert codes == [f"{k:03}" for k in range(12)]
    assert shapely.coverage_is_valid(read)
    assert shapely.area(shapely.symmetric_difference(read, geoms)).max() < 2e-6
    assert len(shapely.get_rings(read[5])) == 2


def test_before_anything_is_published_a_package_is_empty(town: Town) -> None:
    new_draft(town, new_layer(town), area_set(winding_cells()))
    found = town.tablet().get(PATH)
    assert (found.status_code, found.json["layers"]) == (200, [])


def test_a_package_tells_until_when_it_is_right_as_far_as_is_known(town: Town) -> None:
    layer_id = new_layer(town)
    new_version(town, layer_id, area_set(winding_cells()), at(2020))
    before = town.tablet().get(PATH).json
    assert before["until"] is None
    new_version(town, layer_id, area_set(winding_cells(seed=1)), at(2100))
    after = town.tablet().get(PATH).json
    assert after["until"] == "2100-01-01T00:00:00Z"
    assert after["package"] != before["package"]
    assert after["layers"] == before["layers"]


# --- asking again ----------------------------------------------------------------------------------------------------


def test_a_package_that_the_tablet_has_is_not_sent_again(town: Town) -> None:
    base_and_overlays(town)
    tablet = town.tablet()
    first = tablet.get(PATH)
    assert first.headers["ETag"] == f'"{first.json["package"]}"'
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = tablet.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert town.tablet().get(PATH).data == first.data
    told = tablet.get(f"{PATH}?have={first.json['package']}").json
    assert not told["whole"]
    assert all(layer["changes"]["arcs"] == {"gone": [], "new": []} for layer in told["layers"])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE layer SET rank = 7 WHERE partnership_id = :p AND rank = 1",
        "UPDATE layer SET service_types = '{tree,bench}' WHERE partnership_id = :p AND rank = 2",
        "UPDATE layer SET tolerance_m = 12 WHERE partnership_id = :p AND role = 'jurisdiction'",
        "UPDATE layer SET name = 'Counties' WHERE partnership_id = :p AND role = 'jurisdiction'",
    ],
)
def test_a_changed_setting_is_another_package(town: Town, sql: str) -> None:
    base_and_overlays(town)
    tablet = town.tablet()
    first = tablet.get(PATH).json["package"]
    town.run(sql)
    told = tablet.get(f"{PATH}?have={first}", headers={"If-None-Match": f'"{first}"'})
    assert told.status_code == 200
    assert not told.json["whole"]
    assert told.json["package"] != first
    assert len(told.data) < 2_000


def test_a_tablet_that_has_something_unknown_gets_all(town: Town) -> None:
    layer_id = new_layer(town)
    versions = [new_version(town, layer_id, area_set(winding_cells(seed=k)), at(2020 + k)) for k in range(3)]
    tablet = town.tablet()
    stranger = Town(town.app)
    new_version(stranger, new_layer(stranger), area_set(winding_cells()), at(2020))
    theirs = stranger.tablet().get(PATH).json["package"]
    ours = tablet.get(PATH).json["package"]
    assert versions_in(ours) == [versions[2]]
    # That of an older version, of which nobody ever needed the outline.
    with town.app.app_context():
        earlier = composition(town.partnership_id, at(2021)).id
    assert versions_in(earlier) == [versions[1]]
    other_version, other_kind = ours[:30] + "AAAA" + ours[34:], "B" + ours[1:]
    for have in (theirs, earlier, "A", "AAAA", ours[:-4], "-" * 2_000, other_version, other_kind):
        told = tablet.get(f"{PATH}?have={have}")
        assert (told.status_code, told.json["package"], told.json["whole"]) == (200, ours, True)
    assert tablet.get(f"{PATH}?have=a%20b").status_code == 422
    assert tablet.get(f"{PATH}?have={'A' * 5_000}").status_code == 422


def test_who_gets_a_package(town: Town) -> None:
    assert town.nobody().get(PATH).status_code == 401
    assert town.staff("admin", "gis").get(PATH).status_code == 403


def test_outlines_are_stored_once_and_those_of_old_versions_go(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "KEPT_PER_LAYER", 2)
    layer_id = new_layer(town)
    tablet = town.tablet()
    versions = []
    for k in range(4):
        versions.append(new_version(town, layer_id, area_set(winding_cells(seed=k)), at(2020 + k)))
        for _ in range(2):
            assert tablet.get(PATH).json["layers"][0]["version_id"] == str(versions[-1])
    stored = town.rows("SELECT version_id FROM version_outline WHERE partnership_id = :p ORDER BY version_id")
    assert [row["version_id"] for row in stored] == versions[-2:]


def test_boundaries_with_too_many_vertices_are_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    version_id = new_version(town, new_layer(town), area_set(winding_cells()), at(2020))
    monkeypatch.setattr(outlines, "VERTICES_MAX", 100)
    tablet = town.tablet()
    for _ in range(2):
        answer = tablet.get(PATH)
        assert (answer.status_code, answer.json["code"]) == (409, "too_large_for_tablets")
        assert answer.json["version_id"] == str(version_id)
    monkeypatch.undo()
    assert tablet.get(PATH).status_code == 200


def test_while_an_outline_is_made_others_are_asked_to_come_again(town: Town) -> None:
    new_version(town, new_layer(town), area_set(winding_cells()), at(2020))
    tablet = town.tablet()
    with outlines._making:
        answer = tablet.get(PATH)
        assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "come_again", "10")
    assert tablet.get(PATH).status_code == 200


# --- the reference tablet --------------------------------------------------------------------------------------------


def test_a_tablet_follows_the_boundaries(town: Town, tmp_path: Path) -> None:
    """Version after version, back again, and overlays that come and go: it always has what a new tablet gets."""
    layer_id = new_layer(town)
    tablet, line = app_tablet(town, tmp_path)
    assert tablet.whose(-79.98, 40.015) is None
    assert tablet.fetch_boundaries()
    assert tablet.whose(-79.98, 40.015) is not None
    geoms = winding_cells(5, 5, points=30)
    wholes = 0
    for k in range(4):
        merged = shapely.MultiPolygon(shapely.get_parts(geoms[0].union(geoms[1])).tolist())
        geoms = np.array([merged, *geoms[2:]], dtype=object)
        codes = [f"{code:03}" for code in range(k, 24)]
        new_version(town, layer_id, area_set(geoms, codes), at(2020 + k))
        if k == 2:
            new_version(town, new_layer(town, "Roads", "overlay", rank=1), area_set([geoms[3]]), at(2020))
        assert tablet.fetch_boundaries()
        assert not tablet.fetch_boundaries()
        fresh = town.tablet().get(PATH)
        assert json.loads(tablet._store.read("SELECT body FROM package")[0]["body"]) == fresh.json
        wholes += json.loads(line.bodies[-2])["whole"]
        if k:
            assert len(line.bodies[-2]) < 0.6 * len(fresh.data)
    assert wholes <= 1


def test_a_tablet_whose_changes_do_not_fit_asks_for_all(town: Town, tmp_path: Path) -> None:
    layer_id = new_layer(town)
    new_version(town, layer_id, area_set(winding_cells(5, 5)), at(2020))
    tablet, line = app_tablet(town, tmp_path)
    tablet.fetch_boundaries()
    with tablet._store.transaction() as connection:
        body = json.loads(connection.execute("SELECT body FROM package").fetchone()[0])
        body["layers"][0]["topology"]["arcs"] = []
        connection.execute("UPDATE package SET body = ?", (json.dumps(body),))
    new_version(town, layer_id, area_set(winding_cells(5, 5)[:24]), at(2021))
    line.sent.clear()
    assert tablet.fetch_boundaries()
    assert len(line.sent) == 2
    assert json.loads(tablet._store.read("SELECT body FROM package")[0]["body"]) == town.tablet().get(PATH).json


def test_what_goes_wrong_leaves_a_tablet_what_it_has(town: Town, tmp_path: Path) -> None:
    new_version(town, new_layer(town), area_set(winding_cells()), at(2020))
    tablet, line = app_tablet(town, tmp_path)
    tablet.fetch_boundaries()
    before = tablet.whose(-79.98, 40.015)
    replies = {
        Unreachable: [Reply(200, {"Content-Type": "text/html"}, b"Welcome to the network"), Reply(503, {}, b""),
                      Reply(200, {"Content-Type": "application/json"}, b'{"format": 2, "layers": []}')],
        ServerRefused: [Reply(404, {"Content-Type": "application/problem+json"},
                              b'{"type": "urn:fieldsync:problem:not_found", "code": "not_found"}')],
    }  # fmt: skip
    for problem, bad in replies.items():
        for reply in bad:
            line.send = lambda *_, reply=reply: reply  # type: ignore[method-assign]
            with pytest.raises(problem):
                tablet.fetch_boundaries()
            assert tablet.whose(-79.98, 40.015) == before
    stranger = Tablet(tmp_path / "stranger.sqlite3", "https://server.example", line=line)
    with pytest.raises(NotEnrolled):
        stranger.fetch_boundaries()


def test_a_tablet_that_joins_another_partnership_forgets_the_first_ones_boundaries(town: Town, tmp_path: Path) -> None:
    new_version(town, new_layer(town), area_set(winding_cells()), at(2020))
    tablet, _ = app_tablet(town, tmp_path)
    tablet.fetch_boundaries()
    tablet.enrol(Town(town.app).code()["code"])
    assert tablet.whose(-79.98, 40.015) is None


def test_a_tablet_keeps_its_file_when_the_app_learns_of_boundaries(town: Town, tmp_path: Path) -> None:
    """The file of an app from before packages."""
    new_version(town, new_layer(town), area_set(winding_cells()), at(2020))
    line = AppLine(town)
    now = Tablet(tmp_path / "now.sqlite3", "https://server.example", line=line)
    now.enrol(town.code()["code"])
    device_id, enrolled = now.device_id, now._store.state()
    now.close()
    path = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(_STEPS[0])
        names = ("only_row", "server", "token", "device_id", "crew_id")
        values = [enrolled[name] for name in names]
        old.execute(f"INSERT INTO state ({', '.join(names)}) VALUES (?, ?, ?, ?, ?)", values)
        old.execute("PRAGMA user_version = 1")
        old.commit()
    for _ in range(2):
        new = Tablet(path, "https://server.example", line=line)
        assert new.device_id == device_id
        new.fetch_boundaries()
        assert new.whose(-79.98, 40.015) is not None
        new.close()


@pytest.mark.parametrize("service", [None, "tree", "pothole"])
def test_where_a_tablet_is_sure_the_server_says_the_same(town: Town, caller: Caller, service: str | None) -> None:
    base_and_overlays(town)
    ground = Ground(caller.get(PATH).json)
    chance = np.random.default_rng(5)
    lon, lat = chance.uniform(-80.013, -79.947, 3_000), chance.uniform(39.99, 40.045, 3_000)
    with town.app.app_context():
        session = db.session()
        layers = in_force(session, town.partnership_id)
        truth = responsible(session, town.partnership_id, layers, lon.tolist(), lat.tolist(), [service] * lon.size)
    guesses = [ground.whose(x, y, service) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]
    sure = [(guess, true) for guess, true in zip(guesses, truth, strict=True) if guess.is_sure]
    assert [guess.owner for guess, _ in sure] == [true.owner for _, true in sure]
    assert [guess.rule for guess, _ in sure] == [true.rule for _, true in sure]
    assert 0.85 < len(sure) / len(guesses) < 1
    # Where it is not, it is still right more often than not.
    doubtful = [(guess.owner, true.owner) for guess, true in zip(guesses, truth, strict=True) if not guess.is_sure]
    assert sum(guess == true for guess, true in doubtful) > 0.6 * len(doubtful)
    owners: set[Any] = {guess.owner for guess, _ in sure}
    assert owners >= {"003", "R2", None}
    assert ("parks" in owners) == (service == "tree")


@pytest.fixture
def caller(town: Town) -> Caller:
    return town.tablet()
