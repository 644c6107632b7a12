"""Those who take part: partnerships with their oracle, tablets with a queue and a replica, and people at desks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa

from fieldsync.database import new_id
from fieldsync.journal.edits import Author
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from fieldsync.office.policies import choose as choosing
from fieldsync.office.policies.answers import Custody
from fieldsync.partnerships.head import next_change
from fieldsync.workorders.kinds import Policy
from tests.sync_model.oracle import POLICIES, Oracle, Ruling, Who
from tests.sync_model.plans import POISONS, Plan
from tests.sync_model.world import Document, Tablet, World, now

EPOCH_OF_TIME = datetime(1970, 1, 1, tzinfo=UTC)
UNREADABLE = ({"record_id"}, {"kind"}, {"edit_id"})
"""Poisons after which nobody can tell what the edit was about."""


@dataclass
class Pool:
    """Ids that edits are about. All partnerships draw from the same: an id means something in one tenant only."""

    jobs: list[str] = field(default_factory=lambda: [str(uuid4())])
    tasks: list[str] = field(default_factory=lambda: [str(uuid4())])

    def job(self, number: int, seen: list[str]) -> str:
        return _among(self.jobs, number, seen)

    def task(self, number: int, seen: list[str]) -> str:
        return _among(self.tasks, number, seen)


def _among(every: list[str], number: int, seen: list[str]) -> str:
    """Mostly one that is seen; else any, also one of another crew, of another partnership, or that nobody has."""
    return seen[number % len(seen)] if seen and number % 5 else every[number % len(every)]


class Tenant:
    """A partnership with its oracle. Every edit that the server takes is put to both."""

    def __init__(self, world: World, pool: Pool) -> None:
        self.world = world
        self.pool = pool
        self.crews = [str(crew_id) for crew_id in world.crew_ids]
        self.oracle = Oracle({str(world.service_type_id), str(world.member_id), *self.crews})
        self.desks = [Who(str(world.staff_id), "office", None), Who(str(uuid4()), "office", None)]
        self.conflicts = 0
        self.office_edits = 0

    def require(self, document: Document) -> None:
        """From now on, this is required on completion."""
        with self.world.session() as session:
            session.execute(
                sa.text(
                    "UPDATE service_type SET required_on_completion = CAST(:document AS jsonb), change = :change"
                    " WHERE partnership_id = :p"
                ),
                {"p": self.world.partnership_id, "document": json.dumps(document),
                 "change": next_change(session, self.world.partnership_id)},
            )  # fmt: skip
        self.oracle.required = document

    def choose(self, kind: str, field: str, policy: str | None, custody: str) -> None:
        """From now on, two values for this field are merged so; None: by the default."""
        with self.world.session() as session:
            chooser = choosing.Chooser(session, self.world.partnership_id, self.world.staff_id, now())
            was = choosing.read_policy(chooser, kind, field)
            chosen = Policy(policy) if policy is not None else None
            choosing.choose(chooser, kind, field, chosen, Custody(custody), None, frozenset({was.version}))
        self.oracle.policies[kind][field] = policy or POLICIES[kind][field]
        self.oracle.custody_merges -= {(kind, field)}
        if custody == "merge":
            self.oracle.custody_merges |= {(kind, field)}

    def draft(self, plan: Plan, side: str, seen: list[tuple[str, str]]) -> tuple[str, str, str, Document]:
        """Kind, record, action and fields of the edit that a plan means at this moment.

        ``seen``: kind and id of the records that its author has in front of her.
        """
        pool, fields = self.pool, dict(plan.fields)
        job = pool.job(plan.which, [record_id for kind, record_id in seen if kind == "work_order"])
        task = pool.task(plan.which, [record_id for kind, record_id in seen if kind == "task"])
        match plan.what:
            case "make_job" | "office_job":
                pool.jobs.append(str(new_id()))
                if side == "office":
                    fields["crew_id"] = self.crews[plan.which % len(self.crews)]
                return "work_order", pool.jobs[-1], "create", self.world.job() | fields
            case "make_again":
                return "work_order", job, "create", self.world.job()
            case "edit_job":
                return "work_order", job, "update", fields
            case "assign":
                crew = [*self.crews, *self.crews, None][plan.which // 5 % (2 * len(self.crews) + 1)]
                return "work_order", job, "update", {"crew_id": crew}
            case "delete_job" | "restore_job":
                return "work_order", job, plan.what.removesuffix("_job"), {}
            case "make_task":
                pool.tasks.append(str(new_id()))
                return "task", pool.tasks[-1], "create", {"work_order_id": job, "title": "t"} | fields
            case "edit_task":
                return "task", task, "update", fields
            case "delete_task" | "restore_task":
                return "task", task, plan.what.removesuffix("_task"), {}
            case "note":
                return "note", str(new_id()), "create", {"work_order_id": job, "body": "seen"}
            case "labor":
                member = str(self.world.member_id) if plan.which % 3 else str(uuid4())
                fields = {"work_order_id": job, "minutes": 30, "member_id": member}
                return "labor_entry", str(new_id()), "create", fields
        return "work_order", str(new_id()), "update", {"title": "of nobody's"}

    def version_of(self, record_id: str) -> int:
        thing = self.oracle.things.get(record_id)
        return thing.version if thing else 0

    def base_of(self, record_id: str, plan: Plan, known: int) -> int:
        return known if plan.base is None else max(0, self.version_of(record_id) - plan.base)

    def at_desk(self, plan: Plan, at: datetime) -> tuple[Ruling, Any]:
        """An edit of the office: what the oracle rules, and what the journal decided."""
        who = self.desks[plan.which % 2]
        seen = [(thing.kind, name) for name, thing in self.oracle.things.items()]
        kind, record_id, action, fields = self.draft(plan, "office", seen)
        base = self.base_of(record_id, plan, self.version_of(record_id))
        edit = {"kind": kind, "record_id": record_id, "action": action, "base_version": base, "fields": fields}
        raw = msgspec.Raw(json.dumps(fields).encode())
        ready = prepare("office", uuid4(), None, kind, UUID(record_id), action, base, at, at, raw)
        author = Author(UUID(who.id), "office", self.world.partnership_id)
        with self.world.session() as session:
            (decision,) = enter(session, author, [ready], at).decisions
        self.office_edits += 1
        return self.rule(who, edit, at, None), decision

    def rule(self, who: Who, edit: Document, at: datetime, early: str | None) -> Ruling:
        ruling = self.oracle.rule(who, edit, at, early)
        self.conflicts += len(ruling.conflicts)
        return ruling


class Carried:
    """A tablet that somebody carries: its queue of all edits ever made, and its replica of the crew's records."""

    def __init__(self, tenant: Tenant, crew: int, skew_s: float) -> None:
        self.tenant = tenant
        self.crew = crew
        self.tablet: Tablet = tenant.world.tablet(crew, skew_s)
        self.queue: list[Document] = []
        self.early: list[str | None] = []
        """The refusal that an edit's form alone calls for."""
        self.opaque: list[bool] = []
        """Whether nobody can read what the edit is about."""
        self.acknowledged = 0
        self.settled: list[Document] = []
        """The first verdict on each edit that the server has taken, whether or not the answer arrived."""
        self.used_ids: set[str] = set()
        self.misfits: set[str] = set()
        self.replica: dict[tuple[str, str], Document] = {}

    @property
    def who(self) -> Who:
        return Who(str(self.tablet.device_id), "crew", self.tenant.crews[self.crew])

    def make(self, plan: Plan) -> None:
        """Queue an edit."""
        tenant = self.tenant
        kind, record_id, action, fields = tenant.draft(plan, "crew", list(self.replica))
        seen = self.replica.get((kind, record_id), {}).get("version", 0)
        base = None if action == "create" else tenant.base_of(record_id, plan, seen)
        at = self.tablet.now() - timedelta(seconds=plan.late_s)
        edit_id = self.queue[plan.which % len(self.queue)]["edit_id"] if plan.reuse and self.queue else None
        edit = self.tablet.edit(kind, record_id, action, fields, base, at=at, edit_id=edit_id)
        early, opaque = None, False
        if plan.what == "poison":
            early, change = POISONS[plan.which % len(POISONS)]
            edit |= {"base_version": 1} | change
            opaque = change.keys() in UNREADABLE or change.get("observed_at", "Z")[-1] != "Z"
            if not opaque and edit["action"] == "create":
                tenant.pool.jobs.append(record_id)
        self.queue.append(edit)
        self.early.append(early)
        self.opaque.append(opaque)

    def learn(self, answer: Document) -> None:
        """Take in an answer: all of it or, where it was lost, nothing."""
        self.acknowledged = answer["expected_seq"] - 1
        if answer["reset"]:
            self.replica.clear()
        for change in answer["changes"]:
            key = (change["kind"], change["id"])
            if "gone" not in change:
                self.replica[key] = change
                continue
            self.replica.pop(key, None)
            if change["kind"] == "work_order":
                for other in [k for k, c in self.replica.items() if c["record"].get("work_order_id") == change["id"]]:
                    del self.replica[other]
        self.tablet.cursor = answer["cursor"]

    def happened_at(self, edit: Document, sent_at: datetime, received_at: datetime) -> datetime:
        observed = datetime.fromisoformat(edit["observed_at"])
        return min(max(observed + (received_at - sent_at), EPOCH_OF_TIME), received_at)

    def expect(self, number: int, sent_at: datetime, received_at: datetime) -> Ruling:
        """What the oracle says of the queue's edit at this index, which the server has just taken."""
        edit, early = self.queue[number], self.early[number]
        if edit["edit_id"] is not None:
            if edit["edit_id"] in self.used_ids:
                early = "edit_reused"
            self.used_ids.add(edit["edit_id"])
        if self.opaque[number]:
            return Ruling("refused", code=early)
        at = received_at if early else self.happened_at(edit, sent_at, received_at)
        return self.tenant.rule(self.who, edit, at, early)
