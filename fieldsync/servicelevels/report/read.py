"""Counting kept promises: two statements, however many clocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from fieldsync.servicelevels.answers import (
    Counted,
    ReportJurisdiction,
    ReportPart,
    ReportPriority,
    ReportServiceType,
    ServiceReport,
)
from fieldsync.servicelevels.clocks import Sort
from fieldsync.servicelevels.report import queries

# GROUPING's bits: 1 for each column that a row is not grouped by.
_ALL, _BY_SERVICE_TYPE, _BY_PRIORITY, _BY_JURISDICTION = 0b111, 0b011, 0b101, 0b110
_NONE = Counted(0, 0, 0, 0, None)


def read_report(
    session: Session, partnership_id: UUID, own: frozenset[UUID] | None, starts: datetime, ends: datetime,
    jurisdiction_id: UUID | None, at: datetime,
) -> ServiceReport:  # fmt: skip
    """The clocks that started from ``starts`` up to, without, ``ends``, by what became of them by ``at``."""
    ids = {"partnership_id": partnership_id}
    bound = {
        "own": None if own is None else list(own), "from": starts, "to": ends, "now": at,
        "jurisdiction_id": jurisdiction_id,
    }  # fmt: skip
    groups: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in session.execute(queries.REPORT, ids | bound):
        groups[row.grouped].append(row)
    service_types = _parts(groups[_BY_SERVICE_TYPE], lambda row: row.service_type_id)
    priorities = _parts(groups[_BY_PRIORITY], lambda row: row.priority)
    jurisdictions = _parts(groups[_BY_JURISDICTION], lambda row: row.jurisdiction_id)
    named = {"service_type_ids": list(service_types), "jurisdiction_ids": [key for key in jurisdictions if key]}
    names = {row.id: (row.code, row.name) for row in session.execute(queries.NAMES, ids | named)}
    by_service_type = [
        ReportServiceType(service_type_id=key, code=names[key][0], name=names[key][1], **part)
        for key, part in service_types.items()
    ]
    by_jurisdiction = [
        ReportJurisdiction(
            jurisdiction_id=key, code=names[key][0] if key else None, name=names[key][1] if key else None, **part
        )
        for key, part in jurisdictions.items()
    ]
    return ServiceReport(
        from_=starts, to=ends, at=at, jurisdiction_id=jurisdiction_id,
        all=ReportPart(**_part(groups[_ALL])),
        by_service_type=sorted(by_service_type, key=lambda part: part.code),
        by_priority=[ReportPriority(priority=key, **part) for key, part in sorted(priorities.items())],
        by_jurisdiction=sorted(by_jurisdiction, key=lambda part: (part.code is None, part.code)),
    )  # fmt: skip


def _parts(rows: Iterable[Row[Any]], key: Callable[[Row[Any]], Any]) -> dict[Any, dict[str, Counted]]:
    found: dict[Any, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return {name: _part(some) for name, some in found.items()}


def _part(rows: Iterable[Row[Any]]) -> dict[str, Counted]:
    by_sort = {row.sort: _counted(row) for row in rows}
    return {sort.value: by_sort.get(sort, _NONE) for sort in Sort}


def _counted(row: Row[Any]) -> Counted:
    decided = row.met + row.breached
    percent = round(100 * row.met / decided, 1) if decided else None
    return Counted(row.met, row.breached, row.running, row.not_counted, percent)
