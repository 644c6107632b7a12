"""A boundary file that GIS staff gave us -> areas in EPSG:4326, or a reason why not.

GeoPackage, shapefile, file geodatabase, GeoJSON, TopoJSON, FlatGeobuf. Nothing is repaired or guessed in
silence: what had to be assumed is in the notes, and what cannot be represented is refused with the feature
and the reason (geo.refusals). What can be, right or wrong, is for `geo.check` to judge.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import shapely

from geo.areas import VERTICES_MAX, AreaSet, Source
from geo.crs import Objects
from geo.fields import Asked, Labels, Table, labels, wanted
from geo.formats import Opened, open_file
from geo.gdal import Layer, Raw, layer_of, read_layer, samples
from geo.lines import WIDTH_M_MAX, widen
from geo.locate import locate
from geo.polygons import shapes
from geo.refusals import FieldNotFound, FieldUnclear, TooManyVertices
from geo.suggest import Box


def read_areas(
    path: str | Path,
    *,
    layer: str | None = None,
    code_field: str | None = None,
    name_field: str | None = None,
    valid_from_field: str | None = None,
    owner_field: str | None = None,
    crs: str | None = None,
    swap_axes: bool = False,
    around: Box | None = None,
    encoding: str | None = None,
    width_m: float | None = None,
    source_name: str | None = None,
) -> AreaSet:
    """Read the areas of one layer of a file; for a loose shapefile, `path` is its .shp.

    `layer` is needed if there are several. The fields of code, name and valid-from are guessed if only one
    can be meant; that of the owner, the code of the jurisdiction responsible for an area, is read if named.
    `crs`, `swap_axes` (x and y) and `encoding` stand above what the file states. `around` (west, south, east,
    north in EPSG:4326) is where the layer should lie: one that does not is refused unless `crs` or
    `swap_axes` is given. With `width_m`, 0 to 1000, lines are taken, too, and become areas of that width
    (see geo.lines for its error). `source_name` is what the file is called if not by its path.

    Raises a FileRefused; ValueError if `width_m` or `around` is none.
    """
    require(width_m, around)
    path = Path(path)
    name = source_name or path.name
    asked = Asked(code_field, name_field, valid_from_field, owner_field)
    with tempfile.TemporaryDirectory(prefix="boundaries-") as folder:
        opened = open_file(path, Path(folder), layer, encoding, name)
        found, raw, labelled = _read(opened, asked)
    geoms, flattened = shapes(raw.wkbs, lines=width_m is not None)
    del raw.wkbs[:]
    located = locate(geoms, found.crs if opened.crs_by_gdal else opened.crs, crs, swap_axes=swap_axes, around=around)
    areas, widened = _widened(located.geoms, width_m)
    source = Source(
        name=name,
        format=opened.format,
        layer=opened.layer or found.name,
        crs=located.crs,
        encoding=opened.encoding.name,
        code_field=labelled.code_field,
        name_field=labelled.name_field,
        accuracy_m=located.accuracy_m,
        valid_from_field=labelled.valid_from_field,
        owner_field=owner_field,
        fields=tuple(found.fields),
    )
    return AreaSet(
        labelled.codes,
        labelled.names,
        areas,
        source,
        (*raw.notes, *opened.encoding.notes, *labelled.notes, *flattened, *located.notes, *widened),
        owners=labelled.owners,
        valid_from=labelled.valid_from,
    )


def _read(opened: Opened, asked: Asked) -> tuple[Layer, Raw, Labels]:
    """The layer, its features, and their labels as the fields have them."""
    found = layer_of(opened)
    try:
        raw = read_layer(opened, found, wanted(found.fields, asked))
        labelled = labels(Table(found.fields, raw.columns, opened.encoding), asked)
    except (FieldUnclear, FieldNotFound) as refusal:
        refusal.facts |= {"fields": list(found.fields), "samples": samples(opened, found)}
        raise
    raw.columns.clear()  # What follows needs the memory.
    return found, raw, labelled


def require(width_m: float | None, around: Box | None) -> None:
    """Raises ValueError for what is no width or no box of degrees."""
    if width_m is not None and not 0 < width_m <= WIDTH_M_MAX:
        raise ValueError(f"A width is more than 0 and at most {WIDTH_M_MAX:g} m, not {width_m}.")
    if around is None:
        return
    west, south, east, north = around
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError(f"{around} is no box of degrees: west, south, east, north.")


def _widened(geoms: Objects, width_m: float | None) -> tuple[Objects, tuple[str, ...]]:
    lines = 0 if width_m is None else int(np.count_nonzero(shapely.get_dimensions(geoms) == 1))
    if width_m is None or not lines:
        return geoms, ()
    areas = widen(geoms, width_m)
    vertices = int(shapely.get_num_coordinates(areas).sum())
    if vertices > VERTICES_MAX:
        raise TooManyVertices(f"With their width, the lines have {vertices}, at most {VERTICES_MAX} are taken.")
    return areas, (f"{lines} lines were taken with a width of {width_m:g} m.",)
