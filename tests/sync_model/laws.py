"""What is promised of the exchange, checked in the database and at the wire when a story has been played."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tests.sync_model.cast import Carried, Tenant
from tests.sync_model.prose import sentences
from tests.sync_model.replay import replayed
from tests.sync_model.world import Document, World

SYNCED = ("work_order", "task", "note", "labor_entry")
CHILDREN = SYNCED[1:]
LISTS = ("service_type", "jurisdiction")


def recorded(verdict: Document) -> Document:
    """A first verdict in the form in which a repetition gives it again."""
    return {name: verdict[name] for name in ("verdict", "version", "conflicts", "problem", "refused_fields")}


def records(world: World) -> dict[str, Document]:
    """All records in the database by id: their fields, and ``version``, ``deleted`` and ``seen_by`` beside them."""
    found = {}
    for kind in SYNCED:
        point = ", ST_X(location) AS lon, ST_Y(location) AS lat" if kind == "work_order" else ""
        for row in world.rows(f"SELECT to_jsonb(t) AS record{point} FROM {kind} t WHERE partnership_id = :p"):
            record = {name: _plain(value) for name, value in row["record"].items()}
            if point:
                record["location"] = {"lon": row["lon"], "lat": row["lat"]}
            record["kind"] = kind
            record["deleted"] = record.get("deleted_at") is not None
            record["seen_by"] = record["crew_id"] if point else record["scope_crew_id"]
            found[record["id"]] = record
    return found


def _plain(value: Any) -> Any:
    """Moments as the protocol spells them."""
    return value.replace("+00:00", "Z") if isinstance(value, str) else value


def records_are_the_oracle_s(tenant: Tenant) -> None:
    """Law 2 and 7: what stands is what a sequence of edits, one at a time and each once, would have left."""
    there = records(tenant.world)
    assert there.keys() == tenant.oracle.things.keys()
    for name, thing in tenant.oracle.things.items():
        record = there[name]
        assert (record["kind"], record["version"]) == (thing.kind, thing.version)
        assert {field: record[field] for field in thing.now} == thing.now
        if thing.kind != "work_order":
            assert record["seen_by"] == (None if thing.now["deleted"] else tenant.oracle.crew_of(thing))
    conflicts = tenant.world.value("SELECT count(*) FROM conflict WHERE partnership_id = :p")
    assert conflicts == tenant.conflicts


def the_journal_holds_every_edit_once(tenant: Tenant, tablets: list[Carried]) -> None:
    """Law 2 and 3: as it was sent, with one verdict, refused ones included."""
    rows = tenant.world.rows("SELECT * FROM journal WHERE partnership_id = :p ORDER BY author_id, seq")
    assert sum(row["side"] == "office" for row in rows) == tenant.office_edits
    for carried in tablets:
        own = [row for row in rows if row["author_id"] == carried.tablet.device_id]
        numbered = [row for row in own if row["seq"] is not None]
        assert len(own) - len(numbered) == len(carried.misfits)
        assert [row["seq"] for row in numbered] == list(range(1, len(carried.settled) + 1))
        for row, edit, verdict in zip(numbered, carried.queue, carried.settled, strict=False):
            assert (row["verdict"], row["version"], row["problem"]) == tuple(
                verdict[name] for name in ("verdict", "version", "problem")
            )
            assert (row["refused_fields"] or []) == verdict["refused_fields"]
            assert _as_sent(row["fields"], edit), (row["fields"], edit)


def _as_sent(kept: Any, edit: Document) -> bool:
    if isinstance(kept, dict) and kept.keys() == {"unreadable"}:
        return json.loads(kept["unreadable"]) in (edit, edit["fields"])
    # A number that no type of ours could hold is kept as its text.
    return json.dumps(kept).replace(f'"{10**30}"', str(10**30)) == json.dumps(edit["fields"])


def entered(row: Any) -> Document:
    """What a row of the journal says was entered, and could be taken."""
    refused = {problem["field"] for problem in row["refused_fields"] or []}
    return {name: value for name, value in row["fields"].items() if name not in refused}


def nothing_changes_by_sending_all_again(carried: Carried) -> None:
    """Law 2 and 3: the whole queue, from its first edit on, in one batch."""
    before = _traces(carried.tenant.world)
    answer = carried.tablet.exchange(carried.queue)
    assert [v["verdict"] for v in answer["verdicts"]] == ["repeated"] * len(carried.queue)
    assert [v["recorded"] for v in answer["verdicts"]] == [recorded(v) for v in carried.settled]
    assert _traces(carried.tenant.world) == before


def _traces(world: World) -> list[int]:
    return [
        world.value(f"SELECT {what} FROM {table} WHERE partnership_id = :p")
        for what, table in (("change", "head"), ("count(*)", "journal"), ("count(*)", "conflict"))
    ]


def every_verdict_can_be_read_again(carried: Carried) -> None:
    """Law 3 and 8: by the id of the edit, by the tablet that made it and by no other."""
    first: dict[str, int] = {}
    for number, edit in enumerate(carried.queue):
        if isinstance(edit["edit_id"], str):
            first.setdefault(edit["edit_id"], number)
    other = carried.tenant.world.tablet(carried.crew)
    for edit_id, number in list(first.items())[-3:]:
        read = carried.tablet.verdict(edit_id)
        assert read.status_code == 200
        assert recorded(read.json) == recorded(carried.settled[number])
        assert other.verdict(edit_id).status_code == 404


def no_value_is_lost(world: World) -> None:
    """Law 4: what somebody entered without having seen another's value neither replaces it nor vanishes unrecorded.

    Read from the journal alone: whatever an edit entered stands after it or is in a conflict of that edit; and what it
    replaced unseen is in one, too. Lists and texts that are put together lose nothing but what somebody removed.
    """
    conflicts: dict[tuple[Any, ...], list[Any]] = {}
    for row in world.rows("SELECT * FROM conflict WHERE partnership_id = :p"):
        key = (row["edit_id"], row["author_id"], row["field"])
        conflicts.setdefault(key, []).extend([row["kept_value"], row["other_value"]])
    current: dict[tuple[Any, str], Any] = {}
    setter: dict[tuple[Any, str], Any] = {}
    creations: dict[Any, Any] = {}
    united: dict[Any, list[Any]] = {}
    journal = world.rows("SELECT * FROM journal WHERE partnership_id = :p AND verdict <> 'refused' ORDER BY entry")
    for row in journal:
        fields = {"delete": {"deleted": True}, "restore": {"deleted": False}}.get(row["action"]) or entered(row)
        changed = fields if row["action"] == "create" else row["before"] or {}
        for name in UNITED & fields.keys():
            seen = united.setdefault((row["record_id"], name), [])
            kept = conflicts.get((row["edit_id"], row["author_id"], name), [])
            mine, view = fields[name], _seen_by(row, seen)
            stands = (row["after"] or {}).get(name, mine) if name in changed else seen[-1][2] if seen else None
            assert _pieces(mine) - _pieces(view) <= _pieces(stands) or mine in kept
            if name in changed and row["action"] != "create":
                old = row["before"][name]
                assert _pieces(old) - _pieces(stands) <= _pieces(view) - _pieces(mine) or old in kept
            seen.append((row["author_id"], row["version"], stands, mine))
        for name, old in (row["before"] or {}).items():
            last = setter.get((row["record_id"], name), creations[row["record_id"]])
            # An edit that was made on no version at all counts as made on the first.
            unseen = last["author_id"] != row["author_id"] and last["version"] > max(row["base_version"], 1)
            if unseen and name not in UNITED and row["action"] != "restore":
                assert old in conflicts[row["edit_id"], row["author_id"], name]
        for name in changed:
            current[row["record_id"], name] = (row["after"] or {}).get(name, fields[name])
            setter[row["record_id"], name] = row
        if row["action"] == "create":
            # What was not given then has its first value from there, too.
            creations[row["record_id"]] = row
        for name, mine in fields.items():
            stands = current.get((row["record_id"], name), mine if row["action"] == "create" else None) == mine
            assert stands or name in UNITED or mine in conflicts.get((row["edit_id"], row["author_id"], name), [mine])


UNITED = {"tags", "description", "resolution", "result"}
"""Fields in which two values may both stand."""


def _pieces(value: list[str] | str | None) -> set[str]:
    return {words for words, _ in sentences(value)} if isinstance(value, str) else set(value or ())


def _seen_by(row: Any, seen: list[Any]) -> Any:
    """What the author of an edit had before her eyes: her own last value since the base version, or that version's."""
    base = row["base_version"] or 0
    own = [entered for author, version, _, entered in seen if author == row["author_id"] and version > base]
    then = [now for _, version, now, _ in seen if version <= max(base, 1)]
    return own[-1] if own else then[-1] if then else None


