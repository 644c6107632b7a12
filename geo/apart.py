"""Read a boundary file in a process of its own, with bounds on time and memory, that can be cancelled.

GDAL and GEOS are C and C++, and the file is somebody else's: what makes them crash, loop or take all memory
ends that process and is a refusal here. The process gets nothing of our environment, and GDAL in it knows
only the formats that we take.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyogrio
import shapely
from shapely.errors import GEOSException

from geo.areas import AreaSet, Source
from geo.read import read_areas, require
from geo.refusals import FileRefused, FileTooComplex, FileUnreadable

READ_SECONDS_MAX = 300.0
"""The largest files that are taken need some 10 s on two cores that others use, too."""

READ_MEMORY_BYTES_MAX = 2_000_000_000
"""Address space of the process. The libraries take 0.4 GB of it; with them, a layer of 100,000 areas and 4,000,000
vertices takes 0.9 GB, as GeoJSON of 180 MB, as TopoJSON, or as a shapefile with heights that is led from another
system. The rest is for long attributes, and for features of a million vertices, which GDAL reads from JSON at a
cost of 500 bytes each."""

_POLL_SECONDS = 0.2
_STARTING_SECONDS = 30.0
_FOLDER = "boundaries-apart-"
_WKBS_AT_ONCE = 10_000
_DRIVERS = {"GPKG", "ESRI Shapefile", "OpenFileGDB", "GeoJSON", "FlatGeobuf", "MEM"}
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH")


class Cancelled(Exception):
    """Somebody said that the file need not be read any more."""


class _Request(msgspec.Struct):
    path: str
    options: dict[str, Any]
    seconds_max: float
    memory_bytes_max: int


class _Refusal(msgspec.Struct):
    code: str
    detail: str
    feature: int | None
    field: str | None
    part: str | None
    facts: dict[str, Any]


class _Result(msgspec.Struct):
    """All of an AreaSet but its geometries, whose WKBs lie in a file, each as long as `lengths` says.

    No pickle: the process has handled somebody else's bytes.
    """

    codes: tuple[str | None, ...]
    names: tuple[str | None, ...]
    owners: tuple[str | None, ...]
    valid_from: tuple[date | None, ...]
    source: Source
    notes: tuple[str, ...]
    lengths: list[int]


def read_apart(
    path: str | Path,
    *,
    seconds_max: float = READ_SECONDS_MAX,
    memory_bytes_max: int = READ_MEMORY_BYTES_MAX,
    cancelled: Callable[[], bool] = lambda: False,
    **options: Any,
) -> AreaSet:
    """What `geo.read.read_areas(path, **options)` gives or raises, from a process of its own.

    `cancelled` is asked five times a second. Raises Cancelled, FileTooComplex for time or memory,
    FileUnreadable if the process crashed, ValueError as `read_areas` does, RuntimeError if it failed by a
    mistake of ours. Nothing is left behind: neither the process, even when this one is killed, nor files (those
    of a caller that was killed go with the next call).
    """
    require(options.get("width_m"), options.get("around"))
    request = _Request(str(Path(path).absolute()), options, seconds_max, memory_bytes_max)
    with _folder() as folder:
        (folder / "request.json").write_bytes(msgspec.json.encode(request))
        with (folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "geo.apart", str(folder)],
                # Nothing is written to it: its end tells the process that we are gone.
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=folder,
                env=_environment(folder),
            )
        try:
            _wait(process, seconds_max, cancelled)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        return _outcome(folder, process.returncode, memory_bytes_max)


def _wait(process: subprocess.Popen[bytes], seconds_max: float, cancelled: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            process.wait(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if cancelled():
                raise Cancelled from None
            if time.monotonic() > deadline:
                raise FileTooComplex(f"It was not read in {seconds_max:g} seconds.") from None
        else:
            return


def _outcome(folder: Path, returncode: int, memory_bytes_max: int) -> AreaSet:
    said = (folder / "stderr").read_bytes()[-4_000:].decode("utf-8", errors="replace")
    if (folder / "refused.json").exists():
        refused = msgspec.json.decode((folder / "refused.json").read_bytes(), type=_Refusal)
        kind = {kind.code: kind for kind in FileRefused.__subclasses__()}[refused.code]
        raise kind(refused.detail, feature=refused.feature, field=refused.field, part=refused.part, **refused.facts)
    if returncode == 0:
        return _result(folder)
    if "bad_alloc" in said or "MemoryError" in said or returncode == -signal.SIGKILL:
        raise _out_of_memory(memory_bytes_max)
    if returncode == -signal.SIGXCPU:
        raise FileTooComplex("It takes too long to read.")
    if returncode < 0:
        # C code that does not ask whether it got the memory ends so, too.
        raise FileUnreadable(f"What reads it broke off ({signal.Signals(-returncode).name}).")
    raise RuntimeError(f"Reading a boundary file failed:\n{said}")


def _result(folder: Path) -> AreaSet:
    result = msgspec.json.decode((folder / "result.json").read_bytes(), type=_Result)
    geoms = np.empty(len(result.lengths), dtype=object)
    with (folder / "geoms.wkb").open("rb") as file:
        for start in range(0, len(geoms), _WKBS_AT_ONCE):
            lengths = result.lengths[start : start + _WKBS_AT_ONCE]
            geoms[start : start + len(lengths)] = shapely.from_wkb([file.read(length) for length in lengths])
    return AreaSet(
        result.codes,
        result.names,
        geoms,
        result.source,
        result.notes,
        owners=result.owners,
        valid_from=result.valid_from,
    )


def _out_of_memory(memory_bytes_max: int) -> FileTooComplex:
    return FileTooComplex(f"It needs more than {memory_bytes_max} bytes of memory.")


def _environment(folder: Path) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    root = str(Path(__file__).parents[1])
    return passed | {
        "PYTHONPATH": os.pathsep.join(filter(None, (root, passed.get("PYTHONPATH")))),
        "TMPDIR": str(folder),
        "CPL_TMPDIR": str(folder),
        "OGR_SKIP": ",".join(sorted(set(pyogrio.list_drivers()) - _DRIVERS)),
        "PROJ_NETWORK": "OFF",
        # Each thread that might be needed takes address space at the start.
        "OPENBLAS_NUM_THREADS": "1",
    }


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that goes in any case, locked as long as we live."""
    _sweep()
    with (
        tempfile.TemporaryDirectory(prefix=_FOLDER, ignore_cleanup_errors=True) as name,
        (Path(name) / "lock").open("wb") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name)


