"""What the routes of merge policies take and answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from fieldsync.schemas import NO_NUL
from fieldsync.workorders.kinds import Policy


class Custody(StrEnum):
    """What becomes of a crew's edit of a record that has left the crew."""

    REVIEW = "review"  # a person decides
    MERGE = "merge"  # it is merged as if the record had stayed


Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=NO_NUL)]


class MergePolicyChoice(Struct, forbid_unknown_fields=True):
    """What a partnership chooses for a field."""

    policy: Policy
    custody: Custody = Custody.REVIEW
    reason: Reason | None = None
    """Kept in the list of changes."""


class MergePolicyRead(Struct):
    """How two values for a field are merged."""

    kind: str
    field: str
    policy: Policy
    default: Policy
    is_default: bool
    allowed: list[Policy]
    custody: Custody
    custody_allowed: list[Custody]
    version: int
    """0 where nobody has chosen yet."""
    etag: str
    """For If-Match."""
    changed_by: dict[str, Any] | None
    """The member of staff (``id``, ``name``) who chose last."""
    changed_at: datetime | None


class MergePolicies(Struct):
    """All fields that can be edited, by kind, in the order of the kind's fields."""

    policies: list[MergePolicyRead]


class MergePolicyChange(Struct):
    """A change of a policy. What was decided before it stays as it was decided."""

    kind: str
    field: str
    policy: str
    policy_before: str
    custody: str
    custody_before: str
    entry: int
    """Entries of the journal above this number were decided by the new policy."""
    changed_at: datetime
    changed_by_id: UUID | None
    """None: a new version of the server brought another default."""
    changed_by_name: str | None
    reason: str | None


class MergePolicyChangePage(Struct):
    """Changes of policies, the oldest first."""

    items: list[MergePolicyChange]
    next: str | None
