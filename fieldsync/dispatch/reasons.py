"""Why a crew can, or cannot, do a job: reasons with a code, facts, and a sentence made when somebody asks. Pure.

The codes, in the order in which they are given, stand in docs/eligibility.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, structs

from fieldsync.crews.facts import CrewFacts
from fieldsync.dispatch.facts import Booked

Facts = dict[str, Any]


class Shown(NamedTuple):
    """What somebody may read in reasons. Who dispatches guests learns when they are busy and what they lack, but not
    for whom they work, nor who of their people it is about."""

    people: bool = True
    """Whether members may be named."""
    work: Collection[UUID] | None = None
    """The work orders that may be named; None: all."""


ALL = Shown()


def shown_to(own: Collection[UUID] | None, crew: CrewFacts, booked: Iterable[Booked]) -> Shown:
    """What a dispatcher of the jurisdictions ``own`` may read in the reasons about a crew; None: everything."""
    if own is None:
        return ALL
    work = {one.work_order_id for one in booked if one.jurisdiction_id in own}
    return Shown(people=crew.jurisdiction_id in own, work=work)


class Reason(Struct, frozen=True):
    """One thing that speaks for a crew, or rules it out."""

    code: str
    good: bool
    facts: Facts
    """By name; moments are in UTC."""
    time_zone: str = "UTC"
    """In which the sentence tells times."""

    @property
    def sentence(self) -> str:
        """The same for a person."""
        said = SENTENCES[self.code](self.facts, ZoneInfo(self.time_zone))
        return said if (more := self.facts.get("more")) is None else f"{said} {more} more do not apply either."

    def told(self, shown: Shown) -> Reason:
        """The same for somebody who may not read all of it: null instead, or left out of a list."""
        return self if shown is ALL else structs.replace(self, facts=_discreet(self.facts, shown))

    def document(self) -> dict[str, Any]:
        """As JSON: ``{code, good, sentence, …facts}``."""
        facts: dict[str, Any] = msgspec.to_builtins(self.facts)
        return {"code": self.code, "good": self.good, "sentence": self.sentence, **facts}


class Answer(Struct, frozen=True):
    """Whether a crew can do a job, and every reason."""

    crew_id: UUID
    job_id: UUID
    eligible: bool
    """True if, and only if, no reason is bad."""
    reasons: tuple[Reason, ...]
    grant_id: UUID | None = None
    """The agreement's term, or the offer, that applies; None: it is the home crew, or nothing allows it."""
    travel_minutes: float | None = None
    """From where the crew is before: the assignment before, or the depot. None: not known."""
    overtime_minutes: int = 0
    """By how much the shift, or the day's capacity, is exceeded within what overtime allows."""

    def bad(self) -> list[Reason]:
        """What rules the crew out."""
        return [reason for reason in self.reasons if not reason.good]

    def told(self, shown: Shown) -> Answer:
        """The same for somebody who may not read all of the reasons. Nobody is answered without this."""
        if shown is ALL:
            return self
        return structs.replace(self, reasons=tuple(reason.told(shown) for reason in self.reasons))

    def document(self) -> dict[str, Any]:
        """As JSON: ``{eligible, grant_id, travel_minutes, overtime_minutes, reasons}``."""
        return {
            "eligible": self.eligible,
            "grant_id": None if self.grant_id is None else str(self.grant_id),
            "travel_minutes": None if self.travel_minutes is None else round(self.travel_minutes, 1),
            "overtime_minutes": self.overtime_minutes,
            "reasons": [reason.document() for reason in self.reasons],
        }


class Sayer:
    """Takes reasons down."""

    __slots__ = ("reasons", "refused", "time_zone")

    def __init__(self, time_zone: str) -> None:
        """``time_zone``: in which sentences tell times."""
        self.reasons: list[Reason] = []
        self.refused = False
        self.time_zone = time_zone

    def good(self, code: str, facts: Facts) -> None:
        """Something speaks for the crew."""
        self.reasons.append(Reason(code, True, facts, self.time_zone))

    def bad(self, code: str, facts: Facts) -> None:
        """Something rules it out."""
        self.refused = True
        self.reasons.append(Reason(code, False, facts, self.time_zone))


