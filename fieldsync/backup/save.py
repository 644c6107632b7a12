"""Writing a backup: one file, whole or not there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fieldsync.backup.compare import Newest, newest
from fieldsync.backup.place import Place
from fieldsync.backup.problems import BackupProblem
from fieldsync.backup.programs import Programs

LOCK_WAIT = "60s"
"""How long to wait for a migration that is under way."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A backup that was written."""

    file: Path
    taken_at: datetime
    """The moment that it shows."""
    bytes: int
    newest: list[Newest]
    """The newest edit of each partnership."""


def save(place: Place, file: Path) -> Saved:
    """Write the database as it is at this moment into a new file; the server may go on.

    The file is made beside its place, read to its end, written through to the disk, and renamed as the last thing: what
    bears its name is whole. Only we can read it: it holds what everybody entered, and the hashes of tokens.

    Raises:
        BackupProblem: the file is there already, cannot be written, or is being written; the database cannot be read.
        ClusterProblem: PostgreSQL's programs are not here.
    """
    file = file.absolute()
    if file.exists():
        raise BackupProblem(f"{file} is there already. Choose another name: a backup replaces none.")
    with place.connect() as connection, _beside(file) as (unfinished, written):
        programs = Programs.of(connection)
        # What is told of the backup is read in the very state that it shows.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot(), to_regclass('alembic_version') IS NOT NULL").fetchone()
        if row is None or not row[1]:
            raise BackupProblem(f"Database {place.name} has no FieldSync in it.")
        taken_at = datetime.now(UTC)
        programs.dump(
            place.url, unfinished, "--format=custom", f"--snapshot={row[0]}", f"--lock-wait-timeout={LOCK_WAIT}"
        )
        found = list(newest(connection).values())
        programs.read_whole(unfinished)
        os.fsync(written)
        size = os.fstat(written).st_size
        unfinished.rename(file)
        _sync_folder(file.parent)
    return Saved(file, taken_at, size, found)


@contextmanager
def _beside(file: Path) -> Iterator[tuple[Path, int]]:
    """An unfinished file beside the final one, and a descriptor of it. Removed if it does not become that one."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        written = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BackupProblem(f"{file} cannot be written: {(error.strerror or '').lower()}.") from error
    try:
        try:
            fcntl.flock(written, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupProblem(f"{file} is being written by another process.") from None
        # Whoever had it before us may have finished between our looks: then what we hold is that backup itself.
        is_ours = _is_at(unfinished, written)
        if file.exists() or not is_ours:
            if is_ours:
                unfinished.unlink(missing_ok=True)
            raise BackupProblem(f"{file} has just been written by another process.")
        try:
            # What a killed run has left is begun anew.
            os.fchmod(written, 0o600)
            os.ftruncate(written, 0)
            yield unfinished, written
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    finally:
        os.close(written)


def _is_at(file: Path, opened: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(opened))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """A name is on the disk when its folder is."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
