"""``fieldsync boundaries …``: everything that GIS staff do, in a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyogrio
import pytest
from click.testing import CliRunner, Result

from fieldsync.cli import main
from tests.api.boundaries.desk import APART, TWO, Desk, collection
from tests.geo.cities import ALLEGHENY, needs_data
from tests.geo.made import zipped_shapefile
from tests.setup.processes import wait_until

ROOT = Path(__file__).parents[3]
OVERLAPPING = collection(("A", -80.0, 40.0), ("B", -79.95, 40.0))


@dataclass
class Terminal:
    """A person in a terminal, in the partnership of a desk."""

    desk: Desk
    url: str
    folder: Path

    def say(self, *words: str, slug: str | None = None) -> Result:
        arguments = ["boundaries", *words, "--partnership", slug or self.desk.town.slug]
        environ = {"FIELDSYNC_DATABASE_URL": self.url, "COLUMNS": "160"}
        return CliRunner().invoke(main, arguments, env=environ, catch_exceptions=False)

    def told(self, *words: str, code: int = 0) -> Any:
        """The same with ``--json``; what a program reads."""
        result = self.say(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def file(self, content: bytes = TWO, name: str = "towns.geojson") -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def published(self, content: bytes = TWO) -> str:
        draft = self.told("import", self.file(content), "--layer", "Towns", "--commit")
        accepted = [word for kind in draft["kinds"] if kind["severity"] == "warning"
                    for word in ("--acknowledge", kind["kind"])]  # fmt: skip
        self.told("publish", draft["version"], *accepted, "--commit")
        return str(draft["version"])

    def versions(self) -> list[tuple[int, str]]:
        return [(version["number"], version["status"]) for version in self.told("versions", "Towns")["items"]]


@pytest.fixture
def terminal(desk: Desk, database_url: str, tmp_path: Path) -> Terminal:
    desk.layer()
    return Terminal(desk, database_url, tmp_path)


def test_layers_are_made_and_listed(terminal: Terminal) -> None:
    made = terminal.told("create-layer", "Roads", "--role", "overlay", "--rank", "3", "--width-m", "12.5")
    assert (made["items"][0]["name"], made["items"][0]["width_m"]) == ("Roads", 12.5)
    assert [layer["name"] for layer in terminal.told("layers")["items"]] == ["Roads", "Towns"]
    shown = terminal.say("layers")
    assert shown.exit_code == 0
    assert "overlay" in shown.stdout
    refused = terminal.say("create-layer", "Other towns")
    assert refused.exit_code == 1
    assert "Refused (jurisdiction_layer_exists)" in refused.stderr
    assert terminal.say("create-layer", "Parks/1").exit_code == 2
    assert terminal.say("create-layer", "Parks", "--width-m", "-1").exit_code == 2


def test_an_import_is_a_dry_run_unless_it_is_told_to_commit(terminal: Terminal) -> None:
    looked = terminal.told("import", terminal.file(), "--layer", "Towns")
    assert (looked["version"], looked["areas"], looked["errors"]) == (None, 2, 0)
    assert looked["reading"]["code_field"] == "code"
    assert terminal.versions() == []
    assert terminal.desk.town.rows("SELECT 1 FROM boundary_run WHERE partnership_id = :p") == []
    kept = terminal.told("import", terminal.file(), "--layer", "Towns", "--commit")
    assert kept["version"] == "Towns/1"
    assert {name: kept[name] for name in ("areas", "reading", "notes", "kinds")} == {
        name: looked[name] for name in ("areas", "reading", "notes", "kinds")
    }
    assert terminal.versions() == [(1, "draft")]


def test_a_person_is_shown_how_the_file_was_understood(terminal: Terminal) -> None:
    result = terminal.say("import", terminal.file(), "--layer", "Towns")
    assert result.exit_code == 0, result.output
    for said in ("towns.geojson: GeoJSON, EPSG:4326", "code: code", "There are: code, name", "Nothing was kept"):
        assert said in result.stdout


def test_errors_that_the_check_found_are_an_exit_code(terminal: Terminal) -> None:
    twice = terminal.file(collection(("A", -80.0, 40.0), ("A", -79.9, 40.0)))
    for commit in ((), ("--commit",)):
        told = terminal.told("import", twice, "--layer", "Towns", *commit, code=3)
        assert [finding["kind"] for finding in told["findings"] if finding["severity"] == "error"] == ["code_repeated"]
    assert terminal.told("check", "Towns/1", code=3)["errors"] == 1
    refused = terminal.told("publish", "Towns/1", code=1)
    assert refused["problem"]["code"] == "version_has_errors"


def test_a_file_that_is_refused_says_why_and_what_may_help(terminal: Terminal) -> None:
    terminal.published()
    swapped = json.loads(TWO)
    for feature in swapped["features"]:
        feature["geometry"]["coordinates"] = [[[y, x] for x, y in ring] for ring in feature["geometry"]["coordinates"]]
    file = terminal.file(json.dumps(swapped).encode(), "swapped.geojson")
    for commit in ((), ("--commit",)):
        result = terminal.say("import", file, "--layer", "Towns", *commit)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "perhaps: --crs EPSG:4326 --swap-axes" in result.stderr
        document = terminal.told("import", file, "--layer", "Towns", *commit, code=1)["problem"]
        assert document["suggestions"][0]["swap_axes"] is True
    assert terminal.told("import", file, "--layer", "Towns", "--swap-axes", "--crs", "EPSG:4326")["areas"] == 2


def test_a_loose_shapefile(terminal: Terminal) -> None:
    zipped_shapefile(terminal.folder)
    files = sorted(str(path) for path in (terminal.folder / "inside").iterdir())
    for commit in ((), ("--commit",)):
        told = terminal.told("import", *files, "--layer", "Towns", *commit)
        assert (told["areas"], told["reading"]["format"]) == (3, "Shapefile")
    refused = terminal.told("import", files[0], terminal.file(), "--layer", "Towns", code=1)
    assert refused["problem"]["field"] == "file"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "Towns"), "A version is named as Layer/number"),
        (("check", "Towns/x"), "A version is named as Layer/number"),
        (("check", "Towns/7"), "There is no version 'Towns/7'"),
        (("check", "Parks/1"), "No layer is called 'Parks'. There are Towns."),
        (("check", "01a20000-0000-7000-8000-000000000000"), "There is no version"),
        (("versions", "Parks"), "No layer is called 'Parks'"),
        (("import", "nowhere.geojson", "--layer", "Towns"), "does not exist"),
        (("publish", "Towns/1", "--at", "tomorrow"), "Invalid value for '--at'"),
        (("export", "Towns/1", "towns.csv"), "Say in which format"),
    ],
)
def test_what_is_misspelt(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    result = terminal.say(*words)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())


def test_a_partnership_is_named_where_there_are_several(terminal: Terminal) -> None:
    result = terminal.say("layers", slug="no-such")
    assert (result.exit_code, "There is no partnership no-such." in result.stderr) == (2, True)
    unnamed = CliRunner().invoke(main, ["boundaries", "layers"], env={"FIELDSYNC_DATABASE_URL": terminal.url})
    assert unnamed.exit_code in (0, 2)  # 0 only where this test's is the only one
    assert unnamed.exit_code == 0 or "Say which partnership" in unnamed.stderr


def test_rehearse_publish_and_withdraw(terminal: Terminal) -> None:
    """A dry run meets what the real one would, and writes nothing."""
    terminal.published()
    wider = collection(("A", -80.0, 40.0), ("B", -79.9, 40.0), ("C", -79.8, 40.0))
    terminal.told("import", terminal.file(wider), "--layer", "Towns", "--commit")
    rehearsed = terminal.told("rehearse", "Towns/2")
    assert (rehearsed["version"], rehearsed["open"], rehearsed["moved"]) == ("Towns/2", 0, 0)
    refused = terminal.told("publish", "Towns/2", code=1)["problem"]
    assert (refused["code"], "appeared" in refused["warnings"]) == ("warnings_not_acknowledged", True)
    accepted = [word for kind in refused["warnings"] for word in ("--acknowledge", kind)]
    dry = terminal.told("publish", "Towns/2", *accepted)
    assert (dry["committed"], dry["state"], dry["run"], dry["rehearsal"]["moved"]) == (False, "draft", None, 0)
    assert terminal.versions() == [(2, "draft"), (1, "published")]
    done = terminal.told("publish", "Towns/2", *accepted, "--commit")
    assert (done["committed"], done["state"], done["run"]["state"]) == (True, "published", "done")
    assert terminal.told("withdraw", "Towns/1", code=1)["problem"]["code"] == "version_not_last"
    assert terminal.told("withdraw", "Towns/2")["state"] == "published"
    back = terminal.told("withdraw", "Towns/2", "--commit")
    assert (back["state"], back["run"]["sort"], back["run"]["state"]) == ("withdrawn", "withdraw", "done")
    assert terminal.versions() == [(2, "withdrawn"), (1, "published")]


def test_a_publication_at_a_date_is_left_to_a_worker(terminal: Terminal) -> None:
    terminal.published()
    draft = terminal.told("import", terminal.file(), "--layer", "Towns", "--commit")
    shown = terminal.say("publish", draft["version"], "--at", "2027-06-01", "--commit")
    assert shown.exit_code == 0, shown.output
    assert "Work orders follow from 2027-06-01 00:00:00Z on, by a worker" in " ".join(shown.stdout.split())
    past = terminal.told("publish", "Towns/2", "--at", "2020-01-01", code=1)["problem"]
    assert past["code"] in ("invalid_value", "version_not_draft")


def test_a_difference_and_a_repair(terminal: Terminal) -> None:
    for content in (TWO, APART, OVERLAPPING):
        terminal.told("import", terminal.file(content), "--layer", "Towns", "--commit")
    assert terminal.told("diff", "Towns/1", "Towns/1")["result"]["counts"]["pairs"] == 0
    result = terminal.told("diff", "Towns/1", "Towns/2")["result"]
    assert {(pair["from"], pair["to"]) for pair in result["pairs"]} == {("B", None), (None, "B")}
    shown = terminal.say("diff", "Towns/1", "Towns/2")
    assert (shown.exit_code, "hectares" in shown.stdout) == (0, True)
    dry = terminal.told("repair", "Towns/3")
    assert (dry["version"], dry["result"]["vanishing"]) == (None, {"overlap": 1})
    assert len(terminal.versions()) == 3
    kept = terminal.told("repair", "Towns/3", "--commit")
    assert kept["version"] == "Towns/4"
    assert {name: kept["result"][name] for name in dry["result"]} == dry["result"]
    assert terminal.told("repair", "Towns/1", code=1)["problem"]["code"] == "nothing_to_repair"
    assert terminal.say("repair", "Towns/3").exit_code == 0


def test_an_export_is_what_was_imported(terminal: Terminal) -> None:
    version = terminal.published()
    for name in ("towns.gpkg", "towns.geojson", "towns.zip"):
        file = terminal.folder / "out" / name
        file.parent.mkdir(exist_ok=True)
        told = terminal.told("export", version, str(file))
        assert told == {"version": version, "file": str(file), "areas": 2}
        assert pyogrio.read_info(file)["features"] == 2
    refused = terminal.say("export", version, str(terminal.folder / "nowhere" / "towns.gpkg"))
    assert (refused.exit_code, "cannot be written" in refused.stderr) == (1, True)


@needs_data
def test_a_county_is_looked_into_without_a_trace(terminal: Terminal) -> None:
    words = ("import", str(ALLEGHENY), "--layer", "Towns", "--code-field", "MUNICODE", "--name-field", "NAME")
    told = terminal.told(*words)
    kinds = {kind["kind"]: kind["findings"] for kind in told["kinds"]}
    assert (told["areas"], kinds["overlap"] + kinds["overlap_sliver"]) == (130, 29)
    assert "130 areas" in terminal.say(*words).stdout
    assert terminal.versions() == []


class TestAsAProcess:
    @contextmanager
    def process(self, terminal: Terminal, *words: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "fieldsync", "boundaries", *words, "--partnership", terminal.desk.town.slug],
            cwd=ROOT, env={**os.environ, "FIELDSYNC_DATABASE_URL": terminal.url}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def test_it_says_nothing_but_the_answer(self, terminal: Terminal) -> None:
        with self.process(terminal, "import", terminal.file(), "--layer", "Towns", "--commit", "--json") as process:
            out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert json.loads(out)["version"] == "Towns/1"

    def test_ctrl_c_cancels_it(self, terminal: Terminal) -> None:
        words = ("import", terminal.file(), "--layer", "Towns", "--commit")
        waiting = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND relation = 'finding'::regclass"
        with self.process(terminal, *words) as process:
            with psycopg.connect(terminal.url) as session:
                session.execute("LOCK TABLE finding IN SHARE MODE")
                assert wait_until(lambda: terminal.desk.town.rows(waiting)[0]["n"], seconds=60)
                process.send_signal(signal.SIGINT)
                asked = "SELECT cancel_asked FROM boundary_run WHERE partnership_id = :p"
                assert wait_until(lambda: terminal.desk.town.rows(asked)[0]["cancel_asked"])
            _, err = process.communicate()
        assert (process.returncode, "Cancelling" in err) == (1, True)
        runs = terminal.desk.town.rows("SELECT state FROM boundary_run WHERE partnership_id = :p")
        assert [run["state"] for run in runs] == ["cancelled"]
        assert terminal.versions() == []

    def test_the_help_loads_no_application(self) -> None:
        program = "import sys, fieldsync.boundaries.commands; print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert not {"flask", "sqlalchemy", "shapely", "procrastinate", "pyogrio"} & set(done.stdout.split())
