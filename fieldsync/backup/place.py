"""Which database a command is about: the one that FIELDSYNC_DATABASE_URL names, or the private cluster's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from fieldsync.backup.problems import BackupProblem
from fieldsync.cluster import Cluster, Home, Lock

DATABASE = "fieldsync"
"""The one that ``fieldsync up`` keeps in the private cluster."""

CONNECT_S_MAX = 15


@dataclass(frozen=True, slots=True)
class Place:
    """A database on a server."""

    url: str
    """The database's, as the application's role."""
    admin_url: str
    """Of another database there, as a role that may make and rename databases, and make PostGIS in them."""

    @property
    def name(self) -> str:
        """The database's name."""
        return _name(self.url)

    def of(self, name: str) -> Place:
        """Another database of the same server."""
        return Place(_renamed(self.url, name), self.admin_url)

    def connect(self, *, autocommit: bool = False) -> psycopg.Connection[tuple[object, ...]]:
        """A connection to the database.

        Raises:
            BackupProblem: it cannot be reached.
        """
        return _connect(self.url, autocommit=autocommit)

    def administer(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection to the server that commits each statement. Raises as ``connect`` does."""
        return _connect(self.admin_url, autocommit=True)

    def administer_inside(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection to the database as the role that may make its extensions. Raises as ``connect`` does."""
        return _connect(_renamed(self.admin_url, self.name), autocommit=True)


@contextmanager
def running(home: Home, admin_url: str | None = None, *, make: bool = False) -> Iterator[Place]:
    """The database to look at, whether or not a server runs on it. The private cluster is started if it does not run.

    ``make``, and what is raised, as for ``alone``; only that a server may run.
    """
    url = None if named() else (Lock(home).holder() or {}).get("database_url")
    if url:
        yield Place(url, Cluster(home).databases.admin_url)
        return
    with alone(home, admin_url, make=make) as place:
        yield place


@contextmanager
def alone(home: Home, admin_url: str | None = None, *, make: bool = False) -> Iterator[Place]:
    """The database to change: of the private cluster, which nobody else can start meanwhile; or the one that is named,
    whose servers we cannot keep from coming.

    ``make``: there may be no private cluster yet; it is made.

    Raises:
        LockedBy: the project's server runs.
        BackupProblem: there is no database here.
        ClusterProblem: the private cluster cannot be started.
    """
    if url := named():
        yield Place(url, admin_url or _other(url))
        return
    if not make and not home.data.exists():
        raise BackupProblem(
            f"There is no database in {home.root}. Name one: FIELDSYNC_DATABASE_URL=postgresql://user@host/name"
        )
    with Lock(home), Cluster(home) as cluster:
        yield Place(cluster.databases.url(DATABASE), cluster.databases.admin_url)


def named() -> str | None:
    """The database that the environment names, as libpq reads it."""
    url = os.environ.get("FIELDSYNC_DATABASE_URL")
    return url.replace("postgresql+psycopg://", "postgresql://", 1) if url else None


def _connect(url: str, *, autocommit: bool) -> psycopg.Connection[tuple[object, ...]]:
    # A deployment may give its role short time-outs; what is done here takes as long as it takes.
    options = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c timezone=UTC"
    try:
        return psycopg.connect(
            url, autocommit=autocommit, connect_timeout=CONNECT_S_MAX, application_name="fieldsync backup",
            options=options,
        )  # fmt: skip
    except psycopg.OperationalError as error:
        raise BackupProblem(f"Database {_name(url)} cannot be reached: {str(error).strip()}") from error


def _name(url: str) -> str:
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix("/")) or str(conninfo_to_dict(url).get("dbname") or "")
    if not name:
        raise BackupProblem("The address of the database does not name one: postgresql://user@host/name")
    return name


def _renamed(url: str, name: str) -> str:
    parts = urlsplit(url)
    # Not urlunsplit: it drops the slashes of an address without a host, as a unix socket's is.
    return f"{parts.scheme}://{parts.netloc}/{quote(name, safe='')}" + (f"?{parts.query}" if parts.query else "")


def _other(url: str) -> str:
    """A database that every server has: one cannot rename that to which one is connected."""
    return _renamed(url, "postgres")
