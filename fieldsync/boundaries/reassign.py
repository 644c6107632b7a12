"""Carrying out a publication, or its withdrawal: open work orders change hands, in small transactions.

Both run in the background and can be ended at any moment: whatever was written is complete in itself, and whoever
goes on looks again at what is there. Runs of one partnership are carried out one after the other, in the order in
which their versions came into force, so that the outcome is that of publications made one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs
from sqlalchemy.orm import Session

from fieldsync.agreements.serving import employers_of_crews, load_serving
from fieldsync.boundaries import queries
from fieldsync.boundaries.runs.run import Run
from fieldsync.boundaries.standing import FIRST, Standing, differs, open_work_orders, placed_from
from fieldsync.clock import now
from fieldsync.database import transaction
from fieldsync.journal.anew import Change, lock, place_anew
from fieldsync.journal.edits import Author, Placed, PlacementMade, Record
from fieldsync.journal.place import Point, placed_at
from geo.assign import InForce, in_force

EXAMINED_PER_READ = 2_000
"""Open work orders looked at in one transaction: some ten milliseconds."""

MOVES_PER_COMMIT = 100
"""Work orders that change hands in one transaction. It holds their locks and the partnership's head for some ten
milliseconds: an exchange that comes in between hardly notices."""

REST = 0.5
"""After each transaction, so much of the time that it took is left to the tablets: otherwise a processor and the disk
would be busy without a break, and exchanges queue for them."""

_WAIT_S = 0.05


def reassign(run: Run) -> dict[str, Any]:
    """Let the open work orders follow a version that has come into force. Its result: what was examined and done.

    Raises what ``run.tell`` raises to end it; called again, it goes on from where it was.
    """
    version_id = _version(run)
    bound = {"partnership_id": run.partnership_id, "version_id": version_id}
    _await_older_transactions(run)
    with transaction() as session:
        total = session.execute(queries.COUNT_OPEN, bound).scalar_one()
    after = UUID(run.progress.get("after", str(FIRST)))
    examined = int(run.progress.get("examined", 0))
    superseded = False
    while not superseded:
        began = time.perf_counter()
        with transaction() as session:
            standing = next(open_work_orders(session, run.partnership_id, EXAMINED_PER_READ, after), [])
            layers = _layers(session, bound)
            if layers is None:
                superseded = True
                break
            found = placed_at(session, run.partnership_id, [one.point for one in standing], layers[0])
        candidates = [one.id for one, then in zip(standing, found, strict=True) if differs(one, then)]
        for begin in range(0, len(candidates), MOVES_PER_COMMIT):
            _rest(began)
            began = time.perf_counter()
            with transaction() as session:
                superseded |= not _move(session, run, candidates[begin : begin + MOVES_PER_COMMIT])
        examined += len(standing)
        if len(standing) < EXAMINED_PER_READ:
            break
        after = standing[-1].id
        _rest(began)
        run.tell("reassigning", examined, max(total, examined), after=str(after), examined=examined)
    with transaction() as session:
        made = session.execute(queries.MADE, bound).one()
    return {
        "examined": examined, "moved": made.moved, "flagged": made.flagged, "released": made.released,
        "withdrawn": superseded,
    }  # fmt: skip


def _rest(began: float) -> None:
    time.sleep(REST * (time.perf_counter() - began))


def _version(run: Run) -> UUID:
    assert run.version_id is not None
    return run.version_id


def _await_older_transactions(run: Run) -> None:
    """Wait until nobody is left who may have read the versions in force before the present ones.

    Whatever such a transaction writes is there to be examined afterwards; later ones see the present versions.
    """
    with transaction() as session:
        horizon = session.execute(queries.HORIZON).scalar_one()
    while True:
        with transaction() as session:
            if session.execute(queries.OLDEST_RUNNING).scalar_one() >= horizon:
                return
        run.tell("waiting for transactions that began before")
        time.sleep(_WAIT_S)


def _layers(session: Session, bound: dict[str, Any]) -> tuple[InForce, datetime | None] | None:
    """What decided from the moment on which the version came into force, and when the next one did; None if the
    version has been withdrawn."""
    version = session.execute(queries.VERSION, bound).one()
    if version.status != "published":
        return None
    following = session.execute(queries.NEXT_START, bound | {"starts": version.starts}).scalar_one()
    return in_force(session, bound["partnership_id"], version.starts), following


def _move(session: Session, run: Run, ids: Sequence[UUID]) -> bool:
    """Lock, then look again: what a crew or a person has done meanwhile counts. False if the version is withdrawn."""
    bound = {"partnership_id": run.partnership_id, "version_id": _version(run)}
    records = [record for record in lock(session, run.partnership_id, ids).values() if _is_open(record)]
    found = _layers(session, bound)
    if found is None:
        return False
    layers, following = found
    placed = placed_at(session, run.partnership_id, [_point(record) for record in records], layers)
    serving = load_serving(session, run.partnership_id, now()) if run.parameters.get("release_crews") else None
    changes = []
    for record, then in zip(records, placed, strict=True):
        stands = record.placed
        assert stands is not None
        # Placed since by what came into force later: that publication's own business.
        if (following is not None and stands.placed_at >= following) or not differs(stands, then):
            continue
        leaves = serving is not None and record.crew_id is not None and stands.jurisdiction_id != then.jurisdiction_id
        if leaves and serving is not None and record.crew_id is not None:
            leaves = not serving.may(record.crew_id, then.jurisdiction_id, record.values["service_type_id"])
        made = PlacementMade("publication", _version(run), record.crew_id if leaves else None)
        changes.append(Change(record, then, made, None if leaves else msgspec.UNSET))
    place_anew(session, Author(_version(run), "boundaries", run.partnership_id), changes, now())
    return True


def _is_open(record: Record) -> bool:
    return not record.was_done and not record.deleted


def _point(record: Record) -> Point:
    location = record.values["location"]
    return Point(location.lon, location.lat, record.values["service_type_id"])


def withdraw(run: Run) -> dict[str, Any]:
    """Reverse what a withdrawn version's publication did and nobody has changed since; flag for a person what was
    placed by it otherwise and would now belong to somebody else. Its result: how many of each."""
    _await_older_transactions(run)
    bound = {"partnership_id": run.partnership_id, "version_id": _version(run)}
    with transaction() as session:
        made = session.execute(queries.MADE, bound).one()
    total = made.moved + made.flagged
    done = 0
    while True:
        with transaction() as session:
            rows = session.execute(queries.MADE_AFTER, bound | {"after": FIRST, "rows": MOVES_PER_COMMIT}).all()
            if not rows:
                break
            _reverse(session, run, rows)
        done += len(rows)
        run.tell("reversing", done, total)
    _flag_the_rest(run)
    with transaction() as session:
        row = session.execute(queries.REVERSED, bound).one()
    return {"made": total, "reversed": row.reversed, "left": total - row.reversed, "flagged": row.flagged}


def _reverse(session: Session, run: Run, rows: Sequence[Any]) -> None:
    records = lock(session, run.partnership_id, [row.work_order_id for row in rows])
    at = now()
    employers = employers_of_crews(session, run.partnership_id)
    moment = in_force(session, run.partnership_id).at
    changes = []
    for row in rows:
        record = records[row.work_order_id]
        made, was = placed_from(row.to_placement), placed_from(row.from_placement)
        # Somebody has placed it anew, decided on it, or done the work: that stands.
        if not _is_open(record) or record.placed != made:
            continue
        crew_id = row.released_crew_id
        returns = crew_id is not None and record.crew_id is None and employers[crew_id].exists
        changes.append(
            Change(
                record, structs.replace(was, placed_at=moment), PlacementMade("withdrawal", _version(run)),
                crew_id if returns else msgspec.UNSET,
            )
        )  # fmt: skip
    author = Author(_version(run), "boundaries", run.partnership_id)
    place_anew(session, author, changes, at)
    bound = {"partnership_id": run.partnership_id, "version_id": _version(run), "at": at}
    session.execute(queries.LOOKED_AT, bound | {"ids": list(records)})


def _flag_the_rest(run: Run) -> None:
    """What was new, or moved, while the withdrawn version held was placed by it. Nobody asked to move it back, and it
    may have been answered for since; where the restored lines say otherwise, a person decides."""
    examined = 0
    after = FIRST
    while True:
        with transaction() as session:
            standing = next(open_work_orders(session, run.partnership_id, EXAMINED_PER_READ, after), [])
            mine = [one for one in standing if one.placed_version_id == run.version_id and _askable(one)]
            found = placed_at(session, run.partnership_id, [one.point for one in mine])
        strayed = [one.id for one, then in zip(mine, found, strict=True) if one.jurisdiction_id != then.jurisdiction_id]
        for begin in range(0, len(strayed), MOVES_PER_COMMIT):
            with transaction() as session:
                _flag(session, run, strayed[begin : begin + MOVES_PER_COMMIT])
        examined += len(standing)
        if len(standing) < EXAMINED_PER_READ:
            return
        after = standing[-1].id
        run.tell("looking for work orders placed meanwhile", examined, examined)


def _askable(one: Placed | Standing) -> bool:
    return one.placed_by != "person" and one.triage not in ("withdrawn", "accepted")


def _flag(session: Session, run: Run, ids: Sequence[UUID]) -> None:
    changes = [
        Change(
            record, structs.replace(record.placed, triage="withdrawn"), PlacementMade("withdrawal", _version(run))
        )
        for record in lock(session, run.partnership_id, ids).values()
        if _is_open(record) and record.placed is not None and record.placed.placed_version_id == run.version_id
        and _askable(record.placed)
    ]  # fmt: skip
    place_anew(session, Author(_version(run), "boundaries", run.partnership_id), changes, now())
