"""A partnership's choice of merge policies: reading it, changing it, and what was changed when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from fieldsync.documents import etag
from fieldsync.office.policies import queries
from fieldsync.office.policies.answers import Custody, MergePolicyChange, MergePolicyChangePage, MergePolicyRead
from fieldsync.office.policies.problems import PolicyNotAllowed
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound, PreconditionFailed
from fieldsync.workorders.kinds import KINDS, Policy


@dataclass(frozen=True, slots=True)
class Chooser:
    """A member of staff who reads or changes policies, in a transaction of hers."""

    session: Session
    partnership_id: UUID
    staff_id: UUID
    at: datetime

    def ids(self, **more: Any) -> dict[str, Any]:
        """What every statement binds, and ``more``."""
        return {"partnership_id": self.partnership_id} | more


def list_policies(chooser: Chooser) -> list[MergePolicyRead]:
    """The policies of all fields that can be edited."""
    rows = {(row.kind, row.field): row for row in chooser.session.execute(queries.CHOSEN, chooser.ids())}
    return [_read(kind.name, name, rows.get((kind.name, name))) for kind in KINDS.values() for name in kind.policies]


def read_policy(chooser: Chooser, kind: str, field: str) -> MergePolicyRead:
    """The policy of one field.

    Raises:
        NotFound: there is no such field that can be edited.
    """
    for policy in list_policies(chooser):
        if (policy.kind, policy.field) == (kind, field):
            return policy
    raise NotFound


def choose(
    chooser: Chooser, kind: str, field: str, policy: Policy | None, custody: Custody, reason: str | None,
    wanted: frozenset[int],
) -> MergePolicyRead:  # fmt: skip
    """Choose a policy (None: the default) and what becomes of late edits, within the caller's transaction.

    Holds for edits that arrive from now on; what was decided stays as it was. To choose what is chosen changes nothing.

    Raises:
        NotFound: there is no such field that can be edited.
        PolicyNotAllowed: the field cannot have this policy.
        PreconditionFailed: its version is none of ``wanted``; the problem holds it as it is.
    """
    was = read_policy(chooser, kind, field)
    if policy is not None and policy not in was.allowed:
        raise PolicyNotAllowed(
            f"The {field} of a {kind} can be merged by {', '.join(was.allowed)}.", field="policy", allowed=was.allowed
        )
    if custody not in was.custody_allowed:
        raise PolicyNotAllowed(
            f"Only the office enters {field}: there is nothing to merge.", field="custody", allowed=was.custody_allowed
        )
    chooser.session.execute(queries.LOCK, chooser.ids())
    was = read_policy(chooser, kind, field)
    if was.version not in wanted:
        raise PreconditionFailed(current=msgspec.to_builtins(was), etag=was.etag)
    if ((None if was.is_default else was.policy), was.custody) == (policy, custody):
        return was
    after = policy or was.default
    bound = chooser.ids(kind=kind, field=field, custody=custody, staff_id=chooser.staff_id, now=chooser.at)
    chooser.session.execute(queries.CHOOSE, bound | {"policy": policy})
    chooser.session.execute(
        queries.REMEMBER,
        bound | {"policy": after, "policy_before": was.policy, "custody_before": was.custody, "reason": reason},
    )
    return read_policy(chooser, kind, field)


def list_changes(chooser: Chooser, limit: int, cursor: str | None) -> MergePolicyChangePage:
    """A page of all changes of policies, the oldest first."""
    entry, kind, field = decode(cursor, [int, str, str]) if cursor is not None else (-1, "", "")
    bound = chooser.ids(entry=entry, kind=kind, field=field, rows=limit + 1)
    rows = chooser.session.execute(queries.CHANGES, bound).mappings().all()
    items = [MergePolicyChange(**row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return MergePolicyChangePage(items, encode([last.entry, last.kind, last.field]) if last else None)


def _read(kind: str, field: str, row: Any) -> MergePolicyRead:
    default = KINDS[kind].policies[field]
    allowed = [policy for policy in Policy if policy in KINDS[kind].choices[field]]
    custodies = [Custody.REVIEW, *([Custody.MERGE] if field in KINDS[kind].custody_merges else [])]
    if row is None:
        return MergePolicyRead(
            kind, field, default, default, True, allowed, Custody.REVIEW, custodies, 0, etag(0), None, None
        )
    policy = Policy(row.policy) if row.policy is not None else default
    by = {"id": row.staff_id, "name": row.staff_name} if row.staff_id is not None else None
    return MergePolicyRead(
        kind, field, policy, default, row.policy is None, allowed, Custody(row.custody), custodies, row.version,
        etag(row.version), by, row.changed_at,
    )  # fmt: skip
