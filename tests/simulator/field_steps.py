"""What crews and their tablets do."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from fieldsync.tablet import JournalTooShort, NotEnrolled, TabletProblem
from fieldsync.tablet.problems import DeviceRevoked
from tests.simulator.ledger import Broken, Document, hold
from tests.simulator.play import Play, step
from tests.simulator.scenario import Step
from tests.simulator.tablets import SINCE_2, Carried, Died, Request

EXCHANGES_MAX = 60
"""So many exchanges, at most, until a tablet has nothing left to do: else it runs in a circle."""

POISONS: list[tuple[str, str, Document]] = [
    ("spaceship", "update", {"title": "x"}),
    ("note", "update", {"body": "changed"}),
    ("work_order", "delete", {}),
    ("work_order", "update", {"colour": "red"}),
    ("work_order", "update", {"colour": "red", "title": "Crack"}),
    ("task", "create", {"colour": "red", "title": "dig"}),
    ("work_order", "update", {"priority": 99}),
    ("work_order", "update", {"title": ""}),
    ("work_order", "update", {"crew_id": None}),
    ("work_order", "create", {"title": "of nothing"}),
    ("task", "update", {"work_order_id": "00000000-0000-7000-8000-000000000001"}),
]
"""Kind, action and fields of edits that a crew cannot make."""


def pick(step_: Step, shown: list[str], every: list[str]) -> str:
    """Mostly a record that is there; else any that ever was; else one that nobody has."""
    if shown and step_.which % 12:
        return shown[step_.which % len(shown)]
    return every[step_.which % len(every)] if every else "00000000-0000-7000-8000-000000000000"


@contextlib.contextmanager
def mortal(play: Play, carried: Carried) -> Iterator[None]:
    """The battery may die in the block; the app is then started again. What had been stored is remembered."""
    try:
        yield
    except Died:
        if not carried.struck:
            raise
        play.tell(f"tablet {carried.number} dies, and is started again")
        carried.reopen()
    carried.alive()
    carried.remember()


@step("edit_job", "edit_task", "make_job", "make_task", "delete_task", "note", "labor", "equipment", "material",
      "poison", "make_again", "stranger")  # fmt: skip
def work(play: Play, step_: Step) -> None:
    """A person enters something."""
    carried = play.tablets[step_.who % len(play.tablets)]
    late = timedelta(seconds=step_.more["late_s"])
    carried.skew -= late
    with mortal(play, carried):
        _enter(play, carried, step_)
    carried.skew += late


@step("finish")
def finish(play: Play, step_: Step) -> None:
    """A crew finishes a job, with all that this takes, before anything is sent."""
    for fields in step_.more["edits"]:
        work(play, Step("edit_job", step_.who, step_.which, {"fields": fields, "late_s": 0}))


def _enter(play: Play, carried: Carried, step_: Step) -> None:
    tablet, fields = carried.tablet, dict(step_.more.get("fields", {}))
    job = pick(step_, sorted(record.id for record in tablet.records("work_order")), play.jobs)
    task = pick(step_, sorted(record.id for record in tablet.records("task")), play.tasks)
    made = {"title": "Pothole", "service_type_id": str(play.town.service_type_ids[0]),
            "location": {"lon": -80.0, "lat": 40.44}}  # fmt: skip
    kind, action, about = "work_order", "update", job
    match step_.what:
        case "make_job":
            action, about, fields = "create", str(play.ids()), made | fields
            play.jobs.append(about)
        case "make_again":
            action, fields = "create", made
        case "edit_task" | "delete_task":
            kind, action, about = "task", step_.what.replace("edit", "update").removesuffix("_task"), task
        case "make_task":
            kind, action, about = "task", "create", str(play.ids())
            fields = {"work_order_id": job, "title": "dig"} | fields
            play.tasks.append(about)
        case "note" | "labor" | "equipment" | "material":
            kind = step_.what if step_.what == "note" else f"{step_.what}_entry"
            action, about, fields = "create", str(play.ids()), _entry_fields(play, step_, job)
        case "poison":
            kind, action, fields = POISONS[step_.which % len(POISONS)]
            if action == "create":
                about = str(play.ids())
                play.jobs.append(about)
        case "stranger":
            about, fields = str(play.ids()), {"title": "of nobody's"}
    if action == "create":
        tablet.create(kind, fields, record_id=about)
    elif action == "delete":
        tablet.delete(kind, about)
    else:
        tablet.update(kind, about, fields)
    play.tell(f"tablet {carried.number} enters edit {tablet.waiting()[-1].seq}: {action} {kind} {about[9:13]} {fields}")


def _entry_fields(play: Play, step_: Step, job: str) -> Document:
    member = str(play.town.member_id) if step_.which % 3 else str(play.ids())
    return {"work_order_id": job} | {
        "note": {"body": "seen"},
        "labor": {"minutes": 30, "member_id": member},
        "equipment": {"equipment": "Roller", "minutes": 20},
        "material": {"material": "Gravel", "quantity": 2.5, "unit": "t"},
    }[step_.what]


@step("exchange")
def exchange(play: Play, step_: Step) -> None:
    """One exchange, over whatever line there is."""
    carried = play.tablets[step_.who % len(play.tablets)]
    carried.ask_for(step_.more["edits"], step_.more["page"])
    fate = step_.more["fate"]
    carried.fate = {} if fate == "arrives" else {"fate": fate, "at": step_.more["at"]}
    if fate == "kills the server":
        play.server.kill_after(step_.more["at"] % 18)
    play.tell(f"tablet {carried.number} exchanges ({fate}; {carried.edits_max} edits, page of {step_.more['page']})")
    with mortal(play, carried):
        converse(play, carried)
    carried.fate = {}
    play.server.kill_after(None)  # Where the tablet died before it asked, nobody else's process is meant.


def converse(play: Play, carried: Carried) -> bool:
    """One exchange; whether nothing is left to do. What the tablet then shows is what its crew may see."""
    try:
        exchanged = carried.exchange()
    except (NotEnrolled, JournalTooShort) as problem:
        play.tell(f"  {type(problem).__name__}: {problem}")
        if isinstance(problem, DeviceRevoked):
            hold("a revoked tablet shows nothing", {}, carried.tablet.server_records(), carried.number)
        if not isinstance(problem, DeviceRevoked) or not carried.waits_for_office:
            join_anew(play, carried)
        carried.waits_for_office = False
        return False
    except TabletProblem as problem:
        play.tell(f"  {type(problem).__name__}: {problem}")
        return False
    play.tell(f"  {exchanged}")
    if exchanged.idle:
        shows_its_scope(play, carried)
    return exchanged.idle


def join_anew(play: Play, carried: Carried) -> None:
    """The office makes another code: for the same crew, if that still works."""
    crews = [carried.crew, *range(len(play.crews))]
    working = [crew for crew in crews if play.crews[crew] not in play.ledger.oracle.disbanded]
    if working:
        play.join(carried, working[0])
        play.tell(f"tablet {carried.number} joins crew {working[0]} anew, as device {carried.device_id[9:13]}")


def shows_its_scope(play: Play, carried: Carried) -> None:
    """Law 5: after a pull to the end, the tablet has what its crew may see, each record as it stands."""
    ledger, crew = play.ledger, play.line(carried).crew
    records = carried.tablet.server_records()
    there = {name for kind, name in records if kind not in ("jurisdiction", "service_type")}
    hold("law 5, the tablet has its crew's records", sorted(ledger.oracle.scope(crew)), sorted(there), carried.number)
    for (kind, name), (version, record) in records.items():
        missing = {column for column in SINCE_2.get(kind, ()) if carried.schema > 1 and column not in record}
        hold("a newer app has the columns that it knows", set(), missing, (kind, name))
        if kind not in ("jurisdiction", "service_type"):
            ledger.sent(crew, {"kind": kind, "id": name, "version": version, "record": record})


@step("sync")
def sync(play: Play, step_: Step) -> None:
    """Back in coverage: until nothing is left to do."""
    carried = play.tablets[step_.who % len(play.tablets)]
    carried.ask_for(500, step_.more["page"])
    with mortal(play, carried):
        drain(play, carried)


def drain(play: Play, carried: Carried) -> None:
    """Exchange until nothing is left to do.

    Raises:
        Broken: there is no end to it.
    """
    play.tell(f"tablet {carried.number} syncs")
    for _ in range(EXCHANGES_MAX):
        if converse(play, carried):
            return
    raise Broken(f"tablet {carried.number} runs in a circle")


@step("deliver_stray")
def deliver_stray(play: Play, step_: Step) -> None:
    """A request that the network had held up arrives after all; nobody waits for its answer."""
    carried = play.tablets[step_.who % len(play.tablets)]
    if carried.strays:
        request = carried.strays.pop(step_.which % len(carried.strays))
        play.tell(f"a stray request of tablet {carried.number} arrives: {request}")
        play.deliver(carried, request)


@step("forge")
def forge(play: Play, step_: Step) -> None:
    """Somebody's copy of the tablet sends something else under a number that was used."""
    carried = play.tablets[step_.who % len(play.tablets)]
    line = play.ledger.lines.get(carried.device_id)
    if line is not None and line.settled:
        seq = 1 + step_.which % len(line.settled)
        edit = line.settled[seq - 1][0] | {"seq": seq, "fields": {"title": "forged"}, "action": "update"}
        edit |= {"kind": "work_order", "base_version": 0}
        _raw(play, carried, [edit])


