"""What ought to become of edits: a sequential model without batches, database or wire.

It keeps every version of every record whole and decides one edit at a time, where the server loads, folds and writes a
batch as a set. Values are JSON values; ids are their text. Nothing of the application is used here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.simulator.promised import (
    BLANK,
    DONE,
    FIRST,
    OFFICE_ONLY,
    PLACED_BY,
    POLICIES,
    REQUIRED,
    Fields,
    may_step,
    united,
)
from tests.sync_model.prose import put_together


@dataclass(frozen=True)
class Who:
    """Who enters something."""

    id: str
    side: str
    crew: str | None = None
    own: frozenset[str] | None = None
    """The office: the jurisdictions that it may touch; None: all."""
    former: frozenset[str] = frozenset()
    """Crews that the tablet was with before."""


@dataclass
class Entry:
    """An accepted edit of a record: which version it left, and what it changed."""

    order: int
    version: int
    who: Who
    at: datetime
    entered: Fields
    changed: frozenset[str]


@dataclass
class Thing:
    """A record with all its versions (the first one is number 1) and all that was done to it."""

    kind: str
    job: str
    """The work order that it belongs to; its own id for a work order."""
    versions: list[Fields]
    made: list[int] = field(default_factory=list)
    """The order of the edit that made each version."""
    log: list[Entry] = field(default_factory=list)

    @property
    def version(self) -> int:
        return len(self.versions)

    @property
    def now(self) -> Fields:
        return self.versions[-1]


@dataclass
class Ruling:
    """The verdict; ``conflicts`` are ``(sort, field, policy, state, base, kept, other)``."""

    verdict: str
    version: int | None = None
    conflicts: list[tuple[Any, ...]] = field(default_factory=list)
    code: str | None = None
    refused_fields: list[str] = field(default_factory=list)
    """Names of the fields that the edit was taken without."""


@dataclass(frozen=True)
class Base:
    """What the author of an edit had seen: a version, in the history up to some order."""

    version: int
    until: int | None = None
    """In a history that ended: what came after this order she never saw, whatever its version. None: in this one."""


class Refused(Exception):
    """An edit is not acceptable; its code."""


class Oracle:
    """The records of one partnership, and what was promised about them."""

    def __init__(self, known_ids: set[str]) -> None:
        self.known_ids = known_ids
        """Service types, crews and members that exist."""
        self.things: dict[str, Thing] = {}
        self.left: dict[str, set[str]] = defaultdict(set)
        """Crew -> work orders that it once had."""
        self.refused_creates: set[tuple[str, str]] = set()
        self.required: Fields = {}
        """Without what no work order may be completed now."""
        self.policies: dict[tuple[str, str], str] = {}
        self.custody_merges: set[tuple[str, str]] = set()
        self.order = 0
        """Edits received so far."""
        self.disbanded: set[str] = set()
        """Crews whose tablets see nothing."""

    def rule(
        self, who: Who, edit: Fields, at: datetime, base: Base, early: str | None = None,
        newer: Collection[str] = (),
    ) -> Ruling:  # fmt: skip
        """Decide an edit and bring the records forward. ``early``: the refusal that its form alone calls for;
        ``newer``: fields that nobody here knows, without which it is taken."""
        self.order += 1
        try:
            if early:
                raise Refused(early)
            known = {name: value for name, value in edit["fields"].items() if name not in newer}
            ruling: Ruling = getattr(self, "_" + edit["action"])(who, edit | {"fields": known}, at, base)
            ruling.refused_fields = sorted(newer)
            return ruling
        except Refused as refused:
            if edit["action"] == "create":
                self.refused_creates.add((who.id, edit["record_id"]))
            return Ruling("refused", code=str(refused))

    def crew_of(self, thing: Thing) -> str | None:
        """Whose tablets see the record: its work order's crew, unless that is deleted."""
        job = self.things[thing.job].now
        return None if job["deleted"] else job["crew_id"]

    def scope(self, crew: str) -> set[str]:
        """The records that a crew's tablets ought to have."""
        if crew in self.disbanded:
            return set()
        return {name for name, t in self.things.items() if not t.now["deleted"] and self.crew_of(t) == crew}

    # --- the four actions ---------------------------------------------------------------------------------------------

    def _create(self, who: Who, edit: Fields, at: datetime, base: Base) -> Ruling:
        kind, fields, name = edit["kind"], edit["fields"], edit["record_id"]
        if REQUIRED[kind] - fields.keys():
            raise Refused("missing_field")
        self._check_side(who, kind, fields)
        thing = self.things.get(name)
        if thing is not None and thing.kind == kind:
            raise Refused("record_exists")
        if kind != "work_order":
            self._visible(who, fields["work_order_id"], "work_order")
        self._check_references(fields)
        full = {**BLANK[kind], **fields, "deleted": False}
        if kind == "work_order":
            if full["status"] not in FIRST:
                raise Refused("illegal_transition")
            full["jurisdiction_id"] = None
            if who.side == "crew":
                full["crew_id"] = who.crew
            self._check_complete(name, None, full)
        job = name if kind == "work_order" else fields["work_order_id"]
        self.things[name] = created = Thing(kind, job, [full], [self.order])
        created.log.append(Entry(self.order, 1, who, at, fields, frozenset()))
        return Ruling("applied", 1)

    def _update(self, who: Who, edit: Fields, at: datetime, base: Base) -> Ruling:
        kind, fields = edit["kind"], edit["fields"]
        if fields.keys() - POLICIES[kind].keys():
            raise Refused("create_only_field")
        self._check_side(who, kind, fields)
        thing = self._visible(who, edit["record_id"], kind)
        self._check_references(fields)
        since = self._since(thing, base)
        if "status" in fields and not may_step(who.side, self._view(who, thing, base, "status"), fields["status"]):
            raise Refused("illegal_transition")
        if thing.now["deleted"]:
            return self._hold("deleted", who, thing, base, fields, fields, at)
        foreign = who.side == "crew" and self.crew_of(thing) != who.crew
        merges = set() if self.things[thing.job].now["deleted"] else self.custody_merges
        held = {n: mine for n, mine in fields.items() if foreign and (kind, n) not in merges}
        if foreign and len(held) == len(fields):
            return self._hold("custody", who, thing, base, fields, fields, at)
        conflicts = self._holdings("custody", who, thing, base, held)
        after, met = self._merge(who, thing, base, since, {n: v for n, v in fields.items() if n not in held}, at)
        conflicts += met
        if kind == "work_order":
            self._check_complete(edit["record_id"], thing.now["status"], after)
        changed = {name for name in fields if after[name] != thing.now[name]}
        if kind == "work_order" and changed & PLACED_BY and thing.now["status"] not in DONE:
            after["jurisdiction_id"] = None  # No layer holds any ground here: publications place what is open.
        self._note(thing, who, at, fields, frozenset(changed), after)
        others = foreign or any(entry.who.id != who.id for entry in since)
        verdict = "conflicted" if conflicts else "merged" if others else "applied"
        return Ruling(verdict, thing.version, conflicts)

    def _merge(
        self, who: Who, thing: Thing, base: Base, since: list[Entry], fields: Fields, at: datetime
    ) -> tuple[Fields, list[tuple[Any, ...]]]:
        """Field by field: the record afterwards, and the conflicts."""
        after = dict(thing.now)
        conflicts: list[tuple[Any, ...]] = []
        for name, mine in fields.items():
            current = thing.now[name]
            last = next((entry for entry in reversed(since) if name in entry.changed), None)
            after[name] = mine
            seen, policy = self._view(who, thing, base, name), self.policy(thing.kind, name)
            if policy == "union" and since:
                # Also where her own edits came last: what others added before them she has not seen yet.
                after[name] = united(seen or [], current, mine)
            elif policy == "text" and since:
                # The same with sentences.
                both = mine if mine == current else put_together(seen, current, mine)
                after[name] = current if both is False else both
                if both is False:
                    conflicts.append(("field", name, policy, "open", seen, current, mine))
            elif last is not None and last.who.id != who.id and current != mine:
                wins = self._wins(policy, who, at, mine, current, last)
                kept, other = (mine, current) if wins else (current, mine)
                after[name] = kept
                conflicts.append(("field", name, policy, "open" if wins is None else "settled", seen, kept, other))
        return after, conflicts

    def _delete(self, who: Who, edit: Fields, at: datetime, base: Base) -> Ruling:
        thing = self._visible(who, edit["record_id"], edit["kind"])
        if thing.now["deleted"]:
            self._note(thing, who, at, {}, frozenset(), thing.now)
            return Ruling("merged", thing.version)
        if who.side == "crew" and self.crew_of(thing) != who.crew:
            return self._hold("custody", who, thing, base, {"deleted": True}, {}, at)
        if any(entry.who.id != who.id and entry.changed for entry in self._since(thing, base)):
            self._note(thing, who, at, {}, frozenset(), thing.now)
            return Ruling("conflicted", thing.version, [("deleted", "deleted", "review", "open", False, False, True)])
        self._note(thing, who, at, {}, frozenset({"deleted"}), thing.now | {"deleted": True})
        return Ruling("applied", thing.version)

    def _restore(self, who: Who, edit: Fields, at: datetime, base: Base) -> Ruling:
        thing = self._visible(who, edit["record_id"], edit["kind"])
        was = thing.now["deleted"]
        changed = frozenset({"deleted"}) if was else frozenset()
        self._note(thing, who, at, {}, changed, thing.now | {"deleted": False})
        return Ruling("applied" if was else "merged", thing.version)

    # --- what the office does without an edit of somebody's -----------------------------------------------------------

    def place(self, job: str, jurisdiction: str | None) -> None:
        """A publication places a job anew: a version more, and nothing that anybody entered."""
        self.order += 1
        self._next(self.things[job], self.things[job].now | {"jurisdiction_id": jurisdiction})

    def give(self, job: str, crew: str | None, who: Who, at: datetime) -> None:
        """Another crew (or none) has a job now, and not because a person entered that."""
        self.order += 1
        thing = self.things[job]
        self._note(thing, who, at, {"crew_id": crew}, frozenset({"crew_id"}), thing.now | {"crew_id": crew})

    # --- the rules ----------------------------------------------------------------------------------------------------

    def policy(self, kind: str, name: str) -> str:
        """The policy of a field here."""
        return self.policies.get((kind, name)) or POLICIES[kind][name]

    def _check_complete(self, job: str, was: str | None, after: Fields) -> None:
        if after["status"] != "completed" or was in ("completed", "closed"):
            return
        there = [thing for thing in self.things.values() if thing.job == job and not thing.now["deleted"]]
        steps = [(thing.now["title"], thing.now["done"]) for thing in there if thing.kind == "task"]
        tasks, entries = self.required.get("tasks", {}), self.required.get("entries", {})
        if (
            any(after[name] in (None, "", []) for name in self.required.get("fields", ()))
            or any((title, True) not in steps for title in tasks.get("named", ()))
            or (tasks.get("all") and not all(done for _, done in steps))
            or any(sum(thing.kind == kind for thing in there) < least for kind, least in entries.items())
        ):
            raise Refused("completion_requirements")

    def _note(
        self, thing: Thing, who: Who, at: datetime, entered: Fields, changed: frozenset[str], after: Fields
    ) -> None:
        if changed:
            self._next(thing, after)
        thing.log.append(Entry(self.order, thing.version, who, at, entered, changed))

    def _next(self, thing: Thing, after: Fields) -> None:
        if thing.kind == "work_order":
            was = self.crew_of(thing)
            if was is not None and was != (None if after["deleted"] else after["crew_id"]):
                self.left[was].add(thing.job)
        thing.versions.append(after)
        thing.made.append(self.order)

    def _hold(
        self, sort: str, who: Who, thing: Thing, base: Base, held: Fields, entered: Fields, at: datetime
    ) -> Ruling:
        conflicts = self._holdings(sort, who, thing, base, held)
        self._note(thing, who, at, entered, frozenset(), thing.now)
        return Ruling("conflicted" if conflicts else "merged", thing.version, conflicts)

    def _holdings(self, sort: str, who: Who, thing: Thing, base: Base, fields: Fields) -> list[tuple[Any, ...]]:
        return [
            (sort, name, "review", "open", self._view(who, thing, base, name), thing.now[name], mine)
            for name, mine in fields.items()
            if thing.now[name] != mine
        ]

    def _visible(self, who: Who, name: str, kind: str) -> Thing:
        thing = self.things.get(name)
        if thing is None or thing.kind != kind:
            raise Refused("depends_on" if (who.id, name) in self.refused_creates else "unknown_record")
        if who.side == "crew":
            # A deleted work order stays its crew's own: what was done to it meanwhile must not be refused.
            crew = thing.now["crew_id"] if kind == "work_order" else self.crew_of(thing)
            crews = {who.crew or "", *who.former}
            if crew not in crews and not any(thing.job in self.left[one] for one in crews):
                raise Refused("unknown_record")
        elif who.own is not None and self.things[thing.job].now["jurisdiction_id"] not in who.own:
            raise Refused("unknown_record")
        return thing

    def _check_side(self, who: Who, kind: str, fields: Fields) -> None:
        if who.side == "crew" and kind == "work_order" and OFFICE_ONLY & fields.keys():
            raise Refused("field_not_yours")

    def _check_references(self, fields: Fields) -> None:
        for name in ("service_type_id", "crew_id", "member_id"):
            if fields.get(name) is not None and fields[name] not in self.known_ids:
                raise Refused("unknown_reference")

    def _version_seen(self, thing: Thing, base: Base) -> int:
        if base.until is None:
            return base.version
        # What she saw was a version of a history that is no more: of what both have, the last.
        return min(base.version, sum(order <= base.until for order in thing.made))

    def _since(self, thing: Thing, base: Base) -> list[Entry]:
        seen, until = self._version_seen(thing, base), base.until
        return [e for e in thing.log if e.version > seen or (until is not None and e.order > until)]

    def _view(self, who: Who, thing: Thing, base: Base, name: str) -> Any:
        """The value that the author saw: the one she entered last since the base version, else the base version's."""
        for entry in reversed(self._since(thing, base)):
            if entry.who.id == who.id and name in entry.entered:
                return entry.entered[name]
        at = min(max(self._version_seen(thing, base), 1), thing.version)
        return thing.versions[at - 1][name]

    def _wins(self, policy: str, who: Who, at: datetime, mine: Any, current: Any, last: Entry) -> bool | None:
        if policy == "review":
            return None
        if policy == "lifecycle":
            return True if may_step(who.side, current, mine) else None
        if policy in ("office", "crew") and who.side != last.who.side:
            return who.side == policy
        return at > last.at
