"""What is asked of resource requests: bodies, and the filters of their list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from marshmallow import fields, validate
from msgspec import UNSET, Meta, Struct, UnsetType

from fieldsync.agreements.requests.models import REQUEST_STATES
from fieldsync.schemas import CODE, NO_NUL, Instant, PageArgs, Text
from fieldsync.workorders.kinds import Location

# Python's "$" would let a line break follow; the same pattern means the same to every other reader of the document.
_CODE_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]*(?!\\n)$"

Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)]
Note = Annotated[str, Meta(max_length=8_000, pattern=NO_NUL)]
Address = Annotated[str, Meta(max_length=300, pattern=NO_NUL)]
Reason = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=NO_NUL)]
Skill = Annotated[str, Meta(min_length=1, max_length=50, pattern=_CODE_PATTERN)]
Moment = Annotated[datetime, Meta(tz=True)]
CrewsWanted = Annotated[int, Meta(ge=1, le=100)]
CentsPerHour = Annotated[int, Meta(ge=0, le=10_000_000)]
"""Up to 100,000 an hour: more is a slip of the pen."""


class NewResourceRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """Help that a jurisdiction asks the others for."""

    jurisdiction_id: UUID
    """Who asks: a jurisdiction that you dispatch for."""
    title: Title
    note: Note | None = None
    """For the dispatchers of all partners, who read it."""
    skill: Skill | None = None
    """What the crew must be able to do. Jobs that need it are what it may be given."""
    service_type_id: UUID | None = None
    """Or: only jobs of this kind. Neither: any job."""
    starts_at: Moment
    """From a day ago to 366 days ahead."""
    ends_at: Moment
    """At most 92 days after its begin."""
    crews_wanted: CrewsWanted = 1
    location: Location | None = None
    address: Address | None = None


class ResourceRequestPatch(Struct, forbid_unknown_fields=True, kw_only=True):
    """What may be changed of a request; what is left out stays."""

    title: Title | UnsetType = UNSET
    note: Note | None | UnsetType = UNSET
    skill: Skill | None | UnsetType = UNSET
    service_type_id: UUID | None | UnsetType = UNSET
    starts_at: Moment | UnsetType = UNSET
    ends_at: Moment | UnsetType = UNSET
    crews_wanted: CrewsWanted | UnsetType = UNSET
    location: Location | None | UnsetType = UNSET
    address: Address | None | UnsetType = UNSET
    reason: Reason | None = None
    """For the history."""


class NewResourceOffer(Struct, forbid_unknown_fields=True, kw_only=True):
    """A crew that a helper would send."""

    crew_id: UUID
    """One that is employed by a jurisdiction that you dispatch for."""
    starts_at: Moment | None = None
    """Within the time that is asked for; null: all of it."""
    ends_at: Moment | None = None
    cents_per_hour: CentsPerHour | None = None
    """What an hour of the crew would cost who asked; null: nothing is said about it."""
    note: Note | None = None


class ResourceReason(Struct, forbid_unknown_fields=True):
    """A step for which a reason is owed."""

    reason: Reason


class ResourceRemark(Struct, forbid_unknown_fields=True):
    """A step for which a reason may be given."""

    reason: Reason | None = None


class ResourceRelease(Struct, forbid_unknown_fields=True):
    """The end of a crew's help."""

    at: Moment | None = None
    """When it takes effect: now (null), or before the offer ends."""
    reason: Reason | None = None
    jurisdiction_id: UUID | None = None
    """For which side you release it. Needed only if you dispatch for both."""


class ResourceRequestsArgs(PageArgs):
    """Filters of the list of requests; all that are given must hold."""

    state = fields.List(
        fields.String(validate=validate.OneOf(REQUEST_STATES)), metadata={"description": "Any of these; repeatable."}
    )
    jurisdiction_id = fields.UUID(metadata={"description": "Who asks."})
    side = fields.String(
        validate=validate.OneOf(["mine", "others"]),
        metadata={"description": "`mine`: asked by jurisdictions of your role; `others`: by all other ones."},
    )
    helper_id = fields.UUID(metadata={"description": "Those to which this jurisdiction has made an offer."})
    skill = Text(50, min_length=1, pattern=CODE)
    service_type_id = fields.UUID()
    from_ = Instant(data_key="from", metadata={"description": "Only those that end after this moment."})
    to = Instant(metadata={"description": "Only those that begin before this moment."})