@step("leave_a_gap")
def leave_a_gap(play: Play, step_: Step) -> None:
    """A batch that begins too late."""
    carried = play.tablets[step_.who % len(play.tablets)]
    line = play.ledger.lines.get(carried.device_id)
    if line is None:
        return  # The server was restored to before it joined.
    seq = line.expected_seq + len(line.waiting) + 1 + step_.which % 3
    edit = {"seq": seq, "edit_id": str(play.ids()), "kind": "note", "record_id": str(play.ids()), "action": "create",
            "base_version": None, "observed_at": play.time().isoformat(), "fields": {"body": "x"}}  # fmt: skip
    _raw(play, carried, [edit])


def _raw(play: Play, carried: Carried, edits: list[Document]) -> None:
    token = carried.tablet._store.state()["token"]
    if token is None:
        return
    document: dict[str, Any] = {"protocol": 1, "sent_at": play.time().isoformat(), "limit": 0, "edits": edits}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Content-Encoding": "gzip"}
    play.tell(f"a request by hand of tablet {carried.number}: {edits}")
    play.deliver(carried, Request("POST", "/v1/sync", headers, gzip.compress(json.dumps(document).encode())))


@step("clock")
def clock(play: Play, step_: Step) -> None:
    """The tablet's clock is put to another time."""
    carried = play.tablets[step_.who % len(play.tablets)]
    carried.skew = timedelta(seconds=step_.more["seconds"])
    play.tell(f"the clock of tablet {carried.number} is off by {carried.skew}")


