"""Agreements for tests, as rows that are accepted already."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from fieldsync.agreements.models import Agreement, AgreementParty, AgreementTerm, AgreementVersion
from fieldsync.database import new_id

LONG_AGO = date(2020, 1, 1)


def agree(
    session: Session, partnership_id: UUID, giver_id: UUID, receiver_id: UUID, *, starts_on: date = LONG_AGO,
    ends_on: date | None = None, **term: Any,
) -> AgreementTerm:  # fmt: skip
    """``giver_id``'s crews may work for ``receiver_id``; ``term`` narrows it. Returns the one term."""
    own = {"partnership_id": partnership_id}
    agreement = Agreement(**own, id=new_id(), code=f"A-{new_id().hex[-12:]}", title="Test", created_at=_at())
    session.add(agreement)
    session.flush()
    version = AgreementVersion(
        **own, id=new_id(), agreement_id=agreement.id, number=1, state="accepted", starts_on=starts_on,
        ends_on=ends_on, notice_days=30, proposer_id=giver_id, proposed_at=_at(), settled_at=_at(),
        during=Range(starts_on, ends_on, bounds="[]" if ends_on else "[)"),
    )  # fmt: skip
    session.add(version)
    session.flush()
    for party in (giver_id, receiver_id):
        session.add(AgreementParty(**own, version_id=version.id, jurisdiction_id=party, accepted_at=_at()))
    made = AgreementTerm(
        **own, id=new_id(), version_id=version.id, position=1, giver_id=giver_id, receiver_id=receiver_id, **term
    )
    session.add(made)
    session.flush()
    return made


def _at() -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC)
