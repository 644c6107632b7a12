"""What is asked of eligibility, and what must be answered: every code, and where each rule begins and ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any

from fieldsync.agreements.rules import Usage, Window
from fieldsync.crews.facts import Span
from fieldsync.crews.shifts import Otherwise, Weekly
from fieldsync.crews.spans import joined
from tests.rules.dispatching import (
    EAST,
    FAR,
    LONG_AGO,
    NORTH,
    POTHOLE,
    SIGNAL,
    WEST,
    booked,
    certificate,
    changed,
    crew,
    days,
    during,
    every_day,
    grant,
    job,
    local,
    name,
    north,
    person,
    skill,
)

DAY_SHIFT = every_day("07:00", 480)
SPLIT = every_day("07:00", 240) + every_day("12:00", 240)
NIGHT = every_day("22:00", 480)
EASTS = job(jurisdiction_id=EAST)
OFFICE_HOURS = tuple(Window(weekday, 8 * 60, 16 * 60) for weekday in range(1, 6))
ROUND_THE_CLOCK = tuple(Window(weekday, 0, 1440) for weekday in range(1, 8))
NOON = local(3, "12:00")
FLAGGED = job(certificates=frozenset({"flagger"}))


@dataclass
class Case:
    """What is asked, and what must be answered: codes that must be among the reasons, all bad ones, and facts."""

    called: str
    asked: dict[str, Any]
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    says: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Code -> facts that its reason must hold."""
    overtime: int = 0


def used(minutes: int, of: Any, day: int = 3) -> Usage:
    usage = Usage()
    usage.add(of, minutes, local(day, "06:00"))
    return usage


def absent(*spans: Span, **more: Any) -> Any:
    """The crew with its day shifts, away at these times."""
    return crew(days=days(*DAY_SHIFT, absences=spans), away=joined(spans), **more)


CAPPED = grant(cap_minutes=600, cap_period="week")
PRICED = grant(cap_cents=100_00, cents_per_hour=90_00, cap_period="month")

WHO = [
    Case("the crew works", {}, ("crew_works", "job_open", "home_crew")),
    Case("it has been disbanded", {"of": crew(disbanded=True)}, bad=("crew_disbanded",)),
    Case("the job has begun", {"about": job(status="in_progress")}, ("job_open",)),
    Case("the job is on hold", {"about": job(status="on_hold")}, ("job_open",)),
    Case("the job is done", {"about": job(status="completed")}, bad=("job_done",)),
    Case("the job is closed", {"about": job(status="closed")}, bad=("job_done",)),
    Case("the job was cancelled", {"about": job(status="cancelled")}, bad=("job_done",)),
    Case("the job lies nowhere", {"about": job(jurisdiction_id=None)}, bad=("no_jurisdiction",)),
    Case("nowhere is nobody's, whatever was agreed", {"about": job(jurisdiction_id=None), "grants": [grant()]},
         bad=("no_jurisdiction",)),
]  # fmt: skip

