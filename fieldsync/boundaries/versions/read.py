"""Versions and findings, as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.boundaries.versions import queries
from fieldsync.pages import Page, decode, encode
from fieldsync.problems import NotFound, UnknownReference
from geo.findings import KINDS


def list_versions(
    session: Session, partnership_id: UUID, layer_id: UUID, status: str | None, limit: int, cursor: str | None
) -> Page:
    """A page of a layer's versions, the newest first.

    Raises:
        Unprocessable: the cursor is none of ours.
    """
    before = None if cursor is None else decode(cursor, [int])[0]
    bound = {
        "partnership_id": partnership_id, "layer_id": layer_id, "status": status, "before": _int4(before),
        "rows": limit + 1,
    }  # fmt: skip
    rows = [dict(row) for row in session.execute(queries.LIST, bound).mappings()]
    return Page(rows[:limit], encode([rows[limit - 1]["number"]]) if len(rows) > limit else None)


def read_version(session: Session, partnership_id: UUID, version_id: UUID) -> dict[str, Any]:
    """A version with its report by kind, and what stands in the way of publishing it.

    Raises:
        NotFound: there is none of this id.
    """
    bound = {"partnership_id": partnership_id, "version_id": version_id}
    row = session.execute(queries.READ, bound).mappings().one_or_none()
    if row is None:
        raise NotFound
    is_draft = row["status"] == "draft"
    outdated = is_draft and row["checked_at"] is not None and row["checked_against"] != row["last_id"]
    kinds = [kind | {"meaning": KINDS[kind["kind"]][1] if kind["kind"] in KINDS else ""} for kind in row["kinds"]]
    warnings = [kind["kind"] for kind in kinds if kind["severity"] == "warning"]
    return dict(row) | {
        "kinds": kinds,
        "report_outdated": outdated,
        "obstacles": _obstacles(row) + ["report_outdated"] * outdated,
        "to_acknowledge": warnings if is_draft else [],
    }


def _obstacles(version: Any) -> list[str]:
    """In the order in which publishing would tell them."""
    if version["status"] != "draft":
        return ["version_not_draft"]
    found = ["version_empty"] if version["area_count"] == 0 else []
    if version["errors"] is None:
        found.append("version_not_checked")
    elif version["errors"]:
        found.append("version_has_errors")
    return found


def pair_of(session: Session, partnership_id: UUID, version_id: UUID, before: UUID | None) -> tuple[UUID, UUID]:
    """The layer of a version, and the version to hold it against: the wanted one of the same layer, or the last that
    was published before it. The version is locked, so that it is not deleted meanwhile.

    Raises:
        NotFound: there is no version of this id.
        UnknownReference: there is no such other version.
    """
    keys = {"partnership_id": partnership_id, "version_id": version_id}
    version = session.execute(queries.LOCK, keys).one_or_none()
    if version is None:
        raise NotFound
    if before is not None:
        named = session.execute(queries.BRIEF, keys | {"version_id": before}).one_or_none()
        if named is None or named.layer_id != version.layer_id:
            raise UnknownReference("There is no such version of this layer.", field="before")
        return version.layer_id, before
    last = {"layer_id": version.layer_id, "starts": version.starts}
    found = session.execute(queries.LAST_OTHER, keys | last).scalar_one_or_none()
    if found is None:
        raise UnknownReference("The layer has no version before it.", field="before")
    return version.layer_id, found


class FindingPage(NamedTuple):
    """Findings as JSON texts, and where the next page begins (None on the last)."""

    sent: Sequence[str]
    next: str | None


def list_findings(session: Session, partnership_id: UUID, version_id: UUID, asked: dict[str, Any]) -> FindingPage:
    """A page of a version's findings in the order of the report: errors first.

    Raises:
        NotFound: there is no such version.
        Unprocessable: the cursor is none of ours.
    """
    bound = {"partnership_id": partnership_id, "version_id": version_id}
    if session.execute(queries.BRIEF, bound).one_or_none() is None:
        raise NotFound
    after = 0 if asked["cursor"] is None else decode(asked["cursor"], [int])[0]
    limit: int = asked["limit"]
    statement = queries.FEATURES if asked["format"] == "geojson" else queries.FINDINGS
    rows = session.execute(
        statement,
        bound
        | {
            "after": _int4(after),
            "severities": asked.get("severity"),
            "kinds": asked.get("kind"),
            "rows": limit + 1,
        },
    ).all()
    return FindingPage(
        [row.sent for row in rows[:limit]], encode([rows[limit - 1].number]) if len(rows) > limit else None
    )


def _int4(number: int | None) -> int | None:
    """What somebody made up as a cursor may be larger than any number of ours."""
    return None if number is None else max(-(2**31), min(number, 2**31 - 1))
