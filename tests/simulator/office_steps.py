"""What the office, the boundaries and the agreements do."""

from __future__ import annotations

from uuid import UUID, uuid5

from msgspec import structs

from fieldsync.crews.changed import stamp
from fieldsync.dispatch.disbanding.take_out import Disbanded, take_out
from fieldsync.journal.anew import Change, lock, place_anew
from fieldsync.journal.edits import Author, Known, Outcome, PlacementMade
from fieldsync.journal.leave import NEEDED, leave
from fieldsync.journal.load import lock_work_orders
from fieldsync.journal.write import write
from fieldsync.office.conflicts.settle import Choice
from fieldsync.office.conflicts.settle import settle as decide
from fieldsync.office.desk import Desk
from fieldsync.partnerships.head import next_change
from tests.simulator.oracle import Base, Who
from tests.simulator.play import Play, step
from tests.simulator.promised import DONE
from tests.simulator.scenario import CHOICES, Step
from tests.simulator.town import CREWS, DESKS


@step("office")
def office(play: Play, step_: Step) -> None:
    """A person at a desk enters something."""
    oracle, more = play.ledger.oracle, step_.more
    jobs = [name for name, thing in oracle.things.items() if thing.kind == "work_order"]
    tasks = [name for name, thing in oracle.things.items() if thing.kind == "task"]
    fields = dict(more.get("fields", {}))
    what = more["do"]
    kind, action = ("task" if "task" in what else "work_order"), "update"
    among = tasks if what in ("edit_task", "delete_task", "restore_task") else jobs
    if not among and what != "office_job":
        return
    about = among[step_.which % len(among)] if among else ""
    crew: str | None = [*play.crews, *play.crews, None][more["crew"] % (2 * CREWS + 1)]
    match what:
        case "assign":
            fields = {"crew_id": crew}
        case "office_job":
            action, about = "create", str(play.ids())
            made = {"title": "Pothole", "service_type_id": str(play.town.service_type_ids[0]), "crew_id": crew,
                    "location": {"lon": -80.0, "lat": 40.44}}  # fmt: skip
            fields = made | fields
            play.jobs.append(about)
        case "make_task":
            action, about, fields = "create", str(play.ids()), {"work_order_id": about, "title": "dig"} | fields
            play.tasks.append(about)
        case "delete_job" | "restore_job" | "delete_task" | "restore_task":
            action = what.partition("_")[0]
    thing = oracle.things.get(about)
    base = max(0, thing.version - more["behind"]) if thing is not None else 0
    edit = {"kind": kind, "record_id": about, "action": action, "base_version": base, "fields": fields}
    desk = step_.who % DESKS
    ruling = play.at_desk(desk, edit)
    play.tell(f"desk {desk}: {action} {kind} {about[9:13]} {fields} on version {base}: {ruling}")


@step("require")
def require(play: Play, step_: Step) -> None:
    """Something else is required on completion from now on."""
    document = step_.more["document"]
    with play.server.transaction() as session:
        change = next_change(session, play.town.partnership_id)
    for name in play.town.service_type_ids:
        play.server.change("service_type", str(name), {"required_on_completion": document, "change": change})
    play.ledger.oracle.required = document
    play.tell(f"required on completion: {document}")


def _open_jobs(play: Play) -> list[str]:
    things = play.ledger.oracle.things.items()
    return sorted(
        name for name, thing in things
        if thing.kind == "work_order" and not thing.now["deleted"] and thing.now["status"] not in DONE
    )  # fmt: skip


def _author(play: Play, name: str) -> UUID:
    return uuid5(play.town.epoch, f"{name} {play.ledger.oracle.order}")


@step("publish")
def publish(play: Play, step_: Step) -> None:
    """New boundaries: open jobs west of a line are the first town's, those east of it the second's. Where it is
    asked for, jobs that change their town leave their crew."""
    oracle, at = play.ledger.oracle, play.time()
    version_id = _author(play, "version")
    west, east = play.town.jurisdiction_ids
    open_jobs = _open_jobs(play)
    with play.server.transaction() as session:
        records = lock(session, play.town.partnership_id, [UUID(name) for name in open_jobs])
        changes = []
        for name in open_jobs:
            record = records[UUID(name)]
            owner = west if record.values["location"].lon < step_.more["line"] else east
            if record.placed is None or record.placed.jurisdiction_id == owner:
                continue
            leaves = step_.more["release"] and record.crew_id is not None
            placed = structs.replace(record.placed, jurisdiction_id=owner, placed_by="inside", triage=None)
            made = PlacementMade("publication", version_id, record.crew_id if leaves else None)
            changes.append(Change(record, placed, made, None) if leaves else Change(record, placed, made))
        place_anew(session, Author(version_id, "boundaries", play.town.partnership_id), changes, at)
    moved = []
    for name in open_jobs:
        now = oracle.things[name].now
        owner = west if now["location"]["lon"] < step_.more["line"] else east
        if now["jurisdiction_id"] != str(owner):
            crew = now["crew_id"]
            oracle.place(name, str(owner))
            if step_.more["release"] and crew is not None:
                oracle.give(name, None, Who(str(version_id), "boundaries"), at)
            moved.append(name[9:13])
    play.tell(f"boundaries at {step_.more['line']} place jobs anew: {moved}, released: {step_.more['release']}")


