"""Eligibility by examples: every code, and where each rule begins and ends."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from fieldsync.agreements.rules import Window
from fieldsync.crews.spans import joined, without
from fieldsync.dispatch.eligibility import CODES
from tests.rules.dispatching import (
    EAST,
    LONG_AGO,
    WEST,
    ask,
    bad,
    booked,
    certificate,
    codes,
    crew,
    during,
    facts,
    grant,
    job,
    local,
    name,
    north,
    person,
)
from tests.rules.eligibility_cases import CASES, FLAGGED, Case, absent


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.called)
def test_it_answers_with_every_reason(case: Case) -> None:
    answer = ask(**case.asked)
    assert bad(answer) == list(case.bad)
    assert answer.eligible is (not case.bad)
    assert set(case.good) <= set(codes(answer)) - set(case.bad)
    for code, said in case.says.items():
        assert {key: facts(answer, code)[key] for key in said} == said
    assert answer.overtime_minutes == case.overtime
    # In the order that is documented; and every answer can be told to a person and sent.
    places = [CODES.index(reason.code) for reason in answer.reasons]
    group = [place for place, reason in zip(places, answer.reasons, strict=True) if not _candidates(reason.code)]
    assert group == sorted(group)
    assert json.loads(json.dumps(answer.document()))["eligible"] is answer.eligible
    for reason in answer.reasons:
        assert reason.sentence[0].isupper()
        assert reason.sentence[-1] == "."
        assert {"code", "good", "sentence"}.isdisjoint(reason.facts)


def _candidates(code: str) -> bool:
    """Of several grants each has its reasons together; of several certificates and days, too."""
    return code in ("not_in_force", "outside_agreed_hours", "cap_minutes_reached", "cap_cents_reached") or (
        code.startswith(("certificate", "capacity"))
    )


def test_every_code_has_a_case_that_gives_it() -> None:
    given = {code for case in CASES for code in codes(ask(**case.asked))}
    assert given == set(CODES)


def test_a_code_is_either_good_or_bad() -> None:
    seen: dict[str, set[bool]] = {}
    for case in CASES:
        for reason in ask(**case.asked).reasons:
            seen.setdefault(reason.code, set()).add(reason.good)
    assert {code for code, ways in seen.items() if len(ways) > 1} == set()


def test_the_answer_names_crew_job_grant_and_way() -> None:
    answer = ask(about=job(jurisdiction_id=EAST, at=north(10)), grants=[grant()], booked=[booked(3, "07:30")])
    assert (answer.crew_id, answer.job_id, answer.grant_id) == (name("crew"), name("job"), name("A-1"))
    assert answer.travel_minutes == pytest.approx(10)
    assert ask(grants=[grant()]).grant_id is None, "the home crew needs no grant"


def test_the_way_is_from_the_assignment_before_or_else_from_the_depot() -> None:
    before = [booked(3, "07:00", 30, at=north(4)), booked(3, "07:40", 30, at=north(8))]
    assert ask(about=job(at=north(10)), booked=before).travel_minutes == pytest.approx(2)
    assert ask(about=job(at=north(10))).travel_minutes == pytest.approx(10)
    assert ask(of=crew(depot=None), about=job(at=north(10))).travel_minutes is None


def test_of_many_agreements_the_best_ranked_are_told_and_how_many_more_there_are() -> None:
    closed = [grant(f"A-{number:02}", hours=(Window(7, 0, 1),)) for number in range(13)]
    answer = ask(about=job(jurisdiction_id=EAST), grants=closed)
    told = [reason for reason in answer.reasons if reason.code == "outside_agreed_hours"]
    assert [reason.facts["agreement"] for reason in told] == [f"A-{number:02}" for number in range(10)]
    assert [reason.facts.get("more") for reason in told] == [None] * 9 + [3]
    assert told[-1].sentence == "Agreement A-09 does not hold at these hours. 3 more do not apply either."
    elsewhere = [grant(f"A-{number:02}", crew_ids=frozenset({name("another")})) for number in range(13)]
    answer = ask(about=job(jurisdiction_id=EAST), grants=elsewhere)
    told = [reason for reason in answer.reasons if reason.code == "not_covered"]
    assert [reason.facts.get("more") for reason in told] == [None] * 9 + [3]
    # One that applies is found however many come before it.
    answer = ask(about=job(jurisdiction_id=EAST), grants=[*closed, grant("B")])
    assert answer.grant_id == name("B")
    assert facts(answer, "agreement")["passed_over"] == [str(one.id) for one in closed[:10]]
    assert facts(answer, "agreement")["more_passed_over"] == 3
    assert "more" not in facts(ask(about=job(jurisdiction_id=EAST), grants=closed[:10]), "outside_agreed_hours")


def test_an_agreement_between_its_own_parties_says_nothing_of_the_home_crew() -> None:
    assert ask(about=job(jurisdiction_id=WEST), grants=[grant(ends=LONG_AGO + timedelta(1))]).eligible


def test_times_are_told_by_the_crews_clock() -> None:
    answer = ask(booked=[booked(3, "09:30")])
    (taken,) = (reason for reason in answer.reasons if reason.code == "booked")
    assert taken.sentence == "It is booked from 2026-03-03 09:30 to 2026-03-03 10:30."
    of = crew(people=(person("Ana", certificate("flagger", until=local(4, "00:00"))),))
    answer = ask(of, FLAGGED, during(4, "09:00"))
    (lapse,) = (reason for reason in answer.reasons if not reason.good)
    assert lapse.sentence == (
        "Nobody of it has the certificate flagger for the whole time: Ana has it until 2026-03-03."
    )


def test_shifts_and_absences_of_these_cases_agree() -> None:
    """The cases make days and ``away`` as the roster does."""
    away = during(3, "09:30", 15)
    shifts = [shift for day in absent(away).days for shift in day.shifts]
    assert without(shifts, [away]) == joined(shifts)
    assert WEST != EAST


def test_the_codes_are_documented_in_their_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "eligibility.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (good|bad) \|", page, re.MULTILINE)
    assert [code for code, _ in rows] == list(CODES)
    given = {reason.code: reason.good for case in CASES for reason in ask(**case.asked).reasons}
    assert {code: way == "good" for code, way in rows} == given
