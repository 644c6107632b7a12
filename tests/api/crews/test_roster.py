"""A crew's days as they come out, over HTTP and for dispatching."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from fieldsync.crews.facts import CrewFacts, Held, Point, Span
from fieldsync.crews.roster import load_crews
from fieldsync.crews.spans import FOREVER
from fieldsync.database import db
from tests.api.crews.scene import Scene, people, refused
from tests.api.town import Town


class Storm(Scene):
    """Alder's crew in the week in which New York's clocks go forward (Sunday 8 March 2026)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.base = f"/v1/crews/{self.town.alder_crew}"
        self.admin.patch(self.base, {
            "time_zone": "America/New_York", "capacity_minutes": 400, "skills": ["saw"], "reach_m": 9_000,
            "depot": {"lon": -80.0, "lat": 40.5}, "overtime_minutes": 30,
        })  # fmt: skip
        self.paul = self.member("Paul")
        self.admin.patch(f"{self.base}/memberships/{self.membership}", {"is_lead": True, "until": "2026-03-08"})
        self.join(self.paul, "2026-03-08")
        for weekday in (6, 7, 1):
            self.add("shifts", weekday=weekday, starts="08:00", minutes=480, since="2026-01-01")
        self.add("equipment", equipment_id=self.truck, since="2026-01-01", until="2026-03-07")

    def add(self, what: str, owner: str | None = None, **wanted: Any) -> str:
        return self._made(self.admin.post(f"{owner or self.base}/{what}", wanted))

    def roster(self, first: str, last: str) -> dict[str, Any]:
        answer = self.admin.get(f"{self.base}/roster?from={first}&to={last}")
        assert answer.status_code == 200, answer.json
        return answer.json  # type: ignore[no-any-return]

    def facts(self, first: date, last: date, crews: list[UUID] | None = None) -> dict[UUID, CrewFacts]:
        with self.town.app.app_context():
            return load_crews(db.session(), self.town.partnership_id, crews, first, last)


@pytest.fixture
def storm(town: Town) -> Storm:
    return Storm(town)


def spans(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"starts_at": starts, "ends_at": ends} for starts, ends in pairs]


