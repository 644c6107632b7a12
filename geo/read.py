"""A boundary file that GIS staff gave us -> areas in EPSG:4326, or a reason why not.

GeoPackage, zipped shapefile, GeoJSON, FlatGeobuf. Nothing is repaired or guessed in silence: what had to be
assumed is in the notes, and what cannot be trusted is refused with the feature and the reason
(geo.refusals).
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyogrio
from pyogrio.errors import (
    CRSError,
    DataLayerError,
    DataSourceError,
    FeatureError,
    FieldError,
    GeometryError,
)
from pyproj import CRS

from geo.areas import AREAS_MAX, AreaSet, Source
from geo.crs import reproject, title, understand
from geo.encoding import of_cpg
from geo.fields import Table, labels
from geo.formats import Opened, open_file
from geo.polygons import polygons, refuse_invalid
from geo.refusals import (
    CrsContradicted,
    CrsMissing,
    CrsUnreadable,
    FileUnreadable,
    LayerNotChosen,
    LayerNotFound,
    NoAreas,
    TooManyAreas,
)

# What pyogrio lets out, besides its own errors, when a file ends in the middle.
_BROKEN = (
    DataLayerError,
    DataSourceError,
    FeatureError,
    FieldError,
    GeometryError,
    IndexError,
    ValueError,
)


def read_areas(
    path: str | Path,
    *,
    layer: str | None = None,
    code_field: str | None = None,
    name_field: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    source_name: str | None = None,
) -> AreaSet:
    """Read the areas of one layer of a file.

    `layer` is needed if there are several. `code_field` and `name_field` are guessed if only one field can
    be meant. `crs` and `encoding` stand in for what the file does not state; a file that states another CRS
    is refused. `source_name` is what the file is called if not by its path. Raises a FileRefused.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(prefix="boundaries-") as folder:
        opened = open_file(path, Path(folder), layer)
        name = _layer_name(opened, layer)
        raw = _read(opened, name)
    projection = _crs(opened, raw.crs, crs)
    codec = opened.encoding or (of_cpg(encoding) if encoding else None)
    notes = raw.notes if codec else [*raw.notes, "The file states no encoding; its texts were read as UTF-8."]
    found = labels(Table(raw.fields, raw.columns, codec), code_field, name_field)
    geoms, flattened = polygons(raw.wkbs)
    reprojected = reproject(geoms, projection)
    refuse_invalid(reprojected.geoms)
    source = Source(
        name=source_name or path.name,
        format=opened.format,
        layer=opened.layer or name,
        crs=title(projection),
        encoding=codec or "utf-8",
        code_field=found.code_field,
        name_field=found.name_field,
        accuracy_m=reprojected.accuracy_m,
    )
    return AreaSet(
        found.codes,
        found.names,
        reprojected.geoms,
        source,
        (*notes, *found.notes, *flattened, *reprojected.notes),
    )


def _layer_name(opened: Opened, wanted: str | None) -> str | None:
    """The layer that GDAL is asked for; None for a shapefile, where the archive has decided."""
    if opened.format == "Shapefile":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            listed = pyogrio.list_layers(opened.path)
    except _BROKEN as error:
        raise FileUnreadable(f"{error}.") from error
    # Tables without geometry are listed too.
    layers = sorted(str(name) for name, kind in listed if kind is not None)
    if wanted is not None and wanted not in layers:
        raise LayerNotFound(f"It has {', '.join(layers) or 'none'}.", part=wanted, layers=layers)
    if not layers and opened.format == "GeoPackage":
        raise NoAreas("It has no layer of geometries.")
    if not layers:
        raise FileUnreadable("GDAL finds no layer in it.")
    if wanted is None and len(layers) > 1:
        raise LayerNotChosen(f"They are {', '.join(layers)}.", layers=layers)
    return wanted or layers[0]


@dataclass(frozen=True, slots=True)
class _Raw:
    """What GDAL read: the CRS, field names, WKB of each feature, raw values of each field, and its
    warnings."""

    crs: str | None
    fields: list[str]
    wkbs: list[bytes | None]
    columns: list[Any]
    notes: list[str]


def _read(opened: Opened, layer: str | None) -> _Raw:
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            # ISO-8859-1 gives the bytes as they are, each as one character, so that we decode them,
            # strictly. (By the name "latin-1" GDAL does not know it.)
            meta, _, wkbs, columns = pyogrio.raw.read(
                opened.path, layer=layer, encoding="ISO-8859-1", max_features=AREAS_MAX + 1
            )
    except CRSError as error:
        raise CrsUnreadable(f"{error}.") from error
    except _BROKEN as error:
        raise FileUnreadable(f"{error}.") from error
    if wkbs is None or len(wkbs) == 0:
        raise NoAreas
    if len(wkbs) > AREAS_MAX:
        raise TooManyAreas(f"At most {AREAS_MAX} are taken.")
    notes = [f"GDAL: {w.message}" for w in caught if "pyogrio" in w.filename]
    return _Raw(meta["crs"], [_text(field) for field in meta["fields"]], list(wkbs), list(columns), notes)


def _crs(opened: Opened, reported: str | None, given: str | None) -> CRS:
    """The file's CRS, or the one given where the file has none that can be read."""
    by_gdal = opened.format in ("GeoPackage", "FlatGeobuf")
    try:
        own = understand(reported if by_gdal else opened.crs)
    except (CrsMissing, CrsUnreadable):
        if given is None:
            raise
        return understand(given)
    if given is not None and title(understand(given)) != title(own):
        raise CrsContradicted(f"The file says {title(own)}, not {given}.")
    return own


def _text(name: str) -> str:
    """A field's name from its bytes; one that is not UTF-8 stays readable, for it is only matched and
    shown."""
    return str(name).encode("latin-1").decode("utf-8", errors="replace")
