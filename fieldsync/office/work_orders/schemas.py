"""What may be asked of the list of work orders, and of one of them."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, validate
from webargs.fields import DelimitedList

from fieldsync.schemas import Instant, PageArgs, QueryFlag, Request
from fieldsync.workorders.models import PLACED_BY
from fieldsync.workorders.rules import Status

ID_OR_NONE = "^(none|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
FOUR_NUMBERS = "^-?[0-9.]{1,20}(,-?[0-9.]{1,20}){3}$"

NONE = "none"
"""As the value of a filter by id: those where it is empty."""

BBox = tuple[float, float, float, float]
"""West, south, east, north in degrees, EPSG:4326."""


class IdOrNone(fields.String):
    """An id, or ``none``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value == NONE:
            return NONE
        try:
            return UUID(value)
        except (ValueError, TypeError, AttributeError):
            raise ValidationError("An id (UUID) or none is expected.") from None


class Box(fields.String):
    """``west,south,east,north`` in degrees, EPSG:4326."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            west, south, east, north = (float(part) for part in str(value).split(","))
        except ValueError:
            raise ValidationError("Four numbers are expected: west,south,east,north.") from None
        if not all(math.isfinite(number) for number in (west, south, east, north)):
            raise ValidationError("Four finite numbers are expected.")
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise ValidationError("In degrees: west below east, south below north, within 180 and 90.")
        return (west, south, east, north)


class WorkOrdersArgs(PageArgs):
    """Filters of the list of work orders; all that are given must hold."""

    jurisdiction_id = IdOrNone(
        metadata={"description": "Where the work lies; `none`: not in any.", "pattern": ID_OR_NONE}
    )
    crew_id = IdOrNone(metadata={"description": "Whose work it is; `none`: nobody's yet.", "pattern": ID_OR_NONE})
    status = fields.List(fields.Enum(Status, by_value=True), metadata={"description": "Any of these; repeatable."})
    service_type_id = fields.UUID()
    priority = fields.Integer(validate=validate.Range(1, 5), metadata={"description": "1 is the most urgent."})
    placed_by = fields.String(
        validate=validate.OneOf(PLACED_BY),
        metadata={"description": "The rule that placed it; `outside` is triage."},
    )  # fmt: skip
    due_before = Instant(
        metadata={"description": "With a service-level clock that runs out before this moment, or has run out."}
    )
    breached = QueryFlag(metadata={"description": "Whether a service-level clock has run out, and the work goes on."})
    bbox = Box(
        metadata={
            "description": "west,south,east,north: degrees, EPSG:4326.", "example": "-80.1,40.3,-80,40.5",
            "pattern": FOUR_NUMBERS,
        }
    )  # fmt: skip
    changed_since = fields.Integer(
        validate=validate.Range(0, 2**63 - 1),
        metadata={"description": "Only what changed after this number: `change` of an earlier answer."},
    )
    deleted = fields.String(
        load_default="exclude", validate=validate.OneOf(["exclude", "include", "only"]),
        metadata={"description": "Who keeps a copy current with `changed_since` says `include`."},
    )  # fmt: skip


class WorkOrderArgs(Request):
    """What to read along with a work order."""

    include = DelimitedList(
        fields.String(validate=validate.OneOf(["tasks", "notes", "entries"])), load_default=[],
        metadata={"description": "`tasks`, `notes`, `entries` (labor, equipment, material), separated by commas."},
    )  # fmt: skip
