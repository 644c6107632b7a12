"""Databases of one PostgreSQL server: make, copy, remove."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from .binaries import EXTENSIONS


@dataclass(frozen=True, slots=True)
class Databases:
    """``admin_url`` is one database of the server, as a role that may make others and their extensions.

    ``owner`` is the role that they shall belong to; without one they belong to the role in ``admin_url``.
    """

    admin_url: str
    owner: str | None = None

    def url(self, name: str) -> str:
        """The address of a database, for its owner."""
        return self._url(name, self.owner)

    def exists(self, name: str) -> bool:
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return found.fetchone() is not None

    def ensure(self, name: str) -> str:
        """Make the database if there is none, and the extensions in it if they are missing. Returns its URL."""
        if not self.exists(name):
            self.copy("template1", name)
        with psycopg.connect(self._url(name, None), autocommit=True) as admin:
            admin.execute("SET client_min_messages = warning")  # No notice that an extension is there already.
            for extension in EXTENSIONS:
                # PostGIS is for a superuser to make, hence not as the owner.
                admin.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
        return self.url(name)

    def copy(self, template: str, name: str) -> str:
        """Make a database as a copy of ``template``, to which nobody may be connected. Returns its URL."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        if self.owner:
            statement += sql.SQL(" OWNER {}").format(sql.Identifier(self.owner))
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute(statement)
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it; nothing happens when there is none."""
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _url(self, name: str, role: str | None) -> str:
        parts = urlsplit(self.admin_url)
        login, at, place = parts.netloc.rpartition("@")
        netloc = f"{role}@{place}" if role else f"{login}{at}{place}"
        # Not urlunsplit: it drops the slashes of an address without a host, as a unix socket's is.
        return f"{parts.scheme}://{netloc}/{quote(name, safe='')}" + (f"?{parts.query}" if parts.query else "")
