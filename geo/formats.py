"""Which kind of file it is, told by its first bytes, and what each kind must satisfy before GDAL may open it.

GDAL opens a hundred formats, some of which fetch what they name from elsewhere; so the format is decided
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geo import geodatabase, geopackage, shapefile
from geo.archive import unpack
from geo.encoding import Encoding, codec_of, of_dbf
from geo.geojson import count_features, document
from geo.refusals import EncodingUnknown, FileTooLarge, FileUnreadable, FormatUnknown, LayerNotFound, NoAreas
from geo.topojson import write_geojson

FILE_BYTES_MAX = 200_000_000
"""Bytes of a file as it is handed in. Four million vertices written out in GeoJSON take about 170 MB."""

UTF8 = "utf-8"


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that GDAL may read, under a name of ours: what it is and what it says of itself outside of what
    GDAL reports.

    `driver` is GDAL's; `wanted` the layer to be asked for, None for the only one; `layer` what it is called
    where that is known already; `crs` what the file states where GDAL is not asked for it (`crs_by_gdal`);
    `features` how many there must be, None if that is not known.
    """

    path: Path
    format: str
    driver: str
    encoding: Encoding
    wanted: str | None = None
    layer: str | None = None
    crs: str | None = None
    crs_by_gdal: bool = True
    features: int | None = None


def open_file(path: Path, folder: Path, layer: str | None, encoding: str | None, name: str) -> Opened:
    """Tell the format and check what can be checked without GDAL. The file, or what it is unpacked to, is put
    into `folder`; `encoding` is what a person gave, `name` what the file is called.

    Raises FormatUnknown, FileTooLarge, FileUnreadable, EncodingUnknown, and what the formats' own modules
    raise.
    """
    given = codec_of(encoding) if encoding else None
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise FileUnreadable(f"{error.strerror}.") from error
    if size > FILE_BYTES_MAX:
        raise FileTooLarge(f"It has {size} bytes, at most {FILE_BYTES_MAX} are read.")
    utf8 = Encoding(UTF8, given=given)
    if head.startswith(b"SQLite format 3\0"):
        ours = geopackage.put(path, folder)
        geopackage.refuse_foreign(ours)
        return Opened(ours, "GeoPackage", "GPKG", utf8, layer)
    if head.startswith(b"fgb\x03fgb"):
        return Opened(_linked(path, folder, "areas.fgb"), "FlatGeobuf", "FlatGeobuf", utf8, layer)
    if head.startswith(b"\0\0\x27\x0a"):
        return _shapefile(shapefile.beside(path, folder, FILE_BYTES_MAX), given)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        unpacked = unpack(path, folder, layer)
        if isinstance(unpacked, shapefile.Shapefile):
            return _shapefile(unpacked, given)
        geodatabase.refuse_damaged(unpacked)
        return Opened(unpacked.path, "File geodatabase", "OpenFileGDB", utf8, unpacked.layer)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return _json(path, folder, layer, given, Path(name).stem)
    raise FormatUnknown


def _linked(path: Path, folder: Path, name: str) -> Path:
    """The file under a name of ours: GDAL tells some formats by the name, and looks for others beside it."""
    (folder / name).symlink_to(path.resolve())
    return folder / name


def _json(path: Path, folder: Path, layer: str | None, given: str | None, stem: str) -> Opened:
    found = document(path.read_bytes(), given)
    # What was led to UTF-8 has been read as the person said; the rest is held against it field by field.
    encoding = Encoding(UTF8, given=given, transcoded=found.transcoded)
    if found.outline.type == "Topology":
        written, name, count = write_geojson(found.outline, folder, layer)
        kind = "TopoJSON"
    else:
        count = count_features(found.outline)
        name = found.outline.name if isinstance(found.outline.name, str) else stem
        if layer not in (None, name):
            raise LayerNotFound(f"It has {name[:200]}.", part=layer, layers=[name])
        kind, written = "GeoJSON", folder / "areas.geojson"
        if found.transcoded:
            written.write_bytes(found.content)
        else:
            _linked(path, folder, "areas.geojson")
    if not count:
        raise NoAreas
    return Opened(
        written, kind, "GeoJSON", encoding, layer=name[:200], crs=found.crs, crs_by_gdal=False, features=count
    )


def _shapefile(files: shapefile.Shapefile, given: str | None) -> Opened:
    shapefile.refuse_damaged(files.path)
    try:
        stated = codec_of(files.cpg) if files.cpg is not None else of_dbf(files.path.with_suffix(".dbf"))
        encoding = Encoding(stated, given=given)
    except EncodingUnknown:
        # Where all texts are ASCII it does not matter.
        encoding = Encoding(None, unknown=files.cpg, given=given)
    return Opened(
        files.path, "Shapefile", "ESRI Shapefile", encoding, layer=files.layer, crs=files.prj, crs_by_gdal=False
    )
