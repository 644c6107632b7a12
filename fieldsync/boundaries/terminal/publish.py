"""Rehearsing, publishing and withdrawing in a terminal. What is not committed is done and rolled back: so a dry run
meets whatever would be refused."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.agreements.serving import employers_of_crews
from fieldsync.boundaries import publication
from fieldsync.boundaries.rehearse import LISTED_MAX, jurisdiction_names
from fieldsync.boundaries.rehearse import rehearse as look_at_all
from fieldsync.boundaries.terminal.desk import Desk, Document
from fieldsync.boundaries.terminal.follow import follow
from fieldsync.database import transaction


class _NotCommitted(Exception):
    """Nothing of it is to stay."""


def rehearse(desk: Desk, version: Document, at: datetime | None) -> Document:
    """What publishing a draft would do to open work orders.

    Raises:
        geo.refusals.BoundaryRefusal: it could not be published (but for warnings).
    """
    with transaction() as session, desk.aside.status("Looking at every open work order"):
        found = look_at_all(session, desk.partnership_id, version["id"], at, limit=LISTED_MAX)
        names = {id_: code for id_, (code, _) in jurisdiction_names(session, desk.partnership_id).items()}
        crews = employers_of_crews(session, desk.partnership_id)
    return {
        "version": _called(version), "at": found.at, "open": found.open, "moved": found.moved,
        "ambiguous": found.ambiguous, "resolved": found.resolved, "stays_with_person": found.stays_with_person,
        "pairs": [
            {"from": source and names[source], "to": target and names[target], "count": count}
            for (source, target), count in found.pairs.most_common()
        ],
        "crews": [
            {"crew_id": id_, "name": crews[id_].name, "count": count} for id_, count in found.crews.most_common()
        ],
        "listed": msgspec.to_builtins(found.listed),
        "more": found.next is not None,
    }  # fmt: skip


def publish(
    desk: Desk, version: Document, at: datetime | None, acknowledged: Collection[str], *,
    release_crews: bool, commit: bool,
) -> Document:  # fmt: skip
    """Publish a draft, or only find out what that would do.

    Raises:
        geo.refusals.BoundaryRefusal, Unprocessable: it cannot be published like that.
        RunFailed: it is published, but the work orders did not follow to the end.
    """
    rehearsal = None if commit else rehearse(desk, version, at)
    run_id = None
    with suppress(_NotCommitted), transaction() as session:
        run_id = publication.publish(
            session, desk.partnership_id, version["id"], at, acknowledged, release_crews=release_crews
        )
        if not commit:
            raise _NotCommitted
    return _told(desk, version, "published", run_id, commit=commit) | {"rehearsal": rehearsal}


def withdraw(desk: Desk, version: Document, *, commit: bool) -> Document:
    """Take back the last publication of a layer, or only find out whether that can be.

    Raises:
        geo.refusals.BoundaryRefusal: it cannot be withdrawn.
        RunFailed: it is withdrawn, but the work orders did not follow to the end.
    """
    run_id = None
    with suppress(_NotCommitted), transaction() as session:
        run_id = publication.withdraw(session, desk.partnership_id, version["id"])
        if not commit:
            raise _NotCommitted
    return _told(desk, version, "withdrawn", run_id, commit=commit)


def _told(desk: Desk, version: Document, verb: str, run_id: UUID | None, *, commit: bool) -> Document:
    run: dict[str, Any] | None = follow(desk, run_id) if commit and run_id is not None else None
    return {
        "version": _called(version), "verb": verb, "committed": commit,
        "state": desk.version(str(version["id"]))["status"], "run": run,
    }  # fmt: skip


def _called(version: Document) -> str:
    return f"{version['layer']}/{version['number']}"