def _sweep() -> None:
    """Remove the folders of those who were killed: their locks are free."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        try:
            if folder.stat().st_uid == os.geteuid() and time.time() - folder.stat().st_mtime > 60:
                with (folder / "lock").open("rb") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def _end_with_parent() -> None:
    """End when the pipe from the parent does, whatever ended it; on Linux even while C holds the interpreter."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _limit(request: _Request) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (request.memory_bytes_max, request.memory_bytes_max))
    seconds = int(request.seconds_max + _STARTING_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _run(folder: Path) -> None:
    """The process: read as the request says, and write what becomes of it."""
    request = msgspec.json.decode((folder / "request.json").read_bytes(), type=_Request)
    _limit(request)
    try:
        areas = read_areas(request.path, **request.options)
        _write(folder, areas)
    except FileRefused as refusal:
        _write_refusal(folder, refusal)
    except MemoryError:
        _write_refusal(folder, _out_of_memory(request.memory_bytes_max))
    except GEOSException as error:
        if "bad_alloc" not in str(error):
            raise
        _write_refusal(folder, _out_of_memory(request.memory_bytes_max))


def _write(folder: Path, areas: AreaSet) -> None:
    lengths: list[int] = []
    with (folder / "geoms.wkb").open("wb") as file:
        for start in range(0, len(areas), _WKBS_AT_ONCE):
            lengths.extend(file.write(wkb) for wkb in shapely.to_wkb(areas.geoms[start : start + _WKBS_AT_ONCE]))
    result = _Result(areas.codes, areas.names, areas.owners, areas.valid_from, areas.source, areas.notes, lengths)
    (folder / "result.json").write_bytes(msgspec.json.encode(result))


def _write_refusal(folder: Path, refusal: FileRefused) -> None:
    told = _Refusal(refusal.code, refusal.detail, refusal.feature, refusal.field, refusal.part, dict(refusal.facts))
    (folder / "refused.json").write_bytes(msgspec.json.encode(told))


if __name__ == "__main__":
    _end_with_parent()
    _run(Path(sys.argv[1]))