class TestTheAnswer:
    def test_says_what_a_person_checks(self, storm: Storm) -> None:
        mary = f"/v1/members/{storm.mary}"
        storm.add(
            "qualifications", mary, sort="certificate", code="cdl", valid_from="2020-01-01", valid_until="2026-03-07"
        )
        storm.add("qualifications", mary, sort="skill", code="rope", valid_from="2020-01-01")
        answer = storm.roster("2026-03-07", "2026-03-08")
        saturday, sunday = answer.pop("days")
        assert answer == {
            "crew_id": str(storm.town.alder_crew), "time_zone": "America/New_York", "change": storm.head(),
            "has_shifts": True, "capacity_minutes": 400, "overtime_minutes": 30,
        }  # fmt: skip
        lead = {"member_id": storm.mary, "name": "Mary"}
        assert saturday == {
            "day": "2026-03-07", "starts_at": "2026-03-07T05:00:00Z", "ends_at": "2026-03-08T05:00:00Z",
            "exception": None, "shifts": spans(("2026-03-07T13:00:00Z", "2026-03-07T21:00:00Z")),
            "minutes": 480, "lead": lead,
            "people": [lead | {
                "leads": True, "there": spans(("2026-03-07T05:00:00Z", "2026-03-08T05:00:00Z")), "skills": ["rope"],
                "certificates": ["cdl"],
            }],
            "absences": [],
            "equipment": [
                {"id": storm.truck, "sort": "vehicle", "code": "T1", "name": "Truck T1", "registration": None},
            ],
        }  # fmt: skip
        # A day of 23 hours; 08:00 is an hour earlier now; the certificate and the truck are gone.
        assert (sunday["starts_at"], sunday["ends_at"]) == ("2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z")
        assert sunday["shifts"] == spans(("2026-03-08T12:00:00Z", "2026-03-08T20:00:00Z"))
        assert [(one["name"], one["leads"], one["certificates"]) for one in sunday["people"]] == [
            ("Mary", True, []), ("Paul", False, []),
        ]  # fmt: skip
        assert sunday["equipment"] == []
        (monday,) = storm.roster("2026-03-09", "2026-03-09")["days"]
        assert (monday["lead"], [one["name"] for one in monday["people"]]) == (None, ["Paul"])

    def test_takes_absences_out_and_names_them(self, storm: Storm) -> None:
        crew = storm.add("absences", starts_at="2026-03-07T20:00:00Z", ends_at="2026-03-07T22:00:00Z", reason="Drill")
        mary = storm.add("absences", f"/v1/members/{storm.mary}", starts_at="2026-03-07T00:00:00Z",
                         ends_at="2026-03-07T15:00:00Z", reason="Leave")  # fmt: skip
        (day,) = storm.roster("2026-03-07", "2026-03-07")["days"]
        assert day["shifts"] == spans(("2026-03-07T13:00:00Z", "2026-03-07T20:00:00Z"))
        assert day["minutes"] == 420
        assert [(one["id"], one["member_id"], one["reason"]) for one in day["absences"]] == [
            (mary, storm.mary, "Leave"), (crew, None, "Drill"),
        ]  # fmt: skip
        assert day["people"][0]["there"] == spans(("2026-03-07T15:00:00Z", "2026-03-08T05:00:00Z"))
        # Who is away all day leads all the same, and is seen not to be there.
        storm.add("absences", f"/v1/members/{storm.mary}", starts_at="2026-03-07T00:00:00Z",
                  ends_at="2026-03-08T10:00:00Z", reason="Leave")  # fmt: skip
        (day,) = storm.roster("2026-03-07", "2026-03-07")["days"]
        assert (day["lead"]["name"], day["people"][0]["there"]) == ("Mary", [])

    def test_shows_exceptions_and_nights(self, storm: Storm) -> None:
        storm.add("shift-exceptions", day="2026-03-07", starts="22:00", minutes=480, reason="Storm watch")
        storm.add("shift-exceptions", day="2026-03-09", reason="Rest")
        night, _, rest = storm.roster("2026-03-07", "2026-03-09")["days"]
        assert night["shifts"] == spans(("2026-03-08T03:00:00Z", "2026-03-08T11:00:00Z"))
        assert (night["exception"]["starts"], night["exception"]["minutes"]) == ("22:00", 480)
        # As far as the night reaches, Paul, who comes with the new day, is there.
        assert [one["name"] for one in night["people"]] == ["Mary", "Paul"]
        assert (rest["shifts"], rest["exception"]["reason"]) == ([], "Rest")

    def test_is_of_a_month_at_most(self, storm: Storm) -> None:
        assert len(storm.roster("2026-03-01", "2026-03-31")["days"]) == 31
        for query, field in (
            ("from=2026-03-01&to=2026-04-01", "to"), ("from=2026-03-02&to=2026-03-01", "to"), ("from=2026-03-01", "to"),
            ("to=2026-03-01", "from"), ("from=1800-03-01&to=1800-03-02", "from"),
        ):  # fmt: skip
            assert refused(storm.admin.get(f"{storm.base}/roster?{query}")) == (422, "invalid_value", field)

    def test_is_for_those_who_see_the_crew(self, storm: Storm) -> None:
        path = f"{storm.base}/roster?from=2026-03-01&to=2026-03-01"
        for person in people(storm.town).values():
            assert person.get(path).status_code == 200
        for person in (storm.town.staff(("admin", storm.town.birch)), Town(storm.town.app).staff("admin")):
            assert person.get(path).status_code == 404

    def test_says_that_nobody_has_entered_any_hours(self, storm: Storm) -> None:
        answer = storm.admin.get(f"/v1/crews/{storm.town.birch_crew}/roster?from=2026-03-07&to=2026-03-07").json
        assert (answer["has_shifts"], answer["time_zone"]) == (False, "UTC")
        assert (answer["days"][0]["shifts"], answer["days"][0]["people"]) == ([], [])


