"""How much of the capped grants is used already: what was assigned by them and not released."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.agreements.rules import Grant, Usage, period

_USED = text("""
    SELECT g.id, p.first_moment, CAST(sum(used.minutes) AS bigint) AS minutes
    FROM unnest(CAST(:ids AS uuid[]), CAST(:calendars AS int[])) AS g (id, calendar)
    JOIN unnest(CAST(:spanned AS int[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
        AS c (calendar, starts, ends) ON c.calendar = g.calendar
    CROSS JOIN LATERAL (
        SELECT starts_at, minutes FROM assignment
        WHERE partnership_id = :partnership_id AND grant_id IS NOT NULL AND state <> 'released'
          AND grant_id = g.id AND starts_at >= c.starts AND starts_at < c.ends
        OFFSET 0
    ) used
    JOIN unnest(CAST(:counted AS int[]), CAST(:firsts AS timestamptz[]), CAST(:afters AS timestamptz[]))
        AS p (calendar, first_moment, after)
        ON p.calendar = g.calendar AND used.starts_at >= p.first_moment AND used.starts_at < p.after
    GROUP BY g.id, p.first_moment
""")

Period = tuple[datetime, datetime]


def load_usage(
    session: Session, partnership_id: UUID, grants: Iterable[Grant], starts: datetime, ends: datetime
) -> Usage:
    """What is used of the grants that have a cap, in every period that begins before ``ends`` and ends after
    ``starts``; one statement, or none where nothing is capped.

    Grants that count by the same calendar share its periods, so what is sent and worked out grows with the grants plus
    the days, not with their product: no number of terms is too many.
    """
    calendars: dict[tuple[object, ...], int] = {}
    periods: list[list[Period]] = []
    counted: dict[UUID, int] = {}
    for grant in grants:
        if grant.cap_period is None:
            continue
        own = (grant.starts, grant.ends) if grant.cap_period == "agreement" else ()
        number = calendars.setdefault((grant.cap_period, grant.time_zone, *own), len(periods))
        if number == len(periods):
            periods.append(list(_periods(grant, starts, ends)))
        counted[grant.id] = number
    if not counted:
        return Usage()
    flat = [(number, *span) for number, spans in enumerate(periods) for span in spans]
    bound = {
        "partnership_id": partnership_id, "ids": list(counted), "calendars": list(counted.values()),
        "spanned": list(range(len(periods))), "starts": [spans[0][0] for spans in periods],
        "ends": [spans[-1][1] for spans in periods], "counted": [number for number, _, _ in flat],
        "firsts": [first for _, first, _ in flat], "afters": [after for _, _, after in flat],
    }  # fmt: skip
    return Usage({(row.id, row.first_moment): row.minutes for row in session.execute(_USED, bound)})


def _periods(grant: Grant, starts: datetime, ends: datetime) -> Iterator[Period]:
    first, after = period(grant, starts)
    yield first, after
    while after < ends and grant.cap_period != "agreement":
        first, after = period(grant, after)
        yield first, after
