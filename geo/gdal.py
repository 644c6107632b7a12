"""What GDAL is asked of a file that geo.formats has let in: its layers, fields, values and geometries."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyogrio
from numpy.typing import NDArray
from pyogrio.errors import CRSError, DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from geo.areas import AREAS_MAX
from geo.formats import Opened
from geo.geopackage import refuse_view
from geo.refusals import (
    CrsUnreadable,
    FileTooComplex,
    FileUnreadable,
    LayerNotChosen,
    LayerNotFound,
    NoAreas,
    NotPolygon,
    TooManyAreas,
)

FIELDS_MAX = 2_000
"""Fields of a layer: the columns that SQLite allows. A GeoJSON of as many as features would take a table of
their product."""

SAMPLED_FIELDS_MAX = 200
_SAMPLES = 3
_SAMPLE_CHARS = 80

# What pyogrio lets out, besides its own errors, when a file ends in the middle.
_BROKEN = (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, IndexError, ValueError)

# ISO-8859-1 gives the bytes as they are, each as one character, so that we decode them, strictly. (By the name
# "latin-1" GDAL does not know it.)
_AS_BYTES = "ISO-8859-1"

# Shapefiles and JSON know no arcs.
_MAY_CURVE = ("GPKG", "FlatGeobuf", "OpenFileGDB")
_CURVED = "OGR_GEOMETRY LIKE '%CURVE%' OR OGR_GEOMETRY LIKE '%SURFACE%' OR OGR_GEOMETRY LIKE '%CIRCULAR%'"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as GDAL sees it: what to ask for it by (None for the only one), the names of its fields as
    people and as GDAL know them, its coordinate system, and how many features it claims (-1 if it does not say)."""

    name: str | None
    fields: tuple[str, ...]
    raw_fields: tuple[str, ...]
    crs: str | None
    features: int


@dataclass(frozen=True, slots=True)
class Raw:
    """WKB of each feature, raw values of the fields that were asked for (texts and dates as latin-1 of their
    bytes), and GDAL's warnings."""

    wkbs: list[bytes | None]
    columns: dict[str, NDArray[Any]]
    notes: tuple[str, ...]


def layer_of(opened: Opened) -> Layer:
    """The layer that is wanted, or the only one. Raises LayerNotChosen, LayerNotFound (with `layers`),
    LayerIsView, NoAreas, CrsUnreadable, FileUnreadable, FileTooComplex."""
    name = None if opened.layer is not None else _choose(opened)
    if name is not None and opened.driver == "GPKG":
        refuse_view(opened.path, name)
    with _asking(opened):
        info = pyogrio.read_info(opened.path, layer=name, encoding=_AS_BYTES)
    if info["driver"] != opened.driver:
        raise FileUnreadable(f"GDAL takes it for {info['driver']}.")
    raw_fields = tuple(str(field) for field in info["fields"])
    if len(raw_fields) > FIELDS_MAX:
        raise FileTooComplex(f"It has {len(raw_fields)} fields, at most {FIELDS_MAX} are read.")
    return Layer(name, tuple(_text(field) for field in raw_fields), raw_fields, info["crs"], int(info["features"]))


def read_layer(opened: Opened, layer: Layer, fields: Sequence[str]) -> Raw:
    """All features of a layer, with the values of `fields`.

    Raises NoAreas, TooManyAreas, CrsUnreadable, FileUnreadable, FileTooComplex, and NotPolygon for arcs of
    circles, which GDAL would turn into some straight edges in silence.
    """
    chosen = [raw for field, raw in zip(layer.fields, layer.raw_fields, strict=True) if field in fields]
    try:
        with _asking(opened) as caught:
            meta, _, wkbs, columns = pyogrio.raw.read(
                opened.path,
                layer=layer.name,
                encoding=_AS_BYTES,
                columns=chosen,
                max_features=AREAS_MAX + 1,
                datetime_as_string=True,
            )
    except FileUnreadable as refusal:
        raise FileUnreadable(refusal.detail, feature=_broken_feature(opened, layer)) from refusal
    if wkbs is None or len(wkbs) == 0:
        raise NoAreas
    if len(wkbs) > AREAS_MAX:
        raise TooManyAreas(f"At most {AREAS_MAX} are taken.")
    if opened.features not in (None, len(wkbs)):
        raise FileUnreadable(f"It has {opened.features} features, and GDAL reads {len(wkbs)}.")
    if opened.driver in _MAY_CURVE:
        _refuse_curves(opened, layer)
    notes = tuple(f"GDAL: {_without_paths(str(w.message), opened)}" for w in caught if "pyogrio" in w.filename)
    named = {_text(str(field)): column for field, column in zip(meta["fields"], columns, strict=True)}
    return Raw(list(wkbs), named, tuple(dict.fromkeys(notes))[:20])


