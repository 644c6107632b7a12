"""The office's SQL for single records. All bind ``partnership_id`` and ``own``: jurisdictions, null for all of them."""

from __future__ import annotations

from sqlalchemy import text

from fieldsync.database import Base
from fieldsync.journal import models as _journal  # noqa: F401  (their tables are named below)
from fieldsync.workorders.kinds import KINDS
from fieldsync.workorders.queries import record_json

OWN = "(CAST(:own AS uuid[]) IS NULL OR w.jurisdiction_id = ANY(CAST(:own AS uuid[])))"
"""What the asking person may see, of work orders ``w``. Triage (no jurisdiction) is for those who see all."""


def sent(name: str, row: str = "t") -> str:
    """The SQL expression for a record as the office reads it, as JSON: the feed's, and its version and change."""
    deleted = f"{row}.deleted_at" if "deleted_at" in Base.metadata.tables[name].c else "null"
    return (
        f"json_build_object('kind', '{name}', 'id', {row}.id, 'version', {row}.version,"
        f" 'etag', '\"' || {row}.version || '\"', 'change', {row}.change, 'deleted_at', {deleted},"
        f" 'record', {record_json(name, row)})"
    )


def _read(name: str) -> str:
    if name == "work_order":
        return f"""
            SELECT w.version, w.deleted_at IS NOT NULL AS deleted, CAST({sent(name, "w")} AS text) AS sent
            FROM work_order w WHERE w.partnership_id = :partnership_id AND w.id = :id AND {OWN}
        """
    deleted = "t.deleted_at IS NOT NULL" if "deleted_at" in Base.metadata.tables[name].c else "false"
    return f"""
        SELECT t.version, {deleted} AS deleted, CAST({sent(name)} AS text) AS sent
        FROM {name} t JOIN work_order w ON w.partnership_id = t.partnership_id AND w.id = t.work_order_id
        WHERE t.partnership_id = :partnership_id AND t.id = :id AND t.work_order_id = :work_order_id AND {OWN}
    """


def placement(row: str) -> str:
    """The SQL expression for where a work order was placed and by which rule, as JSON.

    ``row`` has the columns of a placement as the work order has them.
    """
    return f"""(
        SELECT json_build_object(
            'jurisdiction_id', {row}.jurisdiction_id, 'rule', {row}.placed_by, 'triage', {row}.triage,
            'placed_at', {row}.placed_at, 'layer', l.name, 'layer_role', l.role, 'version_id', v.id,
            'version', v.number, 'area', a.code, 'area_name', a.name)
        FROM (SELECT) one
        LEFT JOIN layer_version v ON v.partnership_id = :partnership_id AND v.id = {row}.placed_version_id
        LEFT JOIN layer l ON l.partnership_id = v.partnership_id AND l.id = v.layer_id
        LEFT JOIN area a ON a.partnership_id = :partnership_id AND a.id = {row}.area_id)"""


READ = {name: text(_read(name)) for name in KINDS}

# The same lock that the journal takes, in a statement before the one that reads: a waiter that read in the same
# statement would go on with the snapshot it took before it waited.
LOCK = text("SELECT FROM work_order WHERE partnership_id = :partnership_id AND id = :id FOR NO KEY UPDATE")

# Held until the commit: the same request, sent twice at once, is answered one after the other.
LOCK_KEY = text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:key AS text), 0))")

EARLIER = text("""
    SELECT kind, record_id, action, fields FROM journal
    WHERE partnership_id = :partnership_id AND edit_id = :edit_id AND author_id = :author_id
""")

RETIRED = text("""
    SELECT 'crew_id' AS name, 'The crew ' || name || ' has been disbanded.' AS detail FROM crew
    WHERE partnership_id = :partnership_id AND id = :crew_id AND disbanded_at IS NOT NULL
    UNION ALL
    SELECT 'service_type_id', 'The service type ' || name || ' has been retired.' FROM service_type
    WHERE partnership_id = :partnership_id AND id = :service_type_id AND retired
""")


def person(id_: str, side: str, crew: str = "d.crew_id") -> str:
    """The SQL expression for who did something: a member of staff, a tablet with its crew, a publication of
    boundaries, or an agreement or an offer that ended; as JSON."""
    return f"""(CASE {side}
        WHEN 'agreements' THEN (
            SELECT json_build_object('side', 'agreements', 'id', ended.id, 'name', ended.name)
            FROM (
                SELECT v.id, a.title || ', version ' || v.number AS name
                FROM agreement_version v
                JOIN agreement a ON a.partnership_id = v.partnership_id AND a.id = v.agreement_id
                WHERE v.partnership_id = :partnership_id AND v.id = {id_}
                UNION ALL
                SELECT o.id, r.title
                FROM resource_offer o
                JOIN resource_request r ON r.partnership_id = o.partnership_id AND r.id = o.request_id
                WHERE o.partnership_id = :partnership_id AND o.id = {id_}
            ) ended)
        WHEN 'boundaries' THEN (
            SELECT json_build_object('side', 'boundaries', 'id', v.id, 'name', l.name || ', version ' || v.number)
            FROM layer_version v JOIN layer l ON l.partnership_id = v.partnership_id AND l.id = v.layer_id
            WHERE v.partnership_id = :partnership_id AND v.id = {id_})
        WHEN 'office' THEN (
            SELECT json_build_object('side', 'office', 'id', s.id, 'name', s.name) FROM staff s
            WHERE s.partnership_id = :partnership_id AND s.id = {id_})
        WHEN 'crew' THEN (
            SELECT json_build_object('side', 'crew', 'id', d.id, 'name', d.name, 'app_version', d.app_version,
                                     'crew_id', k.id, 'crew_name', k.name)
            FROM device d LEFT JOIN crew k ON k.partnership_id = d.partnership_id AND k.id = {crew}
            WHERE d.partnership_id = :partnership_id AND d.id = {id_})
        END)"""
