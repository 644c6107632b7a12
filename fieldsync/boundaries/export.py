"""A version -> a file: GeoPackage, GeoJSON, or a zipped shapefile. Drafts too."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from uuid import UUID

import msgspec
import numpy as np
import pyogrio
import shapely
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from fieldsync.problems import Unprocessable
from geo.refusals import VersionUnknown

Format: TypeAlias = Literal["gpkg", "geojson", "shp"]

FORMATS: dict[Format, tuple[str, str]] = {
    "gpkg": (".gpkg", "application/geopackage+sqlite3"),
    "geojson": (".geojson", "application/geo+json"),
    "shp": (".zip", "application/zip"),
}
"""Format -> the file's ending and its media type."""

FIELDS = ["code", "name", "owner_code", "valid_from"]
"""None is longer than the ten characters that a shapefile takes."""

AREAS_AT_ONCE = 2_000
"""Areas read and written at a time: memory does not grow with their number."""

VERTICES_AT_ONCE = 200_000
"""And vertices: 2,000 areas of the largest kind would be the whole version."""

DBF_TEXT_BYTES_MAX = 254


class NotInThisFormat(Unprocessable):
    """The format cannot hold the version as it is; export it in another one."""

    code = "not_in_this_format"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    name: str
    """A name for the file: layer, version and ending."""
    areas: int


def write_export(session: Session, partnership_id: UUID, version_id: UUID, format: Format, path: Path) -> Exported:  # noqa: A002
    """Write all areas of a version, drafts included, to a new file; one that is there already is replaced at the end.

    In EPSG:4326, with the fields `code`, `name`, `owner_code` and `valid_from`, in the order in which they were handed
    in. GeoPackage and GeoJSON hold the coordinates to the last bit, and so does a shapefile, though it orders rings and
    parts in its own way; GeoJSON's rings run as RFC 7946 has them.

    Raises:
        geo.refusals.VersionUnknown: there is none of this id.
        NotInThisFormat: a text of more than 254 bytes for a shapefile (`feature` tells the first).
        OSError: the file cannot be written there.
    """
    bound = {"partnership_id": partnership_id, "version_id": version_id}
    version = session.execute(_VERSION, bound).one_or_none()
    if version is None:
        raise VersionUnknown(version_id=version_id)
    if format == "shp":
        _refuse_long_texts(session, bound)
    with tempfile.TemporaryDirectory(prefix=".fieldsync-export-", dir=path.absolute().parent) as folder:
        areas = _areas(session, bound)
        if format == "geojson":
            written = _write_geojson(Path(folder) / "areas.geojson", areas)
        elif format == "gpkg":
            written = _write(Path(folder) / "areas.gpkg", "GPKG", version.layer, "MultiPolygon", areas)
        else:
            written = _write_shapefile(Path(folder), _name_of(version), areas)
        written.replace(path)
    return Exported(_name_of(version) + FORMATS[format][0], version.area_count)


def _name_of(version: Row[Any]) -> str:
    """The layer's name and the version's number, without what file systems do not take."""
    plain = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', "-", version.layer).strip(" .-")
    return f"{plain[:80] or 'layer'}-{version.number}"


def _refuse_long_texts(session: Session, bound: dict[str, UUID]) -> None:
    found = session.execute(_TOO_LONG, bound | {"most": DBF_TEXT_BYTES_MAX}).one_or_none()
    if found is not None:
        raise NotInThisFormat(
            f"A shapefile's texts have at most {DBF_TEXT_BYTES_MAX} bytes; feature {found.feature} has a longer one.",
            field="format", feature=found.feature,
        )  # fmt: skip


def _areas(session: Session, bound: dict[str, UUID]) -> Iterator[list[Row[Any]]]:
    """The areas in their order, some at a time."""
    chunk: list[Row[Any]] = []
    vertices = 0
    for row in session.execute(_AREAS, bound, execution_options={"yield_per": 200}):
        if chunk and (len(chunk) >= AREAS_AT_ONCE or vertices + row.vertices > VERTICES_AT_ONCE):
            yield chunk
            chunk, vertices = [], 0
        chunk.append(row)
        vertices += row.vertices
    if chunk:
        yield chunk


def _write(
    path: Path, driver: str, layer: str, kind: str, chunks: Iterator[list[Row[Any]]], **options: Any
) -> Path:  # fmt: skip
    append = False
    for chunk in chunks:
        _write_chunk(path, driver, layer, kind, chunk, append=append, **options)
        append = True
    if not append:
        _write_chunk(path, driver, layer, kind, [], append=False, **options)
    return path


def _write_chunk(
    path: Path, driver: str, layer: str, kind: str, chunk: list[Row[Any]], *, append: bool, **options: Any
) -> None:  # fmt: skip
    texts = [np.array([getattr(row, field) for row in chunk], dtype=object) for field in FIELDS[:3]]
    days = np.array([row.valid_from for row in chunk], dtype="datetime64[D]")
    pyogrio.raw.write(
        path, np.array([row.wkb for row in chunk], dtype=object), [*texts, days], FIELDS, layer=layer, driver=driver,
        geometry_type=kind, crs="EPSG:4326", append=append, **options,
    )  # fmt: skip


def _write_shapefile(folder: Path, name: str, chunks: Iterator[list[Row[Any]]]) -> Path:
    inside = folder / "parts"
    inside.mkdir()
    _write(inside / "areas.shp", "ESRI Shapefile", "areas", "Polygon", chunks, encoding="UTF-8")
    path = folder / "areas.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(inside.iterdir()):
            archive.write(part, f"{name}{part.suffix}")
    return path


def _write_geojson(path: Path, chunks: Iterator[list[Row[Any]]]) -> Path:
    """By hand: GDAL would round to seven decimals, or write seventeen digits where five are all there is."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","features":[')
        comma = b"\n"
        for chunk in chunks:
            geoms = shapely.orient_polygons(shapely.from_wkb([row.wkb for row in chunk]), exterior_cw=False)
            for row, geometry in zip(chunk, shapely.to_geojson(geoms).tolist(), strict=True):
                feature = {
                    "type": "Feature",
                    "id": row.feature,
                    "properties": {field: getattr(row, field) for field in FIELDS},
                    "geometry": msgspec.Raw(geometry.encode()),
                }
                file.write(comma + encode(feature))
                comma = b",\n"
        file.write(b"\n]}\n")
    return path


_VERSION = text("""
    SELECT l.name AS layer, v.number, v.area_count
    FROM layer_version v JOIN layer l ON l.partnership_id = v.partnership_id AND l.id = v.layer_id
    WHERE v.partnership_id = :partnership_id AND v.id = :version_id
""")

_AREAS = text("""
    SELECT feature, code, name, owner_code, valid_from, ST_AsBinary(geom) AS wkb, ST_NPoints(geom) AS vertices
    FROM area
    WHERE partnership_id = :partnership_id AND version_id = :version_id
    ORDER BY feature
""")

_TOO_LONG = text("""
    SELECT feature FROM area
    WHERE partnership_id = :partnership_id AND version_id = :version_id
      AND greatest(octet_length(code), octet_length(name), octet_length(owner_code)) > :most
    ORDER BY feature LIMIT 1
""")