@step("update_app")
def update_app(play: Play, step_: Step) -> None:
    """The app becomes a newer one, or an older one again."""
    carried = play.tablets[step_.who % len(play.tablets)]
    carried.schema = step_.more["schema"]
    play.tell(f"tablet {carried.number} has an app of step {carried.schema}")


@step("wait")
def wait(play: Play, step_: Step) -> None:
    """Time passes."""
    play.time.pass_by(step_.more["seconds"])
    play.tell(f"{step_.more['seconds']} s pass")


@step("die")
def die(play: Play, step_: Step) -> None:
    """The battery will die soon."""
    carried = play.tablets[step_.who % len(play.tablets)]
    carried.dying(step_.more["at"])
    play.tell(f"the battery of tablet {carried.number} will die soon")


@step("copy_file")
def copy_file(play: Play, step_: Step) -> None:
    """Somebody copies the tablet's file."""
    carried = play.tablets[step_.who % len(play.tablets)]
    carried.copy_file()
    play.tell(f"the file of tablet {carried.number} is copied")


@step("old_file")
def old_file(play: Play, step_: Step) -> None:
    """And puts the copy back, later: what was entered since and not sent is gone with the file."""
    carried = play.tablets[step_.who % len(play.tablets)]
    if carried.copy is not None:
        carried.put_back_copy()
        kept = {edit.edit_id for edit in carried.tablet.journal()}
        for edit_id in carried.entered.keys() - kept:
            del carried.entered[edit_id]
        play.tell(f"the old file of tablet {carried.number} is put back")


@step("offer_again")
def offer_again(play: Play, step_: Step) -> None:
    """The tablet sends all that it holds once more."""
    carried = play.tablets[step_.who % len(play.tablets)]
    with mortal(play, carried):
        carried.tablet.offer_again()
    play.tell(f"tablet {carried.number} offers all again")
