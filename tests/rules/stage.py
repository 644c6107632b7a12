"""A record, those who edit it, and a journal in memory: what a decision needs, without a database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec

from fieldsync.journal.edits import Author, Decision, Edit, Known, Outcome, Record, Refusal, Touch, Verdict
from fieldsync.journal.merge import decide
from fieldsync.journal.prepare import prepare
from fieldsync.workorders.completion import RequiredOnCompletion
from fieldsync.workorders.kinds import KINDS, Location, Policy, Values
from fieldsync.workorders.rules import Status

NAMES = UUID(int=7)
DAWN = datetime(2030, 1, 1, tzinfo=UTC)


def named(name: str) -> UUID:
    """The same id for the same name."""
    return uuid5(NAMES, name)


PARTNERSHIP, CREW, OTHER_CREW, POTHOLE, MARIA = (named(n) for n in ("p", "crew", "other crew", "pothole", "maria"))
JOB, TASK, NOTE = (named(n) for n in ("job", "task", "note"))

TABLET = Author(named("tablet"), "crew", PARTNERSHIP, CREW)
SECOND_TABLET = Author(named("second tablet"), "crew", PARTNERSHIP, CREW)
OFFICE = Author(named("office"), "office", PARTNERSHIP)
SECOND_OFFICE = Author(named("second office"), "office", PARTNERSHIP)
AUTHORS = (TABLET, SECOND_TABLET, OFFICE, SECOND_OFFICE)


def at(minute: int) -> datetime:
    return DAWN + timedelta(minutes=minute)


def job(**values: Any) -> Record:
    """A work order of the crew, at version 1."""
    kind = KINDS["work_order"]
    given = {"title": "Hole", "service_type_id": POTHOLE, "location": Location(-80, 40), "crew_id": CREW, "tags": []}
    full: Values = {**kind.blank, **given, **values}
    return Record(kind, JOB, 1, full, JOB, full["crew_id"], scope_was=full["crew_id"])


def task(record_id: UUID = TASK, **values: Any) -> Record:
    """A task of that work order."""
    kind = KINDS["task"]
    full: Values = {**kind.blank, "work_order_id": JOB, "title": "Fill", **values}
    return Record(kind, record_id, 1, full, JOB, CREW, scope_was=CREW)


def known(*records: Record, **more: Any) -> Known:
    """What a decision may know: these records, and that everything which a test names exists."""
    existing = {"service_type": {POTHOLE}, "crew": {CREW, OTHER_CREW}, "member": {MARIA}}
    return Known({(record.kind.name, record.id): record for record in records}, existing=existing, **more)


def plain(value: Any) -> Any:
    """A typed value as it stands in JSON."""
    return json.loads(msgspec.json.encode(value))


def edit(
    author: Author, action: str, base: int | None, minute: int = 0, kind: str = "work_order", record_id: UUID = JOB,
    refusal: Refusal | None = None, **fields: Any,
) -> Edit:  # fmt: skip
    """An edit, ready to be decided."""
    raw = msgspec.Raw(msgspec.json.encode(fields))
    edit_id = uuid5(author.id, f"{action} {base} {minute} {kind} {record_id} {bytes(raw).decode()}")
    return prepare(author.side, edit_id, None, kind, record_id, action, base, at(minute), at(minute), raw, refusal)


def decided(author: Author, made: Edit, knows: Known) -> Decision:
    """What becomes of one edit."""
    return decide(author, [made], knows).decisions[0]


@dataclass
class Journal:
    """Decides edits one batch after the other, and remembers them as the database does."""

    record: Record
    policies: dict[tuple[str, str], Policy] = field(default_factory=dict)
    history: list[Touch] = field(default_factory=list)
    required: dict[UUID, RequiredOnCompletion] = field(default_factory=dict)
    custody_merges: frozenset[tuple[str, str]] = frozenset()
    versions: list[Values] = field(default_factory=list)
    """The record's values at version 1, 2, …"""

    def __post_init__(self) -> None:
        self.versions.append(dict(self.record.values))

    def known(self) -> Known:
        """A fresh look: what the next batch loads."""
        was = self.record
        record = Record(was.kind, was.id, was.version, dict(was.values), was.work_order_id, was.crew_id)
        record.deleted = was.deleted
        record.scope_was = record.scope
        history = {(record.kind.name, record.id): list(self.history)}
        knows = known(record, history=history, policies=self.policies, required=self.required)
        knows.custody_merges = self.custody_merges
        # Once had, and known to have lost it: what an author may edit is not what these tests are about.
        knows.left = {record.work_order_id} if self.custody_merges else set()
        return knows

    def enter(self, author: Author, *edits: Edit) -> Outcome:
        """Decide a batch, and bring the record forward."""
        loaded = self.known()
        outcome = decide(author, edits, loaded)
        for decision in outcome.decisions:
            made = decision.edit
            if decision.verdict is not Verdict.REFUSED:
                assert decision.version is not None
                before = decision.before or {}
                self.history.append(
                    Touch(decision.version, author.id, author.side, made.happened_at, made.values, before)
                )
                if before and "deleted" not in before:
                    after = decision.after or {}
                    last = self.versions[-1]
                    self.versions.append(last | {name: after.get(name, made.values[name]) for name in before})
                elif before:
                    self.versions.append(dict(self.versions[-1]))
        self.record = loaded.records[self.record.kind.name, self.record.id]
        assert self.record.version == len(self.versions)
        assert self.record.values == self.versions[-1]
        return outcome


def open_job(status: Status = Status.OPEN, **values: Any) -> Journal:
    """A journal of one work order."""
    return Journal(job(status=status, **values))
