"""Boundary files made for a test: squares side by side, in every format, whole or damaged on purpose."""

from __future__ import annotations

import json
import struct
import warnings
import zipfile
from collections.abc import Sequence
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