def samples(opened: Opened, layer: Layer) -> dict[str, list[str]]:
    """Up to three values of each field as text, to choose fields by; none if they cannot be read."""
    chosen = list(layer.raw_fields[:SAMPLED_FIELDS_MAX])
    try:
        with _asking(opened):
            meta, _, _, columns = pyogrio.raw.read(
                opened.path,
                layer=layer.name,
                encoding=_AS_BYTES,
                columns=chosen,
                max_features=_SAMPLES,
                read_geometry=False,
                datetime_as_string=True,
            )
    except (FileUnreadable, FileTooComplex, CrsUnreadable):
        return {}
    codec = opened.encoding.codec or "utf-8"
    return {
        _text(str(field)): [_shown(value, codec) for value in column if value is not None]
        for field, column in zip(meta["fields"], columns, strict=True)
    }


def _broken_feature(opened: Opened, layer: Layer) -> int | None:
    """The first feature whose geometry GDAL cannot read, if it is that: pyogrio raises at the end of the layer,
    so asked for no more features than there are it gives them, and None for that one."""
    if not 0 < layer.features <= AREAS_MAX:
        return None
    try:
        with _asking(opened):
            _, _, wkbs, _ = pyogrio.raw.read(opened.path, layer=layer.name, columns=[], max_features=layer.features)
    except FileUnreadable:
        return None
    return next((feature for feature, wkb in enumerate([] if wkbs is None else wkbs, start=1) if wkb is None), None)


def _choose(opened: Opened) -> str:
    with _asking(opened):
        listed = pyogrio.list_layers(opened.path)
    # Tables without geometry are listed too.
    layers = sorted(str(name) for name, kind in listed if kind is not None)
    if opened.wanted is not None and opened.wanted not in layers:
        raise LayerNotFound(f"It has {', '.join(layers)[:500] or 'none'}.", part=opened.wanted, layers=layers)
    if not len(listed) and opened.driver == "FlatGeobuf":
        raise FileUnreadable("GDAL finds no layer in it.")
    if not layers:
        raise NoAreas("It has no layer of geometries.")
    if opened.wanted is None and len(layers) > 1:
        raise LayerNotChosen(f"They are {', '.join(layers)[:500]}.", layers=layers)
    return opened.wanted or layers[0]


def _refuse_curves(opened: Opened, layer: Layer) -> None:
    quoted = (layer.name or "").replace("\\", "\\\\").replace('"', '\\"')

    def ask(what: str, where: str = "", features: int | None = None) -> NDArray[Any]:
        with _asking(opened):
            _, fids, _, columns = pyogrio.raw.read(
                opened.path,
                sql=f'SELECT {what} FROM "{quoted}" {where}',
                sql_dialect="OGRSQL",
                read_geometry=False,
                return_fids=True,
                max_features=features,
            )
        return np.asarray(fids if what == "FID" else columns[0])

    if not ask("FID", f"WHERE {_CURVED}", 1).size:
        return
    # Such a type may hold straight edges only; the text of a geometry tells. It is long, so it comes second.
    curved = ask("FID", f"WHERE ({_CURVED}) AND OGR_GEOM_WKT LIKE '%CIRCULARSTRING%'", 1)
    if curved.size:
        feature = int(np.argmax(ask("FID", features=AREAS_MAX + 1) == curved[0])) + 1
        raise NotPolygon("It has arcs of circles: have them drawn with straight edges.", feature=feature)


@contextmanager
def _asking(opened: Opened) -> Iterator[list[warnings.WarningMessage]]:
    """GDAL's errors as refusals, its warnings collected."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    except CRSError as error:
        raise CrsUnreadable(f"{_without_paths(str(error), opened)}.") from error
    except _BROKEN as error:
        message = _without_paths(str(error), opened)
        if "too complex/large" in message:
            raise FileTooComplex("One feature of it is too large for GeoJSON.") from error
        raise FileUnreadable(f"{message.rstrip('.')}.") from error


def _without_paths(message: str, opened: Opened) -> str:
    """GDAL's words without folders of this machine or of the one where GDAL was built."""
    message = message.replace(f"{opened.path.parent}/", "").partition("; It might help")[0]
    return re.sub(r"Error occurred in /.*", "GDAL cannot read a part of it", message)[:300]


def _shown(value: object, codec: str) -> str:
    text = value.encode("latin-1").decode(codec, errors="replace") if isinstance(value, str) else str(value)
    return text[:_SAMPLE_CHARS]


def _text(name: str) -> str:
    """A field's name from its bytes; one that is not UTF-8 stays readable, for it is only matched and
    shown."""
    return name.encode("latin-1").decode("utf-8", errors="replace")
