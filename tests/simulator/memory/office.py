"""What statements do that enrol tablets, keep what revoked ones deposit, disband crews, and keep the feed short."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fieldsync.crews import changed
from fieldsync.crews.enrolments import trade
from fieldsync.dispatch.disbanding import take_out
from fieldsync.journal import archive
from fieldsync.retention import queries as retention
from fieldsync.sync.quarantine import queries as quarantine
from fieldsync.workorders.rules import DONE
from tests.simulator.memory.session import Bound, answers, as_row, rows_of, scalar
from tests.simulator.memory.tables import Row, Tables, spelled

# --- joining a crew ---------------------------------------------------------------------------------------------------


@answers(trade._FIND_PARTNERSHIP)
def _find_partnership(tables: Tables, bound: Bound) -> Any:
    return [
        as_row(id=UUID(row["id"]), slug=row["slug"], name=row["name"])
        for row in tables.rows("partnership")
        if row["slug"] == bound["slug"]
    ]


@answers(trade._USE)
def _use(tables: Tables, bound: Bound) -> Any:
    for key, row in tables["enrolment"].items():
        crew = tables["crew"][row["crew_id"]]
        if row["code_hash"] == bound["code_hash"] and row["used_at"] is None and crew["disbanded_at"] is None:
            tables.put("enrolment", key, row | {"used_at": bound["now"]})
            found = {"id": UUID(row["id"]), "device_name": row["device_name"], "crew_id": UUID(crew["id"])}
            return [as_row(**found, code=crew["code"], name=crew["name"])]
    return []


@answers(trade._LINK)
def _link(tables: Tables, bound: Bound) -> None:
    key = str(bound["enrolment_id"])
    tables.put("enrolment", key, tables["enrolment"][key] | {"device_id": str(bound["device_id"])})


@answers(trade._EPOCH)
def _epoch(tables: Tables, bound: Bound) -> Any:
    return scalar(UUID(tables["head"][()]["epoch"]))


@answers(trade._END_FORMER)
def _end_former(tables: Tables, bound: Bound) -> Any:
    token = tables["token"].get(bound["token_hash"])
    if token is None:
        return []
    row = tables["device"][token["device_id"]]
    revoked_at = row["revoked_at"] or bound["now"]
    tables.put("device", row["id"], row | {"revoked_at": revoked_at, "quarantined": False})
    crews = {"crew_id": UUID(row["crew_id"]), "former_crew_ids": row["former_crew_ids"]}
    return [
        as_row(device_id=UUID(row["id"]), expected_seq=row["next_seq"], deposited_seq=row["deposited_seq"], **crews)
    ]


@answers(trade._END_TOKENS)
def _end_tokens(tables: Tables, bound: Bound) -> None:
    for key, row in list(tables["token"].items()):
        if row["device_id"] == str(bound["device_id"]) and row["revoked_at"] is None:
            tables.put("token", key, row | {"revoked_at": bound["now"]})


# --- crews ------------------------------------------------------------------------------------------------------------


@answers(changed._LOCK)
def _lock_crews(tables: Tables, bound: Bound) -> None:
    """Nobody else is there."""


@answers(changed._STAMP)
def _stamp_crews(tables: Tables, bound: Bound) -> None:
    for one in bound["crew_ids"]:
        tables.put("crew", str(one), tables["crew"][str(one)] | {"change": bound["change"]})


@answers(take_out._OPEN_OF_CREW)
def _open_of_crew(tables: Tables, bound: Bound) -> Any:
    return [
        (UUID(row["id"]),)
        for row in sorted(tables.rows("work_order"), key=lambda row: str(row["id"]))
        if row["crew_id"] == str(bound["crew_id"]) and row["status"] not in DONE and row["deleted_at"] is None
        and row["id"] > str(bound["after"])
    ][: bound["rows"]]  # fmt: skip


@answers(take_out._STILL_DISBANDED)
def _still_disbanded(tables: Tables, bound: Bound) -> Any:
    return [()] if tables["crew"][str(bound["id"])]["disbanded_at"] is not None else []


# --- what a revoked tablet deposits -----------------------------------------------------------------------------------


def _deposited(tables: Tables, bound: Bound) -> list[Row]:
    found = [row for row in tables.rows("quarantined_edit") if row["device_id"] == str(bound["device_id"])]
    return sorted(found, key=lambda row: (row["seq"], row["misfit_id"]))


def _typed(row: Row) -> Any:
    ids = {name: row[name] and UUID(row[name]) for name in ("device_id", "edit_id", "misfit_id")}
    return as_row(**row | ids)


@answers(quarantine.WAITING_UNDER)
def _waiting_under(tables: Tables, bound: Bound) -> Any:
    return [
        _typed(row)
        for row in _deposited(tables, bound)
        if row["seq"] in bound["seqs"] and row["misfit_id"] == str(bound["in_line"])
    ]


@answers(quarantine.HELD)
def _held(tables: Tables, bound: Bound) -> Any:
    rows = _deposited(tables, bound)
    return [as_row(edits=len(rows), bytes=sum(len(row["body"].encode()) for row in rows))]


@answers(quarantine.DEPOSIT)
def _deposit(tables: Tables, bound: Bound) -> None:
    device = str(bound["device_id"])
    for given in rows_of(bound):
        key = (device, given["seq"], given["misfit_id"])
        if key not in tables["quarantined_edit"]:
            times = {"sent_at": bound["sent_at"], "received_at": bound["now"]}
            tables.put("quarantined_edit", key, {"edit_id": None} | given | times | {"device_id": device})


@answers(quarantine.DEPOSITED, quarantine.RELEASED)
def _device_now(tables: Tables, bound: Bound) -> None:
    row = tables["device"][str(bound["device_id"])]
    now = {name: bound[name] for name in ("deposited_seq", "next_seq") if name in bound}
    tables.put("device", row["id"], row | now)


@answers(quarantine.TO_RELEASE)
def _to_release(tables: Tables, bound: Bound) -> Any:
    return [
        _typed(row) for row in _deposited(tables, bound) if row["seq"] <= bound["through_seq"]
    ][: bound["rows"]]  # fmt: skip


@answers(quarantine.DELETE)
def _delete(tables: Tables, bound: Bound) -> None:
    for row in _deposited(tables, bound):
        if (row["seq"], row["misfit_id"]) <= (bound["seq"], str(bound["misfit_id"])):
            tables.drop("quarantined_edit", (row["device_id"], row["seq"], row["misfit_id"]))


@answers(quarantine.NOTE_RELEASE)
def _note_release(tables: Tables, bound: Bound) -> None:
    tables.put("quarantine_release", str(bound["id"]), {"id": str(bound["id"])})


# --- keeping short what is read all day -------------------------------------------------------------------------------


@answers(retention.RAISE_THINNED)
def _raise_thinned(tables: Tables, bound: Bound) -> None:
    marks = [row for row in tables.rows("feed_mark") if row["noted_at"] <= bound["before"]]
    if marks:
        change = max(marks, key=lambda row: row["noted_at"])["change"]
        head = tables["head"][()]
        if head["thinned"] < change <= head["change"]:
            tables.put("head", (), head | {"thinned": change})


@answers(retention.THINNED)
def _thinned(tables: Tables, bound: Bound) -> Any:
    return scalar(tables["head"][()]["thinned"])


@answers(archive._THIN)
def _thin(tables: Tables, bound: Bound) -> Any:
    gone = [(key, row) for key, row in tables["scope_exit"].items() if row["change"] <= bound["upto"]][: bound["rows"]]
    for key, row in gone:
        tables.drop("scope_exit", key)
        if row["kind"] == "work_order":
            left = (row["crew_id"], row["record_id"])
            tables.put("scope_left", left, {"crew_id": row["crew_id"], "work_order_id": row["record_id"]})
    return scalar(len(gone))


@answers(archive._ARCHIVE)
def _archive(tables: Tables, bound: Bound) -> int:
    before = spelled(bound["before"])
    old = [
        (key, row) for key, row in tables["journal"].items() if not row["archived"] and row["received_at"] < before
    ][: bound["rows"]]  # fmt: skip
    for key, row in old:
        tables.put("journal", key, row | {"archived": True})
    return len(old)


@answers(retention.MARK)
def _mark(tables: Tables, bound: Bound) -> None:
    mark = {"noted_at": bound["at"], "change": tables["head"][()]["change"]}
    tables.put("feed_mark", (bound["at"],), mark)


@answers(retention.FORGET_MARKS, retention.FORGET_SESSIONS, retention.FORGET_ATTEMPTS)
def _forget(tables: Tables, bound: Bound) -> None:
    """What would be forgotten is never asked for here."""
