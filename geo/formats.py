"""Which kind of file it is, told by its first bytes, and what each kind must satisfy before GDAL may open it.

GDAL opens a hundred formats, some of which fetch what they name from elsewhere; so the format is decided
here.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from geo.archive import Shapefile, unpack
from geo.encoding import of_cpg, of_dbf
from geo.refusals import CrsMissing, CrsUnreadable, EncodingWrong, FileTooLarge, FileUnreadable, FormatUnknown

FILE_BYTES_MAX = 100_000_000
"""Bytes of a file as it is handed in. Two million vertices written out in GeoJSON take about 80 MB."""

UTF8 = "utf-8"


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that GDAL may read: what it is and what it says of itself outside of what GDAL reports.

    `layer` is given where the format or the archive has one only; `crs` where GDAL is not asked for it;
    `encoding` is a codec, None when the file names none.
    """

    path: Path
    format: str
    driver: str
    layer: str | None = None
    crs: str | None = None
    encoding: str | None = UTF8


def open_file(path: Path, folder: Path, layer: str | None) -> Opened:
    """Tell the format and check what can be checked without GDAL; an archive is unpacked into `folder`.

    Raises FormatUnknown, FileTooLarge, FileUnreadable, what `geo.archive.unpack` raises, and for GeoJSON
    CrsMissing, CrsUnreadable and EncodingWrong.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise FileUnreadable(f"{error.strerror}.") from error
    if size > FILE_BYTES_MAX:
        raise FileTooLarge(f"It has {size} bytes, at most {FILE_BYTES_MAX} are read.")
    if head.startswith(b"SQLite format 3\0"):
        return Opened(path, "GeoPackage", "GPKG")
    if head.startswith(b"fgb\x03fgb"):
        return Opened(path, "FlatGeobuf", "FlatGeobuf")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _shapefile(unpack(path, folder, layer))
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return Opened(path, "GeoJSON", "GeoJSON", crs=_geojson_crs(path.read_bytes()))
    raise FormatUnknown


class _NamedCrs(msgspec.Struct):
    type: str
    properties: dict[str, Any]


class _Outline(msgspec.Struct):
    """As much of a GeoJSON document as is read here; the features stay text."""

    type: str
    features: msgspec.Raw = msgspec.Raw(b"")
    crs: _NamedCrs | None | msgspec.UnsetType = msgspec.UNSET


def _geojson_crs(content: bytes) -> str:
    """What a FeatureCollection's `crs` member names; EPSG:4326 without one (RFC 7946 section 4).

    GDAL takes a crs that it cannot read for EPSG:4326, which would put a state plane's feet on the globe.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        content.decode(UTF8)
    except UnicodeDecodeError as error:
        raise EncodingWrong("GeoJSON is UTF-8 and this is not.", part=f"byte {error.start}") from error
    try:
        outline = msgspec.json.decode(content, type=_Outline)
    except msgspec.ValidationError as error:
        if "crs" in str(error):
            raise CrsUnreadable("The crs member has not the form that GeoJSON gave it.") from error
        raise FormatUnknown from error
    except msgspec.DecodeError as error:
        raise FileUnreadable(f"{error}.") from error
    if outline.type != "FeatureCollection":
        raise FormatUnknown(f"It is a {outline.type[:40]}.")
    if outline.crs is msgspec.UNSET:
        return "EPSG:4326"
    if outline.crs is None:
        raise CrsMissing('Its crs member is null: "unknown".')
    name = outline.crs.properties.get("name")
    if outline.crs.type != "name" or not isinstance(name, str):
        raise CrsUnreadable("The crs member names none.")
    return "EPSG:4326" if re.fullmatch(r"(urn:ogc:def:crs:)?OGC:(1\.3)?:?CRS84", name) else name


def _shapefile(shapefile: Shapefile) -> Opened:
    _refuse_cut_short(shapefile.path)
    encoding = of_cpg(shapefile.cpg) if shapefile.cpg is not None else of_dbf(shapefile.path.with_suffix(".dbf"))
    return Opened(
        shapefile.path,
        "Shapefile",
        "ESRI Shapefile",
        layer=shapefile.layer,
        crs=shapefile.prj,
        encoding=encoding,
    )


def _refuse_cut_short(shp: Path) -> None:
    """Hold the files' lengths against their headers: GDAL reads a shapefile that was cut short as far as it
    goes.

    ESRI Shapefile Technical Description (1998), pages 4 and 23; a .dbf is header, then records of fixed
    length.
    """
    for path in (shp, shp.with_suffix(".shx")):
        with path.open("rb") as file:
            head = file.read(100)
        if len(head) < 100 or struct.unpack(">i", head[:4]) != (9994,):
            raise FileUnreadable("It has no shapefile header.", part=path.suffix)
        (words,) = struct.unpack(">i", head[24:28])
        if path.stat().st_size < 2 * words:
            raise FileUnreadable(f"It should have {2 * words} bytes.", part=path.suffix)
    features = (shp.with_suffix(".shx").stat().st_size - 100) // 8
    dbf = shp.with_suffix(".dbf")
    with dbf.open("rb") as file:
        head = file.read(32)
    if len(head) < 32:
        raise FileUnreadable("It has no header.", part=".dbf")
    rows, header_bytes, row_bytes = struct.unpack("<IHH", head[4:12])
    if dbf.stat().st_size < header_bytes + rows * row_bytes:
        raise FileUnreadable(f"It should have {header_bytes + rows * row_bytes} bytes.", part=".dbf")
    if rows != features:
        raise FileUnreadable(f"It has {rows} rows for {features} shapes.", part=".dbf")