class TestForDispatching:
    def test_has_everything(self, storm: Storm) -> None:
        storm.add("qualifications", f"/v1/members/{storm.paul}", sort="certificate", code="cdl",
                  valid_from="2026-03-09")  # fmt: skip
        storm.add("absences", starts_at="2026-03-09T20:00:00Z", ends_at="2026-03-09T22:00:00Z", reason="Drill")
        storm.add("shift-exceptions", day="2026-03-08", reason="Rest")
        crew = storm.facts(date(2026, 3, 8), date(2026, 3, 9), [storm.town.alder_crew])[storm.town.alder_crew]
        assert (crew.code, crew.name, crew.jurisdiction_id, crew.time_zone) == (
            "A", "A", storm.town.alder, "America/New_York",
        )  # fmt: skip
        assert (crew.skills, crew.depot, crew.reach_m) == ({"saw"}, Point(-80.0, 40.5), 9_000)
        assert (crew.capacity_minutes, crew.overtime_minutes, crew.change) == (400, 30, storm.head())
        day = at("2026-03-09T04:00")
        assert [one.shifts for one in crew.days] == [(), (Span(at("2026-03-09T12:00"), at("2026-03-09T20:00")),)]
        assert crew.away == (
            Span(at("2026-03-08T05:00"), day), Span(at("2026-03-09T20:00"), at("2026-03-09T22:00")),
        )  # fmt: skip
        mary, paul = crew.people
        assert (mary.name, mary.there) == ("Mary", (Span(at("2026-01-01T05:00"), day),))
        assert mary.leads == mary.belongs == mary.there
        assert (paul.there, paul.leads) == ((Span(at("2026-03-08T05:00"), FOREVER),), ())
        assert paul.held == (Held("certificate", "cdl", Span(day, FOREVER)),)

    def test_joins_the_times_of_somebody_who_came_back(self, storm: Storm) -> None:
        storm.join(storm.mary, "2026-03-10")
        crew = storm.facts(date(2026, 3, 8), date(2026, 3, 11))[storm.town.alder_crew]
        (mary,) = [one for one in crew.people if one.name == "Mary"]
        assert mary.there == (
            Span(at("2026-01-01T05:00"), at("2026-03-09T04:00")), Span(at("2026-03-10T04:00"), FOREVER),
        )  # fmt: skip

    def test_is_of_those_who_are_named_or_of_all_that_work(self, storm: Storm) -> None:
        town, day = storm.town, date(2026, 3, 8)
        theirs = Scene(Town(town.app)).town.alder_crew
        assert list(storm.facts(day, day)) == [town.alder_crew, town.birch_crew]
        storm.admin.post(f"/v1/crews/{town.birch_crew}/disband")
        assert list(storm.facts(day, day)) == [town.alder_crew]
        named = storm.facts(day, day, [town.birch_crew, theirs])
        assert [(one.id, one.disbanded) for one in named.values()] == [(town.birch_crew, True)]
        assert storm.facts(day, day, []) == {}

    def test_goes_by_the_partnerships_zone_where_a_crew_has_none(self, storm: Storm) -> None:
        storm.town.run("UPDATE partnership SET time_zone = 'Europe/Berlin' WHERE id = :p")
        crew = storm.facts(date(2026, 3, 29), date(2026, 3, 29))[storm.town.birch_crew]
        assert crew.days[0].span == Span(at("2026-03-28T23:00"), at("2026-03-29T22:00"))
        assert not crew.has_shifts

    def test_is_one_statement_however_many_crews_and_days(self, storm: Storm) -> None:
        def statements(first: date, last: date) -> int:
            with counted(storm.town) as seen:
                storm.facts(first, last)
            return len(seen)

        assert statements(date(2026, 3, 8), date(2026, 3, 8)) == 1
        for number in range(5):
            wanted = {"jurisdiction_id": str(storm.town.alder), "code": f"P{number}", "name": "Potholes"}
            crew = storm.admin.post("/v1/crews", wanted).json
            storm.join(storm.mary, "2026-01-01", UUID(crew["id"]))
        assert statements(date(2026, 3, 1), date(2026, 3, 31)) == 1


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@contextmanager
def counted(town: Town) -> Iterator[list[str]]:
    """The statements that this process sends meanwhile."""
    seen: list[str] = []
    with town.app.app_context():
        engine = db.engine

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
