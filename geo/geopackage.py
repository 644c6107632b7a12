"""A GeoPackage is an SQLite database that anybody may have written: what in it would run is not opened."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from geo.refusals import FileUnreadable, FormatUnknown, LayerIsView

_NEEDED = ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")
_PLAIN = re.compile(r"\s*CREATE\s+TABLE\b", re.IGNORECASE)


def put(path: Path, folder: Path) -> Path:
    """The file as areas.gpkg in `folder`: linked, or copied with its log if it keeps one (SQLite's WAL, bytes 18
    and 19 of the header), because SQLite then writes files beside it even for a reader."""
    ours = folder / "areas.gpkg"
    with path.open("rb") as file:
        logs = file.read(20)[18:] == b"\x02\x02"
    if not logs:
        ours.symlink_to(path.resolve())
        return ours
    shutil.copyfile(path, ours)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        shutil.copyfile(log, folder / "areas.gpkg-wal")
    return ours


def refuse_foreign(path: Path) -> None:
    """Raises FormatUnknown for a database that is no GeoPackage (OGC 12-128r19, requirements 10 to 13 and 21),
    LayerIsView where a query stands in place of one of its tables, FileUnreadable."""
    for name in _NEEDED:
        if not _is_there(path, name):
            raise FormatUnknown(f"It is an SQLite database without {name}.")


def refuse_view(path: Path, layer: str) -> None:
    """Raises LayerIsView if the layer is a view or a virtual table: reading one runs what it says."""
    _is_there(path, layer)


def _is_there(path: Path, name: str) -> bool:
    """Whether the database has such a table. Raises LayerIsView and FileUnreadable."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            found = database.execute(
                "SELECT type, sql FROM sqlite_master WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')",
                (name,),
            ).fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise FileUnreadable(f"{error}.") from error
    if any(kind == "view" or not _PLAIN.match(sql or "") for kind, sql in found):
        raise LayerIsView(part=name)
    return bool(found)
