"""Deciding a whole journal again, edit by edit, in memory."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.journal.edits import Author, Decision, Known, Touch
from fieldsync.journal.merge import decide
from fieldsync.journal.prepare import prepare
from fieldsync.journal.write import conflict_id
from fieldsync.workorders.kinds import Policy
from tests.sync_model.world import World


class Replay:
    """The accepted edits of a partnership's journal, decided anew from nothing.

    Not from what was required on completion: that decided whether an edit was taken, and a verdict never changes; what
    is done with an edit that was taken does not depend on it (``Known.required``).
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.known = Known()
        for table in ("service_type", "crew", "member"):
            rows = world.rows(f"SELECT id FROM {table} WHERE partnership_id = :p")
            self.known.existing[table] = {row["id"] for row in rows}
        self.changes = world.rows("SELECT * FROM field_policy_change WHERE partnership_id = :p ORDER BY entry")
        """Of policies."""
        self.touches: dict[tuple[str, UUID], list[Touch]] = defaultdict(list)
        self.left: dict[UUID, set[UUID]] = defaultdict(set)

    def decide(self, row: Any) -> Decision:
        """Decide the edit of one row of the journal."""
        known = self.known
        edit = prepare(
            row["side"], row["edit_id"], row["seq"], row["kind"], row["record_id"], row["action"], row["base_version"],
            row["observed_at"], row["happened_at"], msgspec.Raw(row["sent"].encode()),
        )  # fmt: skip
        edit.base_entry = row["base_entry"]
        assert edit.refusal is None
        assert edit.refused_fields == (row["refused_fields"] or [])
        # Of which crews it was a tablet before, the journal does not say. That decides whether an edit is taken, and
        # this one was.
        former = frozenset(self.known.existing["crew"]) if row["crew_id"] else frozenset()
        author = Author(
            row["author_id"], row["side"], self.world.partnership_id, row["crew_id"], former_crew_ids=former
        )
        was = self._scopes()
        for record in known.records.values():
            # As if each edit came in a batch of its own.
            record.changed = record.created = False
            record.touches = None
            if record.kind.is_child:
                record.crew_id = known.records["work_order", record.work_order_id].scope
        self._remember_policies(row["entry"])
        known.history = {(edit.kind, edit.record_id): self.touches[edit.kind, edit.record_id]}
        known.left = self.left[author.crew_id] if author.crew_id else set()
        (decision,) = decide(author, [edit], known).decisions
        version = decision.version or 0
        self.touches[edit.kind, edit.record_id].append(
            Touch(version, author.id, author.side, edit.happened_at, edit.values, decision.before or {}, row["entry"])
        )
        for record_id, crew_id in was.items():
            if crew_id is not None and known.records["work_order", record_id].scope != crew_id:
                self.left[crew_id].add(record_id)
        return decision

    def _remember_policies(self, entry: int) -> None:
        """As they were when this entry of the journal was decided."""
        held: dict[tuple[str, str], tuple[str, str]] = {}
        for change in self.changes:
            key = change["kind"], change["field"]
            if change["entry"] < entry:
                held[key] = change["policy"], change["custody"]
            else:
                held.setdefault(key, (change["policy_before"], change["custody_before"]))
        self.known.policies = {key: Policy(policy) for key, (policy, _) in held.items()}
        self.known.custody_merges = frozenset(key for key, (_, custody) in held.items() if custody == "merge")

    def _scopes(self) -> dict[UUID, UUID | None]:
        return {record.id: record.scope for record in self.known.records.values() if not record.kind.is_child}


def replayed(world: World) -> Replay:
    """Replay a journal, in the order of receipt; every decision must be the one that was taken then."""
    replay = Replay(world)
    rows = world.rows(
        "SELECT *, fields::text AS sent FROM journal WHERE partnership_id = :p AND verdict <> 'refused' ORDER BY entry"
    )
    kept: dict[Any, list[Any]] = defaultdict(list)
    for row in world.rows("SELECT * FROM conflict WHERE partnership_id = :p"):
        values = (row["id"], row["field"], row["base_value"], row["kept_value"], row["other_value"])
        kept[row["edit_id"], row["author_id"]].append(values)
    for row in rows:
        decision = replay.decide(row)
        assert (decision.verdict, decision.version) == (row["verdict"], row["version"])
        assert msgspec.to_builtins([decision.before, decision.after]) == [row["before"], row["after"]]
        clashes = [
            (
                conflict_id(row["author_id"], row["edit_id"], clash),
                *msgspec.to_builtins([clash.field, clash.base, clash.kept, clash.other]),
            )
            for clash in decision.clashes
        ]
        assert sorted(map(repr, clashes)) == sorted(map(repr, kept[row["edit_id"], row["author_id"]]))
    return replay
