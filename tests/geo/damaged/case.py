"""What a damaged file is in the corpus, and the ways in which files are damaged."""

from __future__ import annotations

import random
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.geo.made import feature, geojson, write, zipped_geodatabase, zipped_shapefile

Make = Callable[[Path], Path]


@dataclass(frozen=True)
class Case:
    """A file, and what reading it must end in: the refusal's `code`, or "read_ok".

    `facts` are the refusal's attributes that must be so; `asked` goes to read_areas; `first` is what the first
    suggestion must say; `finding` the kind of finding that geo.check must have for what was read, `note` a part
    of one of the notes.
    """

    name: str
    make: Make
    code: str
    facts: dict[str, object] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    first: dict[str, object] | None = None
    finding: str | None = None
    note: str | None = None


def content(name: str, data: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def cut(writer: Make, keep: float) -> Make:
    """The file without its end."""

    def make(folder: Path) -> Path:
        path = writer(folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])
        return path

    return make


def patched(writer: Make, at: int, data: bytes) -> Make:
    """The file with other bytes from `at` on."""

    def make(folder: Path) -> Path:
        path = writer(folder)
        whole = bytearray(path.read_bytes())
        whole[at : at + len(data)] = data
        path.write_bytes(whole)
        return path

    return make


def scribbled(data: bytes, seed: int, bytes_wrong: int = 40) -> bytes:
    """Some bytes changed at random; the same seed changes the same."""
    chance = random.Random(seed)
    whole = bytearray(data)
    for _ in range(bytes_wrong):
        whole[chance.randrange(len(whole))] = chance.randrange(256)
    return bytes(whole)


def zipped(**changes: Any) -> Make:
    return lambda folder: zipped_shapefile(folder, **changes)


def zipped_gdb(**changes: Any) -> Make:
    return lambda folder: zipped_geodatabase(folder, **changes)


def gpkg(**layer: Any) -> Make:
    return lambda folder: write(folder / "towns.gpkg", "GPKG", **layer)


def fgb(**layer: Any) -> Make:
    return lambda folder: write(folder / "towns.fgb", "FlatGeobuf", **layer)


def collection(*geometries: object, **members: object) -> Make:
    features = [feature(geometry, code=f"T{k}") for k, geometry in enumerate(geometries, start=1)]
    return lambda folder: geojson(folder / "towns.geojson", features, **members)


def with_entry(
    name: str, data: bytes = b"x", mode: int = 0, times: int = 1, method: int = zipfile.ZIP_DEFLATED
) -> Make:
    """A zipped shapefile with one more entry."""

    def make(folder: Path) -> Path:
        path = zipped_shapefile(folder)
        with zipfile.ZipFile(path, "a") as opened, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # That an entry is there twice.
            for _ in range(times):
                entry = zipfile.ZipInfo(name)
                entry.external_attr = mode << 16
                entry.compress_type = method
                opened.writestr(entry, data)
        return path

    return make


def archive_of(**files: bytes) -> Make:
    """An archive of such files; "__" in a name stands for a dot."""

    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "towns.zip", "w") as opened:
            for name, data in files.items():
                opened.writestr(name.replace("__", "."), data)
        return folder / "towns.zip"

    return make
