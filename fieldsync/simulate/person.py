"""What a crew member types into the tablet: real flows, slips of the pen, and often the same jobs as a colleague."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from fieldsync.demo.content import SERVICES, STREETS
from fieldsync.demo.places import Places
from fieldsync.tablet import Record, Tablet

HOT_SHARE = 0.35
HOT_JOBS = 6
"""So often a crew works on one of its first few jobs, on whichever of its tablets: these are where edits meet."""

REMARKS = ("Deeper than it looked.", "Traffic was light.", "Resident says it floods here.", "Needs a second visit.",
           "Utility marked the line.", "Part on order.", "Done in the rain; look at it again in spring.")  # fmt: skip
TAGS = ("school-route", "bus-line", "night-work", "one-lane", "utility", "resident-called", "follow-up", "warranty")


def remark(chance: random.Random, name: str) -> str:
    """A long text. Nobody enters the same one twice, today or on another day on the same server: whoever enters what
    she saw has changed nothing, and has nothing to claim."""
    return f"{chance.choice(REMARKS)} ({name}, {str(uuid7())[-8:]})"


class Person:
    """One crew member with one tablet. ``chance`` decides everything she does."""

    def __init__(self, name: str, chance: random.Random, places: Places) -> None:
        self.name = name
        self.made: dict[str, str | None] = {}
        """Work orders that she made -> the code of the county that covers the point."""
        self.moved: set[str] = set()
        """Work orders whose point she corrected."""
        self._chance = chance
        self._places = places
        self._jobs: list[str] = []
        self._services: list[str] = []
        self._tasks: list[str] = []

    def look(self, tablet: Tablet) -> None:
        """See what the tablet holds now; done after each sync."""
        self._jobs = sorted(record.id for record in tablet.records("work_order"))
        self._services = sorted(record.id for record in tablet.records("service_type"))
        self._tasks = sorted(record.id for record in tablet.records("task"))

    def work(self, tablet: Tablet, edits: int, tick: Callable[[int], datetime]) -> None:
        """Enter ``edits`` edits. ``tick(left)`` moves the tablet's clock on and says what it shows."""
        left = edits
        while left > 0:
            at = tick(left)
            act = self._chance.choices(_ACTS, _WEIGHTS)[0]
            with tablet.together():
                before = left
                for kind, action, record_id, fields in act(self, tablet, at):
                    if left == 0:
                        break
                    self._enter(tablet, kind, action, record_id, fields)
                    left -= 1
            if left == before:  # Nothing to be done in that way: she writes a note.
                left -= self._remark(tablet)

    def _enter(self, tablet: Tablet, kind: str, action: str, record_id: str, fields: dict[str, Any]) -> None:
        if action == "create":
            tablet.create(kind, fields, record_id=record_id)
            if kind == "work_order" and "location" in fields:
                place = fields["location"]
                self.made[record_id] = self._places.at(place["lon"], place["lat"]).code
                self._jobs.append(record_id)
            elif kind == "task":
                self._tasks.append(record_id)
        elif action == "update":
            if "location" in fields:
                self.moved.add(record_id)
            tablet.update(kind, record_id, fields)
        else:
            tablet.delete(kind, record_id)

    def _remark(self, tablet: Tablet) -> int:
        if not self._jobs:
            self._enter(tablet, "work_order", "create", self._id(), self._new_job())
        else:
            tablet.create("note", {"work_order_id": self._job(), "body": self._chance.choice(REMARKS)})
        return 1

    def _job(self) -> str:
        hot = self._chance.random() < HOT_SHARE
        return self._chance.choice(self._jobs[:HOT_JOBS] if hot else self._jobs)

    def _seen_job(self, tablet: Tablet) -> Record | None:
        return tablet.record("work_order", self._job()) if self._jobs else None

    def _id(self) -> str:
        # Not from her own randomness: a second run with the same seed on the same server must not meet the same ids.
        return str(uuid7())

    def _new_job(self) -> dict[str, Any]:
        draw = self._chance.random()
        if draw < 0.08:
            place = self._places.outside(self._chance)
        elif draw < 0.2:
            place = self._places.on_border(self._chance)
        else:
            place = self._places.inside(self._chance)
        street = self._chance.choice(STREETS)
        return {
            "title": f"{self._chance.choice(self._chance.choice(SERVICES).titles)}, {street}",
            "service_type_id": self._chance.choice(self._services),
            **self._chance.choice(
                (
                    {"status": "open"},
                    {"status": "in_progress"},
                    {"status": "completed", "resolution": "Done at once."},
                )
            ),
            "address": f"{self._chance.randint(1, 900)} {street}",
            "tags": [self._chance.choice(TAGS)],
            "location": {"lon": place.lon, "lat": place.lat},
        }

    # --- what she may do: each yields (kind, action, record id, fields) -------------------------------------------

    def start(self, tablet: Tablet, at: datetime) -> Acts:
        job = self._seen_job(tablet)
        if job and job.fields.get("status", "open") in ("open", "on_hold"):
            return [("work_order", "update", job.id, {"status": "in_progress", "started_at": at})]
        return []

    def hold(self, tablet: Tablet, at: datetime) -> Acts:
        job = self._seen_job(tablet)
        if job and job.fields.get("status", "open") in ("open", "in_progress"):
            return [("work_order", "update", job.id, {"status": "on_hold"})]
        return []

    def finish(self, tablet: Tablet, at: datetime) -> Acts:
        job = self._seen_job(tablet)
        if not job or job.fields.get("status", "open") not in ("open", "in_progress"):
            return []
        done = {"status": "completed", "completed_at": at, "resolution": f"Done. {remark(self._chance, self.name)}"}
        return [
            ("labor_entry", "create", self._id(), self._labor(job.id, at)),
            ("material_entry", "create", self._id(), self._material(job.id)),
            ("work_order", "update", job.id, done),
        ]

    def correct(self, tablet: Tablet, at: datetime) -> Acts:
        job = self._seen_job(tablet)
        if not job:
            return []
        street = self._chance.choice(STREETS)
        name, value = self._chance.choice((
            ("title", f"{self._chance.choice(self._chance.choice(SERVICES).titles)}, {street}"),
            ("description", remark(self._chance, self.name)),
            ("description", remark(self._chance, self.name)),
            ("address", f"{self._chance.randint(1, 900)} {street}"),
            ("asset", f"A-{self._chance.randint(100, 999)}"),
            ("priority", self._chance.randint(1, 5)),
            ("resolution", remark(self._chance, self.name)),
        ))  # fmt: skip
        return [("work_order", "update", job.id, {name: value})]

    def move(self, tablet: Tablet, at: datetime) -> Acts:
        job = self._seen_job(tablet)
        if not job or "location" not in job.fields:
            return []
        point = job.fields["location"]
        moved = {"lon": round(point["lon"] + self._chance.gauss(0, 0.02), 6),
                 "lat": round(point["lat"] + self._chance.gauss(0, 0.02), 6)}  # fmt: skip
        return [("work_order", "update", job.id, {"location": moved})]

    def tag(self, tablet: Tablet, at: datetime) -> Acts:
        job = self._seen_job(tablet)
        missing = sorted(set(TAGS) - set(job.fields.get("tags", []))) if job else []
        if not job or not missing:
            return []
        return [("work_order", "update", job.id, {"tags": [*job.fields.get("tags", []), self._chance.choice(missing)]})]

    def note(self, tablet: Tablet, at: datetime) -> Acts:
        return [("note", "create", self._id(), {"work_order_id": self._job(), "body": self._chance.choice(REMARKS)})] \
            if self._jobs else []  # fmt: skip

    def book(self, tablet: Tablet, at: datetime) -> Acts:
        if not self._jobs:
            return []
        job = self._job()
        used = {"work_order_id": job, "equipment": self._chance.choice(("Truck 12", "Roller", "Chipper")),
                "minutes": self._chance.randint(10, 240), "started_at": at}  # fmt: skip
        entries: Acts = [
            ("labor_entry", "create", self._id(), self._labor(job, at)),
            ("equipment_entry", "create", self._id(), used),
            ("material_entry", "create", self._id(), self._material(job)),
        ]
        return self._chance.sample(entries, self._chance.randint(1, 3))

    def plan_task(self, tablet: Tablet, at: datetime) -> Acts:
        if not self._jobs:
            return []
        task_id, title = self._id(), self._chance.choice(("Barricade", "Saw cut", "Compact", "Rewire", "Sweep"))
        task = {"work_order_id": self._job(), "title": title, "position": self._chance.randint(0, 9)}
        steps: Acts = [("task", "create", task_id, task)]
        if self._chance.random() < 0.4:
            steps.append(("task", "update", task_id, {"done": True}))
        return steps

    def do_task(self, tablet: Tablet, at: datetime) -> Acts:
        task = tablet.record("task", self._chance.choice(self._tasks[: 3 * HOT_JOBS])) if self._tasks else None
        if not task:
            return []
        if self._chance.random() < 0.15:
            return [("task", "delete", task.id, {})]
        fields: dict[str, Any] = {"done": self._chance.random() < 0.7}
        if self._chance.random() < 0.5:
            fields["result"] = remark(self._chance, self.name)
        return [("task", "update", task.id, fields)]

    def report_job(self, tablet: Tablet, at: datetime) -> Acts:
        work_order_id = self._id()
        body = self._chance.choice(REMARKS)
        return [
            ("work_order", "create", work_order_id, self._new_job()),
            ("note", "create", self._id(), {"work_order_id": work_order_id, "body": body}),
        ]

    def slip(self, tablet: Tablet, at: datetime) -> Acts:
        job = self._seen_job(tablet)
        if not job:
            return []
        nowhere, new_job = self._id(), self._id()
        slips: list[Acts] = [
            [("work_order", "update", job.id, {"status": "closed"})],
            [("work_order", "update", job.id, {"due_at": at})],
            # Without what completing needs, unless somebody has said already how it was done.
            [("work_order", "update", job.id, {"status": "completed"})],
            [("work_order", "update", job.id, {"colour": "red"})],
            [("work_order", "update", job.id, {"priority": 9})],
            [("note", "create", self._id(), {"work_order_id": nowhere, "body": "Where does this belong?"})],
            [("material_entry", "create", self._id(), {"work_order_id": job.id, "material": "Salt"})],
            [("work_order", "delete", job.id, {})],
            [("work_order", "create", new_job, {"title": "No place"}),
             ("note", "create", self._id(), {"work_order_id": new_job, "body": "Hangs on a refused one"})],
        ]  # fmt: skip
        return self._chance.choice(slips)

    def _labor(self, work_order_id: str, at: datetime) -> dict[str, Any]:
        minutes = self._chance.randint(10, 300)
        return {"work_order_id": work_order_id, "worker": self.name, "activity": "Field work",
                "started_at": at - timedelta(minutes=minutes), "minutes": minutes}  # fmt: skip

    def _material(self, work_order_id: str) -> dict[str, Any]:
        material, unit = self._chance.choice(self._chance.choice(SERVICES).materials)
        return {"work_order_id": work_order_id, "material": material, "unit": unit,
                "quantity": self._chance.randint(1, 400) / 4}  # fmt: skip


Acts = list[tuple[str, str, str, dict[str, Any]]]
_Act = Callable[[Person, Tablet, datetime], Acts]

_CHANCES: tuple[tuple[_Act, int], ...] = (
    (Person.start, 14), (Person.hold, 5), (Person.finish, 12), (Person.correct, 18), (Person.move, 4),
    (Person.tag, 6), (Person.note, 12), (Person.book, 10), (Person.plan_task, 6), (Person.do_task, 9),
    (Person.report_job, 9), (Person.slip, 3),
)  # fmt: skip
_ACTS = [act for act, _ in _CHANCES]
_WEIGHTS = [weight for _, weight in _CHANCES]
