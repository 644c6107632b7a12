"""What the features of each collection say, and by what they can be selected: name, shape, the SQL behind it.

In SQL, ``a`` is an area, ``w`` a work order; a filter binds its value by the field's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fieldsync.workorders.models import PLACED_BY, TRIAGE
from fieldsync.workorders.rules import DONE, Status

NAME_CHARS_MAX = 200
"""Longest text to select by: as long as the longest name."""


@dataclass(frozen=True, slots=True)
class Field:
    """A property of features."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    """JSON Schema."""
    sql: str = ""
    """Its value; empty where it is not read with the feature but known beforehand."""
    condition: str = ""
    """By which features are selected; empty where they cannot be."""

    @property
    def is_queryable(self) -> bool:
        return bool(self.condition)


def _text(name: str, description: str, sql: str, condition: str = "") -> Field:
    return Field(name, description, {"type": "string"}, sql, condition)


def _moment(name: str, description: str, sql: str = "") -> Field:
    return Field(name, description, {"type": "string", "format": "date-time"}, sql)


def _day(name: str, description: str, sql: str, condition: str = "") -> Field:
    return Field(name, description, {"type": "string", "format": "date"}, sql, condition)


AREA = (
    _text("code", "The area's code, unique in its version.", "a.code", "a.code = :code"),
    _text("name", "The area's name.", "a.name", "a.name = :name"),
    _text(
        "owner_code", "Overlays: the code of the jurisdiction that is responsible here.", "a.owner_code",
        "a.owner_code = :owner_code",
    ),
    _day("valid_from", "From when the area holds, by the file that it came in.", "a.valid_from",
         "a.valid_from = :valid_from"),
    Field("layer", "The layer's name."),
    Field("version", "The version's number in its layer.", {"type": "integer"}),
    _moment("in_force_from", "When the version came (or comes) into force."),
    _moment("in_force_until", "When another one came into its place; null where none has."),
)  # fmt: skip

STATUS = Field(
    "status", "How the work stands.", {"type": "string", "enum": [str(status) for status in Status]},
    "w.status", "w.status = :status",
)  # fmt: skip
SERVICE_TYPE = (
    _text(
        "service_type", "The code of the service type.", "s.code",
        "w.service_type_id = (SELECT id FROM service_type WHERE partnership_id = :partnership_id"
        " AND code = :service_type)",
    ),
    _text("service_type_name", "Its name.", "s.name"),
)  # fmt: skip
JURISDICTION = (
    _text(
        "jurisdiction", "The code of the jurisdiction that the work lies in.", "j.code",
        "w.jurisdiction_id = (SELECT id FROM jurisdiction WHERE partnership_id = :partnership_id"
        " AND code = :jurisdiction)",
    ),
    _text("jurisdiction_name", "Its name.", "j.name"),
)  # fmt: skip

WORK_ORDER = (
    _text("title", "What is to be done.", "w.title"),
    _text("description", "More of it.", "w.description"),
    STATUS,
    Field("priority", "1 is the most urgent.", {"type": "integer", "minimum": 1, "maximum": 5}, "w.priority",
          "w.priority = :priority"),
    *SERVICE_TYPE,
    *JURISDICTION,
    _text("crew", "The code of the crew that has it.", "c.code",
          "w.crew_id = (SELECT id FROM crew WHERE partnership_id = :partnership_id AND code = :crew)"),
    _text("crew_name", "Its name.", "c.name"),
    _text("address", "Where it is, in words.", "w.address"),
    _text("asset", "What it is about: a light, a hydrant.", "w.asset"),
    _text("tags", "Separated by commas.", "nullif(array_to_string(w.tags, ', '), '')"),
    _text("resolution", "What was done.", "w.resolution"),
    Field("placed_by", "The rule that placed it.", {"type": "string", "enum": list(PLACED_BY)}, "w.placed_by",
          "w.placed_by = :placed_by"),
    Field("triage", "Why a person should look at where it was placed.", {"type": "string", "enum": list(TRIAGE)},
          "w.triage", "w.triage = :triage"),
    _moment("due_at", "When it should be done.", "w.due_at"),
    _moment("started_at", "When work began.", "w.started_at"),
    _moment("completed_at", "When it was done.", "w.completed_at"),
    _moment("created_at", "When it was entered.", "w.created_at"),
    _moment("updated_at", "When it was last changed.", "w.updated_at"),
)  # fmt: skip
"""For staff. Who asked for the work is left out: what a GIS program has read soon lies about in files."""

CREATED_DAY = "CAST(w.created_at AT TIME ZONE 'UTC' AS date)"
UPDATED_DAY = "CAST(w.updated_at AT TIME ZONE 'UTC' AS date)"

PUBLIC_WORK_ORDER = (
    STATUS,
    *SERVICE_TYPE,
    *JURISDICTION,
    _day("created_on", "The day on which it was entered (UTC).", CREATED_DAY),
    _day("updated_on", "The day on which it was last changed (UTC).", UPDATED_DAY),
)
"""For anybody. No words that a person wrote, no persons, no moment more exact than a day."""

GRID_DEG = 0.001
"""Anybody is shown a work order at the nearest point of a grid of this many degrees: 111 m north to south, 85 m east to
west at 40 degrees north. It tells the block and not the house."""

PUBLIC_LOCATION = f"ST_SnapToGrid(w.location, {GRID_DEG})"
"""Selected by, and drawn at: a box could otherwise be narrowed until it tells the house."""

IS_DONE = "w.status IN ({})".format(", ".join(f"'{status}'" for status in sorted(DONE)))

BEGUN = "least(w.created_at, w.started_at, w.completed_at, w.due_at)"
ENDED = f"""CASE WHEN {IS_DONE} THEN greatest(w.created_at, w.started_at, w.completed_at, w.due_at, w.updated_at)
            ELSE 'infinity' END"""
"""A work order's time: from its first date to its last, and without end while it is not done. All dates count, because
GDAL turns every comparison with one of them into ``datetime``, and would miss what a narrower time leaves out."""

PUBLIC_ENDED = f"CASE WHEN {IS_DONE} THEN {UPDATED_DAY} ELSE 'infinity' END"
"""The same of what anybody is told; it begins on the day on which it was entered."""
