"""A draft in the database -> its check report, stored beside it.

In three steps, since a check of a large layer takes a while in which no transaction should be open: `subject_of`
reads, `examine` decides, `store` writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.areas import Areas
from geo.check import check
from geo.findings import Finding, Progress, Report, Tolerances
from geo.load import load_areas
from geo.refusals import VersionNotDraft, VersionUnknown

FINDINGS_PER_STATEMENT = 2_000
"""Findings written by one statement: with 200 vertices each, some 6 MB."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: a version's areas, the version before it (None for the first), by which tolerances.

    `deciding`: it is of a layer that decides jurisdictions, so that its codes, or an overlay's owners, are held
    against those of the partnership.
    """

    areas: Areas
    before: Areas | None
    before_id: UUID | None
    tolerances: Tolerances
    overlay: bool
    deciding: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How many findings a report has of each severity. Errors keep a draft from being published."""

    errors: int
    warnings: int
    notices: int


def check_version(
    session: Session,
    partnership_id: UUID,
    version_id: UUID,
    *,
    expected: Mapping[str, str] | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Counts:
    """Check a draft and store the report, in one transaction. `expected`: see `geo.check.check`.

    Raises VersionUnknown, VersionNotDraft. Does not commit.
    """
    subject = subject_of(session, partnership_id, version_id)
    return store(session, partnership_id, version_id, subject, examine(subject, expected, progress))


def subject_of(session: Session, partnership_id: UUID, version_id: UUID) -> Subject:
    """Read a draft and what it is held against: the layer's last version. Raises VersionUnknown, VersionNotDraft."""
    version = _draft(session, _READ, {"partnership_id": partnership_id, "version_id": version_id})
    return subject_from(session, partnership_id, version.layer_id, load_areas(session, partnership_id, version_id))


def subject_from(session: Session, partnership_id: UUID, layer_id: UUID, areas: Areas) -> Subject:
    """The same for areas that are not stored: as though they were a draft of this layer."""
    layer = session.execute(_LAYER, {"partnership_id": partnership_id, "layer_id": layer_id}).one()
    before = None if layer.last_id is None else load_areas(session, partnership_id, layer.last_id)
    return Subject(
        areas,
        before,
        layer.last_id,
        Tolerances(**layer.tolerances),
        overlay=layer.role == "overlay",
        deciding=layer.role in ("jurisdiction", "overlay"),
    )


def examine(subject: Subject, expected: Mapping[str, str] | None, progress: Progress) -> Report:
    """The report. `expected` is left aside for a layer that decides nothing: its codes are no jurisdictions."""
    return check(
        subject.areas,
        before=subject.before,
        expected=expected if subject.deciding else None,
        tolerances=subject.tolerances,
        overlay=subject.overlay,
        progress=progress,
    )


def store(
    session: Session,
    partnership_id: UUID,
    version_id: UUID,
    subject: Subject,
    report: Report,
    written: Callable[[int, int], None] = lambda done, total: None,
) -> Counts:
    """Put a report in the place of the one that the draft had. `written` is told the findings and their number.

    Raises VersionUnknown, VersionNotDraft: it was deleted or published meanwhile. Does not commit.
    """
    keys = {"partnership_id": partnership_id, "version_id": version_id}
    # Lock, then write: whoever publishes it reads a whole report.
    _draft(session, _LOCK, keys)
    session.execute(_FORGET, keys)
    for begin in range(0, len(report.findings), FINDINGS_PER_STATEMENT):
        part = report.findings[begin : begin + FINDINGS_PER_STATEMENT]
        session.execute(_INSERT, keys | _columns(part, begin))
        written(begin + len(part), len(report.findings))
    counts = Counts(report.counts["error"], report.counts["warning"], report.counts["notice"])
    session.execute(
        _CHECKED,
        keys
        | {
            "errors": counts.errors,
            "warnings": counts.warnings,
            "notices": counts.notices,
            "before_id": subject.before_id,
            "measures": json.dumps(dict(report.measures)),
        },
    )
    return counts


def _draft(session: Session, statement: Any, keys: dict[str, UUID]) -> Any:
    version = session.execute(statement, keys).one_or_none()
    if version is None:
        raise VersionUnknown(version_id=keys["version_id"])
    if version.status != "draft":
        raise VersionNotDraft(f"Version {version.number} is {version.status}.", version_id=keys["version_id"])
    return version


def _columns(part: tuple[Finding, ...], begin: int) -> dict[str, Any]:
    # Lists of unequal length are no array to PostgreSQL: they go as JSON.
    return {
        "numbers": list(range(begin + 1, begin + len(part) + 1)),
        "kinds": [finding.kind for finding in part],
        "severities": [finding.severity for finding in part],
        "sentences": [finding.sentence for finding in part],
        "features": [json.dumps(finding.features) for finding in part],
        "codes": [json.dumps(finding.codes) for finding in part],
        "measures": [json.dumps(dict(finding.measures)) for finding in part],
        "places": [None if finding.place is None else shapely.to_wkb(finding.place) for finding in part],
    }


_READ = text("""
    SELECT layer_id, status, number FROM layer_version
    WHERE partnership_id = :partnership_id AND id = :version_id
""")

_LOCK = text("""
    SELECT layer_id, status, number FROM layer_version
    WHERE partnership_id = :partnership_id AND id = :version_id
    FOR UPDATE
""")

# The last version is the one that a draft will follow, also where that has not come into force yet.
_LAYER = text("""
    SELECT role, tolerances, (
        SELECT last.id FROM layer_version AS last
        WHERE last.partnership_id = layer.partnership_id AND last.layer_id = layer.id AND last.status = 'published'
        ORDER BY last.starts DESC LIMIT 1
    ) AS last_id
    FROM layer
    WHERE partnership_id = :partnership_id AND id = :layer_id
""")

_FORGET = text("DELETE FROM finding WHERE partnership_id = :partnership_id AND version_id = :version_id")

_INSERT = text("""
    INSERT INTO finding (partnership_id, version_id, number, kind, severity, sentence, features, codes, measures, place)
    SELECT :partnership_id, :version_id, number, kind, severity, sentence,
           ARRAY(SELECT CAST(value AS int) FROM json_array_elements_text(features) WITH ORDINALITY ORDER BY ordinality),
           ARRAY(SELECT value FROM json_array_elements_text(codes) WITH ORDINALITY ORDER BY ordinality),
           CAST(measures AS jsonb), ST_SetSRID(ST_GeomFromWKB(wkb), 4326)
    FROM unnest(CAST(:numbers AS int[]), CAST(:kinds AS text[]), CAST(:severities AS text[]),
                CAST(:sentences AS text[]), CAST(:features AS json[]), CAST(:codes AS json[]),
                CAST(:measures AS text[]), CAST(:places AS bytea[]))
         AS given (number, kind, severity, sentence, features, codes, measures, wkb)
""")

_CHECKED = text("""
    UPDATE layer_version
    SET checked_at = clock_timestamp(), checked_against = :before_id, errors = :errors, warnings = :warnings,
        notices = :notices, measures = CAST(:measures AS jsonb)
    WHERE partnership_id = :partnership_id AND id = :version_id
""")
