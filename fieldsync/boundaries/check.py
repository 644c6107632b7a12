"""Carrying out a check: read, examine without an open transaction, write the report."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.boundaries.runs import Run
from fieldsync.database import transaction
from geo import report

_EXPECTED = text("""
    SELECT code, name FROM jurisdiction WHERE partnership_id = :partnership_id AND NOT retired
""")


def expected_jurisdictions(session: Session, partnership_id: UUID) -> dict[str, str]:
    """The partners that the boundaries should cover: code -> name."""
    rows = session.execute(_EXPECTED, {"partnership_id": partnership_id})
    return {row.code: row.name for row in rows}


def check_draft(run: Run) -> dict[str, int]:
    """Carry out a run: check the draft that it works on, or has made, and store the report. Returns the number of
    findings by severity.

    Raises:
        geo.refusals.BoundaryRefusal: it is no draft, or not there any more.
    """
    assert run.version_id is not None
    run.tell("reading the draft")
    with transaction() as session:
        subject = report.subject_of(session, run.partnership_id, run.version_id)
        expected = expected_jurisdictions(session, run.partnership_id)
    found = report.examine(subject, expected, lambda step, done, total: run.tell(f"checking: {step}", done, total))
    with transaction() as session:
        counts = report.store(
            session, run.partnership_id, run.version_id, subject, found,
            lambda done, total: run.tell("writing the report", done, total),
        )  # fmt: skip
    return {"errors": counts.errors, "warnings": counts.warnings, "notices": counts.notices}
