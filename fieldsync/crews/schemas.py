"""The shapes of crews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape, to_shape
from marshmallow import fields, validate
from shapely import Point

from fieldsync.schemas import CODE, Answer, Instant, PageArgs, QueryFlag, Request, Text, TimeZone, Whole, page_of

SKILLS_MAX = 50
REACH_M = (1, 1_000_000)
"""Nobody is sent further than 1,000 km."""
DAY_MINUTES = (1, 24 * 60)

_ZONE = {"description": "IANA name; its shifts and days are meant in it. Null: the partnership's."}
_DEPOT = {"description": "Where its day begins and ends. Null: not known."}
_REACH = {"description": "How far from its depot it is sent, in metres, as the crow flies. Null: anywhere."}
_CAPACITY = {"description": "Work and travel that fit one of its days, in minutes. Null: as long as its shifts are."}
_OVERTIME = {"description": "How far its day may go beyond that, and beyond the end of its shift, in minutes."}


class Degrees(fields.Float):
    """A number of degrees in JSON; text is not taken for one."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(-most, most), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        degrees: float = super()._deserialize(value, attr, data, **kwargs)
        return degrees


class PlaceSchema(Request):
    """A point in degrees, EPSG:4326."""

    lon = Degrees(180, required=True)
    lat = Degrees(90, required=True)


class Place(fields.Nested):
    """A point: ``{"lon", "lat"}`` in JSON, a PostGIS geometry in a row."""

    def __init__(self, **options: Any) -> None:
        super().__init__(PlaceSchema, **options)

    # Its two parents name the first argument differently.
    def _serialize(self, nested_obj: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        if nested_obj is None:
            return None
        point = to_shape(nested_obj)
        assert isinstance(point, Point)
        return {"lon": point.x, "lat": point.y}

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, partial: Any = None, **kwargs: Any
    ) -> WKBElement:
        given = super()._deserialize(value, attr, data, partial, **kwargs)
        # As the database gives it, so that the same point is equal.
        return from_shape(Point(given["lon"], given["lat"]), srid=4326, extended=True)


class CrewSchema(Answer):
    """The people who go out together."""

    id = fields.UUID()
    jurisdiction_id = fields.UUID(metadata={"description": "The partner that employs them."})
    code = fields.String()
    name = fields.String()
    skills = fields.List(fields.String())
    time_zone = fields.String(allow_none=True, metadata=_ZONE)
    depot = Place(allow_none=True, metadata=_DEPOT)
    reach_m = fields.Integer(allow_none=True, metadata=_REACH)
    capacity_minutes = fields.Integer(allow_none=True, metadata=_CAPACITY)
    overtime_minutes = fields.Integer(metadata=_OVERTIME)
    disbanded_at = Instant(allow_none=True)


CrewPageSchema = page_of(CrewSchema)


class CrewArgs(PageArgs):
    """Which crews to list."""

    jurisdiction_id = fields.UUID()
    disbanded = QueryFlag()


def _skills(**options: object) -> fields.List[str]:
    skill = Text(50, min_length=1, pattern=CODE)
    return fields.List(skill, validate=validate.Length(max=SKILLS_MAX), **options)  # type: ignore[arg-type]


class NewCrewSchema(Request):
    """A crew to add."""

    jurisdiction_id = fields.UUID(required=True)
    code = Text(50, min_length=1, pattern=CODE, required=True)
    name = Text(200, min_length=1, required=True)
    skills = _skills(load_default=list)
    time_zone = TimeZone(load_default=None, allow_none=True, metadata=_ZONE)
    depot = Place(load_default=None, allow_none=True, metadata=_DEPOT)
    reach_m = Whole(*REACH_M, load_default=None, allow_none=True, metadata=_REACH)
    capacity_minutes = Whole(*DAY_MINUTES, load_default=None, allow_none=True, metadata=_CAPACITY)
    overtime_minutes = Whole(0, DAY_MINUTES[1], load_default=0, metadata=_OVERTIME)


class CrewPatchSchema(Request):
    """What may be changed of a crew; what is left out stays."""

    jurisdiction_id = fields.UUID()
    code = Text(50, min_length=1, pattern=CODE)
    name = Text(200, min_length=1)
    skills = _skills()
    time_zone = TimeZone(allow_none=True, metadata=_ZONE)
    depot = Place(allow_none=True, metadata=_DEPOT)
    reach_m = Whole(*REACH_M, allow_none=True, metadata=_REACH)
    capacity_minutes = Whole(*DAY_MINUTES, allow_none=True, metadata=_CAPACITY)
    overtime_minutes = Whole(0, DAY_MINUTES[1], metadata=_OVERTIME)
