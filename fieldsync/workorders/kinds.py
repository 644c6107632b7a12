"""What a crew and an office may enter: every kind of record, its fields, their limits and their merge policies.

Pure: no database, no web. The structs below are the only declaration of these shapes; parsing, merging, the SQL of
the journal's writer and ``openapi.yaml`` are all made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, get_args
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from fieldsync.workorders.rules import Status


class Policy(StrEnum):
    """Who wins when two people gave one field two values. Whatever wins, the other value is kept in a conflict."""

    LATEST = "latest"
    """The value observed last, by device time corrected for skew and never later than receipt."""
    OFFICE = "office"
    """The office's value; between two of the same side, the latest."""
    CREW = "crew"
    """The crew's value, which stood in front of it; between two of the same side, the latest."""
    LIFECYCLE = "lifecycle"
    """The state rules: the new status where it can follow the current one, else a person decides."""
    UNION = "union"
    """Both: what either added is there, what either removed is gone. Never a conflict."""
    TEXT = "text"
    """Both, where they changed different sentences or lines of what stood before; else as ``REVIEW``."""
    REVIEW = "review"
    """The current value stays and a person decides."""


ANY_FIELD = frozenset({Policy.LATEST, Policy.OFFICE, Policy.CREW, Policy.REVIEW})
"""Policies that look at no value, so that any field can have them."""


YEARS = (1900, 2200)
"""A moment outside these is a slip of the pen, and beyond what every database client can read."""

Line = Annotated[str, Meta(max_length=300)]
TEXT_MAX = 8_000
Text = Annotated[str, Meta(max_length=TEXT_MAX)]
Minutes = Annotated[int, Meta(ge=1, le=7 * 24 * 60)]
Instant = Annotated[datetime, Meta(tz=True)]


class Location(Struct, frozen=True, forbid_unknown_fields=True):
    """A point in degrees, EPSG:4326."""

    lon: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]


