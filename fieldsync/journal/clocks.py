"""The clocks of work orders follow the journal: what an outcome starts, pauses and stops.

They go by what the edits did and when it happened, never by the time of writing, so that a journal that is replayed
gives the same clocks. Who places work orders anew (a publication) or gives them to another crew touches none.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace
from sqlalchemy.orm import Session

from fieldsync.journal.edits import Decision, Outcome, Record, Verdict
from fieldsync.servicelevels import keep
from fieldsync.servicelevels.clocks import Event, Job, advance, start
from fieldsync.servicelevels.targets import Facts, Terms
from fieldsync.workorders.kinds import KINDS, PLACED_BY, Values

_BLANK = KINDS["work_order"].blank
_RETARGETS = frozenset({"service_type_id", "priority"})


class Followed(msgspec.Struct):
    """What became of the clocks of a batch; ready to be written."""

    partnership_id: UUID
    jobs: list[Job]

    def due(self) -> dict[UUID, dict[str, datetime | None]]:
        """Work order -> its columns that say when its clocks run out, for those whose clocks have changed."""
        return {
            job.id: {"respond_by": job.respond_by, "resolve_by": job.resolve_by}
            for job in self.jobs if job.changed()
        }  # fmt: skip

    def write(self, session: Session) -> None:
        """Write clocks and pauses; their work orders have been written."""
        keep.keep(session, self.partnership_id, self.jobs)


def follow(session: Session, partnership_id: UUID, outcome: Outcome) -> Followed | None:
    """Fold what the decisions did into the clocks of their work orders, after they were placed and before the head is
    taken. None where no clock can be concerned; that takes no statement, or one where there is no policy."""
    concerned = [decision for decision in outcome.decisions if _concerns(decision, outcome)]
    if not concerned:
        return None
    promises = keep.look(session, partnership_id)
    if promises is None:
        return None
    jobs: dict[UUID, Job] = {}
    created = {decision.edit.record_id for decision in concerned if decision.edit.action == "create"}
    ids = {decision.edit.record_id for decision in concerned} - created
    if ids:
        jobs = keep.load_jobs(session, partnership_id, sorted(ids))
    terms = keep.load_terms(session, partnership_id, promises, _policies(promises, concerned, jobs.values()))
    for decision in concerned:
        fold(decision, outcome.touched["work_order", decision.edit.record_id].jurisdiction_id, jobs, terms)
    return Followed(partnership_id, list(jobs.values()))


def fold(decision: Decision, jurisdiction_id: UUID | None, jobs: dict[UUID, Job], terms: Terms) -> None:
    """Fold one decision about a work order, which lies in this jurisdiction afterwards, into its clocks. Pure."""
    edit = decision.edit
    if edit.action == "create":
        job = jobs[edit.record_id] = _new_job(decision, jurisdiction_id)
        start(job, edit.happened_at, terms)
    else:
        job = jobs[edit.record_id]
        advance(job, _event(decision, jurisdiction_id, job), terms)


def _concerns(decision: Decision, outcome: Outcome) -> bool:
    """Whether an edit created a work order, or changed what its clocks go by."""
    edit = decision.edit
    if edit.kind != "work_order" or decision.verdict is Verdict.REFUSED:
        return False
    if edit.action == "create":
        return True
    before = decision.before
    if not before:
        return False
    if "status" in before or "deleted" in before or not _RETARGETS.isdisjoint(before):
        return True
    return "location" in before and _changed_jurisdiction(outcome.touched["work_order", edit.record_id])


def _changed_jurisdiction(record: Record) -> bool:
    was, now = record.placed_before, record.placed
    return record.moved and was is not None and now is not None and was.jurisdiction_id != now.jurisdiction_id


def _policies(promises: keep.Promises, concerned: Iterable[Decision], jobs: Iterable[Job]) -> set[UUID]:
    """The policies that folding may ask for: those of the clocks, and those in force at any of the times."""
    needed = {clock.policy_id for job in jobs for clock in job.clocks()}
    moments = {decision.edit.happened_at for decision in concerned}
    moments |= {known_until for job in jobs if (known_until := job.known_until()) is not None}
    first, last = min(moments), max(moments)
    needed |= {policy_id for starts_at, policy_id in promises.begun if first <= starts_at <= last}
    if (policy_id := promises.in_force(first)) is not None:
        needed.add(policy_id)
    return needed


def _new_job(decision: Decision, jurisdiction_id: UUID | None) -> Job:
    values = decision.edit.values
    status, priority = values.get("status", _BLANK["status"]), values.get("priority", _BLANK["priority"])
    return Job(decision.edit.record_id, status, Facts(values["service_type_id"], priority, jurisdiction_id))


def _event(decision: Decision, jurisdiction_id: UUID | None, job: Job) -> Event:
    edit, before = decision.edit, decision.before or {}
    event = Event(edit.happened_at)
    if "deleted" in before:
        event.deleted = edit.action == "delete"
    if "status" in before:
        event.status = _stands(decision, "status")
    facts = job.facts
    for name in _RETARGETS & before.keys():
        facts = replace(facts, **{name: _stands(decision, name)})
    if not PLACED_BY.isdisjoint(before):
        facts = replace(facts, jurisdiction_id=jurisdiction_id)
    if facts != job.facts:
        event.facts = facts
    return event


def _stands(decision: Decision, name: str) -> Any:
    """The value of a field that an edit changed."""
    after: Values = decision.after or {}
    return after[name] if name in after else decision.edit.values[name]
