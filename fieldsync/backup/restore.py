"""Putting a backup back: into a database of its own first, and in the place of the present one as the last step.

At every moment the name of the database leads to a whole one: the present one until the swap, the restored one after
it, which is a transaction of the server's. Until then nothing of the present one is changed, and after it the present
one is there under another name. Whoever is killed on the way leaves a database named ``…_restoring``, which
the next restore removes; it was never more than a copy of the file.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from fieldsync.backup import compare
from fieldsync.backup.begin import Histories, begin_histories, read
from fieldsync.backup.carry import carry
from fieldsync.backup.place import Place
from fieldsync.backup.problems import BackupProblem
from fieldsync.backup.programs import Programs
from fieldsync.cluster import Databases
from fieldsync.server.migrate import head_of_code, knows
from fieldsync.server.up import run_command

Connection = psycopg.Connection[Any]
Say = Callable[[str], None]

RESTORING = "_restoring"
REPLACED = "_replaced_"
NAME_BYTES_MAX = 63
"""PostgreSQL cuts longer names off, silently."""

JOBS_MAX = 4
"""Tables are filled, and indexes made, so many at a time."""

LEAVING_S_MAX = 3.0
"""A server that has just been stopped has connections for a moment longer."""

_CONNECTED = """
    SELECT DISTINCT coalesce(nullif(application_name, ''), 'a program without a name'),
           coalesce(host(client_addr), 'this machine')
    FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

_OURS = ("journal", "head", "partnership", "alembic_version")
_NOT_OURS = re.compile(r" (EXTENSION|COMMENT - EXTENSION|TABLE DATA public spatial_ref_sys) ")
"""Entries of an archive that a superuser has to make, and has made by then."""


@dataclass(slots=True)
class Restored:
    """What a restore did, or would do."""

    file: Path
    made_at: datetime | None
    epochs: dict[UUID, UUID]
    """Partnership -> its new epoch."""
    replaced: str | None = None
    """The name under which the replaced database is kept; None where there was none, or nothing was replaced."""
    said: list[str] = field(default_factory=list)


def restore(place: Place, file: Path, *, commit: bool, as_in_backup: bool = False, say: Say = print) -> Restored:
    """Restore a file beside the database, and with ``commit`` put it in its place.

    Without ``commit`` everything is done but that, and removed again: it shows that the backup is good, and what it
    would take away. ``as_in_backup``: whoever was revoked since the backup is let in again, as it says.

    Raises:
        BackupProblem: somebody is connected to the database; the file is no backup of ours, or a newer version's; it
            could not be restored. Nothing has changed.
        ClusterProblem: PostgreSQL's programs are not here.
        ServerProblem: the migrations failed; they have said why.
    """
    with place.administer() as admin:
        programs = Programs.of(admin)
        contents = programs.contents(file)
        _check(file, contents)
        _one_at_a_time(admin, place.name)
        if commit:
            _check_nobody(admin, place.name)
        beside = place.of(_fitting(place.name, RESTORING))
        say(f"Restoring {file} into database {beside.name}")
        try:
            _fill(programs, admin, place, beside, file, contents)
            _migrate(beside, say)
            with _readable(place, admin) as present:
                restored = _begin(beside, present, file, _made_at(contents), as_in_backup)
            _analyze(beside)
            if commit:
                restored.replaced = _swap(admin, beside.name, place.name)
        finally:
            # After the swap there is none of this name.
            _databases(place).drop(beside.name)
        return restored


def kept(place: Place) -> list[str]:
    """The databases that restores have replaced, oldest first."""
    beginning = _fitting(place.name, f"{REPLACED}00000000t000000z")[: -len("00000000t000000z")]
    with place.administer() as admin:
        names = [str(name) for (name,) in admin.execute("SELECT datname FROM pg_database").fetchall()]
    return sorted(name for name in names if re.fullmatch(re.escape(beginning) + r"\d{8}t\d{6}z", name))


