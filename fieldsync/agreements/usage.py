"""How much of the capped grants is used already: what was assigned by them and not released."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.agreements.rules import Grant, Usage, period

PERIODS_MAX = 10_000
"""Periods looked at in one statement: a year of days for some thirty grants."""

_USED = text("""
    SELECT wanted.grant_id, wanted.first_moment, used.minutes
    FROM unnest(CAST(:grant_ids AS uuid[]), CAST(:firsts AS timestamptz[]), CAST(:afters AS timestamptz[]))
        AS wanted (grant_id, first_moment, after) CROSS JOIN LATERAL (
        SELECT CAST(sum(minutes) AS bigint) AS minutes FROM assignment
        WHERE partnership_id = :partnership_id AND grant_id IS NOT NULL AND state <> 'released'
          AND grant_id = wanted.grant_id AND starts_at >= wanted.first_moment AND starts_at < wanted.after
        OFFSET 0
    ) used
    WHERE used.minutes IS NOT NULL
""")


def load_usage(
    session: Session, partnership_id: UUID, grants: Iterable[Grant], starts: datetime, ends: datetime
) -> Usage:
    """What is used of the grants that have a cap, in every period that begins before ``ends`` and ends after
    ``starts``; one statement, or none where nothing is capped.

    Raises:
        ValueError: the time is so long that it has more than ``PERIODS_MAX`` periods of the grants.
    """
    periods = [(one.id, *span) for one in grants if one.cap_period is not None for span in _periods(one, starts, ends)]
    if not periods:
        return Usage()
    if len(periods) > PERIODS_MAX:
        raise ValueError(f"{len(periods)} periods of caps at once.")
    grant_ids, firsts, afters = (list(column) for column in zip(*periods, strict=True))
    bound = {"partnership_id": partnership_id, "grant_ids": grant_ids, "firsts": firsts, "afters": afters}
    return Usage({(row.grant_id, row.first_moment): row.minutes for row in session.execute(_USED, bound)})


def _periods(grant: Grant, starts: datetime, ends: datetime) -> Iterable[tuple[datetime, datetime]]:
    first, after = period(grant, starts)
    yield first, after
    while after < ends and grant.cap_period != "agreement":
        first, after = period(grant, after)
        yield first, after
