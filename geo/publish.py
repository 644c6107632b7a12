"""A draft version -> the version that holds from a date; and back again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from geo.refusals import (
    HasErrors,
    NotAcknowledged,
    NotChecked,
    NotTheLast,
    ReportOutdated,
    StartsTooEarly,
    VersionEmpty,
    VersionNotDraft,
    VersionNotPublished,
    VersionUnknown,
)

WHOLE_VERTICES_MAX = 128
"""An area's polygon with more vertices than this is cut into pieces of at most as many, so that a look-up
reads and tests little of a large area."""


def publish(
    session: Session,
    partnership_id: UUID,
    version_id: UUID,
    at: datetime | None = None,
    *,
    acknowledged: Collection[str] = (),
    published_by: UUID | None = None,
) -> datetime:
    """Make a checked draft the version that holds from `at` (without it: from now, by the database's clock),
    and end the one before it there. Returns that moment.

    `acknowledged` names kinds of warning in its check report; all that there are must be among them. Raises
    VersionUnknown, VersionNotDraft, VersionEmpty, NotChecked, HasErrors, NotAcknowledged (with `warnings`),
    ReportOutdated when the report was made against another version than the layer's last, and StartsTooEarly
    when that holds only from `at` or later. ValueError for a time without a zone. Does not commit.
    """
    if at is not None and at.tzinfo is None:
        raise ValueError("at must have a time zone")
    version = {"partnership_id": partnership_id, "version_id": version_id}
    _lock(session, version)
    draft = refuse_unfit(session, partnership_id, version_id, acknowledged)
    last = session.execute(_LAST, version).one_or_none()
    if draft.checked_against != (None if last is None else last.id):
        raise ReportOutdated(version_id=version_id)
    # Cut first: the moment from which it holds is the later, the shorter jobs are placed by the one before.
    session.execute(_CUT, version | {"vertices": WHOLE_VERTICES_MAX})
    at = at or session.execute(_NOW).scalar_one()
    if last is not None and last.starts >= at:
        raise StartsTooEarly(
            f"Version {last.number} holds from {last.starts.isoformat()}.", version_id=version_id, at=at
        )
    session.execute(_CLOSE, version | {"at": at})
    session.execute(
        _PUBLISH,
        version | {"at": at, "acknowledged": sorted(acknowledged), "published_by": published_by},
    )
    # Look-ups plan by these statistics. With those from before, the first version of a new partnership is
    # read through the primary key, all pieces for each point: 900 points/s where 90,000 are right.
    session.execute(_ANALYZE)
    return at


def refuse_unfit(
    session: Session, partnership_id: UUID, version_id: UUID, acknowledged: Collection[str] | None
) -> Row[Any]:
    """The draft, as far as publishing looks at it. With `acknowledged` None its warnings stand in nobody's way.

    Raises VersionUnknown, VersionNotDraft, VersionEmpty, NotChecked, HasErrors, NotAcknowledged: see `publish`.
    """
    draft = _read(session, {"partnership_id": partnership_id, "version_id": version_id})
    if draft.status != "draft":
        raise VersionNotDraft(f"Version {draft.number} is {draft.status}.", version_id=version_id)
    if draft.area_count == 0:
        raise VersionEmpty(version_id=version_id)
    if draft.errors is None:
        raise NotChecked(version_id=version_id)
    if draft.errors:
        raise HasErrors(f"Its check found {draft.errors}.", version_id=version_id, errors=draft.errors)
    if acknowledged is not None:
        open_ = sorted(set(warning_kinds(session, partnership_id, version_id)) - set(acknowledged))
        if open_:
            raise NotAcknowledged(f"They are {', '.join(open_)}.", version_id=version_id, warnings=open_)
    return draft


def warning_kinds(session: Session, partnership_id: UUID, version_id: UUID) -> tuple[str, ...]:
    """The kinds of warning in a version's report: what whoever publishes it must acknowledge."""
    keys = {"partnership_id": partnership_id, "version_id": version_id}
    return tuple(session.execute(_WARNINGS, keys).scalars())


def withdraw(
    session: Session, partnership_id: UUID, version_id: UUID, *, withdrawn_by: UUID | None = None
) -> tuple[datetime, datetime]:
    """Take back the last publication of a layer: the version before it holds again as though nothing had been.

    Returns from when until when it did hold; both are the same for one that had not come into force. Raises
    VersionUnknown, VersionNotPublished, NotTheLast. Does not commit.
    """
    version = {"partnership_id": partnership_id, "version_id": version_id}
    _lock(session, version)
    found = _read(session, version)
    if found.status != "published":
        raise VersionNotPublished(f"Version {found.number} is {found.status}.", version_id=version_id)
    last = session.execute(_LAST, version).one()
    if last.id != version_id:
        raise NotTheLast(f"Version {last.number} follows it.", version_id=version_id, last=last.id)
    now = session.execute(_NOW).scalar_one()
    until = max(now, last.starts)
    bound = version | {"starts": last.starts, "until": until, "now": now, "withdrawn_by": withdrawn_by}
    session.execute(_WITHDRAW, bound)
    session.execute(_REOPEN, bound)
    return last.starts, until


def _lock(session: Session, version: dict[str, UUID]) -> None:
    # Lock, then read: of two people who publish at once, the second must see the first one's version; and a
    # check that is just being written must not put other findings under a version that is published.
    session.execute(_LOCK_LAYER, version)
    session.execute(_LOCK_VERSION, version)


def _read(session: Session, version: dict[str, UUID]) -> Row[Any]:
    found = session.execute(_READ, version).one_or_none()
    if found is None:
        raise VersionUnknown(version_id=version["version_id"])
    return found


_NOW = text("SELECT clock_timestamp()")

# Rows that refer to the layer may be written meanwhile: whoever has locked the version, and asks for a run,
# would otherwise wait for us while we wait for the version.
_LOCK_LAYER = text("""
    SELECT id FROM layer
    WHERE partnership_id = :partnership_id
      AND id = (SELECT layer_id FROM layer_version
                WHERE partnership_id = :partnership_id AND id = :version_id)
    FOR NO KEY UPDATE
""")

_LOCK_VERSION = text("""
    SELECT id FROM layer_version WHERE partnership_id = :partnership_id AND id = :version_id FOR UPDATE
""")

_READ = text("""
    SELECT status, number, area_count, errors, checked_against FROM layer_version
    WHERE partnership_id = :partnership_id AND id = :version_id
""")

_WARNINGS = text("""
    SELECT DISTINCT kind FROM finding
    WHERE partnership_id = :partnership_id AND version_id = :version_id AND severity = 'warning'
    ORDER BY kind
""")

_LAST = text("""
    SELECT other.id, other.number, other.starts
    FROM layer_version AS this
    JOIN layer_version AS other
      ON other.partnership_id = this.partnership_id AND other.layer_id = this.layer_id
    WHERE this.partnership_id = :partnership_id AND this.id = :version_id AND other.status = 'published'
    ORDER BY other.starts DESC
    LIMIT 1
""")

_CUT = text("""
    INSERT INTO area_piece (partnership_id, area_id, number, version_id, geom)
    SELECT area.partnership_id, area.id,
           row_number() OVER (PARTITION BY area.id ORDER BY polygon.path, piece.ordinality),
           area.version_id, piece.geom
    FROM area
    CROSS JOIN LATERAL ST_Dump(area.geom) AS polygon
    -- Leaves a polygon with no more vertices than that as it is.
    CROSS JOIN LATERAL ST_Subdivide(polygon.geom, :vertices) WITH ORDINALITY AS piece (geom, ordinality)
    WHERE area.partnership_id = :partnership_id AND area.version_id = :version_id
""")

_CLOSE = text("""
    UPDATE layer_version AS last
    SET during = tstzrange(lower(last.during), :at)
    FROM layer_version AS draft
    WHERE draft.partnership_id = :partnership_id AND draft.id = :version_id
      AND last.partnership_id = draft.partnership_id AND last.layer_id = draft.layer_id
      AND last.status = 'published' AND last.during @> CAST(:at AS timestamptz)
""")

_PUBLISH = text("""
    UPDATE layer_version
    SET status = 'published', during = tstzrange(:at, NULL), published_at = clock_timestamp(),
        acknowledged = CAST(:acknowledged AS text[]), published_by = :published_by
    WHERE partnership_id = :partnership_id AND id = :version_id
""")

_WITHDRAW = text("""
    UPDATE layer_version
    SET status = 'withdrawn', during = tstzrange(:starts, :until), withdrawn_at = :now, withdrawn_by = :withdrawn_by
    WHERE partnership_id = :partnership_id AND id = :version_id
""")

# The version that ended where the withdrawn one began; none if that was the layer's first.
_REOPEN = text("""
    UPDATE layer_version AS before
    SET during = tstzrange(lower(before.during), NULL)
    FROM layer_version AS withdrawn
    WHERE withdrawn.partnership_id = :partnership_id AND withdrawn.id = :version_id
      AND before.partnership_id = withdrawn.partnership_id AND before.layer_id = withdrawn.layer_id
      AND before.ends = CAST(:starts AS timestamptz)
""")

_ANALYZE = text("ANALYZE area, area_piece")
