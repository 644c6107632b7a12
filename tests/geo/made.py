"""Boundary files made for a test: squares side by side, in every format, whole or damaged on purpose."""

from __future__ import annotations

import json
import sqlite3
import struct
import warnings
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

WEST, SOUTH = -77.0, 38.0


def squares(count: int = 3) -> list[shapely.Geometry]:
    """Squares of a tenth of a degree in a row eastward, sharing their sides. Corners are whole tenths."""
    xs = np.round(WEST + 0.1 * np.arange(count + 1), 1)
    return [shapely.box(xs[k], SOUTH, xs[k + 1], 38.1) for k in range(count)]


def write(
    path: Path,
    driver: str,
    *,
    geoms: Sequence[shapely.Geometry | None] | None = None,
    codes: Sequence[object] = ("A", "B", "C"),
    names: Sequence[str | None] = ("Añasco", "Besòs", "Čakovec"),
    fields: tuple[str, str] = ("code", "name"),
    crs: str | None = "EPSG:4326",
    kind: str = "Polygon",
    **options: Any,
) -> Path:
    """One layer in the format of a GDAL driver."""
    drawn = squares(len(codes)) if geoms is None else list(geoms)
    columns = [np.array(list(codes)), np.array(list(names), dtype=object)]
    if columns[0].dtype.kind == "U":
        columns[0] = columns[0].astype(object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # That there is no CRS.
        pyogrio.raw.write(
            path,
            shapely.to_wkb(np.array(drawn, dtype=object)),
            columns,
            list(fields),
            geometry_type=kind,
            crs=crs,
            driver=driver,
            **options,
        )
    return path


def zipped_shapefile(
    folder: Path,
    *,
    leave_out: Sequence[str] = (),
    replace: dict[str, bytes] | None = None,
    cut: dict[str, int] | None = None,
    encoding: str = "UTF-8",
    **layer: Any,
) -> Path:
    """A zipped shapefile, some of its files left out, replaced or cut short by so many bytes."""
    inside = folder / "inside"
    inside.mkdir(exist_ok=True)
    write(inside / "towns.shp", "ESRI Shapefile", encoding=encoding, **layer)
    path = folder / "towns.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(inside.iterdir()):
            extension = file.suffix[1:]
            if extension in leave_out:
                continue
            content = (replace or {}).get(extension, file.read_bytes())
            archive.writestr(file.name, content[: len(content) - (cut or {}).get(extension, 0)])
        for extension, content in (replace or {}).items():
            if not (inside / f"towns.{extension}").exists():
                archive.writestr(f"towns.{extension}", content)
    return path


def loose_shapefile(
    folder: Path, *, leave_out: Sequence[str] = (), capitals: bool = False, encoding: str = "UTF-8", **layer: Any
) -> Path:
    """The files of a shapefile beside each other; with `capitals`, those beside the .shp are called so."""
    path = write(folder / "towns.shp", "ESRI Shapefile", encoding=encoding, **layer)
    for file in sorted(folder.glob("towns.*")):
        if file.suffix[1:] in leave_out:
            file.unlink()
        elif capitals and file != path:
            file.rename(folder / file.name.upper())
    return path


def zipped_geodatabase(
    folder: Path,
    *,
    leave_out: Sequence[str] = (),
    cut: dict[str, float] | None = None,
    folders: Sequence[str] = ("towns.gdb",),
    **layer: Any,
) -> Path:
    """A zipped file geodatabase, some of its files left out, of others only so large a part kept."""
    inside = folder / "inside.gdb"
    write(inside, "OpenFileGDB", layer="towns", **layer)
    path = folder / "towns.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in folders:
            for file in sorted(inside.iterdir()):
                if file.name not in leave_out:
                    content = file.read_bytes()
                    kept = int(len(content) * (cut or {}).get(file.name, 1.0))
                    archive.writestr(f"{name}/{file.name}", content[:kept])
    return path


def curved_geopackage(path: Path) -> Path:
    """A GeoPackage with a square and a full circle, drawn as arcs (ISO WKB: CurvePolygon 10, CircularString 8)."""
    write(path, "GPKG", codes=("A", "B"), names=("Square", "Circle"), layer="towns", kind="Unknown")
    arcs = [(-76.8, 38.1), (-76.7, 38.0), (-76.6, 38.1), (-76.7, 38.2), (-76.8, 38.1)]
    points = b"".join(struct.pack("<dd", *point) for point in arcs)
    wkb = struct.pack("<BII", 1, 10, 1) + struct.pack("<BII", 1, 8, len(arcs)) + points
    with closing(sqlite3.connect(path)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        # The header of a geometry in a GeoPackage without its box: "GP", version, flags, system.
        header = b"GP" + struct.pack("<BBi", 0, 1, 4326)
        database.execute("UPDATE towns SET geom = ? WHERE fid = 2", (header + wkb,))
        database.commit()
    return path


def topology() -> dict[str, Any]:
    """Two squares that share a side, A west of B; the arcs are quantized to tenths of a degree."""
    towns = [
        {"type": "Polygon", "arcs": [[0, 1]], "properties": {"code": "A", "name": "Añasco"}},
        {"type": "MultiPolygon", "arcs": [[[2, ~0]]], "properties": {"code": "B", "name": "Besòs"}},
    ]
    return {
        "type": "Topology",
        "transform": {"scale": [0.1, 0.1], "translate": [WEST, SOUTH]},
        "objects": {"towns": {"type": "GeometryCollection", "geometries": towns}},
        "arcs": [
            [[1, 0], [0, 1]],
            [[1, 1], [-1, 0], [0, -1], [1, 0]],
            [[1, 0], [1, 0], [0, 1], [-1, 0]],
        ],
    }


def feature(geometry: object, code: object = "A", name: object = "Town") -> dict[str, object]:
    return {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": geometry}


def square_at(lon: float = WEST, lat: float = SOUTH) -> dict[str, object]:
    ring = [[lon, lat], [lon + 0.1, lat], [lon + 0.1, lat + 0.1], [lon, lat + 0.1], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


def geojson(path: Path, features: Sequence[object], **members: object) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": list(features)}))
    return path


def put_nan(shp: bytes) -> bytes:
    """A shapefile's .shp with the first coordinate of its second shape's second point turned into NaN.

    Record: 8 bytes of header, then type 4, box 32, counts 8, one part 4, and the points.
    """
    first_words = struct.unpack(">i", shp[104:108])[0]
    at = 100 + 8 + 2 * first_words + 8 + 4 + 32 + 8 + 4 + 16
    return shp[:at] + struct.pack("<d", float("nan")) + shp[at + 8 :]