AGREEMENT = [
    Case("nothing was agreed", {"about": EASTS}, bad=("no_agreement",)),
    Case("others agreed", {"about": EASTS, "grants": [grant(receiver_id=NORTH), grant(giver_id=NORTH)]},
         bad=("no_agreement",)),
    Case("an agreement is one direction", {"about": EASTS, "grants": [grant(giver_id=EAST, receiver_id=WEST)]},
         bad=("no_agreement",)),
    Case("it was agreed", {"about": EASTS, "grants": [grant()]}, ("agreement",),
         says={"agreement": {"agreement": "A-1", "grant_id": name("A-1"), "home_priority": False, "sort": "term"}}),
    Case("for this crew", {"about": EASTS, "grants": [grant(crew_ids=frozenset({name("crew")}))]}, ("agreement",)),
    Case("for another crew", {"about": EASTS, "grants": [grant(crew_ids=frozenset({name("other")}))]},
         bad=("not_covered",), says={"not_covered": {"lacks": ["crew"]}}),
    Case("for this work", {"about": EASTS, "grants": [grant(service_type_ids=frozenset({POTHOLE}))]}, ("agreement",)),
    Case("for other work", {"about": EASTS, "grants": [grant(service_type_ids=frozenset({SIGNAL}))]},
         bad=("not_covered",), says={"not_covered": {"lacks": ["service_type"]}}),
    Case("for other skills", {"about": EASTS, "grants": [grant(skills=frozenset({"signals"}))]},
         bad=("not_covered",), says={"not_covered": {"lacks": ["skill"]}}),
    Case("for a skill, and the job needs none", {"about": changed(EASTS, skill=None),
                                                 "grants": [grant(skills=frozenset({"asphalt"}))]},
         bad=("not_covered",)),
    Case("two that do not cover it", {"about": EASTS, "grants": [
        grant("A-2", skills=frozenset({"signals"}), crew_ids=frozenset({name("other")})),
        grant("A-1", service_type_ids=frozenset({SIGNAL}))]},
        bad=("not_covered", "not_covered"), says={"not_covered": {"agreement": "A-2", "lacks": ["crew", "skill"]}}),
    Case("it ends when the job ends", {"about": EASTS, "grants": [grant(ends=local(3, "10:00"))]}, ("agreement",)),
    Case("it ends a minute before", {"about": EASTS, "grants": [grant(ends=local(3, "09:59"))]},
         bad=("not_in_force",)),
    Case("it begins when the job begins", {"about": EASTS, "grants": [grant(starts=local(3, "09:00"))]},
         ("agreement",)),
    Case("it begins a minute later", {"about": EASTS, "grants": [grant(starts=local(3, "09:01"))]},
         bad=("not_in_force",)),
    Case("two versions, one after the other, are two", {"about": EASTS, "grants": [
        grant("A-1", ends=local(3, "09:30")), grant("A-2", starts=local(3, "09:30"))]},
        bad=("not_in_force", "not_in_force")),
    Case("it ends when the clock strikes midnight, in its own zone", {
        "of": crew(days=days(*NIGHT), capacity_minutes=900), "about": EASTS, "span": during(3, "23:30", 60),
        "grants": [grant(ends=local(4, "00:00"))]}, bad=("not_in_force",)),
    Case("at its hours", {"about": EASTS, "span": during(3, "15:00", 60), "of": crew(overtime_minutes=60),
                          "grants": [grant(hours=OFFICE_HOURS)]}, ("agreement",), overtime=60),
    Case("a minute beyond its hours", {"about": EASTS, "span": during(3, "15:01", 60), "grants": [
        grant(hours=OFFICE_HOURS)], "of": crew(overtime_minutes=61)}, bad=("outside_agreed_hours",), overtime=60),
    Case("on a day without hours", {"about": EASTS, "span": during(7, "09:00"), "grants": [
        grant(hours=OFFICE_HOURS)]}, bad=("outside_agreed_hours",)),
    Case("hours that touch at midnight are one", {
        "of": crew(days=days(*NIGHT)), "about": EASTS, "span": during(3, "23:30", 60),
        "grants": [grant(hours=ROUND_THE_CLOCK)]}, ("agreement",)),
    Case("not in force is said, and not the hours", {"about": EASTS, "span": during(7, "09:00"), "grants": [
        grant(hours=OFFICE_HOURS, ends=local(5, "00:00"))]}, bad=("not_in_force",)),
]  # fmt: skip

