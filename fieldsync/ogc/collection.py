"""A collection: features of one sort that a caller may see, whatever table they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.exc import InternalError
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import TextClause

from fieldsync.ogc.crs import Box, Crs
from fieldsync.ogc.fields import Field
from fieldsync.ogc.parameters import Asked
from fieldsync.pages import decode
from fieldsync.problems import InvalidParameter, Unprocessable

Document = dict[str, Any]

PAGE_BYTES_MAX = 8 * 1024 * 1024
"""Where a page ends, however many features were asked for: a worker holds an answer of this size about four times over
(rows, text, compressed), and has eight threads. A single feature is given whole, however large."""

WALK_FROM = 20
"""A box that takes in more than so many pages of features is read in the order of the pages. By the spatial index each
page would read, and sort, all that is in the box: 0.5 s for 200,000 jobs."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where and when there are features; None where there are none, or it has no end."""

    box: Box | None
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some features, and how to ask for those that follow."""

    features: Sequence[Document]
    matched: int
    """How many there are on all pages."""
    following: Mapping[str, str] | None
    """Parameters of the request for the next page, besides those of this one; None on the last."""


@dataclass(frozen=True, kw_only=True)
class Collection(ABC):
    """What a caller may read of one sort of feature."""

    id: str
    title: str
    description: str
    geometry: str
    """Type of the geometries, as GeoJSON names it."""
    fields: tuple[Field, ...]
    crs: tuple[Crs, ...]
    partnership_id: UUID
    is_live: bool
    """It changes at any moment: nothing may be kept of it."""

    @property
    def queryables(self) -> tuple[Field, ...]:
        """The fields by which features can be selected."""
        return tuple(field for field in self.fields if field.is_queryable)

    @abstractmethod
    def extent(self, session: Session) -> Extent:
        """Where and when there are features."""

    @abstractmethod
    def page(self, session: Session, asked: Asked, at: datetime) -> Page:
        """A page of features.

        Raises:
            InvalidParameter: the cursor is none of ours, or a feature cannot be drawn in the system asked for.
        """

    @abstractmethod
    def feature(self, session: Session, feature_id: str, crs: Crs) -> Document | None:
        """A feature; None where there is none that the caller may see.

        Raises:
            InvalidParameter: it cannot be drawn in the system asked for.
        """


def drawn(session: Session, statement: TextClause, bound: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of a statement that leads geometries to another coordinate system.

    Raises:
        InvalidParameter: one of them has no place in it.
    """
    try:
        return session.execute(statement, bound).all()
    except InternalError as error:
        # PostGIS has no code of its own for what PROJ cannot do: it is XX000 with this sentence.
        if "transform" not in str(error.orig):
            raise
        session.rollback()
        raise InvalidParameter("A feature lies where that coordinate system has no numbers.", field="crs") from None


def read_cursor(cursor: str, types: Sequence[type]) -> list[Any]:
    """What a ``next`` link holds: a key of these types, and last how many features there are on all pages.

    Raises:
        InvalidParameter: it is none of ours.
    """
    try:
        values = decode(cursor, [*types, int])
    except Unprocessable as error:
        raise InvalidParameter(error.detail, field="cursor") from None
    if values[-1] < 0:
        raise InvalidParameter("This is no cursor of this list.", field="cursor")
    return values


def feature_of(feature_id: str, geometry: str, properties: Document) -> Document:
    """A GeoJSON feature, ready to be encoded."""
    return {"type": "Feature", "id": feature_id, "geometry": msgspec.Raw(geometry.encode()), "properties": properties}


def numbered(shapes: Sequence[bytes] | None) -> dict[str, bytes]:
    """How ``queries.touches`` binds the shapes."""
    return {f"shape_{number}": shape for number, shape in enumerate(shapes or ())}