def drop(place: Place, names: list[str]) -> None:
    """Remove databases that restores have replaced, for good."""
    for name in names:
        _databases(place).drop(name)


def begin_anew(place: Place, *, commit: bool) -> dict[str, UUID]:
    """Make a database that was restored by other means a new history. Returns the new epochs by partnership.

    Raises:
        BackupProblem: a server is connected to it; or its tables are not up to date.
    """
    with place.administer() as admin:
        _one_at_a_time(admin, place.name)
        if commit:
            _check_nobody(admin, place.name)
        with place.connect() as connection:
            _check_revision(connection)
            slugs = {id_: history.slug for id_, history in read(connection).items()}
            epochs = begin_histories(connection, {}, datetime.now(UTC))
            if not commit:
                connection.rollback()
    return {slugs[id_]: epoch for id_, epoch in epochs.items()}


# --- steps ------------------------------------------------------------------------------------------------------------


def _check(file: Path, contents: str) -> None:
    tables = set(re.findall(r" TABLE public (\w+) ", contents))
    if not tables.issuperset(_OURS):
        raise BackupProblem(f"{file} is an archive of PostgreSQL's, and no backup of FieldSync.")


def _made_at(contents: str) -> datetime | None:
    """When the archive was made, by the local clock of that machine."""
    found = re.search(r"^; Archive created at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", contents, re.MULTILINE)
    return datetime.fromisoformat(found[1]).astimezone(UTC) if found else None


def _one_at_a_time(admin: Connection, name: str) -> None:
    """For as long as this connection lives, no other restore of the same database is under way."""
    row = admin.execute(
        "SELECT pg_try_advisory_lock(hashtextextended('fieldsync restore ' || %s, 0))", [name]
    ).fetchone()
    if row is None or not row[0]:
        raise BackupProblem(f"Another restore of database {name} is under way.")


def _check_nobody(admin: Connection, name: str) -> None:
    deadline = time.monotonic() + LEAVING_S_MAX
    while rows := admin.execute(_CONNECTED, [name]).fetchall():
        if time.monotonic() > deadline:
            who = ", ".join(f"{program} on {where}" for program, where in rows[:10])
            raise BackupProblem(
                f"Somebody is connected to database {name}: {who}. Stop servers and workers first: what they take in"
                " now would not be in the restored state."
            )
        time.sleep(0.1)


def _fill(programs: Programs, admin: Connection, place: Place, beside: Place, file: Path, contents: str) -> None:
    """Make the database beside, with its extensions, and fill it from the file."""
    databases = _databases(place)
    # Left by a restore that was killed; nobody but a restore gives such a name.
    databases.drop(beside.name)
    try:
        databases.ensure(beside.name)
    except psycopg.errors.InsufficientPrivilege as error:
        raise BackupProblem(
            f"This role may not make the database or PostGIS in it ({str(error).strip()}). Name one that may:"
            " --admin-url postgresql://superuser@host/postgres; or have a superuser make the extensions in template1."
        ) from error
    (encoding,) = admin.execute(
        "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s", [beside.name]
    ).fetchone() or ("unknown",)
    if encoding != "UTF8":
        raise BackupProblem(f"New databases of this server are encoded in {encoding}; FieldSync needs UTF8.")
    ours = [line for line in contents.splitlines() if not _NOT_OURS.search(line)]
    with tempfile.NamedTemporaryFile("w", suffix=".list", encoding="utf-8") as chosen:
        chosen.write("\n".join(ours) + "\n")
        chosen.flush()
        programs.restore(
            beside.url, file, "--no-owner", "--no-privileges", "--exit-on-error", f"--use-list={chosen.name}",
            f"--jobs={max(1, min(JOBS_MAX, os.cpu_count() or 1))}",
        )  # fmt: skip


