"""Where a command of boundaries works: one partnership, its layers and versions by the names that people type."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.boundaries.layers.write import read_layer
from fieldsync.boundaries.versions.read import read_version
from fieldsync.database import transaction
from fieldsync.problems import NotFound

Document = dict[str, Any]

EXIT_REFUSED = 1
EXIT_ERRORS_FOUND = 3
"""The command did what it was asked to, and the check found errors. (2 is click's own, for a misspelt command.)"""


@dataclass(slots=True)
class Desk:
    """A partnership, and how to answer: in JSON for a program, or in tables for a person."""

    partnership_id: UUID
    as_json: bool
    console: Console = field(default_factory=Console)
    """For what was asked for."""
    aside: Console = field(default_factory=lambda: Console(stderr=True))
    """For how far it is, so that the answer can be piped."""

    def answer(self, document: Document, show: Callable[[Console, Document], None]) -> None:
        """Print what was asked for."""
        if self.as_json:
            click.echo(json.dumps(document, indent=2, default=str, ensure_ascii=False))
        else:
            show(self.console, document)

    def layer(self, name: str) -> Document:
        """A layer by its name or id.

        Raises:
            click.BadParameter: there is none.
        """
        with transaction() as session:
            return self._layer(session, name)

    def _layer(self, session: Session, name: str) -> Document:
        bound = {"partnership_id": self.partnership_id, "name": name}
        found = session.execute(_LAYER, bound).scalar_one_or_none() or _as_id(name)
        try:
            return read_layer(session, self.partnership_id, found or UUID(int=0))
        except NotFound:
            names = session.execute(_LAYERS, bound).scalars().all()
            there = f"There are {', '.join(names)}." if names else "There is none yet: create-layer."
            raise click.BadParameter(f"No layer is called {name!r}. {there}") from None

    def version(self, name: str) -> Document:
        """A version, by its layer's name and its number (``Towns/3``), or by its id; with all that is known of it.

        Raises:
            click.BadParameter: there is none.
        """
        layer, slash, number = name.rpartition("/")
        with transaction() as session:
            found = _as_id(name)
            if found is None:
                if not slash or not (number.isascii() and number.isdecimal()) or len(number) > 9:
                    raise click.BadParameter(f"A version is named as Layer/number or by its id, not {name!r}.")
                bound = {
                    "partnership_id": self.partnership_id, "layer_id": self._layer(session, layer)["id"],
                    "number": int(number),
                }  # fmt: skip
                found = session.execute(_VERSION, bound).scalar_one_or_none()
            try:
                return read_version(session, self.partnership_id, found or UUID(int=0))
            except NotFound:
                raise click.BadParameter(f"There is no version {name!r}.") from None


def partnership_of(slug: str | None) -> UUID:
    """The partnership with this short name; without one, the only one there is.

    Raises:
        click.UsageError: there is none, or it is not clear which.
    """
    with transaction() as session:
        rows = session.execute(_PARTNERSHIPS, {"slug": slug}).all()
    if len(rows) == 1:
        partnership_id: UUID = rows[0].id
        return partnership_id
    if slug is not None:
        raise click.UsageError(f"There is no partnership {slug}.")
    if not rows:
        raise click.UsageError("There is no partnership yet: fieldsync partnership create.")
    raise click.UsageError(f"Say which partnership: --partnership {' | '.join(row.slug for row in rows[:10])}")


def _as_id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


_PARTNERSHIPS = text("""
    SELECT id, slug FROM partnership WHERE CAST(:slug AS text) IS NULL OR slug = :slug ORDER BY slug LIMIT 11
""")

_LAYER = text("SELECT id FROM layer WHERE partnership_id = :partnership_id AND name = :name")

_LAYERS = text("SELECT name FROM layer WHERE partnership_id = :partnership_id ORDER BY name LIMIT 20")

_VERSION = text("""
    SELECT id FROM layer_version
    WHERE partnership_id = :partnership_id AND layer_id = :layer_id AND number = :number
""")