CAPS = [
    Case("the cap is just enough", {"about": EASTS, "grants": [CAPPED], "usage": used(540, CAPPED)},
         ("agreement", "cap_left"), says={"cap_left": {"left_minutes": 0, "period": "week"}}),
    Case("the cap lacks a minute", {"about": EASTS, "grants": [CAPPED], "usage": used(541, CAPPED)},
         bad=("cap_minutes_reached",),
         says={"cap_minutes_reached": {"left_minutes": 59, "needed_minutes": 60, "period": "week"}}),
    Case("what another week used does not count", {"about": EASTS, "grants": [CAPPED], "usage": used(600, CAPPED, 1)},
         ("agreement",), says={"cap_left": {"left_minutes": 540}}),
    Case("the money is just enough", {"about": EASTS, "grants": [PRICED], "usage": used(6, PRICED)},
         ("agreement",), says={"cap_left": {"left_cents": 100}}),
    Case("the money does not do", {"about": EASTS, "grants": [PRICED], "usage": used(7, PRICED)},
         bad=("cap_cents_reached",),
         says={"cap_cents_reached": {"left_cents": 8950, "needed_cents": 9000, "period": "month"}}),
    Case("the money is enough to the cent", {"about": EASTS, "grants": [changed(PRICED, cap_cents=90_00)]},
         ("agreement",), says={"cap_left": {"left_cents": 0}}),
    Case("both caps are said", {"about": EASTS, "grants": [changed(PRICED, cap_minutes=30)],
                                "usage": used(60, PRICED)}, bad=("cap_minutes_reached", "cap_cents_reached")),
    Case("where the first is used up, the next applies", {"about": EASTS, "usage": used(600, CAPPED), "grants": [
        grant("A-2"), changed(CAPPED, crew_ids=frozenset({name("crew")}))]}, ("agreement",),
        says={"agreement": {"agreement": "A-2", "passed_over": [str(name("A-1"))]}}),
    Case("an offer comes first", {"about": EASTS, "grants": [grant(), grant("Help", sort="offer",
         home_priority=True)]}, ("agreement",), says={"agreement": {"agreement": "Help", "home_priority": True}}),
    Case("every candidate with its reason", {"about": EASTS, "usage": used(600, CAPPED), "grants": [
        CAPPED, grant("A-2", ends=local(2, "00:00")), grant("A-3", hours=(Window(1, 0, 60),))]},
        bad=("cap_minutes_reached", "not_in_force", "outside_agreed_hours")),
    Case("what moves away counts no more", {"about": EASTS, "grants": [CAPPED], "usage": used(600, CAPPED),
         "booked": [booked(3, "09:30", grant_id=CAPPED.id)], "ignoring": [name("3 09:30")]}, ("agreement", "free"),
         says={"cap_left": {"left_minutes": 0}}),
    Case("what moves away by another grant counts still", {"about": EASTS, "grants": [CAPPED],
         "usage": used(600, CAPPED), "booked": [booked(3, "09:30", grant_id=name("A-2"))],
         "ignoring": [name("3 09:30")]}, ("free",), bad=("cap_minutes_reached",)),
]  # fmt: skip

