"""The SQL of agreements. All bind ``partnership_id``; what is read also ``own`` (jurisdictions, null for all) and
``today`` (in the partnership's time zone)."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import text

_OWN = """(CAST(:own AS uuid[]) IS NULL OR EXISTS (
    SELECT FROM agreement_version v
    JOIN agreement_party y ON y.partnership_id = v.partnership_id AND y.version_id = v.id
    WHERE v.partnership_id = a.partnership_id AND v.agreement_id = a.id
      AND y.jurisdiction_id = ANY(CAST(:own AS uuid[]))))"""
"""What somebody may see, of agreements ``a``: those to which one of hers is, was, or was to be a party."""

_BY = """(SELECT json_build_object('id', s.id, 'name', s.name) FROM staff s
          WHERE s.partnership_id = :partnership_id AND s.id = {})"""

_LAST = "upper(v.during) - 1"
"""The last day of a version; null where it is open, or never was in force."""

_TERMS = """(
        SELECT coalesce(json_agg(json_build_object(
            'id', t.id, 'giver_id', t.giver_id, 'receiver_id', t.receiver_id, 'crew_ids', t.crew_ids,
            'skills', t.skills, 'service_type_ids', t.service_type_ids, 'hours', t.hours,
            'cap_minutes', t.cap_minutes, 'cap_cents', t.cap_cents, 'cap_period', t.cap_period,
            'home_priority', t.home_priority, 'cents_per_hour', t.cents_per_hour, 'cost', t.cost)
            ORDER BY t.position), '[]')
        FROM agreement_term t WHERE t.partnership_id = :partnership_id AND t.version_id = v.id)"""


def _version(terms: str) -> str:
    """A version ``v`` as JSON, with this as its terms: those of one may take megabytes."""
    return f"""json_build_object(
        'id', v.id, 'agreement_id', v.agreement_id, 'number', v.number, 'state', v.state, 'starts_on', v.starts_on,
        'ends_on', v.ends_on, 'notice_days', v.notice_days, 'note', v.note, 'proposer_id', v.proposer_id,
        'proposed_at', v.proposed_at, 'settled_at', v.settled_at, 'holds_from', lower(v.during), 'holds_until', {_LAST},
        'taken_out_at', v.taken_out_at,
        'parties', (
            SELECT coalesce(json_agg(json_build_object(
                'jurisdiction_id', y.jurisdiction_id, 'name', j.name, 'accepted_at', y.accepted_at,
                'accepted_by', {_BY.format("y.accepted_by")}) ORDER BY j.code), '[]')
            FROM agreement_party y
            JOIN jurisdiction j ON j.partnership_id = y.partnership_id AND j.id = y.jurisdiction_id
            WHERE y.partnership_id = :partnership_id AND y.version_id = v.id),
        'terms', {terms})"""


_WITH_TERMS = _version(_TERMS)
_WITHOUT_TERMS = _version("NULL")
# Of those that are shown with their agreement: what says most about it, and the proposal that waits.
_PERHAPS_TERMS = _version(f"CASE WHEN v.id = shown.id OR v.state = 'proposed' THEN {_TERMS} END")

_EVENT = f"""json_build_object(
    'id', e.id, 'at', e.at, 'action', e.action, 'version_id', e.version_id,
    'version', (SELECT number FROM agreement_version v
                WHERE v.partnership_id = :partnership_id AND v.id = e.version_id),
    'jurisdiction_id', e.jurisdiction_id, 'by', {_BY.format("e.staff_id")}, 'reason', e.reason)"""

_SHOWN = """LEFT JOIN LATERAL (
        SELECT v.id, v.state, v.during,
               CASE WHEN v.state <> 'accepted' THEN 'none'
                    WHEN v.during @> CAST(:today AS date) THEN 'in_force'
                    WHEN lower(v.during) > CAST(:today AS date) THEN 'upcoming' ELSE 'ended' END AS stands
        FROM agreement_version v WHERE v.partnership_id = a.partnership_id AND v.agreement_id = a.id
        -- The one in force, else the next one, else the last that was, else the newest.
        ORDER BY v.state = 'accepted' DESC, v.during @> CAST(:today AS date) DESC NULLS LAST,
                 lower(v.during) > CAST(:today AS date) DESC NULLS LAST,
                 CASE WHEN lower(v.during) > CAST(:today AS date) THEN lower(v.during) END, upper(v.during) DESC
                 NULLS LAST, v.number DESC
        LIMIT 1
    ) shown ON true
    LEFT JOIN agreement_version o
        ON o.partnership_id = a.partnership_id AND o.agreement_id = a.id AND o.state = 'proposed'
    CROSS JOIN LATERAL (
        SELECT CASE WHEN shown.stands <> 'none' THEN shown.stands WHEN o.id IS NOT NULL THEN 'proposed'
                    ELSE 'lapsed' END AS state
    ) is_now"""
"""Of an agreement ``a``: the version that says most about it, the open proposal, and how it stands."""

_BRIEF = f"""
    'id', a.id, 'code', a.code, 'title', a.title, 'state', is_now.state, 'created_at', a.created_at,
    'ended_on', a.ended_on, 'holds_from', lower(shown.during), 'holds_until', {_LAST.replace("v.", "shown.")},
    'jurisdiction_ids', (
        SELECT coalesce(json_agg(DISTINCT side.id), '[]') FROM agreement_term t
        CROSS JOIN LATERAL (VALUES (t.giver_id), (t.receiver_id)) AS side (id)
        WHERE t.partnership_id = :partnership_id AND t.version_id = shown.id),
    'proposal', CASE WHEN o.id IS NOT NULL THEN json_build_object(
        'version_id', o.id, 'number', o.number, 'proposer_id', o.proposer_id, 'proposed_at', o.proposed_at,
        'waiting_for', (SELECT coalesce(json_agg(y.jurisdiction_id), '[]') FROM agreement_party y
                        WHERE y.partnership_id = :partnership_id AND y.version_id = o.id
                          AND y.accepted_at IS NULL)) END"""

FILTERS = {
    "state": "is_now.state = :state",
    "proposal": "(o.id IS NOT NULL) = CAST(:proposal AS boolean)",
    "jurisdiction_id": """EXISTS (
        SELECT FROM agreement_version v
        JOIN agreement_party y ON y.partnership_id = v.partnership_id AND y.version_id = v.id
        WHERE v.partnership_id = a.partnership_id AND v.agreement_id = a.id
          AND y.jurisdiction_id = :jurisdiction_id)""",
    "on": """EXISTS (
        SELECT FROM agreement_version v WHERE v.partnership_id = a.partnership_id AND v.agreement_id = a.id
          AND v.state = 'accepted' AND v.during @> CAST(:on AS date))""",
}
"""Filter -> condition on agreements ``a``."""


def listed(given: Iterable[str]) -> sa.TextClause:
    """A page of agreements by code, by the filters that are given; rows ``(code, sent)``."""
    conditions = ["a.partnership_id = :partnership_id", _OWN, "a.code > :after", *(FILTERS[name] for name in given)]
    return text(f"""
        SELECT a.code, CAST(json_build_object({_BRIEF}) AS text) AS sent FROM agreement a {_SHOWN}
        WHERE {" AND ".join(conditions)} ORDER BY a.code LIMIT :rows
    """)


READ = text(f"""
    SELECT CAST(json_build_object({_BRIEF}) AS text) AS sent, (
        SELECT coalesce(json_agg({_PERHAPS_TERMS} ORDER BY v.number), '[]')::text FROM (
            SELECT v.* FROM agreement_version v
            WHERE v.partnership_id = :partnership_id AND v.agreement_id = a.id
            ORDER BY v.state = 'proposed'
                     OR (v.state = 'accepted' AND v.during && daterange(CAST(:today AS date), NULL)) DESC,
                     v.number DESC
            LIMIT :versions
        ) v) AS versions, (
        SELECT coalesce(json_agg({_EVENT} ORDER BY e.id), '[]')::text FROM (
            SELECT e.* FROM agreement_event e
            WHERE e.partnership_id = :partnership_id AND e.agreement_id = a.id ORDER BY e.id DESC LIMIT :events
        ) e) AS history,
        (SELECT count(*) FROM agreement_version v
         WHERE v.partnership_id = :partnership_id AND v.agreement_id = a.id) AS all_versions,
        (SELECT count(*) FROM agreement_event e
         WHERE e.partnership_id = :partnership_id AND e.agreement_id = a.id) AS all_events
    FROM agreement a {_SHOWN} WHERE a.partnership_id = :partnership_id AND a.id = :id AND {_OWN}
