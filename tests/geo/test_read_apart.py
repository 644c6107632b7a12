"""Reading in a process of its own: the same answer, bounds that hold, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import shapely

from geo import apart
from geo import refusals as r
from geo.apart import Cancelled, read_apart
from geo.read import read_areas
from tests.geo.made import WEST, feature, geojson, square_at, write, zipped_geodatabase

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "workshop"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A pipe that nobody writes to: whoever opens it waits for ever."""
    os.mkfifo(tmp_path / "endless.gpkg")
    return tmp_path / "endless.gpkg"


def running(path: Path) -> list[int]:
    """Processes that have the request for this file open or under way."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and b"geo.apart" in (process / "cmdline").read_bytes():
                request = Path(process.joinpath("cwd").readlink()) / "request.json"
                if str(path) in request.read_text():
                    found.append(int(process.name))
        except OSError:
            continue
    return found


def test_it_gives_what_reading_gives(tmp_path: Path, workshop: Path) -> None:
    path = write(tmp_path / "towns.gpkg", "GPKG", fields=("code", "name"), crs="EPSG:4269")
    options = {"around": (WEST, 38.0, -76.7, 38.1), "source_name": "Towns.gpkg", "owner_field": "code"}
    here, there = read_areas(path, **options), read_apart(path, **options)
    assert (there.codes, there.names, there.owners) == (here.codes, here.names, here.owners)
    assert there.valid_from == here.valid_from
    assert there.notes == here.notes
    assert asdict(there.source) == asdict(here.source)
    assert shapely.equals_exact(here.geoms, there.geoms, 0).all()
    assert list(workshop.iterdir()) == []


def test_dates_and_missing_values_come_over(tmp_path: Path) -> None:
    first = feature(square_at()) | {"properties": {"code": None, "name": None, "valid_from": "2012-05-01"}}
    path = geojson(tmp_path / "t.json", [first, feature(square_at(1, 1), "B", "Besòs")])
    assert read_apart(path, code_field="code").valid_from == read_areas(path, code_field="code").valid_from
    assert read_apart(path, code_field="code").codes == (None, "B")


def test_formats_that_need_a_driver_have_it_there(tmp_path: Path) -> None:
    assert set(read_apart(zipped_geodatabase(tmp_path)).codes) == {"A", "B", "C"}


def test_drivers_that_are_not_needed_are_not_there(tmp_path: Path) -> None:
    environ = apart._environment(tmp_path) | {"PATH": os.environ["PATH"]}
    listed = "import pyogrio; print(*sorted(pyogrio.list_drivers()), sep=',')"
    found = subprocess.run([sys.executable, "-c", listed], env=environ, capture_output=True, text=True, check=True)
    assert set(found.stdout.strip().split(",")) <= apart._DRIVERS
    assert not {name for name in environ if "FIELDSYNC" in name or "PASSWORD" in name}


def test_a_refusal_comes_over_with_all_it_says(tmp_path: Path) -> None:
    path = write(tmp_path / "towns.gpkg", "GPKG", fields=("colour", "label"))
    with pytest.raises(r.FieldUnclear) as here:
        read_areas(path)
    with pytest.raises(r.FieldUnclear) as there:
        read_apart(path)
    assert str(there.value) == str(here.value)
    assert there.value.facts == here.value.facts
    assert there.value.field == "code"


def test_who_cancels_is_heard(endless: Path, workshop: Path) -> None:
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        read_apart(endless, cancelled=cancelled)
    assert running(endless) == []
    assert list(workshop.iterdir()) == []


def test_what_takes_too_long_is_ended(endless: Path, workshop: Path) -> None:
    with pytest.raises(r.FileTooComplex, match=r"0\.5 seconds"):
        read_apart(endless, seconds_max=0.5)
    assert running(endless) == []
    assert list(workshop.iterdir()) == []


def test_what_takes_too_much_memory_is_ended(tmp_path: Path, workshop: Path) -> None:
    path = tmp_path / "wide.json"
    path.write_bytes(b'{"type": "FeatureCollection", "features": [], "note": "' + b"n" * 150_000_000 + b'"}')
    with pytest.raises(r.FileTooComplex, match="memory"):
        read_apart(path, memory_bytes_max=400_000_000)
    assert list(workshop.iterdir()) == []


def test_a_crash_is_a_refusal(endless: Path, workshop: Path) -> None:
    """As C code ends that meets what it did not expect."""

    def crash() -> bool:
        for process in running(endless):
            os.kill(process, signal.SIGSEGV)
        return False

    with pytest.raises(r.FileUnreadable, match="SIGSEGV"):
        read_apart(endless, cancelled=crash)
    assert list(workshop.iterdir()) == []


def test_a_mistake_of_ours_is_not_the_file_s(tmp_path: Path, workshop: Path) -> None:
    with pytest.raises(RuntimeError, match="unexpected keyword"):
        read_apart(tmp_path / "towns.gpkg", no_such_option=1)
    with pytest.raises(ValueError, match="width"):
        read_apart(tmp_path / "towns.gpkg", width_m=0)
    assert list(workshop.iterdir()) == []


def test_it_ends_with_whoever_asked(endless: Path, workshop: Path) -> None:
    """A worker that is killed outright leaves no process; its folder goes when somebody reads next."""
    code = f"from geo.apart import read_apart; read_apart({str(endless)!r})"
    environ = os.environ | {"TMPDIR": str(workshop), "PYTHONPATH": str(ROOT)}
    asking = subprocess.Popen([sys.executable, "-c", code], env=environ)
    try:
        wait_until(lambda: bool(running(endless)))
    finally:
        asking.kill()
        asking.wait()
    wait_until(lambda: not running(endless))
    (left,) = workshop.iterdir()
    os.utime(left, (time.time() - 3_600,) * 2)
    apart._sweep()
    assert list(workshop.iterdir()) == []


def test_the_folder_of_somebody_who_is_reading_stays(workshop: Path) -> None:
    with apart._folder() as folder:
        os.utime(folder, (time.time() - 3_600,) * 2)
        apart._sweep()
        assert folder.exists()
    assert list(workshop.iterdir()) == []


def wait_until(so: object) -> None:
    deadline = time.monotonic() + 30
    while not so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)