@step("end_agreement")
def end_agreement(play: Play, step_: Step) -> None:
    """An agreement ends: the crew's open jobs leave it."""
    crew, at = play.crews[step_.which % CREWS], play.time()
    ended = _author(play, "agreement")
    out = [name for name in _open_jobs(play) if play.ledger.oracle.things[name].now["crew_id"] == crew]
    with play.server.transaction() as session:
        known, outcome = Known(), Outcome()
        lock_work_orders(session, play.town.partnership_id, [UUID(name) for name in out], NEEDED, known)
        for record in known.records.values():
            leave(record, "agreement_ended", outcome, at)
        if outcome.touched:
            write(session, Author(ended, "agreements", play.town.partnership_id), outcome, at)
    for name in out:
        play.ledger.oracle.give(name, None, Who(str(ended), "agreements"), at)
    play.tell(f"an agreement ends: jobs leave crew {play.crews.index(crew)}: {[name[9:13] for name in out]}")


@step("settle")
def settle(play: Play, step_: Step) -> None:
    """A dispatcher decides on a conflict: what stands stays, or the other value is entered."""
    oracle, at, staff_id = play.ledger.oracle, play.time(), play.town.staff_ids[1]
    waiting = sorted(
        (row for row in play.server.rows("conflict")
         if row["state"] == "open" and row["kind"] == "work_order" and row["field"] not in ("status", "deleted")
         and not oracle.things[row["record_id"]].now["deleted"]),
        key=lambda row: str(row["id"]),
    )  # fmt: skip
    if not waiting:
        return
    conflict, choice = waiting[step_.which % len(waiting)], Choice(step_.more["choice"])
    with play.server.transaction() as session:
        desk = Desk(session, play.town.partnership_id, staff_id, None, at)
        decide(desk, UUID(conflict["id"]), choice, None, frozenset({conflict["version"]}), None)
    about, field = conflict["record_id"], conflict["field"]
    if choice is Choice.OTHER:
        version = oracle.things[about].version
        edit = {
            "kind": "work_order",
            "record_id": about,
            "action": "update",
            "fields": {field: conflict["other_value"]},
        }
        oracle.rule(play.desk(1), edit, at, Base(version))
        play.ledger.office_edits += 1
    play.ledger.decided[conflict["id"]] = choice
    play.tell(f"conflict over {field} of {about[9:13]} is settled: {choice}")


@step("disband")
def disband(play: Play, step_: Step) -> None:
    """A crew works no more: its open jobs go to nobody."""
    number, by, at = step_.which % CREWS, play.town.staff_ids[0], play.time()
    crew, crew_id, oracle = play.crews[number], play.town.crew_ids[number], play.ledger.oracle
    if crew in oracle.disbanded:
        return
    play.server.change("crew", crew, {"disbanded_at": at, "disbanded_by": by})
    with play.server.context():
        with play.server.transaction() as session:
            stamp(session, play.town.partnership_id, [crew_id])
        take_out(Disbanded(play.town.partnership_id, crew_id, by), 500)
    for name in _open_jobs(play):
        if oracle.things[name].now["crew_id"] == crew:
            oracle.give(name, None, Who(str(by), "office"), at)
            play.ledger.office_edits += 1
    oracle.disbanded.add(crew)
    play.ledger.disbanded_by[crew] = str(by)
    play.tell(f"crew {number} is disbanded")


@step("reinstate")
def reinstate(play: Play, step_: Step) -> None:
    """That is taken back."""
    number = step_.which % CREWS
    if play.crews[number] in play.ledger.oracle.disbanded:
        play.server.change("crew", play.crews[number], {"disbanded_at": None, "disbanded_by": None})
        with play.server.transaction() as session:
            stamp(session, play.town.partnership_id, [play.town.crew_ids[number]])
        play.ledger.oracle.disbanded.remove(play.crews[number])
        play.tell(f"crew {number} is reinstated")


@step("choose_policy")
def choose_policy(play: Play, step_: Step) -> None:
    """The partnership chooses how two values for a field are merged, and whether late edits of it wait for a person."""
    kind, field, policies = CHOICES[step_.more["choice"] % len(CHOICES)]
    policy, merges = policies[step_.which % len(policies)], bool(step_.who % 2)
    play.server.choose(kind, field, policy, "merge" if merges else "review")
    ledger, oracle = play.ledger, play.ledger.oracle
    oracle.policies[kind, field] = policy
    oracle.custody_merges.discard((kind, field))
    if merges:
        oracle.custody_merges.add((kind, field))
    entries = len(play.server.rows("journal"))
    ledger.chosen.append((entries, dict(oracle.policies), frozenset(oracle.custody_merges)))
    play.tell(f"policy of {kind} {field}: {policy}, late edits are {'merged' if merges else 'held'}")