""")

VERSION = text(f"""
    SELECT CAST({_WITH_TERMS} AS text) FROM agreement a
    JOIN agreement_version v ON v.partnership_id = a.partnership_id AND v.agreement_id = a.id
    WHERE a.partnership_id = :partnership_id AND a.id = :id AND v.id = :version_id AND {_OWN}
""")

# Nothing where there is no such agreement that she may see; else at least one row, perhaps without a key.
VERSIONS = text(f"""
    SELECT v.number AS key, CAST({_WITHOUT_TERMS} AS text) AS sent FROM agreement a
    LEFT JOIN agreement_version v
        ON v.partnership_id = a.partnership_id AND v.agreement_id = a.id AND v.number > :after
    WHERE a.partnership_id = :partnership_id AND a.id = :id AND {_OWN}
    ORDER BY v.number LIMIT :rows
""")

HISTORY = text(f"""
    SELECT e.id AS key, CAST({_EVENT} AS text) AS sent FROM agreement a
    LEFT JOIN agreement_event e ON e.partnership_id = a.partnership_id AND e.agreement_id = a.id AND e.id > :after
    WHERE a.partnership_id = :partnership_id AND a.id = :id AND {_OWN}
    ORDER BY e.id LIMIT :rows
""")

TIME_ZONE = text("SELECT time_zone FROM partnership WHERE id = :partnership_id")

EMPLOYER = text("SELECT jurisdiction_id FROM crew WHERE partnership_id = :partnership_id AND id = :crew_id")

# --- changing -----------------------------------------------------------------------------------------------------

# Whoever changes an agreement holds this; what it consists of is read afterwards, as it stands then.
LOCK = text(f"""
    SELECT a.ended_on FROM agreement a
    WHERE a.partnership_id = :partnership_id AND a.id = :id AND {_OWN} FOR NO KEY UPDATE OF a
