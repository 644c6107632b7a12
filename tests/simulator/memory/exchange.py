"""What the statements of an exchange do: who asks, the device's line, its earlier edits, the feed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.agreements import grants, serving
from fieldsync.auth import actor
from fieldsync.database import Base
from fieldsync.sync import let_go, queries
from fieldsync.workorders.queries import HIDDEN
from tests.simulator.memory.journal import as_uuid
from tests.simulator.memory.session import Bound, answers, answers_made, as_json, as_row, texts
from tests.simulator.memory.tables import Row, Tables

# --- who asks ---------------------------------------------------------------------------------------------------------


@answers(actor._FIND)
def _find(tables: Tables, bound: Bound) -> Any:
    token = tables["token"].get(bound["token_hash"])
    if token is None or token["revoked_at"] is not None:
        return []
    device = tables["device"].get(token["device_id"] or "")
    if device is None or device["revoked_at"] is not None:
        return []
    used = token["last_used_at"]
    return [
        as_row(
            id=as_uuid(token["id"]), purpose=token["purpose"], device_id=as_uuid(token["device_id"]),
            staff_id=as_uuid(token["staff_id"]), crew_id=as_uuid(device["crew_id"]),
            disbanded=tables["crew"][device["crew_id"]]["disbanded_at"] is not None,
            stale=used is None or used < bound["now"] - timedelta(minutes=10), first_use=used is None, roles=None,
        )
    ]  # fmt: skip


@answers(actor._FIND_REVOKED)
def _find_revoked(tables: Tables, bound: Bound) -> Any:
    token = tables["token"].get(bound["token_hash"])
    device = tables["device"].get(token["device_id"] or "") if token is not None else None
    if token is None or device is None or not device["quarantined"] or token["revoked_at"] != device["revoked_at"]:
        return []
    return [(UUID(device["id"]),)]


@answers(actor._USED)
def _used(tables: Tables, bound: Bound) -> None:
    for key, token in list(tables["token"].items()):
        if token["id"] == str(bound["token_id"]):
            tables.put("token", key, token | {"last_used_at": bound["now"]})


@answers(actor._REPLACED)
def _replaced(tables: Tables, bound: Bound) -> None:
    tokens = tables["token"]
    (own,) = [token for token in tokens.values() if token["id"] == str(bound["token_id"])]
    for key, token in list(tokens.items()):
        if (
            token["device_id"] == str(bound["device_id"]) and token["id"] != own["id"] and token["revoked_at"] is None
            and token["created_at"] <= own["created_at"]
        ):  # fmt: skip
            tables.put("token", key, token | {"revoked_at": bound["now"]})


# --- a device's line --------------------------------------------------------------------------------------------------


@answers(queries.LOCK_DEVICE, queries.DEVICE)
def _device(tables: Tables, bound: Bound) -> Any:
    device = tables["device"][str(bound["author_id"])]
    crew = tables["crew"][device["crew_id"]]
    seen = device["last_seen_at"]
    return [
        as_row(
            next_seq=device["next_seq"], revoked_at=device["revoked_at"], crew_id=as_uuid(device["crew_id"]),
            former_crew_ids=device["former_crew_ids"], quarantined=device["quarantined"],
            deposited_seq=device["deposited_seq"], refusals_decided=device["refusals_decided"],
            disbanded=crew["disbanded_at"] is not None, disbanded_by=as_uuid(crew["disbanded_by"]),
            epoch=UUID(tables["head"][()]["epoch"]),
            archived=any(
                past["archived"] and past["seq"] is not None and past["author_id"] == device["id"]
                for past in tables.rows("journal")
            ),
            unseen="now" in bound and (seen is None or seen < bound["now"] - timedelta(minutes=1)),
        )
    ]  # fmt: skip


@answers(queries.ARCHIVED_IDS)
def _archived_ids(tables: Tables, bound: Bound) -> Any:
    author = str(bound["author_id"])
    found = ((one, tables["journal"].get((author, str(one)))) for one in bound["edit_ids"])
    return [(one,) for one, past in found if past is not None and past["archived"]]


@answers(queries.PAST_EPOCHS)
def _past_epochs(tables: Tables, bound: Bound) -> Any:
    return [(UUID(past["epoch"]), past["entry"], past["change"]) for past in tables.rows("past_epoch")]


@answers(queries.TOUCH_DEVICE, queries.SEE_DEVICE)
def _touch_device(tables: Tables, bound: Bound) -> None:
    row = tables["device"][str(bound["author_id"])]
    seen = {"last_seen_at": bound["now"], "skew_ms": bound["skew_ms"]}
    seen["app_version"] = bound["app_version"] or row["app_version"]
    if "next_seq" in bound:
        seen["next_seq"] = bound["next_seq"]
    tables.put("device", str(bound["author_id"]), row | seen)


_READ = ("edit_id", "seq", "kind", "record_id", "action", "base_version", "observed_at", "fields", "verdict", "version",
         "problem")  # fmt: skip


@answers(queries.EARLIER)
def _earlier(tables: Tables, bound: Bound) -> Any:
    author = str(bound["author_id"])
    seqs, edit_ids = set(bound["seqs"]), set(texts(bound["edit_ids"]))
    return as_json([
        {name: row[name] for name in _READ}
        | {"refused_fields": row["refused_fields"] or [], "conflicts": _conflicts(tables, row)}
        for row in tables.rows("journal")
        if row["author_id"] == author and (row["seq"] in seqs or row["edit_id"] in edit_ids)
    ])  # fmt: skip


def _conflicts(tables: Tables, edit: Row) -> list[Row]:
    if edit["verdict"] != "conflicted":
        return []
    found = [
        {"id": row["id"], "sort": row["sort"], "field": row["field"], "policy": row["policy"],
         "state": "settled" if row["settled_as"] == "policy" else "open",
         "base": row["base_value"], "kept": row["kept_value"], "other": row["other_value"]}
        for row in tables.rows("conflict")
        if row["edit_id"] == edit["edit_id"] and row["author_id"] == edit["author_id"]
    ]  # fmt: skip
    return sorted(found, key=lambda conflict: str(conflict["id"]))


@answers(serving._CREWS)
def _crews(tables: Tables, bound: Bound) -> Any:
    return as_json({
        row["id"]: [row["jurisdiction_id"], row["name"], row["disbanded_at"] is None] for row in tables.rows("crew")
    })  # fmt: skip


@answers(serving._SKILLS)
def _skills(tables: Tables, bound: Bound) -> Any:
    return as_json({row["id"]: None for row in tables.rows("service_type")})


@answers(grants._GRANTS)
def _no_grants(tables: Tables, bound: Bound) -> Any:
    return as_json([])


@answers(let_go._ENDED)
def _none_has_ended(tables: Tables, bound: Bound) -> Any:
    return []


@answers(let_go._SERVICE_TYPES)
def _service_types(tables: Tables, bound: Bound) -> Any:
    return [as_row(id=one, service_type_id=UUID(tables["work_order"][str(one)]["service_type_id"]))
            for one in bound["ids"]]  # fmt: skip


# --- the feed ---------------------------------------------------------------------------------------------------------


def _record_columns(name: str) -> list[str]:
    return [column.name for column in Base.metadata.tables[name].c if column.name not in HIDDEN]


_RECORD = {name: _record_columns(name) for name in queries.FEED_KINDS if name != "gone"}


def record(name: str, row: Row) -> Row:
    """A record as tablets and the office read it."""
    found = {column: row[column] for column in _RECORD[name]}
    if name == "work_order":
        found["location"] = {"lon": row["lon"], "lat": row["lat"]}
    return found


def _sees(name: str, row: Row, bound: Bound) -> bool:
    if name in ("jurisdiction", "service_type"):
        return True
    if name == "gone":
        return bool(row["crew_id"] == str(bound["crew_id"]) and row["change"] > bound["began"])
    scope = str(bound["scope_id"])
    if name == "work_order":
        return bool(row["crew_id"] == scope and row["deleted_at"] is None)
    return bool(row["scope_crew_id"] == scope)


@answers(queries.FEED)
def _feed(tables: Tables, bound: Bound) -> Any:
    after = (bound["change"], str(bound["id"]), bound["kind"])
    found = []
    for number, name in enumerate(queries.FEED_KINDS):
        for row in tables.rows("scope_exit" if name == "gone" else name):
            place = (row["change"], row["record_id" if name == "gone" else "id"], number)
            if place > after and _sees(name, row, bound):
                found.append((place, name, row))
    found.sort(key=lambda one: one[0])
    page = [
        (_sent(name, row), change, UUID(record_id), number)
        for (change, record_id, number), name, row in found[: bound["rows"]]
    ]
    head = tables["head"][()]
    return [*page, (f"{head['epoch']} {head['thinned']}", head["change"], None, queries.HEAD_ROW)]


@answers_made(queries, "fill")
def _fill(tables: Tables, bound: Bound, above: int, upto: int) -> Any:
    step = queries.added(above, upto)
    after = (bound["change"], str(bound["id"]), bound["kind"])
    until = (bound["to_change"], str(bound["to_id"]), bound["to_kind"])
    found = []
    for number, name in enumerate(queries.FEED_KINDS):
        if name not in step.columns and name not in step.kinds:
            continue
        for row in tables.rows(name):
            place = (row["change"], row["id"], number)
            if after < place <= until and _sees(name, row, bound):
                found.append((place, name, row))
    found.sort(key=lambda one: one[0])
    return [
        (_patch(name, row, step.columns.get(name)), change, UUID(record_id), number)
        for (change, record_id, number), name, row in found[: bound["rows"]]
    ]


def _patch(name: str, row: Row, columns: tuple[str, ...] | None) -> str:
    if columns is None:
        return _sent(name, row)
    patch = {column: row[column] for column in columns}
    sent = {"kind": name, "id": row["id"], "version": row.get("version", 1), "patch": patch}
    return msgspec.json.encode(sent).decode()


def _sent(name: str, row: Row) -> str:
    if name == "gone":
        sent = {"kind": row["kind"], "id": row["record_id"], "gone": row["reason"]}
    else:
        sent = {"kind": name, "id": row["id"], "version": row.get("version", 1), "record": record(name, row)}
    return msgspec.json.encode(sent).decode()