def _discreet(facts: Facts, shown: Shown) -> Facts:
    if not shown.people:
        if "by" in facts:
            facts = {**facts, "by": []}
        if "people" in facts:
            facts = {**facts, "people": [{**one, "id": None, "name": "somebody"} for one in facts["people"]]}
    if shown.work is not None and "work_order_id" in facts and facts["work_order_id"] not in shown.work:
        facts = {**facts, "work_order_id": None, "assignment_id": None}
    return facts


def _when(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _last_day(end: datetime, zone: ZoneInfo) -> str:
    """The day that ends with this moment."""
    return (end - timedelta(microseconds=1)).astimezone(zone).strftime("%Y-%m-%d")


def _time(minutes: float) -> str:
    whole = round(minutes)
    return f"{whole} minute" if whole == 1 else f"{whole} minutes"


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _status(facts: Facts, _zone: ZoneInfo) -> str:
    return f"The work order is {facts['status'].replace('_', ' ')}."


def _agreement(facts: Facts, _zone: ZoneInfo) -> str:
    recall = "; its home may recall it" if facts["home_priority"] else ""
    return f"{_named(facts)} allows it{recall}."


def _named(facts: Facts) -> str:
    return f"{'The offer' if facts['sort'] == 'offer' else 'Agreement'} {facts['agreement']}"


_COVERS = {"crew": "this crew", "service_type": "this kind of work", "skill": "jobs of this skill"}


def _not_covered(facts: Facts, _zone: ZoneInfo) -> str:
    return f"{_named(facts)} does not cover {' and '.join(_COVERS[lack] for lack in facts['lacks'])}."


def _not_in_force(facts: Facts, zone: ZoneInfo) -> str:
    end = "" if facts["ends"] is None else f" to {_when(facts['ends'], zone)}"
    return f"{_named(facts)} holds from {_when(facts['starts'], zone)}{end}, not for the whole time."


def _cap_minutes(facts: Facts, _zone: ZoneInfo) -> str:
    return (
        f"{_named(facts)} has {_time(facts['left_minutes'])} left in its {_period(facts)};"
        f" {facts['needed_minutes']} are needed."
    )


def _cap_cents(facts: Facts, _zone: ZoneInfo) -> str:
    return (
        f"{_named(facts)} has {_money(facts['left_cents'])} left in its {_period(facts)};"
        f" {_money(facts['needed_cents'])} is needed."
    )


def _cap_left(facts: Facts, _zone: ZoneInfo) -> str:
    minutes, cents = facts.get("left_minutes"), facts.get("left_cents")
    left = [] if minutes is None else [_time(minutes)]
    left += [] if cents is None else [_money(cents)]
    return f"{_named(facts)} will have {' and '.join(left)} left in its {_period(facts)}."


def _period(facts: Facts) -> str:
    return "time" if facts["period"] == "agreement" else str(facts["period"])


def _held(what: str) -> Callable[[Facts, ZoneInfo], str]:
    def sentence(facts: Facts, _zone: ZoneInfo) -> str:
        by = facts["by"]
        return f"It has the {what} {facts[what]}" + (f": {', '.join(by)}." if by else ".")

    return sentence


def _missing(what: str) -> Callable[[Facts, ZoneInfo], str]:
    return lambda facts, _zone: f"Nobody of it has the {what} {facts[what]}."


def _not_throughout(what: str) -> Callable[[Facts, ZoneInfo], str]:
    def sentence(facts: Facts, zone: ZoneInfo) -> str:
        people = "; ".join(_lapse(person, zone) for person in facts["people"])
        return f"Nobody of it has the {what} {facts[what]} for the whole time: {people}."

    return sentence


def _lapse(person: Facts, zone: ZoneInfo) -> str:
    said = []
    if not person["there"]:
        said.append("is not there all the time")
    if person["until"] is not None:
        said.append(f"has it until {_last_day(person['until'], zone)}")
    elif person["since"] is not None:
        said.append(f"has it from {person['since'].astimezone(zone):%Y-%m-%d}")
    return f"{person['name']} {' and '.join(said)}"


def _outside_shift(facts: Facts, zone: ZoneInfo) -> str:
    shifts = ", ".join(f"{_when(starts, zone)} to {_when(ends, zone)}" for starts, ends in facts["shifts"])
    return f"It lies outside the crew's shifts for {_time(facts['outside_minutes'])}: {shifts}."


def _booked(facts: Facts, zone: ZoneInfo) -> str:
    pinned = ", which is pinned" if facts["pinned"] else ""
    return f"It is booked from {_when(facts['starts'], zone)} to {_when(facts['ends'], zone)}{pinned}."


def _too_long(there: str) -> Callable[[Facts, ZoneInfo], str]:
    return lambda facts, _zone: (
        f"The way {there} takes {_time(facts['needed_minutes'])}; there are {facts['gap_minutes']}."
    )


def _load(facts: Facts) -> str:
    return (
        f"On {facts['day']} it has {_time(facts['load_minutes'])} of work and travel with it,"
        f" of {facts['capacity_minutes']}"
    )


def _km(metres: float) -> str:
    return f"{metres / 1000:.1f} km"


SENTENCES: dict[str, Callable[[Facts, ZoneInfo], str]] = {
    "crew_works": lambda _facts, _zone: "The crew works.",
    "crew_disbanded": lambda _facts, _zone: "The crew has been disbanded.",
    "job_open": _status,
    "job_done": _status,
    "no_jurisdiction": lambda _facts, _zone: "The work order lies in no jurisdiction: it waits in triage.",
    "home_crew": lambda _facts, _zone: "The crew is employed where the work lies.",
    "agreement": _agreement,
    "cap_left": _cap_left,
    "no_agreement": lambda _facts, _zone: "No agreement lets the crew's employer work where the work lies.",
    "not_covered": _not_covered,
    "not_in_force": _not_in_force,
    "outside_agreed_hours": lambda facts, _zone: f"{_named(facts)} does not hold at these hours.",
    "cap_minutes_reached": _cap_minutes,
    "cap_cents_reached": _cap_cents,
    "no_skill_needed": lambda _facts, _zone: "The work needs no skill of its own.",
    "skill": _held("skill"),
    "skill_missing": _missing("skill"),
    "skill_not_throughout": _not_throughout("skill"),
    "certificate": _held("certificate"),
    "certificate_missing": _missing("certificate"),
    "certificate_not_throughout": _not_throughout("certificate"),
    "in_shift": lambda _facts, _zone: "It lies in the crew's shift.",
    "overtime": lambda facts, _zone: f"It takes {_time(facts['overtime_minutes'])} of overtime.",
    "hours_unknown": lambda _facts, _zone: "The crew's hours are not known.",
    "crew_away": lambda facts, zone: f"The crew is away from {_when(facts['starts'], zone)} to"
                                     f" {_when(facts['ends'], zone)}.",
    "no_shift": lambda _facts, _zone: "The crew has no shift on that day.",
    "outside_shift": _outside_shift,
    "overtime_exceeded": lambda facts, _zone: f"It would take {_time(facts['needed_minutes'])} of overtime;"
                                              f" {facts['allowed_minutes']} are allowed.",
    "capacity": lambda facts, _zone: f"{_load(facts)}.",
    "capacity_overtime": lambda facts, _zone: f"{_load(facts)}: {facts['overtime_minutes']} are overtime.",
    "capacity_unknown": lambda _facts, _zone: "How much fits the crew's day is not known.",
    "capacity_exceeded": lambda facts, _zone: f"{_load(facts)} and {facts['allowed_minutes']} of overtime.",
    "free": lambda _facts, _zone: "The crew is free at that time.",
    "booked": _booked,
    "way_there": lambda facts, _zone: f"The way from the assignment before takes {_time(facts['needed_minutes'])}.",
    "way_there_too_long": _too_long("from the assignment before"),
    "way_on": lambda facts, _zone: f"The way to the assignment after takes {_time(facts['needed_minutes'])}.",
    "way_on_too_long": _too_long("to the assignment after"),
    "within_reach": lambda facts, _zone: f"It is {_km(facts['distance_m'])} from the crew's depot.",
    "reach_unknown": lambda _facts, _zone: "The crew has no depot from which its reach would count.",
    "out_of_reach": lambda facts, _zone: f"It is {_km(facts['distance_m'])} from the crew's depot;"
                                         f" the crew is sent {_km(facts['reach_m'])} at most.",
}  # fmt: skip
"""Code -> what it says, in the order in which codes are given."""

CODES = tuple(SENTENCES)

OF_THE_TIME = frozenset({
    "not_in_force", "outside_agreed_hours", "cap_minutes_reached", "cap_cents_reached", "skill_not_throughout",
    "certificate_not_throughout", "crew_away", "no_shift", "outside_shift", "overtime_exceeded", "capacity_exceeded",
    "booked", "way_there_too_long", "way_on_too_long",
})  # fmt: skip
"""Codes of what another time might put right."""