class WorkOrderFields(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What may be entered on a work order. A field that is left out is not touched."""

    title: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    description: Text | None | UnsetType = UNSET
    service_type_id: UUID | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=1, le=5)] | UnsetType = UNSET
    location: Location | UnsetType = UNSET
    address: Line | None | UnsetType = UNSET
    due_at: Instant | None | UnsetType = UNSET
    crew_id: UUID | None | UnsetType = UNSET
    tags: Annotated[list[Annotated[str, Meta(min_length=1, max_length=50)]], Meta(max_length=50)] | UnsetType = UNSET
    resolution: Text | None | UnsetType = UNSET
    asset: Line | None | UnsetType = UNSET
    requester: Line | None | UnsetType = UNSET
    started_at: Instant | None | UnsetType = UNSET
    completed_at: Instant | None | UnsetType = UNSET


class TaskFields(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One step of a work order."""

    work_order_id: UUID | UnsetType = UNSET
    title: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    position: Annotated[int, Meta(ge=0, le=9_999)] | UnsetType = UNSET
    done: bool | UnsetType = UNSET
    result: Text | None | UnsetType = UNSET


class NoteFields(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What somebody wants remembered."""

    work_order_id: UUID | UnsetType = UNSET
    body: Annotated[str, Meta(min_length=1, max_length=8_000)] | UnsetType = UNSET


class LaborEntryFields(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Time that a person worked."""

    work_order_id: UUID | UnsetType = UNSET
    member_id: UUID | None | UnsetType = UNSET
    worker: Line | None | UnsetType = UNSET
    activity: Line | None | UnsetType = UNSET
    started_at: Instant | None | UnsetType = UNSET
    minutes: Minutes | UnsetType = UNSET


class EquipmentEntryFields(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Time that a machine was used."""

    work_order_id: UUID | UnsetType = UNSET
    equipment: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    started_at: Instant | None | UnsetType = UNSET
    minutes: Minutes | UnsetType = UNSET


class MaterialEntryFields(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Material that was used up."""

    work_order_id: UUID | UnsetType = UNSET
    material: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET
    quantity: Annotated[float, Meta(gt=0, le=1_000_000_000)] | UnsetType = UNSET
    unit: Annotated[str, Meta(min_length=1, max_length=20)] | UnsetType = UNSET


@dataclass(frozen=True)
class Kind:
    """A kind of record and what may be done to it."""

    name: str
    fields: type[Struct]
    required: frozenset[str]
    """Must be given when a record is created."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    """Fields that can be edited after creation, with the policy for two values."""
    allowed: Mapping[str, frozenset[Policy]] = field(default_factory=dict)
    """Policies that a partnership may choose, where they are others than any field or long text can have."""
    office_only: frozenset[str] = frozenset()
    """Fields that a crew may read but not enter."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Field -> the table whose id it holds (other than the parent work order)."""
    is_child: bool = True
    """Belongs to a work order and is seen with it."""
    deletable_by: frozenset[str] = frozenset()

    @property
    def appends_only(self) -> bool:
        """Records of this kind are created and never edited, so they cannot conflict."""
        return not self.policies

    @cached_property
    def blank(self) -> dict[str, Any]:
        """All fields of a new record before anything is entered."""
        return {**dict.fromkeys(self.names), **self.defaults}

    @cached_property
    def texts(self) -> frozenset[str]:
        """The fields that hold long text."""
        declared = msgspec.structs.fields(self.fields)
        return frozenset(field.name for field in declared if Text in get_args(field.type))

    @cached_property
    def choices(self) -> Mapping[str, frozenset[Policy]]:
        """The policies that a partnership may choose, for each field that can be edited."""
        texts = ANY_FIELD | {Policy.TEXT}
        return {name: self.allowed.get(name, texts if name in self.texts else ANY_FIELD) for name in self.policies}

    @cached_property
    def custody_merges(self) -> frozenset[str]:
        """The fields that a partnership may have merged although the record has left the crew: what a crew enters."""
        return frozenset(self.policies.keys() - self.office_only)

    @cached_property
    def united(self) -> frozenset[str]:
        """The fields in which two values may both stand: what an author enters says what she changes, not all that
        stands."""
        return frozenset(name for name, choices in self.choices.items() if choices & {Policy.UNION, Policy.TEXT})

    @cached_property
    def instants(self) -> frozenset[str]:
        """The fields that hold a moment."""
        return frozenset(name for name in self.names if name.endswith("_at"))

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Struct]:
        """Decodes an edit's ``fields``."""
        return msgspec.json.Decoder(self.fields)

    @cached_property
    def getter(self) -> attrgetter[tuple[Any, ...]]:
        """Takes the values of all fields from a struct."""
        return attrgetter(*self.names)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all fields, in their order."""
        return self.fields.__struct_fields__


BOTH_SIDES = frozenset({"crew", "office"})

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "work_order",
            WorkOrderFields,
            required=frozenset({"title", "service_type_id", "location"}),
            defaults={"status": Status.OPEN, "priority": 3, "tags": []},
            policies={
                "title": Policy.LATEST,
                "description": Policy.TEXT,
                "service_type_id": Policy.OFFICE,
                "status": Policy.LIFECYCLE,
                "priority": Policy.OFFICE,
                "location": Policy.CREW,
                "address": Policy.LATEST,
                "due_at": Policy.OFFICE,
                "crew_id": Policy.OFFICE,
                "tags": Policy.UNION,
                "resolution": Policy.TEXT,
                "asset": Policy.CREW,
                "requester": Policy.OFFICE,
                "started_at": Policy.CREW,
                "completed_at": Policy.CREW,
            },
            allowed={
                "status": frozenset({Policy.LIFECYCLE, Policy.REVIEW}),
                "crew_id": frozenset({Policy.OFFICE}),
                "due_at": frozenset({Policy.OFFICE}),
                "tags": frozenset({Policy.UNION, Policy.LATEST, Policy.REVIEW}),
            },
            office_only=frozenset({"crew_id", "due_at"}),
            references={"service_type_id": "service_type", "crew_id": "crew"},
            is_child=False,
            deletable_by=frozenset({"office"}),
        ),
        Kind(
            "task",
            TaskFields,
            required=frozenset({"work_order_id", "title"}),
            defaults={"position": 0, "done": False},
            policies={
                "title": Policy.LATEST,
                "position": Policy.LATEST,
                "done": Policy.CREW,
                "result": Policy.TEXT,
            },
            deletable_by=BOTH_SIDES,
        ),
        Kind("note", NoteFields, required=frozenset({"work_order_id", "body"})),
        Kind(
            "labor_entry",
            LaborEntryFields,
            required=frozenset({"work_order_id", "minutes"}),
            references={"member_id": "member"},
        ),
        Kind("equipment_entry", EquipmentEntryFields, required=frozenset({"work_order_id", "equipment", "minutes"})),
        Kind(
            "material_entry",
            MaterialEntryFields,
            required=frozenset({"work_order_id", "material", "quantity", "unit"}),
        ),
    )
}

PLACED_BY = frozenset({"location", "service_type_id"})
"""The fields of a work order that decide whose it is."""

READ_ONLY_KINDS = frozenset({"service_type", "jurisdiction", "assignment"})
"""Sent to tablets, never edited by them."""

CHILD_KINDS = tuple(kind.name for kind in KINDS.values() if kind.is_child)

Values = dict[str, Any]
"""Field name -> typed value (``str``, ``int``, ``UUID``, aware ``datetime``, ``Location``, list of ``str``, None)."""


def entered(kind: Kind, struct: Struct) -> Values:
    """The fields that were given, as a dict of typed values."""
    return {name: value for name, value in zip(kind.names, kind.getter(struct), strict=True) if value is not UNSET}


def parse(kind: Kind, raw: bytes | msgspec.Raw) -> Values:
    """Decode an edit's ``fields`` (a JSON object).

    Raises:
        msgspec.ValidationError: a field is unknown or its value not acceptable; the message ends in its path.
        msgspec.DecodeError: not JSON.
    """
    values = entered(kind, kind.decoder.decode(raw))
    for name in kind.instants & values.keys():
        moment = values[name]
        if moment is not None and not YEARS[0] <= moment.year <= YEARS[1]:
            raise msgspec.ValidationError(f"A year from {YEARS[0]} to {YEARS[1]} is expected - at `$.{name}`")
    if b"\\u0000" in bytes(raw):
        for name, value in values.items():
            if _has_nul(value):
                raise msgspec.ValidationError(f"Text cannot hold the character U+0000 - at `$.{name}`")
    return values


def _has_nul(value: Any) -> bool:
    if isinstance(value, list):
        return any(_has_nul(item) for item in value)
    return isinstance(value, str) and "\0" in value