""")

# Its versions that matter, with the jurisdictions that give or receive by each, and those that have to accept it: the
# one that is named, the open one, those that were accepted, the newest.
STANDING = text("""
    SELECT v.id, v.number, v.state, v.starts_on, v.ends_on, v.notice_days, v.proposer_id, lower(v.during) AS holds_from,
           upper(v.during) AS ends_before, v.state = 'accepted' AND NOT isempty(v.during) AS has_days,
           (SELECT coalesce(array_agg(DISTINCT side.id), '{}') FROM agreement_term t
            CROSS JOIN LATERAL (VALUES (t.giver_id), (t.receiver_id)) AS side (id)
            WHERE t.partnership_id = v.partnership_id AND t.version_id = v.id) AS sides,
           (SELECT coalesce(array_agg(DISTINCT t.giver_id), '{}') FROM agreement_term t
            WHERE t.partnership_id = v.partnership_id AND t.version_id = v.id) AS givers,
           (SELECT coalesce(array_agg(y.jurisdiction_id), '{}') FROM agreement_party y
            WHERE y.partnership_id = v.partnership_id AND y.version_id = v.id) AS parties,
           (SELECT coalesce(array_agg(y.jurisdiction_id), '{}') FROM agreement_party y
            WHERE y.partnership_id = v.partnership_id AND y.version_id = v.id AND y.accepted_at IS NULL) AS waiting_for,
           (SELECT ended_on FROM agreement a WHERE a.partnership_id = v.partnership_id AND a.id = :id) AS ended_on,
           (SELECT max(number) FROM agreement_version n
            WHERE n.partnership_id = v.partnership_id AND n.agreement_id = v.agreement_id) AS newest
    FROM agreement_version v WHERE v.partnership_id = :partnership_id AND v.agreement_id = :id
    ORDER BY v.id IS NOT DISTINCT FROM CAST(:version_id AS uuid) DESC, v.state = 'proposed' DESC,
             v.state = 'accepted' DESC, v.number DESC
    LIMIT 50
""")

# What the terms name and does not exist, or is not what they say: rows (term, list, place).
UNKNOWN = text("""
    SELECT r.term, r.list, r.place
    FROM json_to_recordset(CAST(:named AS json)) AS r (term int, list text, place int, id uuid, giver_id uuid)
    WHERE NOT CASE r.list
        WHEN 'crew_ids' THEN EXISTS (
            SELECT FROM crew WHERE partnership_id = :partnership_id AND id = r.id AND jurisdiction_id = r.giver_id)
        WHEN 'service_type_ids' THEN EXISTS (
            SELECT FROM service_type WHERE partnership_id = :partnership_id AND id = r.id)
        ELSE EXISTS (
            SELECT FROM jurisdiction WHERE partnership_id = :partnership_id AND id = r.id AND NOT retired) END
    ORDER BY r.term, r.list, r.place LIMIT 1
""")

SIGN = text("""
    UPDATE agreement_party SET accepted_at = :at, accepted_by = :staff_id
    WHERE partnership_id = :partnership_id AND version_id = :version_id AND jurisdiction_id = :jurisdiction_id
""")

SETTLE = text("""
    UPDATE agreement_version SET state = :state, settled_at = :at,
        during = CASE WHEN :state = 'accepted' THEN daterange(CAST(:first AS date), CAST(:last AS date), '[]') END
    WHERE partnership_id = :partnership_id AND id = :version_id
""")

# From a day on nothing of what was accepted holds any more.
CUT = text("""
    UPDATE agreement_version SET during = during * daterange(NULL, CAST(:day AS date))
    WHERE partnership_id = :partnership_id AND agreement_id = :id AND state = 'accepted'
      AND during && daterange(CAST(:day AS date), NULL)
    RETURNING id
""")

ENDED_ON = text("""
    UPDATE agreement SET ended_on = :on WHERE partnership_id = :partnership_id AND id = :id
""")

CREWS_OF = text("""
    SELECT id FROM crew WHERE partnership_id = :partnership_id AND jurisdiction_id = ANY(:givers) ORDER BY id
""")
