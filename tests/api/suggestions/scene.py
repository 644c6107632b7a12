"""Suggesting in a small partnership: west has the crews alpha and beta, east has gamma; all work from 7 to 15, UTC."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from werkzeug.test import TestResponse

from fieldsync.crews.models import Absence, Crew, CrewMembership, Member, Qualification, Shift
from fieldsync.database import new_id, transaction
from tests.agreements import LONG_AGO
from tests.api.office.world import EAST, WEST, World

MONDAY = datetime(2030, 3, 4, tzinfo=UTC)
NOW = MONDAY + timedelta(hours=6)
"""An hour before the shifts begin."""

Document = dict[str, Any]


def at(hour: float, day: int = 0) -> datetime:
    """A time in the week of ``MONDAY``."""
    return MONDAY + timedelta(days=day, hours=hour)


def stamp(moment: datetime) -> str:
    """As it is sent."""
    return moment.isoformat().replace("+00:00", "Z")


def place(km_east: float = 0, km_north: float = 0) -> Document:
    """So far from WEST; a degree of longitude there is 84.6 km."""
    return {"lon": WEST["lon"] + km_east / 84.553, "lat": WEST["lat"] + km_north / 111.195}


@dataclass
class Scene:
    """A partnership, as its dispatchers see it."""

    world: World

    def __post_init__(self) -> None:
        own = {"partnership_id": self.world.partnership_id}
        with self.world.app.app_context(), transaction() as session:
            self.world.crews["gamma"] = new_id()
            session.add(
                Crew(**own, id=self.world.crews["gamma"], jurisdiction_id=self.world.towns["east"], code="gamma",
                     name="Gamma")
            )  # fmt: skip
            session.flush()
            for crew_id in self.world.crews.values():
                for weekday in range(1, 8):
                    session.add(Shift(**own, id=new_id(), crew_id=crew_id, weekday=weekday, starts=time(7),
                                      minutes=480, since=LONG_AGO))  # fmt: skip

    def crew_id(self, name: str) -> str:
        return str(self.world.crews[name])

    def equip(self, crew: str, **columns: Any) -> None:
        """Set columns of a crew; ``depot`` is a place."""
        if "depot" in columns:
            depot = columns.pop("depot")
            columns["depot"] = f"SRID=4326;POINT({depot['lon']} {depot['lat']})"
        listed = ", ".join(f"{name} = :{name}" for name in columns)
        self.run(
            f"UPDATE crew SET {listed} WHERE partnership_id = :p AND id = :crew", crew=self.crew_id(crew), **columns
        )

    def agree(self, giver: str = "west", receiver: str = "east", **term: Any) -> UUID:
        """Crews of one town may work for the other; the term's id."""
        return self.world.agree(giver, receiver, **term)

    def member(self, crew: str, name: str, *certificates: str) -> None:
        """Somebody of the crew, with these certificates."""
        own, member_id = {"partnership_id": self.world.partnership_id}, new_id()
        with self.world.app.app_context(), transaction() as session:
            session.add(Member(**own, id=member_id, name=name))
            session.flush()
            session.add(CrewMembership(**own, id=new_id(), crew_id=self.world.crews[crew], member_id=member_id,
                                       since=LONG_AGO))  # fmt: skip
            for code in certificates:
                session.add(Qualification(**own, id=new_id(), member_id=member_id, sort="certificate", code=code,
                                          valid_from=LONG_AGO))  # fmt: skip

    def away(self, crew: str, starts: datetime, ends: datetime) -> None:
        with self.world.app.app_context(), transaction() as session:
            session.add(Absence(partnership_id=self.world.partnership_id, id=new_id(), crew_id=self.world.crews[crew],
                                starts_at=starts, ends_at=ends, reason="Training"))  # fmt: skip

    def job(self, where: Document = WEST, **fields: Any) -> str:
        """A new work order's id."""
        return str(self.world.create(location=where, **fields)["id"])

    def service(self, **columns: Any) -> None:
        """Set columns of the service type of all these jobs."""
        listed = ", ".join(f"{name} = :{name}" for name in columns)
        self.run(f"UPDATE service_type SET {listed} WHERE partnership_id = :p AND id = :id", id=self.world.pothole,
                 **columns)  # fmt: skip

    def book(self, crew: str, starts: datetime, minutes: int, where: Document = WEST, job: str | None = None,
             grant_id: UUID | None = None) -> str:  # fmt: skip
        """Plan a job, a new one or this one, for a crew; the job's id."""
        job = job or self.job(where)
        self.run(
            """UPDATE work_order SET crew_id = :crew WHERE partnership_id = :p AND id = :job""",
            crew=self.crew_id(crew), job=job,
        )  # fmt: skip
        self.run(
            """INSERT INTO assignment (partnership_id, id, version, change, scope_crew_id, work_order_id, created_at,
                   updated_at, crew_id, starts_at, ends_at, minutes, state, grant_id)
               VALUES (:p, :id, 1, 1, :crew, :job, now(), now(), :crew, :starts, :ends, :minutes, 'planned', :grant)""",
            id=new_id(), crew=self.crew_id(crew), job=job, starts=starts, ends=starts + timedelta(minutes=minutes),
            minutes=minutes, grant=grant_id,
        )  # fmt: skip
        return job

    def run(self, sql: str, **bound: Any) -> None:
        with self.world.app.app_context(), transaction() as session:
            session.execute(text(sql), {"p": self.world.partnership_id} | bound)

    def ask(self, path: str, by: str = "dispatcher", **query: Any) -> TestResponse:
        return self.world.ask("GET", path, by, query_string=query)

    def crews(self, job: str, by: str = "dispatcher", **query: Any) -> Document:
        """Suggestions of crews."""
        answer = self.ask(f"/work-orders/{job}/suggestions", by, **query)
        assert answer.status_code == 200, answer.json
        return json.loads(answer.data)  # type: ignore[no-any-return]

    def jobs(self, crew: str, by: str = "dispatcher", **query: Any) -> Document:
        """Suggestions of jobs."""
        answer = self.ask(f"/crews/{self.crew_id(crew)}/suggestions", by, **query)
        assert answer.status_code == 200, answer.json
        return json.loads(answer.data)  # type: ignore[no-any-return]


def names(document: Document) -> list[str]:
    """The suggested crews, in their order."""
    return [item["crew"]["code"] for item in document["suggestions"]]


def ids(document: Document) -> list[str]:
    """The suggested jobs, in their order."""
    return [item["work_order"]["id"] for item in document["suggestions"]]


def proposed(item: Document) -> Document:
    """The one assignment that a suggestion proposes."""
    (assignment,) = item["assignments"]
    return assignment  # type: ignore[no-any-return]


def reason(item: Document, code: str) -> Document:
    """The first reason with this code."""
    return next(one for one in proposed(item)["reasons"] if one["code"] == code)


assert EAST["lon"] > WEST["lon"]
