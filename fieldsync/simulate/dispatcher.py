"""The simulated dispatcher: swaps jobs between crews and edits them while the crews are out of coverage."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fieldsync.demo.content import SERVICES, STREETS
from fieldsync.demo.places import Places
from fieldsync.simulate.office import Office, Reply
from fieldsync.simulate.person import HOT_JOBS, remark

PLAN_DAYS = 5
"""So many days ahead she plans: few, so that crews are often taken."""

HOT_SHARE = 0.3
"""So often she turns to one of the jobs that a crew's tablets are busy with."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A value that the office entered for a field: the record's version once it stood."""

    record_id: str
    version: int
    fields: dict[str, Any]


class Dispatcher:
    """One person at a desk. ``chance`` decides what she does; what is refused her she leaves."""

    def __init__(self, office: Office, chance: random.Random, places: Places) -> None:
        self._office = office
        self._chance = chance
        self._places = places
        self._crew_ids: list[str] = []
        self._service_ids: list[str] = []
        self._service_of: dict[str, str] = {}
        self._able: dict[str, list[str]] = {}
        """Service type -> the crews with the skill that it needs."""
        self._jobs: dict[str, list[str]] = {}
        self._etags: dict[str, str] = {}
        self.claims: list[Claim] = []
        self.made: dict[str, str | None] = {}
        """Work orders that she made -> the code of the county that covers the point."""
        self.at_first: dict[str, dict[str, Any]] = {}
        """Work orders as the day began, by id."""
        self.done: Counter[str] = Counter()
        """Operation -> how often it was accepted."""
        self.refused: Counter[str] = Counter()
        """Problem code -> how often."""
        self.error: Exception | None = None

    def look(self, crew_ids: list[str]) -> None:
        """Read the jobs of these crews, and the service types."""
        self._crew_ids = crew_ids
        self._jobs = {crew_id: [] for crew_id in crew_ids}
        skills = {crew["id"]: crew["skills"] for crew in self._office.every("/v1/crews") if crew["id"] in self._jobs}
        for service in self._office.every("/v1/service-types"):
            self._able[service["id"]] = [id_ for id_ in crew_ids if service["skill"] in (None, *skills[id_])]
        for row in self._office.every("/v1/work-orders"):
            record = row["record"]
            self._service_of[row["id"]] = record["service_type_id"]
            self._etags[row["id"]] = row["etag"]
            self.at_first[row["id"]] = record
            if record["crew_id"] in self._jobs:
                self._jobs[record["crew_id"]].append(row["id"])
        self._service_ids = sorted(set(self._service_of.values()))
        for jobs in self._jobs.values():
            jobs.sort()

    def work(self, operations: int, stop: threading.Event, pause_s: float = 0.0) -> None:
        """Do so many operations, or until ``stop`` is set. Keeps what goes wrong in ``error``: it runs in a thread."""
        try:
            for _ in range(operations):
                if stop.is_set():
                    return
                name, act = self._chance.choices(_ACTS, _WEIGHTS)[0]
                self.done[name] += act(self)
                stop.wait(pause_s)
        except Exception as error:  # noqa: BLE001  (told to the thread that waits for this one)
            self.error = error

    def _job(self, swapped_for: tuple[str, str] | None = None) -> tuple[str, str] | None:
        """A work order, and the crew that has it as far as she knows; one that both crews can take the other's for,
        where it is to be swapped for a work order and its crew."""
        held = self._jobs
        if swapped_for is not None:
            job, crew_id = swapped_for
            others = [other for other in self._able_to(job) if other != crew_id]
            held = {other: [one for one in held[other] if crew_id in self._able_to(one)] for other in others}
        crew_ids = [crew_id for crew_id in self._crew_ids if held.get(crew_id)]
        if not crew_ids:
            return None
        crew_id = self._chance.choice(crew_ids)
        jobs = held[crew_id]
        return self._chance.choice(jobs[:HOT_JOBS] if self._chance.random() < HOT_SHARE else jobs), crew_id

    def _able_to(self, job: str) -> list[str]:
        return self._able[self._service_of[job]]

    def _send(self, method: str, path: str, job: str, body: dict[str, Any] | None, fields: dict[str, Any]) -> bool:
        """A request that changes a job, on the version she saw; on the present one where that is another by now."""
        for _ in range(3):
            reply = self._office.ask(method, path, body, {"If-Match": self._etags[job]})
            if reply.status != 412:
                break
            self._etags[job] = reply.document["etag"]
        if reply.status >= 300:
            self.refused[str(reply.document.get("code"))] += 1
            return False
        self._note(reply, fields)
        return True

    def _note(self, reply: Reply, fields: dict[str, Any]) -> None:
        self._etags[reply.document["id"]] = reply.document["etag"]
        self._service_of[reply.document["id"]] = reply.document["record"]["service_type_id"]
        self.claims.append(Claim(reply.document["id"], reply.document["version"], fields))

    def _patch(self, job: str, fields: dict[str, Any]) -> bool:
        return self._send("PATCH", f"/v1/work-orders/{job}", job, fields, fields)

    # --- what she does: each says whether (or how often) it was accepted ------------------------------------------

    def swap(self) -> int:
        """Two crews swap a job."""
        one = self._job()
        other = self._job(swapped_for=one) if one else None
        if not one or not other:
            return 0
        done = 0
        for (job, old), new in ((one, other[1]), (other, one[1])):
            if self._send("POST", f"/v1/work-orders/{job}/assignment", job, {"crew_id": new}, {"crew_id": new}):
                self._jobs[old].remove(job)
                self._jobs[new].append(job)
                done += 1
        return done

    def edit(self) -> int:
        found = self._job()
        if not found:
            return 0
        street = self._chance.choice(STREETS)
        due = datetime.now(UTC) + timedelta(hours=self._chance.randint(4, 200))
        fields: dict[str, Any] = self._chance.choice((
            {"title": f"{self._chance.choice(self._chance.choice(SERVICES).titles)}, {street}"},
            {"description": remark(self._chance, "office")},
            {"priority": self._chance.randint(1, 5)},
            {"due_at": due.isoformat()},
            {"address": f"{self._chance.randint(1, 900)} {street}", "requester": "Called in"},
            {"service_type_id": self._chance.choice(self._service_ids)},
            {"status": "on_hold"},
        ))  # fmt: skip
        return self._patch(found[0], fields)

    def cancel(self) -> int:
        found = self._job()
        if not found:
            return 0
        path = f"/v1/work-orders/{found[0]}/cancellation"
        return self._send("POST", path, found[0], {"reason": "Reported twice."}, {"status": "cancelled"})

    def close(self) -> int:
        found = self._job()
        return self._patch(found[0], {"status": "closed"}) if found else 0

    def take_back(self) -> int:
        found = self._job()
        if not found or not self._patch(found[0], {"crew_id": None}):
            return 0
        self._jobs[found[1]].remove(found[0])
        return 1

    def delete(self) -> int:
        found = self._job()
        if not found or not self._send("DELETE", f"/v1/work-orders/{found[0]}", found[0], None, {}):
            return 0
        self._jobs[found[1]].remove(found[0])
        return 1

    def plan(self) -> int:
        """Plan a job for the crew that has it as far as she knows."""
        found = self._job()
        if not found:
            return 0
        job, crew_id = found
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        begins = today + timedelta(days=self._chance.randint(1, PLAN_DAYS), minutes=15 * self._chance.randint(48, 80))
        item = {
            "work_order_id": job, "crew_id": crew_id, "starts_at": begins.isoformat(),
            "minutes": self._chance.choice((30, 60, 90)), "override": True, "reason": "Agreed with the crew.",
        }  # fmt: skip
        (told,) = self._office.need("POST", "/v1/assignments", {"items": [item]})["verdicts"]
        if told["verdict"] == "refused":
            self.refused[str(told["problem"]["code"])] += 1
            return 0
        self._etags[job] = told["work_order"]["etag"]
        self.claims.append(Claim(job, told["work_order"]["version"], {"crew_id": crew_id}))
        return 1

    def create(self) -> int:
        place = self._places.inside(self._chance)
        service_id, street = self._chance.choice(self._service_ids), self._chance.choice(STREETS)
        crew_id = self._chance.choice(self._able[service_id] or [None])
        fields = {
            "title": f"{self._chance.choice(self._chance.choice(SERVICES).titles)}, {street}",
            "service_type_id": service_id,
            "location": {"lon": place.lon, "lat": place.lat},
            "crew_id": crew_id,
        }
        reply = self._office.ask("POST", "/v1/work-orders", fields)
        if reply.status >= 300:
            self.refused[str(reply.document.get("code"))] += 1
            return 0
        self._note(reply, fields)
        self.made[reply.document["id"]] = place.code
        if crew_id is not None:
            self._jobs[crew_id].append(reply.document["id"])
        return 1


_CHANCES = (
    (("swapped", Dispatcher.swap), 20), (("edited", Dispatcher.edit), 55), (("cancelled", Dispatcher.cancel), 4),
    (("closed", Dispatcher.close), 6), (("taken back", Dispatcher.take_back), 4),
    (("deleted", Dispatcher.delete), 2), (("created", Dispatcher.create), 9), (("planned", Dispatcher.plan), 25),
)  # fmt: skip
_ACTS = [act for act, _ in _CHANCES]
_WEIGHTS = [weight for _, weight in _CHANCES]
