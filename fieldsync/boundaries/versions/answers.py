"""What the routes of findings answer, for the API reference. The JSON itself is made by the database."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class FindingRead(Struct):
    """One finding of a check."""

    number: int
    kind: str
    severity: str
    sentence: str
    features: list[int]
    """Positions in the file, from 1."""
    codes: list[str | None]
    measures: dict[str, float]
    """Their names carry their unit."""
    place: dict[str, Any] | None
    """A GeoJSON geometry, EPSG:4326."""


class FindingPage(Struct):
    """Findings, errors first."""

    items: list[FindingRead]
    next: str | None


class Feature(Struct):
    """A GeoJSON feature."""

    type: str
    geometry: dict[str, Any] | None
    properties: dict[str, Any]
    id: int | str | None = None


class FeatureCollection(Struct):
    """A GeoJSON FeatureCollection."""

    type: str
    features: list[Feature]
    next: str | None = None
    """Cursor of the next page; null at the end."""
