"""Files that were handed in, kept in the database until they have been read: whichever machine reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.database import new_id
from fieldsync.problems import BodyTooLarge, NotFound, Unprocessable

FILE_BYTES_MAX = 200_000_000
"""The same as geo.formats takes, which is not loaded for it: a web server reads no files."""

EXTENSIONS = ("shp", "shx", "dbf", "prj", "cpg")

PART_BYTES = 4_000_000
"""Bytes of a file in one row: as much as is ever held of it."""

FILES_MAX = 16
"""Files that come together: a shapefile has five that are read and a dozen that lie beside them."""

KEPT_MAX = 10
"""Files of failed imports that a partnership may keep at one time; older ones make room."""

_BESIDE = {"sbn", "sbx", "fbn", "fbx", "ain", "aih", "ixs", "mxs", "atx", "qix", "qpj", "xml"}
"""Indexes and descriptions that programs put beside a shapefile: they are not needed."""


class File(NamedTuple):
    """A file as it came: its name, and where its bytes can be read."""

    name: str
    stream: BinaryIO


def clean_name(name: str) -> str:
    """The last part of a path of any system, without control characters, of at most 200 characters."""
    last = re.split(r"[/\\]", name)[-1]
    cleaned = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", last).strip().strip(".")
    return cleaned[:100] + cleaned[-100:] if len(cleaned) > 200 else cleaned or "file"


def keep(
    session: Session, partnership_id: UUID, layer_id: UUID, files: Sequence[File], created_by: UUID | None
) -> UUID:
    """Store one file, or those of a loose shapefile, in the session's transaction. Returns the upload's id.

    Raises:
        Unprocessable: several files that are no shapefile, or an empty one.
        BodyTooLarge: they are larger than a boundary file may be.
    """
    chosen = choose(files)
    upload_id = new_id()
    keys = {"partnership_id": partnership_id, "upload_id": upload_id}
    session.execute(_MAKE_ROOM, keys | {"kept": KEPT_MAX - 1})
    session.execute(_INSERT, keys | {"layer_id": layer_id, "created_by": created_by})
    left = FILE_BYTES_MAX
    for number, file in enumerate(chosen):
        part = 0
        while content := file.stream.read(PART_BYTES):
            left -= len(content)
            if left < 0:
                raise BodyTooLarge(f"A boundary file may have {FILE_BYTES_MAX:,} bytes.")
            # A statement a row, so that no more than one of them is in memory.
            session.execute(
                _INSERT_PART, keys | {"file": number, "number": part, "name": clean_name(file.name), "content": content}
            )
            part += 1
        if part == 0:
            raise Unprocessable(f"{clean_name(file.name)} is empty.", field="file")
    return upload_id


def choose(files: Sequence[File]) -> list[File]:
    """The files that are read: the only one, or those of one shapefile, the .shp first.

    Raises:
        Unprocessable: there is none, or several that are no shapefile.
    """
    if len(files) == 1:
        return list(files)
    by_extension: dict[str, File] = {}
    stems = set()
    for file in files:
        stem, _, extension = clean_name(file.name).lower().rpartition(".")
        if extension in _BESIDE:
            continue
        if extension not in EXTENSIONS or extension in by_extension:
            raise Unprocessable(
                f"{clean_name(file.name)} is no part of a shapefile: of other formats send one file.", field="file"
            )
        by_extension[extension] = file
        stems.add(stem)
    if "shp" not in by_extension or len(stems) != 1:
        raise Unprocessable("A loose shapefile is a .shp with files of the same name beside it.", field="file")
    return [by_extension[extension] for extension in EXTENSIONS if extension in by_extension]


def fetch(session: Session, partnership_id: UUID, upload_id: UUID, folder: Path) -> tuple[Path, str]:
    """Write an upload's files into a folder, under names of ours. Returns the path to read, and what it was called.

    Raises:
        NotFound: it has been deleted.
    """
    first: tuple[Path, str] | None = None
    bound = {"partnership_id": partnership_id, "upload_id": upload_id}
    rows = session.execute(_PARTS, bound, execution_options={"stream_results": True, "yield_per": 1})
    for row in rows:
        extension = re.search(r"\.[A-Za-z0-9]{1,12}$", row.name)
        path = folder / f"upload{extension.group().lower() if extension else ''}"
        first = first or (path, row.name)
        with path.open("ab") as file:
            file.write(row.content)
    if first is None:
        raise NotFound("The file has been deleted.")
    return first


_INSERT = text("""
    INSERT INTO upload (partnership_id, id, layer_id, created_at, created_by)
    VALUES (:partnership_id, :upload_id, :layer_id, clock_timestamp(), :created_by)
""")

_INSERT_PART = text("""
    INSERT INTO upload_part (partnership_id, upload_id, file, number, name, content)
    VALUES (:partnership_id, :upload_id, :file, :number, :name, :content)
""")

_PARTS = text("""
    SELECT name, content FROM upload_part
    WHERE partnership_id = :partnership_id AND upload_id = :upload_id
    ORDER BY file, number
""")

_MAKE_ROOM = text("""
    DELETE FROM upload WHERE partnership_id = :partnership_id AND id IN (
        SELECT upload.id FROM upload
        WHERE upload.partnership_id = :partnership_id AND NOT EXISTS (
            SELECT 1 FROM boundary_run AS run
            WHERE run.partnership_id = upload.partnership_id AND run.upload_id = upload.id
              AND run.state IN ('waiting', 'running'))
        ORDER BY upload.created_at DESC, upload.id OFFSET :kept
    )
""")