BY_ANA = crew(skills=frozenset(), people=(person("Ana", skill("asphalt")), person("Ben")))
PEOPLE = [
    Case("no skill is needed", {"about": job(skill=None)}, ("no_skill_needed",)),
    Case("the crew has it", {}, ("skill",), says={"skill": {"by": []}}),
    Case("one of it has it", {"of": BY_ANA}, ("skill",), says={"skill": {"skill": "asphalt", "by": ["Ana"]}}),
    Case("nobody has it", {"of": crew(skills=frozenset({"signals"}))}, bad=("skill_missing",)),
    Case("a certificate of that name is none", {"of": crew(skills=frozenset(), people=(
        person("Ana", certificate("asphalt")),))}, bad=("skill_missing",)),
    Case("hers ends with the job", {"of": crew(skills=frozenset(), people=(
        person("Ana", skill("asphalt", until=local(3, "10:00"))),))}, ("skill",)),
    Case("hers ends before", {"of": crew(skills=frozenset(), people=(
        person("Ana", skill("asphalt", until=local(3, "09:30"))),))}, bad=("skill_not_throughout",),
        says={"skill_not_throughout": {"skill": "asphalt", "people": [{
            "id": name("Ana"), "name": "Ana", "there": True, "since": None, "until": local(3, "09:30")}]}}),
    Case("she is not there", {"of": crew(skills=frozenset(), people=(
        person("Ana", skill("asphalt"), there=(Span(LONG_AGO, local(3, "09:59")),)),))},
        bad=("skill_not_throughout",), says={"skill_not_throughout": {"people": [{
            "id": name("Ana"), "name": "Ana", "there": False, "since": None, "until": None}]}}),
    Case("she comes as it begins", {"of": crew(skills=frozenset(), people=(
        person("Ana", skill("asphalt"), there=(Span(local(3, "09:00"), FAR),)),))}, ("skill",)),
    Case("two halves are no whole", {"of": crew(skills=frozenset(), people=(
        person("Ben", skill("asphalt", until=local(3, "09:30"))),
        person("Ana", skill("asphalt", since=local(3, "09:30")))))}, bad=("skill_not_throughout",)),
    Case("a certificate that one has", {"about": FLAGGED}, ("certificate",),
         says={"certificate": {"certificate": "flagger", "by": ["Ana"]}}),
    Case("a certificate that nobody has", {"about": job(certificates=frozenset({"crane"}))},
         bad=("certificate_missing",)),
    Case("a certificate is not the crew's", {"about": job(certificates=frozenset({"asphalt"}))},
         bad=("certificate_missing",)),
    Case("each certificate by itself", {"about": job(certificates=frozenset({"flagger", "crane", "boom"}))},
         ("certificate",), bad=("certificate_missing", "certificate_missing"),
         says={"certificate_missing": {"certificate": "boom"}}),
    Case("it expires at midnight, in the middle", {
        "of": crew(days=days(*NIGHT), people=(person("Ana", certificate("flagger", until=local(4, "00:00"))),)),
        "about": FLAGGED, "span": during(3, "23:30", 60)}, bad=("certificate_not_throughout",)),
    Case("it expires at midnight, and the work ends then", {
        "of": crew(days=days(*NIGHT), people=(person("Ana", certificate("flagger", until=local(4, "00:00"))),)),
        "about": FLAGGED, "span": during(3, "23:00", 60)}, ("certificate",)),
    Case("a renewal that touches", {"of": crew(people=(person(
        "Ana", certificate("flagger", since=local(3, "09:30")), certificate("flagger", until=local(3, "09:30"))),)),
        "about": FLAGGED}, ("certificate",)),
    Case("a renewal with a gap", {"of": crew(people=(person(
        "Ana", certificate("flagger", until=local(3, "09:30")), certificate("flagger", since=local(3, "09:31"))),)),
        "about": FLAGGED}, bad=("certificate_not_throughout",)),
    Case("it begins tomorrow", {"of": crew(people=(person("Ana", certificate("flagger", since=local(4, "00:00"))),)),
        "about": FLAGGED}, bad=("certificate_not_throughout",), says={"certificate_not_throughout": {"people": [{
            "id": name("Ana"), "name": "Ana", "there": True, "since": local(4, "00:00"), "until": None}]}}),
]  # fmt: skip