def drain(carried: Carried, limit: int) -> None:
    """Pull to the end, in pages of this size; every page could be the last before the battery dies."""
    more = True
    while more:
        answer = carried.tablet.exchange(limit=limit)
        assert len(answer["changes"]) <= limit
        carried.learn(answer)
        more = answer["more"]


def replica_is_the_scope(carried: Carried) -> None:
    """Law 5, 6 and 8: the tablet has what its crew may see, each record as it stands, and nothing else."""
    world, crew = carried.tenant.world, carried.tenant.crews[carried.crew]
    scope: dict[tuple[str, str], Document] = {}
    for kind in SYNCED:
        job = "t.id" if kind == "work_order" else "t.work_order_id"
        alive = "AND t.deleted_at IS NULL" if kind == "task" else ""
        rows = world.rows(
            f"SELECT to_jsonb(t) AS record FROM {kind} t JOIN work_order w ON w.partnership_id = :p AND w.id = {job}"
            f" WHERE t.partnership_id = :p AND w.crew_id = :crew AND w.deleted_at IS NULL {alive}",
            crew=crew,
        )
        scope |= {(kind, row["record"]["id"]): row["record"] for row in rows}
    for kind in LISTS:
        rows = world.rows(f"SELECT to_jsonb(t) AS record FROM {kind} t WHERE partnership_id = :p")
        scope |= {(kind, row["record"]["id"]): row["record"] for row in rows}
    assert carried.replica.keys() == scope.keys()
    for key, change in carried.replica.items():
        stored = scope[key]
        assert change["version"] == stored.get("version", 1)
        sent = {name: value for name, value in change["record"].items() if name != "location"}
        assert sent == {name: stored[name] for name in sent}
    # And by the oracle, which knows nothing of the database.
    seen = {name for kind, name in carried.replica if kind in SYNCED}
    assert seen == carried.tenant.oracle.scope(crew)


def a_replay_gives_the_same(world: World) -> None:
    """Law 9: the journal, decided again in the order of receipt, leaves the records that stand."""
    replay = replayed(world)
    there = records(world)
    assert {str(record.id) for record in replay.known.records.values()} == there.keys()
    for record in replay.known.records.values():
        stored = there[str(record.id)]
        values = msgspec.to_builtins(record.values) | {"version": record.version, "deleted": record.deleted}
        assert values == {name: stored[name] for name in values}
