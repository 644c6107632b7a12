"""Law 9: the journal, decided anew from nothing, gives the records that stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from fieldsync.journal.edits import Author, Decision, Known, Touch
from fieldsync.journal.merge import decide
from fieldsync.journal.prepare import prepare
from fieldsync.journal.write import conflict_id
from fieldsync.workorders.kinds import Policy
from tests.simulator.ledger import hold

Chosen = Sequence[tuple[int, dict[tuple[str, str], str], frozenset[tuple[str, str]]]]


class Rows(Protocol):
    """The tables."""

    partnership_id: UUID

    def rows(self, sql: str) -> list[dict[str, Any]]: ...


class Replay:
    """The accepted edits of a partnership's journal, decided anew, each as if it came alone.

    Not from what was required on completion, nor from who could see what: both decided whether an edit was taken, and a
    verdict never changes. By the policies of its time: changing one never rewrites what was decided.
    """

    def __init__(self, tables: Rows, chosen: Chosen) -> None:
        self.partnership_id = tables.partnership_id
        self.known = Known()
        for table in ("service_type", "crew", "member"):
            self.known.existing[table] = {row["id"] for row in tables.rows(f"SELECT id FROM {table} ")}
        self.chosen = chosen
        self.touches: dict[tuple[str, UUID], list[Touch]] = defaultdict(list)

    def decide(self, place: int, row: dict[str, Any]) -> Decision:
        """Decide the edit of one row of the journal; ``place``: how many came before it, refused ones included."""
        known = self.known
        edit = prepare(
            row["side"], row["edit_id"], row["seq"], row["kind"], row["record_id"], row["action"], row["base_version"],
            row["observed_at"], row["happened_at"], msgspec.Raw(row["sent"].encode()),
        )  # fmt: skip
        edit.base_entry = row["base_entry"]
        hold("law 9, its form", (None, row["refused_fields"] or []), (edit.refusal, edit.refused_fields))
        author = Author(row["author_id"], row["side"], self.partnership_id, row["crew_id"])
        for record in known.records.values():
            record.changed = record.created = False
            record.touches = None
            if record.kind.is_child:
                record.crew_id = known.records["work_order", record.work_order_id].scope
        key = (edit.kind, edit.record_id)
        known.history = {key: self.touches[key]}
        known.left = {record.id for record in known.records.values()}
        known.policies, known.custody_merges = self._chosen(place)
        (decision,) = decide(author, [edit], known).decisions
        version = decision.version or 0
        self.touches[key].append(
            Touch(version, author.id, author.side, edit.happened_at, edit.values, decision.before or {}, row["entry"])
        )
        return decision

    def _chosen(self, place: int) -> tuple[dict[tuple[str, str], Policy], frozenset[tuple[str, str]]]:
        policies: dict[tuple[str, str], str] = {}
        merges: frozenset[tuple[str, str]] = frozenset()
        for since, policies_then, merges_then in self.chosen:
            if since <= place:
                policies, merges = policies_then, merges_then
        return {key: Policy(policy) for key, policy in policies.items()}, merges


def replayed(tables: Rows, chosen: Chosen) -> None:
    """Decide each accepted edit again, in the order of receipt: every decision must be the one that was taken then.

    Raises:
        Broken
    """
    replay = Replay(tables, chosen)
    kept: dict[Any, list[Any]] = defaultdict(list)
    for row in tables.rows("SELECT * FROM conflict "):
        values = (row["id"], row["field"], row["base_value"], row["kept_value"], row["other_value"])
        kept[row["edit_id"], row["author_id"]].append(values)
    for row in tables.rows("SELECT * FROM journal ORDER BY entry"):
        if row["action"] == "place":
            replay.known.records["work_order", row["record_id"]].version += 1
            continue
        decision = replay.decide(row["place"], row)
        about = row["edit_id"]
        hold("law 9, the verdict", (row["verdict"], row["version"]), (decision.verdict, decision.version), about)
        changed = msgspec.to_builtins([decision.before, decision.after])
        hold("law 9, what changed", [row["before"], row["after"]], changed, about)
        clashes = [
            (
                conflict_id(row["author_id"], row["edit_id"], clash),
                *msgspec.to_builtins([clash.field, clash.base, clash.kept, clash.other]),
            )
            for clash in decision.clashes
        ]
        hold("law 9, conflicts", sorted(map(repr, kept[row["edit_id"], row["author_id"]])), sorted(map(repr, clashes)))
    for kind in ("work_order", "task"):
        for row in tables.rows(f"SELECT * FROM {kind} "):
            record = replay.known.records[kind, row["id"]]
            stands = (row["version"], row.get("deleted_at") is not None)
            hold("law 9, a record", stands, (record.version, record.deleted), row["id"])