LATE = crew(overtime_minutes=60)
HALF = timedelta(seconds=30)
HOURS = [
    Case("in the shift", {}, ("in_shift",)),
    Case("the whole shift", {"span": during(3, "07:00", 480)}, ("in_shift", "capacity")),
    Case("a minute before it", {"span": during(3, "06:59", 60)}, bad=("outside_shift",),
         says={"outside_shift": {"outside_minutes": 1, "shifts": [during(3, "07:00", 480)]}}),
    Case("a minute after it", {"span": during(3, "14:01", 60)}, bad=("overtime_exceeded",),
         says={"overtime_exceeded": {"needed_minutes": 1, "allowed_minutes": 0}}),
    Case("half a minute after it", {"span": Span(local(3, "14:00") + HALF, local(3, "15:00") + HALF)},
         bad=("overtime_exceeded",), says={"overtime_exceeded": {"needed_minutes": 1}}),
    Case("overtime to the minute", {"of": LATE, "span": during(3, "14:30", 90)}, ("overtime",), overtime=60),
    Case("a minute too much overtime", {"of": LATE, "span": during(3, "14:30", 91)}, bad=("overtime_exceeded",),
         says={"overtime_exceeded": {"needed_minutes": 61, "allowed_minutes": 60}}),
    Case("wholly in overtime", {"of": LATE, "span": during(3, "15:00", 60)}, ("overtime",), overtime=60),
    Case("overtime does not come before", {"of": LATE, "span": during(3, "06:30", 60)}, bad=("outside_shift",)),
    Case("no shift on that day", {"of": crew(days=days(*DAY_SHIFT[:5])), "span": during(7, "09:00")},
         bad=("no_shift", "capacity_exceeded"), says={"no_shift": {"days": ["2026-03-07"]}}),
    Case("hours are not known", {"of": crew(days=days(), has_shifts=False), "span": during(3, "03:00")},
         ("hours_unknown", "capacity_unknown")),
    Case("hours are not known, but an absence is", {"of": crew(days=days(), has_shifts=False,
         away=(during(3, "09:59", 60),))}, bad=("crew_away",)),
    Case("hours are not known, and an absence touches", {"of": crew(days=days(), has_shifts=False,
         away=(during(3, "10:00", 60), during(3, "08:00", 60)))}, ("hours_unknown",)),
    Case("the crew is away", {"of": absent(during(3, "09:30", 15))}, bad=("crew_away",)),
    Case("the crew is away until then", {"of": absent(during(3, "08:00", 60))}, ("in_shift",)),
    Case("overtime is not put into an absence", {"of": absent(during(3, "12:00", 180), overtime_minutes=120),
                                                 "span": during(3, "11:30", 60)}, bad=("crew_away",)),
    Case("the first half of a split shift", {"of": crew(days=days(*SPLIT)), "span": during(3, "10:00")},
         ("in_shift",)),
    Case("the second half", {"of": crew(days=days(*SPLIT)), "span": during(3, "12:00")}, ("in_shift",)),
    Case("over the break", {"of": crew(days=days(*SPLIT)), "span": during(3, "10:30", 120)},
         bad=("overtime_exceeded",), says={"overtime_exceeded": {"needed_minutes": 60}}),
    Case("over the break as overtime", {"of": crew(days=days(*SPLIT), overtime_minutes=60),
                                        "span": during(3, "10:30", 120)}, ("overtime",), overtime=60),
    Case("over the break and beyond the end", {"of": crew(days=days(*SPLIT), overtime_minutes=60),
                                               "span": during(3, "10:30", 331)}, bad=("overtime_exceeded",)),
    Case("in the break", {"of": crew(days=days(*SPLIT)), "span": during(3, "11:15", 30)}, bad=("outside_shift",)),
    Case("over midnight", {"of": crew(days=days(*NIGHT)), "span": during(3, "23:00", 120)},
         ("in_shift", "capacity")),
    Case("after midnight, in the shift of the day before", {"of": crew(days=days(*NIGHT)),
                                                            "span": during(4, "04:00", 120)}, ("in_shift",)),
    Case("the next night without a shift of its own", {
        "of": crew(days=days(Weekly(2, time(22), 480, date(2020, 1, 1)))), "span": during(4, "00:00", 360)},
        ("in_shift", "capacity")),
    Case("shifts that touch are one", {"of": crew(days=days(*every_day("07:00", 1440))),
                                       "span": during(3, "06:00", 120)}, ("in_shift",)),
    Case("a day off by exception", {"of": crew(days=days(*DAY_SHIFT, otherwise=[Otherwise(date(2026, 3, 3))]))},
         bad=("no_shift", "capacity_exceeded")),
    Case("the night of the change has seven hours on the clock and eight to work", {
        "of": crew(days=days(*NIGHT)), "span": Span(local(7, "22:00"), local(8, "07:00"))}, ("in_shift",)),
    Case("the day of the change ends an hour early", {
        "of": crew(days=days(*every_day("00:00", 1440))), "span": Span(local(8, "00:00"), local(9, "00:00"))},
        ("in_shift", "capacity"), says={"capacity": {"load_minutes": 23 * 60, "capacity_minutes": 23 * 60}}),
]  # fmt: skip

