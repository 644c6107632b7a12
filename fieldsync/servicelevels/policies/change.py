"""Policies: publishing, reading, and taking back one that has not begun."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from fieldsync.crews.problems import TooManyThere
from fieldsync.database import new_id
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound, UnknownReference, Unprocessable
from fieldsync.servicelevels import keep
from fieldsync.servicelevels.answers import PolicyBrief, PolicyPage, PolicyRead, TargetRead
from fieldsync.servicelevels.calendars.change import Acting
from fieldsync.servicelevels.policies import queries
from fieldsync.servicelevels.policies.schemas import POLICIES_MAX
from fieldsync.servicelevels.problems import PolicyBegun

_TARGETS = msgspec.json.Decoder(list[TargetRead])


def list_policies(acting: Acting, limit: int, cursor: str | None) -> PolicyPage:
    """A page of policies, in the order in which they begin."""
    after = decode(cursor, [datetime])[0] if cursor is not None else None
    rows = acting.session.execute(queries.LIST, acting.bound(after=after, rows=limit + 1)).all()
    next_ = encode([rows[limit - 1].starts_at]) if len(rows) > limit else None
    return PolicyPage([PolicyBrief(**_brief(acting, row)) for row in rows[:limit]], next_)


def read_policy(acting: Acting, policy_id: UUID) -> PolicyRead:
    """Raises:
    NotFound: there is none.
    """
    return _whole(acting, acting.session.execute(queries.READ, acting.bound(id=policy_id)).one_or_none())


def read_in_force(acting: Acting, at: datetime) -> PolicyRead:
    """The policy in force at a moment.

    Raises:
        NotFound: none had begun.
    """
    return _whole(acting, acting.session.execute(queries.IN_FORCE, acting.bound(at=at)).one_or_none())


def publish(acting: Acting, staff_id: UUID, wanted: dict[str, Any]) -> UUID:
    """Publish a policy with all its targets.

    Raises:
        Unprocessable: it would begin in the past.
        UnknownReference: a target names what is not there.
        TooManyThere, AlreadyThere (another begins at that moment; at the commit)
    """
    starts_at = wanted["starts_at"] or acting.at
    if starts_at < acting.at:
        raise Unprocessable("A policy cannot begin in the past: clocks have started without it.", field="starts_at")
    numbers = acting.session.execute(queries.NUMBERS, acting.bound()).one()
    if numbers.policies >= POLICIES_MAX:
        raise TooManyThere(f"A partnership has {POLICIES_MAX} policies at most.", most=POLICIES_MAX)
    _check_references(acting, wanted["targets"])
    policy_id = new_id()
    acting.session.execute(
        queries.INSERT,
        acting.bound(
            id=policy_id, number=numbers.last + 1, starts_at=starts_at, note=wanted["note"], at=acting.at,
            staff_id=staff_id,
        ),
    )  # fmt: skip
    if wanted["targets"]:
        rows = keep.as_json([target | {"id": new_id()} for target in wanted["targets"]])
        acting.session.execute(queries.INSERT_TARGETS, acting.bound(policy_id=policy_id, rows=rows))
    return policy_id


def take_back(acting: Acting, policy_id: UUID) -> None:
    """Remove a policy that has not begun.

    Raises:
        NotFound, PolicyBegun
    """
    bound = acting.bound(id=policy_id)
    found = acting.session.execute(queries.LOCK, bound).one_or_none()
    if found is None:
        raise NotFound
    if found.starts_at <= acting.at:
        raise PolicyBegun
    acting.session.execute(queries.DELETE_TARGETS, bound)
    acting.session.execute(queries.DELETE, bound)


def _check_references(acting: Acting, targets: list[dict[str, Any]]) -> None:
    for name, statement in queries.KNOWN.items():
        named = {target[name] for target in targets if target[name] is not None}
        if not named:
            continue
        known = set(acting.session.execute(statement, acting.bound(ids=list(named))).scalars())
        for place, target in enumerate(targets):
            if target[name] is not None and target[name] not in known:
                what = name.removesuffix("_id").replace("_", " ")
                raise UnknownReference(f"There is no {what} {target[name]}.", field=f"targets.{place}.{name}")


def _whole(acting: Acting, row: Row[Any] | None) -> PolicyRead:
    if row is None:
        raise NotFound
    targets = _TARGETS.decode(acting.session.execute(queries.TARGETS, acting.bound(id=row.id)).scalar_one())
    return PolicyRead(**_brief(acting, row), targets=targets)


def _brief(acting: Acting, row: Row[Any]) -> dict[str, Any]:
    if row.starts_at > acting.at:
        state = "coming"
    else:
        state = "in_force" if row.ends_at is None or row.ends_at > acting.at else "past"
    return {
        "id": row.id, "number": row.number, "state": state, "starts_at": row.starts_at, "ends_at": row.ends_at,
        "note": row.note, "published_at": row.published_at, "published_by": row.published_by,
        "target_count": row.target_count,
    }  # fmt: skip
