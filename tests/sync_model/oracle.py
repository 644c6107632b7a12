"""What ought to become of edits: a sequential model without batches, database or wire, written from the protocol alone.

It keeps every version of every record whole and decides one edit at a time, where the server loads, folds and writes a
batch as a set. Values are JSON values; ids are their text. Nothing of the application is used here.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.sync_model.prose import put_together

Fields = dict[str, Any]

POLICIES = {
    "work_order": {
        "title": "latest", "description": "text", "service_type_id": "office", "status": "lifecycle",
        "priority": "office", "location": "crew", "address": "latest", "due_at": "office", "crew_id": "office",
        "tags": "union", "resolution": "text", "asset": "crew", "requester": "office", "started_at": "crew",
        "completed_at": "crew",
    },
    "task": {"title": "latest", "position": "latest", "done": "crew", "result": "text"},
    "note": {},
    "labor_entry": {},
}  # fmt: skip

REQUIRED = {
    "work_order": {"title", "service_type_id", "location"},
    "task": {"work_order_id", "title"},
    "note": {"work_order_id", "body"},
    "labor_entry": {"work_order_id", "minutes"},
}

BLANK: dict[str, Fields] = {
    "work_order": {**dict.fromkeys(POLICIES["work_order"]), "status": "open", "priority": 3, "tags": []},
    "task": {"position": 0, "done": False, "result": None},
    "note": {},
    "labor_entry": dict.fromkeys(("member_id", "worker", "activity", "started_at")),
}

FIELDS = {kind: POLICIES[kind].keys() | REQUIRED[kind] | BLANK[kind].keys() for kind in POLICIES}

CREW_STEPS = {
    ("open", "in_progress"), ("open", "on_hold"), ("open", "completed"), ("in_progress", "on_hold"),
    ("in_progress", "completed"), ("in_progress", "open"), ("on_hold", "in_progress"), ("on_hold", "completed"),
    ("on_hold", "open"), ("completed", "in_progress"),
}  # fmt: skip
OFFICE_STEPS = CREW_STEPS | {
    ("open", "cancelled"), ("in_progress", "cancelled"), ("on_hold", "cancelled"), ("completed", "closed"),
    ("completed", "open"), ("closed", "open"), ("cancelled", "open"),
}  # fmt: skip


def may_step(side: str, current: str, wanted: str) -> bool:
    return current == wanted or (current, wanted) in (CREW_STEPS if side == "crew" else OFFICE_STEPS)


@dataclass(frozen=True)
class Who:
    id: str
    side: str
    crew: str | None


@dataclass
class Entry:
    """An accepted edit of a record: which version it left, and what it changed."""

    version: int
    who: Who
    at: datetime
    entered: Fields
    changed: set[str]


@dataclass
class Thing:
    """A record with all its versions (the first one is number 1) and all that was done to it."""

    kind: str
    job: str
    """The work order that it belongs to; its own id for a work order."""
    versions: list[Fields]
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


class Refused(Exception):
    pass


class Oracle:
    """The records of one partnership, and what was promised about them."""

    def __init__(self, known_ids: set[str]) -> None:
        self.known_ids = known_ids
        """Service types, crews and members that exist."""
        self.things: dict[str, Thing] = {}
        self.left: dict[str, set[str]] = defaultdict(set)
        """Crew -> work orders that it once had."""
        self.refused_creates: set[tuple[str, str]] = set()
        self.policies: dict[str, dict[str, str]] = copy.deepcopy(POLICIES)
        """As the partnership has chosen them."""
        self.custody_merges: set[tuple[str, str]] = set()
        """Kind and field of what is merged although the record has left the crew."""
        self.required: Fields = {}
        """Without what no work order may be completed now; all are of one service type."""

    def rule(self, who: Who, edit: Fields, at: datetime, early: str | None = None) -> Ruling:
        """Decide an edit and bring the records forward. ``early``: the refusal that its form alone calls for."""
        try:
            if early:
                raise Refused(early)
            newer = self._newer(who, edit)
            known = {name: value for name, value in edit["fields"].items() if name not in newer}
            ruling: Ruling = getattr(self, "_" + edit["action"])(who, edit | {"fields": known}, at)
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
        return {name for name, t in self.things.items() if not t.now["deleted"] and self.crew_of(t) == crew}

    def _newer(self, who: Who, edit: Fields) -> set[str]:
        """Fields of a newer app, which are refused alone: where something is left of the edit without them, and the
        office is told at once."""
        names = edit["fields"].keys() - FIELDS[edit["kind"]]
        place = edit["fields"].get("location")
        if edit["kind"] == "work_order" and isinstance(place, dict) and place.keys() - {"lon", "lat"}:
            names |= {"location"}
        left = edit["fields"].keys() - names
        whole = who.side != "crew" or edit["action"] not in ("create", "update")
        if names and (whole or not left):
            raise Refused("unknown_field")
        if edit["action"] == "create" and names & REQUIRED[edit["kind"]]:
            raise Refused("unknown_field")
        return names

    def _create(self, who: Who, edit: Fields, at: datetime) -> Ruling:
        kind, fields = edit["kind"], edit["fields"]
        if REQUIRED[kind] - fields.keys():
            raise Refused("missing_field")
        self._check_side(who, kind, fields)
        thing = self.things.get(edit["record_id"])
        if thing is not None and thing.kind == kind:
            raise Refused("record_exists")
        if kind != "work_order":
            self._visible(who, fields["work_order_id"], "work_order")
        self._check_references(fields)
        full = {**BLANK[kind], **fields, "deleted": False}
        if kind == "work_order":
            if full["status"] not in ("open", "in_progress", "completed"):
                raise Refused("illegal_transition")
            if who.side == "crew":
                full["crew_id"] = who.crew
            self._check_complete(edit["record_id"], None, full)
        job = edit["record_id"] if kind == "work_order" else fields["work_order_id"]
        created = Thing(kind, job, [full])
        created.log.append(Entry(1, who, at, fields, set()))
        self.things[edit["record_id"]] = created
        return Ruling("applied", 1)

    def _update(self, who: Who, edit: Fields, at: datetime) -> Ruling:
        kind, fields = edit["kind"], edit["fields"]
        if fields.keys() - POLICIES[kind].keys():
            raise Refused("create_only_field")
        self._check_side(who, kind, fields)
        thing = self._visible(who, edit["record_id"], kind)
        self._check_references(fields)
        since = self._since(thing, edit)
        if "status" in fields and not may_step(who.side, self._view(who, thing, edit, "status"), fields["status"]):
            raise Refused("illegal_transition")
        foreign = self._held(who, thing)
        over = foreign == "deleted" or self.things[thing.job].now["deleted"]
        waits = {name for name in fields if over or (kind, name) not in self.custody_merges}
        if foreign and waits == fields.keys():
            return self._hold(foreign, who, thing, edit, fields, at)
        before = thing.now
        after = dict(before)
        conflicts: list[tuple[Any, ...]] = []
        for name, mine in fields.items():
            current = before[name]
            last = next((e for e in reversed(since) if name in e.changed), None)
            base, policy = self._view(who, thing, edit, name), self.policies[kind][name]
            if foreign and name in waits:
                if current != mine:
                    conflicts.append((foreign, name, "review", "open", base, current, mine))
                continue
            after[name] = mine
            if policy == "union" and since:
                # Also where her own edits came last: what others added before them she has not seen yet.
                after[name] = _united(base or [], current, mine)
            elif policy == "text" and since:
                # The same with sentences.
                both = mine if mine == current else put_together(base, current, mine)
                after[name] = current if both is False else both
                if both is False:
                    conflicts.append(("field", name, policy, "open", base, current, mine))
            elif last is not None and last.who.id != who.id and current != mine:
                wins = self._wins(policy, who, at, mine, current, last)
                kept, other = (mine, current) if wins else (current, mine)
                after[name] = kept
                state = "open" if wins is None else "settled"
                conflicts.append(("field", name, policy, state, base, kept, other))
        if kind == "work_order":
            self._check_complete(edit["record_id"], before["status"], after)
        changed = {name for name in fields if after[name] != before[name]}
        self._note(thing, who, at, fields, changed, after)
        others = foreign or any(e.who.id != who.id for e in since)
        verdict = "conflicted" if conflicts else "merged" if others else "applied"
        return Ruling(verdict, thing.version, conflicts)

    def _delete(self, who: Who, edit: Fields, at: datetime) -> Ruling:
        thing = self._visible(who, edit["record_id"], edit["kind"])
        if thing.now["deleted"]:
            self._note(thing, who, at, {}, set(), thing.now)
            return Ruling("merged", thing.version)
        if sort := self._held(who, thing):
            return self._hold(sort, who, thing, edit, {"deleted": True}, at)
        if any(e.who.id != who.id and e.changed for e in self._since(thing, edit)):
            self._note(thing, who, at, {}, set(), thing.now)
            return Ruling("conflicted", thing.version, [("deleted", "deleted", "review", "open", False, False, True)])
        self._note(thing, who, at, {}, {"deleted"}, thing.now | {"deleted": True})
        return Ruling("applied", thing.version)

    def _restore(self, who: Who, edit: Fields, at: datetime) -> Ruling:
        thing = self._visible(who, edit["record_id"], edit["kind"])
        was = thing.now["deleted"]
        self._note(thing, who, at, {}, {"deleted"} if was else set(), thing.now | {"deleted": False})
        return Ruling("applied" if was else "merged", thing.version)

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

    def _note(self, thing: Thing, who: Who, at: datetime, entered: Fields, changed: set[str], after: Fields) -> None:
        if changed:
            self._watch_scope(thing, after)
            thing.versions.append(after)
        thing.log.append(Entry(thing.version, who, at, entered, changed))

    def _watch_scope(self, thing: Thing, after: Fields) -> None:
        if thing.kind == "work_order":
            was = self.crew_of(thing)
            if was is not None and was != (None if after["deleted"] else after["crew_id"]):
                self.left[was].add(thing.job)

    def _hold(self, sort: str, who: Who, thing: Thing, edit: Fields, fields: Fields, at: datetime) -> Ruling:
        conflicts = [
            (sort, name, "review", "open", self._view(who, thing, edit, name), thing.now[name], mine)
            for name, mine in fields.items()
            if thing.now[name] != mine
        ]
        self._note(thing, who, at, edit.get("fields") or {}, set(), thing.now)
        return Ruling("conflicted" if conflicts else "merged", thing.version, conflicts)

    def _held(self, who: Who, thing: Thing) -> str | None:
        if thing.now["deleted"]:
            return "deleted"
        return "custody" if who.side == "crew" and self.crew_of(thing) != who.crew else None

    def _visible(self, who: Who, name: str, kind: str) -> Thing:
        thing = self.things.get(name)
        if thing is None or thing.kind != kind:
            raise Refused("depends_on" if (who.id, name) in self.refused_creates else "unknown_record")
        if who.side == "crew":
            # A deleted work order stays its crew's own: what was done to it meanwhile must not be refused.
            crew = thing.now["crew_id"] if kind == "work_order" else self.crew_of(thing)
            if crew != who.crew and thing.job not in self.left[who.crew or ""]:
                raise Refused("unknown_record")
        return thing

    def _check_side(self, who: Who, kind: str, fields: Fields) -> None:
        if who.side == "crew" and kind == "work_order" and {"crew_id", "due_at"} & fields.keys():
            raise Refused("field_not_yours")

    def _check_references(self, fields: Fields) -> None:
        for name in ("service_type_id", "crew_id", "member_id"):
            if fields.get(name) is not None and fields[name] not in self.known_ids:
                raise Refused("unknown_reference")

    def _since(self, thing: Thing, edit: Fields) -> list[Entry]:
        return [e for e in thing.log if e.version > edit["base_version"]]

    def _view(self, who: Who, thing: Thing, edit: Fields, name: str) -> Any:
        """The value that the author saw: the one she entered last since the base version, else the base version's."""
        for entry in reversed(self._since(thing, edit)):
            if entry.who.id == who.id and name in entry.entered:
                return entry.entered[name]
        at = min(max(edit["base_version"], 1), thing.version)
        return thing.versions[at - 1][name]

    def _wins(self, policy: str, who: Who, at: datetime, mine: Any, current: Any, last: Entry) -> bool | None:
        if policy == "review":
            return None
        if policy == "lifecycle":
            return True if may_step(who.side, current, mine) else None
        if policy in ("office", "crew") and who.side != last.who.side:
            return who.side == policy
        return at > last.at


def _united(base: list[str], current: list[str], mine: list[str]) -> list[str]:
    """What either side added is there; what either side removed is gone."""
    if base == current:
        return list(mine)
    stays = [item for item in current if item in mine or item not in base]
    return stays + [item for item in mine if item not in base and item not in stays]