FULL = [booked(3, "07:00", 300), booked(3, "13:00", 60)]
DAYS = [
    Case("the day is just full", {"of": crew(capacity_minutes=420), "booked": FULL, "span": during(3, "12:00", 60)},
         ("capacity",), says={"capacity": {"load_minutes": 420, "capacity_minutes": 420, "travel_minutes": 0}}),
    Case("a minute too much", {"of": crew(capacity_minutes=419), "booked": FULL, "span": during(3, "12:00", 60)},
         bad=("capacity_exceeded",)),
    Case("a minute of overtime", {"of": crew(capacity_minutes=419, overtime_minutes=1), "booked": FULL,
                                  "span": during(3, "12:00", 60)}, ("capacity_overtime",), overtime=1),
    Case("the way counts, out and home", {"of": crew(capacity_minutes=79), "about": job(at=north(10))},
         bad=("capacity_exceeded",), says={"capacity_exceeded": {"load_minutes": 80, "travel_minutes": 20}}),
    Case("without a depot only the ways between count", {
        "of": crew(depot=None, capacity_minutes=130), "about": job(at=north(10)), "booked": [booked(3, "11:00")]},
        ("capacity",), says={"capacity": {"load_minutes": 130, "travel_minutes": 10}}),
    Case("another day's work does not count", {"of": crew(capacity_minutes=60), "booked": [booked(4, "09:00")]},
         ("capacity",)),
    Case("what moves away does not count", {"of": crew(capacity_minutes=60), "booked": [booked(3, "11:00")],
                                            "ignoring": [name("3 11:00")]}, ("capacity",)),
    Case("as long as the shifts are", {"of": crew(), "about": job(at=north(10)), "span": during(3, "07:00", 470)},
         bad=("capacity_exceeded",), says={"capacity_exceeded": {"load_minutes": 490, "capacity_minutes": 480}}),
    Case("over midnight each day has its part", {"of": crew(days=days(*NIGHT), capacity_minutes=90),
         "span": during(3, "23:00", 120), "booked": [booked(4, "03:00", 30)]}, ("capacity", "capacity")),
    Case("over midnight the second day is full", {"of": crew(days=days(*NIGHT), capacity_minutes=90),
         "span": during(3, "23:00", 120), "booked": [booked(4, "03:00", 31)]}, ("capacity",),
         bad=("capacity_exceeded",), says={"capacity_exceeded": {"day": "2026-03-04"}}),
    Case("it is free", {}, ("free",)),
    Case("touching is free", {"booked": [booked(3, "08:00"), booked(3, "10:00")]}, ("free", "way_there", "way_on")),
    Case("a minute is taken before", {"booked": [booked(3, "08:01")]}, bad=("booked",),
         says={"booked": {"pinned": False, "work_order_id": name("work order 3 08:01")}}),
    Case("a minute is taken after", {"booked": [booked(3, "09:59")]}, bad=("booked",)),
    Case("within it", {"booked": [booked(3, "09:10", 10, pinned=True)]}, bad=("booked",),
         says={"booked": {"pinned": True}}),
    Case("around it", {"booked": [booked(3, "08:30", 120)]}, bad=("booked",)),
    Case("twice taken", {"booked": [booked(3, "09:30"), booked(3, "08:30")]}, bad=("booked", "booked"),
         says={"booked": {"assignment_id": name("3 08:30")}}),
    Case("what moves away leaves it free", {"booked": [booked(3, "09:30")], "ignoring": [name("3 09:30")]}, ("free",)),
    Case("just time for the way there", {"about": job(at=north(9.99)), "booked": [booked(3, "07:50")]},
         ("way_there",), says={"way_there": {"needed_minutes": 10, "gap_minutes": 10}}),
    Case("no time for the way there", {"about": job(at=north(10.01)), "booked": [booked(3, "07:50")]},
         bad=("way_there_too_long",), says={"way_there_too_long": {"needed_minutes": 11, "gap_minutes": 10}}),
    Case("just time for the way on", {"about": job(at=north(9.99)), "booked": [booked(3, "10:10")]}, ("way_on",)),
    Case("no time for the way on", {"about": job(at=north(10.01)), "booked": [booked(3, "10:10")]},
         bad=("way_on_too_long",)),
    Case("the last but one is just near enough", {
        "about": job(at=north(89)), "booked": [booked(3, "07:00", 30), booked(3, "08:40", 10, at=north(89))],
        "of": crew(capacity_minutes=1000)}, ("way_there",), says={"way_there": {"assignment_id": name("3 08:40")}}),
    Case("the last but one is too far off, whatever came after it", {
        "about": job(at=north(90)), "booked": [booked(3, "07:00", 31), booked(3, "08:40", 10, at=north(90))],
        "of": crew(capacity_minutes=1000)}, bad=("way_there_too_long",),
        says={"way_there_too_long": {"assignment_id": name("3 07:00"), "needed_minutes": 90, "gap_minutes": 89}}),
    Case("a night lies between", {"of": crew(days=days(*every_day("00:00", 1440)), depot=None),
         "about": job(at=north(2000)), "booked": [booked(2, "20:00")], "span": during(3, "09:00")}, ("free",)),
]  # fmt: skip

