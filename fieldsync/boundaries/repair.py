"""Carrying out a repair: a draft's areas as they would be, as a draft of their own, with what would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.boundaries.check import check_draft
from fieldsync.boundaries.problems import NothingToRepair, NotRepairable
from fieldsync.boundaries.runs import Run
from fieldsync.database import transaction
from geo import repair as repairs
from geo.areas import AreaSet, Source
from geo.findings import Finding, Tolerances
from geo.load import load_areas, load_draft
from geo.refusals import VersionUnknown

LISTED_MAX = 1_000
"""Of each list: nobody reads more. The largest transfers, and areas in their order; the counts are of all."""


def repair(run: Run) -> dict[str, Any]:
    """Repair the draft that ``run.parameters`` names (``version_id``, ``validity``, ``coverage``, ``winner``: see
    ``geo.repair``), as another draft of the layer, and check that.

    Its result: the new draft; the area of each changed code before and after; from whom to whom ground would go; which
    findings go, stay and come; the number of findings by severity.

    Raises:
        geo.refusals.VersionUnknown: the draft is not there any more.
        NothingToRepair, NotRepairable: there is no such repair.
    """
    if run.version_id is None:
        _propose(run)
    counts = check_draft(run)
    with transaction() as session:
        result = (run.result or {}) | counts
        run.finish(session, result)
    return result


def _propose(run: Run) -> None:
    parameters = dict(run.parameters)
    original = UUID(parameters.pop("version_id"))
    run.tell("reading the draft")
    with transaction() as session:
        areas = load_areas(session, run.partnership_id, original)
        version = _version(session, run, original)
    try:
        proposal = repairs.repair(
            areas, tolerances=Tolerances(**version.tolerances), **parameters,
            progress=lambda step, done, total: run.tell(f"repairing: {step}", done, total),
        )  # fmt: skip
    except ValueError as error:
        raise NotRepairable(str(error)) from error
    if not proposal.repaired:
        raise NothingToRepair
    source = Source(**version.reading | {"fields": tuple(version.reading.get("fields", ()))})
    notes = (*version.notes, f"This is a repair of version {version.number}: {len(proposal.repaired)} areas changed.")
    made = proposal.areas
    kept = AreaSet(made.codes, made.names, made.geoms, source, notes, owners=made.owners, valid_from=made.valid_from)
    with transaction() as session:
        version_id = load_draft(
            session, run.partnership_id, run.layer_id, kept, created_by=run.asked_by, repair_of=original,
            progress=lambda done, total: run.tell("keeping the areas", done, total),
        )  # fmt: skip
        number = _version(session, run, version_id).number
        told = {"version_id": str(version_id), "number": number, "repair_of": str(original)} | told_of(proposal)
        run.made(session, version_id, told)


def told_of(proposal: repairs.Repair) -> dict[str, Any]:
    """A proposal in JSON, within limits."""
    transfers = sorted(proposal.transfers, key=lambda one: -one.m2)
    return {
        "counts": {
            "changed": len(proposal.repaired),
            "transfers": len(transfers),
            "refused": len(proposal.refused),
        },
        "moved_m2": round(sum(one.m2 for one in transfers), 3),
        "changed": [_rounded(asdict(one)) for one in proposal.repaired[:LISTED_MAX]],
        "transfers": [_rounded(asdict(one)) for one in transfers[:LISTED_MAX]],
        "refused": [asdict(one) for one in proposal.refused[:LISTED_MAX]],
        "vanishing": _by_kind(proposal.vanishing),
        "staying": _by_kind(proposal.staying),
        "arising": _by_kind(proposal.arising),
    }


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Square metres to the square centimetre."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


def _by_kind(findings: Sequence[Finding]) -> dict[str, int]:
    return dict(sorted(Counter(finding.kind for finding in findings).items()))


def _version(session: Session, run: Run, version_id: UUID) -> Any:
    row = session.execute(_VERSION, run.keys | {"version_id": version_id}).one_or_none()
    if row is None:
        raise VersionUnknown(version_id=version_id)
    return row


_VERSION = text("""
    SELECT v.number, v.reading, v.notes, l.tolerances
    FROM layer_version AS v JOIN layer AS l ON l.partnership_id = v.partnership_id AND l.id = v.layer_id
    WHERE v.partnership_id = :partnership_id AND v.id = :version_id
""")