def _migrate(beside: Place, say: Say) -> None:
    """Bring an older backup's tables up to date. Raises as ``restore`` does."""
    with beside.connect() as connection:
        found = _revision(connection)
    if not knows(found):
        raise BackupProblem(f"The backup was made by a newer version of FieldSync (its tables are at {found}).")
    if found != head_of_code():
        say(f"Bringing its tables up to date, from {found}")
        run_command(["migrate"], {**os.environ, "FIELDSYNC_DATABASE_URL": beside.url})


@contextmanager
def _readable(place: Place, admin: Connection) -> Iterator[Connection | None]:
    """The database to be replaced, if there is one and it can be read."""
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [place.name]).fetchone() is None:
        yield None
        return
    try:
        connection = place.connect()
    except BackupProblem:
        yield None
        return
    with connection:
        yield connection


def _begin(
    beside: Place, present: Connection | None, file: Path, made_at: datetime | None, as_in_backup: bool
) -> Restored:
    """A new history, and who may come in: one transaction, before anybody knows of the database."""
    now = datetime.now(UTC)
    restored = Restored(file, made_at, {})
    with beside.connect() as connection:
        backup = compare.newest(connection)
        histories, said = _look(present, backup)
        carried: list[str] = compare.not_carried_over()
        if present is not None and histories:
            try:
                with connection.transaction(force_rollback=as_in_backup), present.transaction():
                    whom = carry(connection, present)
                    carried = compare.not_carried_over(whom) if as_in_backup else compare.carried_over(whom)
            except psycopg.Error as error:
                said.append(f"Who may come in could not be read from it ({type(error).__name__}).")
        restored.epochs = begin_histories(connection, histories, now)
    restored.said = [*said, *carried, *compare.age_warning(made_at, now)]
    return restored


def _look(present: Connection | None, backup: Mapping[Any, compare.Newest]) -> tuple[Histories, list[str]]:
    """The histories of the database to be replaced, and what it has that the backup has not."""
    if present is None:
        return {}, ["There is no database to be replaced that could be read."]
    try:
        with present.transaction():
            return read(present), compare.taken_away(present, dict(backup))
    except psycopg.Error as error:
        return {}, [f"The database to be replaced cannot be read ({type(error).__name__})."]


def _analyze(beside: Place) -> None:
    """Without statistics, which no backup holds, the first hours would be slow ones."""
    with beside.connect(autocommit=True) as connection:
        connection.execute("ANALYZE")


def _swap(admin: Connection, restored: str, name: str) -> str | None:
    """Give the restored database the name of the present one, which gets another: both at once, or neither.

    Raises:
        BackupProblem: somebody has connected to it meanwhile.
    """
    aside = None
    try:
        with admin.transaction():
            if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                aside = _fitting(name, f"{REPLACED}{datetime.now(UTC):%Y%m%dt%H%M%Sz}")
                _rename(admin, name, aside)
            _rename(admin, restored, name)
    except psycopg.errors.ObjectInUse as error:
        raise BackupProblem(
            f"Somebody has connected to database {name} meanwhile. Stop servers and workers, and restore again."
        ) from error
    return aside


def _rename(admin: Connection, name: str, new: str) -> None:
    admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new)))


def _fitting(name: str, ending: str) -> str:
    """A database's name with an ending, cut where PostgreSQL would cut the ending off."""
    room = NAME_BYTES_MAX - len(ending.encode())
    return name.encode()[:room].decode(errors="ignore") + ending


def _databases(place: Place) -> Databases:
    """The server's databases; new ones belong to the application."""
    role = conninfo_to_dict(place.url).get("user")
    return Databases(place.admin_url, None if role is None else str(role))


def _revision(connection: Connection) -> str:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _check_revision(connection: Connection) -> None:
    try:
        found = _revision(connection)
    except psycopg.errors.UndefinedTable as error:
        raise BackupProblem("This database has no FieldSync in it.") from error
    if found != head_of_code():
        raise BackupProblem("Its tables are not up to date. First: fieldsync migrate")
