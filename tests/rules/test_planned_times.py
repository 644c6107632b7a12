"""Start, end and length of an assignment: any two give the third, on every move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.crews.facts import Span
from fieldsync.dispatch.assignments.plan import DOUBLE, OVERRULED, against_untimed, weighed
from fieldsync.dispatch.assignments.spans import MINUTES_MAX, SpanRefused, minutes_of, moved, span_of
from fieldsync.dispatch.reasons import CODES, Answer, Reason

NINE = datetime(2030, 3, 4, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=9, minutes=30))])
STARTS = st.builds(
    lambda seconds, zone: (NINE + timedelta(seconds=seconds)).astimezone(zone),
    st.integers(-3_000_000_000, 3_000_000_000), ZONES,
)  # fmt: skip
MINUTES = st.integers(1, MINUTES_MAX)


@given(STARTS, MINUTES)
def test_any_two_give_the_third(starts: datetime, minutes: int) -> None:
    ends = starts + minutes * MINUTE
    span = Span(starts, ends)
    for given_ in ((starts, ends, None), (starts, None, minutes), (None, ends, minutes), (starts, ends, minutes)):
        assert span_of(*given_) == span
    assert minutes_of(span) == minutes
    assert span_of(starts, ends, None).starts.tzinfo is UTC


@given(STARTS, MINUTES, MINUTES.map(lambda minutes: minutes * MINUTE))
def test_what_does_not_agree_is_never_taken(starts: datetime, minutes: int, other: timedelta) -> None:
    if other != minutes * MINUTE:
        with pytest.raises(SpanRefused) as refused:
            span_of(starts, starts + other, minutes)
        assert refused.value.field == "minutes"


@given(STARTS, MINUTES, STARTS, MINUTES)
def test_a_move_keeps_what_is_not_named(starts: datetime, minutes: int, other: datetime, length: int) -> None:
    span = span_of(starts, None, minutes)
    assert moved(span, None, None, None) == span
    assert moved(span, other, None, None) == span_of(other, None, minutes)
    assert moved(span, None, None, length) == span_of(starts, None, length)
    assert moved(span, None, starts + length * MINUTE, None) == span_of(starts, None, length)
    assert moved(span, None, other, length) == span_of(None, other, length)
    # There and back.
    assert moved(moved(span, other, None, None), starts, None, None) == span


@pytest.mark.parametrize(("given_", "field"), [
    ((NINE, None, None), "minutes"),
    ((None, NINE, None), "minutes"),
    ((None, None, 60), "minutes"),
    ((NINE, NINE, None), "ends_at"),
    ((NINE, NINE - HOUR, None), "ends_at"),
    ((NINE, NINE + timedelta(seconds=90), None), "ends_at"),
    ((NINE, NINE + timedelta(hours=24, minutes=1), None), "ends_at"),
    ((NINE, None, 0), "minutes"),
    ((NINE, None, MINUTES_MAX + 1), "minutes"),
    ((NINE, NINE + HOUR, 61), "minutes"),
    ((NINE.replace(year=1899), None, 60), "starts_at"),
    ((None, NINE.replace(year=2201), 60), "ends_at"),
    # The year counts as it is stored, and that of what is reckoned as well.
    ((datetime(2200, 12, 31, 23, 59, tzinfo=timezone(-14 * HOUR)), None, 60), "starts_at"),
    ((None, datetime(1900, 1, 1, 0, 59, tzinfo=timezone(14 * HOUR)), 60), "ends_at"),
    ((datetime(2200, 12, 31, 23, 59, tzinfo=UTC), None, 60), "ends_at"),
    ((None, datetime(1900, 1, 1, 0, 59, tzinfo=UTC), 60), "starts_at"),
    ((datetime(9999, 12, 31, 23, tzinfo=timezone(-14 * HOUR)), None, 60), "starts_at"),
    ((None, datetime(1, 1, 1, tzinfo=timezone(14 * HOUR)), 60), "ends_at"),
])  # fmt: skip
def test_what_is_no_planned_time(given_: tuple[datetime | None, datetime | None, int | None], field: str) -> None:
    with pytest.raises(SpanRefused) as refused:
        span_of(*given_)
    assert (refused.value.field, refused.value.detail[-1]) == (field, ".")


def test_the_first_and_the_last_year_by_any_clock() -> None:
    first = datetime(1899, 12, 31, 23, tzinfo=timezone(-2 * HOUR))
    assert span_of(first, None, 60).starts == datetime(1900, 1, 1, 1, tzinfo=UTC)
    last = datetime(2201, 1, 1, 1, tzinfo=timezone(2 * HOUR))
    assert span_of(None, last, 60).ends == datetime(2200, 12, 31, 23, tzinfo=UTC)


class TestOverruling:
    """What a person may overrule is a list; what is not on it stands, whoever she is."""

    def answer(self, *codes: str) -> Answer:
        reasons = tuple(Reason(code, good=False, facts={}) for code in codes)
        return Answer(NINE, NINE, not reasons, reasons)  # type: ignore[arg-type]

    def test_every_code_on_it_exists(self) -> None:
        assert set(CODES) >= OVERRULED
        assert DOUBLE in CODES

    @pytest.mark.parametrize("code", [
        "no_agreement", "not_covered", "not_in_force", "outside_agreed_hours", "cap_minutes_reached",
        "cap_cents_reached", "skill_missing", "skill_not_throughout", "certificate_missing",
        "certificate_not_throughout", "booked", "crew_disbanded", "crew_away", "job_done",
    ])  # fmt: skip
    def test_what_is_never_overruled(self, code: str) -> None:
        standing, overruled = weighed(self.answer(code, "outside_shift"), override=True)
        assert ([one.code for one in standing], [one.code for one in overruled]) == ([code], ["outside_shift"])

    @pytest.mark.parametrize("code", sorted(OVERRULED))
    def test_what_is_overruled_only_if_she_says_so(self, code: str) -> None:
        assert weighed(self.answer(code), override=True)[0] == []
        assert [one.code for one in weighed(self.answer(code), override=False)[0]] == [code]

    def test_without_a_time(self) -> None:
        assert against_untimed(self.answer("job_done", "out_of_reach", "no_jurisdiction")) == []
        assert [one.code for one in against_untimed(self.answer("no_agreement", "job_done"))] == ["no_agreement"]