REACH = [
    Case("as far as it goes", {"of": crew(reach_m=5_000), "about": job(at=north(5))}, ("within_reach",)),
    Case(
        "a little further",
        {"of": crew(reach_m=5_000), "about": job(at=north(5.001))},
        bad=("out_of_reach",),
        says={"out_of_reach": {"distance_m": 5001, "reach_m": 5000}},
    ),
    Case("anywhere", {"of": crew(), "about": job(at=north(50))}, ("within_reach",)),
    Case("from where is not known", {"of": crew(depot=None, reach_m=5_000)}, ("reach_unknown",)),
]

SOON = local(1, "12:00")
WHENEVER = [
    Case("whenever: the hours do not matter", {"span": None, "of": crew(days=()), "booked": [booked(3, "09:00")]},
         ("home_crew", "skill", "within_reach")),
    Case("whenever: in force now", {"span": None, "at": SOON, "about": EASTS, "grants": [grant()]}, ("agreement",)),
    Case("whenever: ended by now", {"span": None, "at": SOON, "about": EASTS, "grants": [grant(ends=SOON)]},
         bad=("not_in_force",)),
    Case("whenever: begins now", {"span": None, "at": SOON, "about": EASTS, "grants": [grant(starts=SOON)]},
         ("agreement",)),
    Case("whenever: some day", {"span": None, "about": EASTS, "grants": [grant(ends=SOON)]}, ("agreement",)),
    Case("whenever: hours and caps are left aside", {"span": None, "at": SOON, "about": EASTS, "grants": [
        changed(CAPPED, hours=(Window(1, 0, 1),))], "usage": used(600, CAPPED)}, ("agreement",)),
    Case("whenever: held once is held", {"span": None, "about": FLAGGED, "of": crew(people=(
        person("Ana", certificate("flagger", until=SOON), there=()),))}, ("certificate",)),
    Case("whenever: never held", {"span": None, "about": FLAGGED, "of": crew(people=())}, bad=("certificate_missing",)),
    Case("whenever: out of reach", {"span": None, "of": crew(reach_m=1), "about": job(at=north(1))},
         bad=("out_of_reach",)),
]  # fmt: skip

CASES = [*WHO, *AGREEMENT, *CAPS, *PEOPLE, *HOURS, *DAYS, *REACH, *WHENEVER]
