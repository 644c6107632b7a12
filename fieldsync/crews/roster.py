"""Loading crews as dispatching sees them: one statement, however many crews and days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.crews.facts import CrewFacts, Held, Person, Point, Span
from fieldsync.crews.shifts import REACH_DAYS, Otherwise, Weekly, days_span, expand, off
from fieldsync.crews.spans import joined, without


class _Qualification(Struct):
    sort: str
    code: str
    valid_from: date
    valid_until: date | None


class _Membership(Struct):
    """A member's time in the crew, with what is known of her."""

    id: UUID
    name: str
    since: date
    until: date | None
    is_lead: bool
    absences: list[Span]
    held: list[_Qualification]


class _Crew(Struct):
    """A row of ``_LOAD``."""

    id: UUID
    code: str
    name: str
    jurisdiction_id: UUID
    time_zone: str
    change: int
    disbanded: bool
    skills: frozenset[str]
    depot: Point | None
    reach_m: int | None
    capacity_minutes: int | None
    overtime_minutes: int
    has_shifts: bool
    weekly: list[Weekly]
    otherwise: list[Otherwise]
    absences: list[Span]
    members: list[_Membership]


# `since` and `until` are wider than what is asked for by the days that a shift may reach over, and absences by a day
# more: a day begins and ends elsewhere in other zones.
_LOAD = text("""
    SELECT CAST(json_build_object(
        'id', c.id, 'code', c.code, 'name', c.name, 'jurisdiction_id', c.jurisdiction_id,
        'time_zone', coalesce(c.time_zone, p.time_zone), 'change', c.change, 'disbanded', c.disbanded_at IS NOT NULL,
        'skills', c.skills,
        'depot', CASE WHEN c.depot IS NOT NULL THEN json_build_array(ST_X(c.depot), ST_Y(c.depot)) END,
        'reach_m', c.reach_m, 'capacity_minutes', c.capacity_minutes, 'overtime_minutes', c.overtime_minutes,
        'has_shifts',
            EXISTS (SELECT FROM shift s WHERE s.partnership_id = c.partnership_id AND s.crew_id = c.id)
            OR EXISTS (SELECT FROM shift_exception e WHERE e.partnership_id = c.partnership_id AND e.crew_id = c.id
                       AND e.starts IS NOT NULL),
        'weekly', coalesce((
            SELECT json_agg(json_build_object('weekday', s.weekday, 'starts', s.starts, 'minutes', s.minutes,
                                              'since', s.since, 'until', s.until))
            FROM shift s
            WHERE s.partnership_id = c.partnership_id AND s.crew_id = c.id
              AND s.since <= :until AND (s.until IS NULL OR s.until >= :since)), '[]'),
        'otherwise', coalesce((
            SELECT json_agg(json_build_object('day', e.day, 'starts', e.starts, 'minutes', e.minutes))
            FROM shift_exception e
            WHERE e.partnership_id = c.partnership_id AND e.crew_id = c.id AND e.day BETWEEN :since AND :until), '[]'),
        'absences', coalesce((
            SELECT json_agg(json_build_array(a.starts_at, a.ends_at))
            FROM absence a
            WHERE a.partnership_id = c.partnership_id AND a.crew_id = c.id
              AND a.ends_at > :absent_since AND a.starts_at < :absent_until), '[]'),
        'members', coalesce((
            SELECT json_agg(json_build_object(
                'id', m.id, 'name', m.name, 'since', k.since, 'until', k.until, 'is_lead', k.is_lead,
                'absences', coalesce((
                    SELECT json_agg(json_build_array(a.starts_at, a.ends_at))
                    FROM absence a
                    WHERE a.partnership_id = m.partnership_id AND a.member_id = m.id
                      AND a.ends_at > :absent_since AND a.starts_at < :absent_until), '[]'),
                'held', coalesce((
                    SELECT json_agg(json_build_object('sort', q.sort, 'code', q.code, 'valid_from', q.valid_from,
                                                      'valid_until', q.valid_until)
                                    ORDER BY q.sort, q.code, q.valid_from, q.id)
                    FROM qualification q
                    WHERE q.partnership_id = m.partnership_id AND q.member_id = m.id), '[]'))
                ORDER BY m.name, m.id, k.since)
            FROM crew_membership k JOIN member m ON m.partnership_id = k.partnership_id AND m.id = k.member_id
            WHERE k.partnership_id = c.partnership_id AND k.crew_id = c.id
              AND k.since <= :until AND (k.until IS NULL OR k.until >= :since)), '[]')
    ) AS text)
    FROM crew c JOIN partnership p ON p.id = c.partnership_id
    WHERE c.partnership_id = :partnership_id
      AND CASE WHEN CAST(:crew_ids AS uuid[]) IS NULL THEN c.disbanded_at IS NULL
               ELSE c.id = ANY(CAST(:crew_ids AS uuid[])) END
    ORDER BY c.code
""")

_DECODER = msgspec.json.Decoder(_Crew)


def load_crews(
    session: Session, partnership_id: UUID, crew_ids: Collection[UUID] | None, first: date, last: date
) -> dict[UUID, CrewFacts]:
    """The crews with these ids (None: all of the partnership that are not disbanded), by code, with their days from
    ``first`` to ``last``, both included, each crew's by the calendar of its own zone.

    A night shift belongs to the day on which it begins: whoever needs to know what is covered at the beginning of
    ``first`` asks from the day before. Ids that are not there are left out. One statement.
    """
    widest = timedelta(days=REACH_DAYS)
    parameters = {
        "partnership_id": partnership_id,
        "crew_ids": None if crew_ids is None else list(crew_ids),
        "since": first - widest,
        "until": last + widest,
        "absent_since": first - widest - timedelta(days=1),
        "absent_until": last + widest + timedelta(days=2),
    }
    crews = (_facts(_DECODER.decode(row), first, last) for row in session.scalars(_LOAD, parameters))
    return {crew.id: crew for crew in crews}


def _facts(crew: _Crew, first: date, last: date) -> CrewFacts:
    zone = ZoneInfo(crew.time_zone)
    return CrewFacts(
        id=crew.id,
        code=crew.code,
        name=crew.name,
        jurisdiction_id=crew.jurisdiction_id,
        time_zone=crew.time_zone,
        change=crew.change,
        disbanded=crew.disbanded,
        skills=crew.skills,
        people=tuple(
            _person(zone, list(times)) for _, times in groupby(crew.members, key=lambda membership: membership.id)
        ),
        depot=crew.depot,
        reach_m=crew.reach_m,
        capacity_minutes=crew.capacity_minutes,
        overtime_minutes=crew.overtime_minutes,
        days=expand(zone, first, last, crew.weekly, crew.otherwise, crew.absences),
        has_shifts=crew.has_shifts,
        away=joined([*crew.absences, *off(zone, crew.weekly, crew.otherwise)]),
    )


def _person(zone: ZoneInfo, times: Sequence[_Membership]) -> Person:
    """A member, who may have left the crew and come back."""
    known, belongs = times[0], _spans(zone, times)
    return Person(
        id=known.id,
        name=known.name,
        there=without(belongs, joined(known.absences)),
        held=tuple(Held(one.sort, one.code, days_span(zone, one.valid_from, one.valid_until)) for one in known.held),
        belongs=belongs,
        leads=_spans(zone, [time for time in times if time.is_lead]),
    )


def _spans(zone: ZoneInfo, times: Sequence[_Membership]) -> tuple[Span, ...]:
    return joined(days_span(zone, time.since, time.until) for time in times)
