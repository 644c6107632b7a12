"""A work order's clocks: what starts, pauses, stops and retargets them."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import pytest

from fieldsync.servicelevels.calendar import Hours
from fieldsync.servicelevels.clocks import Event, Job, Stop, advance, start
from fieldsync.servicelevels.targets import Facts, Policy, Target, Terms
from fieldsync.workorders.rules import Status
from tests.rules.promised import (
    ALWAYS,
    EAST,
    FIRST,
    LATER,
    MONDAY,
    OFFICE,
    POTHOLE,
    SECOND,
    SIGNAL,
    TERMS,
    TREE,
    WEST,
    S,
    after,
    job,
    pause,
    resume,
    then,
    uid,
)


class TestTargets:
    @pytest.mark.parametrize(("facts", "expected"), [
        (Facts(POTHOLE, 1, WEST), 1), (Facts(POTHOLE, 1, EAST), 2), (Facts(POTHOLE, 2, WEST), 3),
        (Facts(SIGNAL, 1, WEST), 4), (Facts(POTHOLE, 2, EAST), 5), (Facts(SIGNAL, 1, EAST), 6),
        (Facts(SIGNAL, 2, WEST), 7), (Facts(SIGNAL, 2, None), 8), (Facts(POTHOLE, 5, None), 5),
    ])  # fmt: skip
    def test_the_one_that_names_most_holds(self, facts: Facts, expected: int) -> None:
        cases = [
            (POTHOLE, 1, WEST), (POTHOLE, 1, None), (POTHOLE, None, WEST), (None, 1, WEST), (POTHOLE, None, None),
            (None, 1, None), (None, None, WEST), (None, None, None),
        ]  # fmt: skip
        targets = [
            Target(id=uid(number), service_type_id=service_type, priority=priority, jurisdiction_id=jurisdiction,
                   calendar_id=OFFICE, response_minutes=1)
            for number, (service_type, priority, jurisdiction) in enumerate(cases, start=1)
        ]  # fmt: skip
        policy = Policy(uid(30), targets)
        for _ in range(2):  # the second time from what it remembers
            found = policy.target(facts)
            assert found is not None
            assert found.id == uid(expected)

    def test_two_named_are_more_than_one(self) -> None:
        by_type = Target(id=uid(1), service_type_id=POTHOLE, calendar_id=OFFICE, response_minutes=1)
        by_both = Target(id=uid(2), priority=1, jurisdiction_id=WEST, calendar_id=OFFICE, response_minutes=1)
        assert Policy(uid(30), [by_type, by_both]).target(Facts(POTHOLE, 1, WEST)) == by_both

    def test_none_may_fit(self) -> None:
        assert FIRST.target(Facts(TREE, 1, WEST)) is None

    def test_the_policy_that_began_last_is_in_force(self) -> None:
        assert TERMS.in_force(MONDAY - timedelta(days=31)) is None
        assert TERMS.in_force(LATER - timedelta(microseconds=1)) is FIRST
        assert TERMS.in_force(LATER) is SECOND


class TestStarting:
    def test_both_run_from_the_creation(self) -> None:
        made = job()
        assert (made.respond_by, made.resolve_by) == (after(2), after(25))  # 600 minutes: an hour of Tuesday
        assert [clock.started_at for clock in made.clocks()] == [MONDAY, MONDAY]

    def test_one_made_at_night_is_due_in_the_morning(self) -> None:
        assert job(at=after(12)).respond_by == after(26)

    def test_work_that_has_begun_already_needs_no_response(self) -> None:
        made = job(status=S.IN_PROGRESS)
        assert made.response is None
        assert made.resolve_by == after(25)

    def test_work_that_was_done_already_has_no_clock(self) -> None:
        assert job(status=S.COMPLETED).clocks() == []

    def test_only_what_is_aimed_at(self) -> None:
        assert job(service_type=SIGNAL).response is None
        assert job(service_type=TREE).clocks() == []

    def test_before_the_first_policy_there_is_none(self) -> None:
        assert job(at=MONDAY - timedelta(days=31)).clocks() == []

    def test_a_due_that_is_never_is_null(self) -> None:
        never = Policy(uid(33), [Target(id=uid(45), calendar_id=uid(23), response_minutes=1)])
        terms = Terms([(MONDAY, never.id)], {never.id: never}, {uid(23): Hours("UTC", [])})
        made = Job(uid(99), S.OPEN, Facts(POTHOLE, 3, WEST))
        start(made, MONDAY, terms)
        advance(made, Event(after(1_000), status=S.COMPLETED), terms)
        assert made.response is not None
        assert (made.response.due_at, made.response.breached_at, made.response.stopped_because) == (None, None, "done")


class TestStopping:
    @pytest.mark.parametrize("status", [S.IN_PROGRESS, S.COMPLETED])
    def test_work_that_begins_stops_the_response(self, status: Status) -> None:
        made = then(job(), 1, status)
        assert made.response is not None
        assert (made.response.stopped_at, made.response.stopped_because) == (after(1), Stop.DONE)
        assert (made.response.spent_minutes, made.response.breached_at, made.respond_by) == (60, None, None)

    def test_the_response_stays_stopped_whatever_comes(self) -> None:
        made = then(then(job(), 1, S.IN_PROGRESS), 2, S.OPEN)
        stopped = deepcopy(made.response)
        for hours, status in ((3, S.CANCELLED), (4, S.OPEN), (5, S.IN_PROGRESS), (6, S.COMPLETED), (7, S.OPEN)):
            then(made, hours, status)
        assert made.response == stopped

    def test_too_late_is_a_breach_at_the_moment_it_was_due(self) -> None:
        made = then(job(), 3, S.IN_PROGRESS)
        assert made.response is not None
        assert (made.response.spent_minutes, made.response.breached_at) == (180, after(2))

    def test_just_in_time_is_none(self) -> None:
        made = then(job(), 2, S.IN_PROGRESS)
        assert made.response is not None
        assert made.response.breached_at is None

    def test_the_resolution_runs_until_the_work_is_done(self) -> None:
        made = then(then(job(), 1, S.IN_PROGRESS), 5, S.COMPLETED)
        assert made.resolution is not None
        assert (made.resolution.spent_minutes, made.resolution.stopped_at) == (300, after(5))
        assert then(made, 9, S.CLOSED).resolution == made.resolution

    def test_cancelled_is_neither_met_nor_breached(self) -> None:
        made = then(job(), 1, S.CANCELLED)
        assert [(c.stopped_because, c.breached_at) for c in made.clocks()] == [(Stop.CANCELLED, None)] * 2

    def test_but_what_had_run_out_stays_so(self) -> None:
        made = then(job(), 3, S.CANCELLED)
        assert [clock.breached_at for clock in made.clocks()] == [after(2), None]

    def test_deleted_stands_still_and_restored_goes_on(self) -> None:
        made = then(then(job(), 1, deleted=True), 5, deleted=False)
        assert [clock.spent_minutes for clock in made.clocks()] == [60, 60]
        assert made.respond_by == after(6)


class TestReopening:
    def test_the_resolution_goes_on_with_what_was_spent(self) -> None:
        made = then(then(job(), 5, S.COMPLETED), 24, S.OPEN)
        assert made.resolution is not None
        assert (made.resolution.spent_minutes, made.resolution.stopped_at) == (300, None)
        assert made.resolve_by == after(29)

    def test_of_cancelled_work_both(self) -> None:
        made = then(then(job(), 1, S.CANCELLED), 3, S.OPEN)
        assert (made.respond_by, made.resolution and made.resolution.spent_minutes) == (after(4), 60)

    def test_what_was_breached_stays_due_since(self) -> None:
        made = then(then(job(), 26, S.COMPLETED), 30, S.OPEN)
        assert made.resolution is not None
        assert (made.resolution.breached_at, made.resolve_by) == (after(25), after(25))

    def test_work_without_clocks_gets_one_by_the_policy_of_then(self) -> None:
        made = then(job(status=S.COMPLETED), 24 * 120, S.OPEN)
        assert made.resolution is not None
        assert made.resolution.policy_id == SECOND.id
        # There was a response, before there was anything to respond to.
        assert made.response is None


class TestPauses:
    def test_on_hold_nothing_counts(self) -> None:
        made = then(job(), 1, S.ON_HOLD)
        assert (made.respond_by, made.resolve_by) == (None, None)
        assert [clock.spent_minutes for clock in made.clocks()] == [60, 60]
        then(made, 4, S.OPEN)
        assert made.respond_by == after(5)
        assert [(p.cause, p.starts_at, p.ends_at) for p in made.pauses] == [("on_hold", after(1), after(4))]

    def test_unless_the_target_says_so(self) -> None:
        made = then(job(service_type=SIGNAL), 1, S.ON_HOLD)
        assert (made.resolve_by, made.pauses) == (after(5), ())

    def test_a_pause_over_night_costs_only_the_hours_that_count(self) -> None:
        made = then(then(job(), 8, S.ON_HOLD), 25, S.IN_PROGRESS)  # from 16:00 to 9:00 the next day
        assert made.resolve_by == after(27)  # two hours later than without

    def test_by_the_office_both_stand_still(self) -> None:
        made = resume(pause(job(), 1), 3)
        (held,) = made.pauses
        assert (held.starts_at, held.ends_at, held.reason, held.resume_reason) == (
            after(1), after(3), "waiting for parts", "they came",
        )  # fmt: skip
        assert made.respond_by == after(4)

    @pytest.mark.parametrize("office_ends_last", [True, False])
    def test_it_runs_only_if_nobody_pauses_it(self, office_ends_last: bool) -> None:
        made = pause(then(job(), 1, S.ON_HOLD), 2)
        if office_ends_last:
            assert then(made, 3, S.OPEN).respond_by is None
            resume(made, 4)
        else:
            assert resume(made, 3).respond_by is None
            then(made, 4, S.OPEN)
        assert made.respond_by == after(5)
        assert sorted(p.cause for p in made.pauses if p.ends_at) == ["office", "on_hold"]

    def test_work_that_begins_answers_even_while_the_office_pauses(self) -> None:
        made = then(pause(job(), 1), 5, S.IN_PROGRESS)
        assert made.response is not None
        assert (made.response.spent_minutes, made.response.stopped_at) == (60, after(5))
        assert made.resolve_by is None

    @pytest.mark.parametrize("status", [S.COMPLETED, S.CANCELLED])
    def test_the_end_of_the_work_ends_all_pauses(self, status: Status) -> None:
        made = then(pause(then(job(), 1, S.ON_HOLD), 2), 3, status)
        assert {p.ends_at for p in made.pauses} == {after(3)}
        then(made, 5, S.OPEN)
        assert made.resolution is not None
        assert made.resolution.running_since == after(5)

    def test_a_breach_before_the_pause_is_known_when_it_begins(self) -> None:
        made = then(job(), 3, S.ON_HOLD)
        assert made.response is not None
        assert made.response.breached_at == after(2)
        assert then(made, 5, S.OPEN).respond_by == after(2)


class TestRetargeting:
    def test_the_new_target_holds_and_what_was_spent_stays(self) -> None:
        made = then(job(), 0.25, facts=Facts(POTHOLE, 1, WEST))
        assert [(c.target_minutes, c.spent_minutes, c.calendar_id) for c in made.clocks()] == [
            (30, 15, ALWAYS), (240, 15, ALWAYS),
        ]  # fmt: skip
        assert made.respond_by == after(0.5)

    def test_one_that_is_spent_already_is_due_at_once(self) -> None:
        made = then(job(), 1, facts=Facts(POTHOLE, 1, WEST))
        assert made.response is not None
        assert (made.respond_by, made.response.breached_at) == (after(1), None)
        assert then(made, 1.5, S.IN_PROGRESS).response == made.response
        assert made.response.breached_at == after(1)

    def test_a_breach_stays_though_there_would_be_more_time_now(self) -> None:
        made = then(job(priority=1), 1, facts=Facts(POTHOLE, 3, WEST))
        assert made.response is not None
        assert (made.response.breached_at, made.respond_by, made.response.target_minutes) == (after(0.5),) * 2 + (120,)

    def test_it_stays_with_the_policy_under_which_it_began(self) -> None:
        made = then(job(), 24 * 120, facts=Facts(SIGNAL, 3, WEST))
        assert made.resolution is not None
        assert (made.resolution.policy_id, made.resolution.target_id) == (FIRST.id, uid(43))

    def test_without_a_target_it_stops_and_with_one_it_goes_on(self) -> None:
        made = then(job(), 1, facts=Facts(TREE, 3, WEST))
        assert [clock.stopped_because for clock in made.clocks()] == [Stop.NO_TARGET] * 2
        then(made, 2, S.ON_HOLD)
        then(made, 3, S.OPEN)
        assert made.respond_by is None
        then(made, 4, facts=Facts(POTHOLE, 3, WEST))
        assert made.respond_by == after(5)

    def test_one_that_is_missing_begins_then(self) -> None:
        made = then(job(service_type=SIGNAL), 1, facts=Facts(POTHOLE, 3, WEST))
        assert made.response is not None
        assert (made.response.started_at, made.respond_by, made.response.policy_id) == (after(1), after(3), FIRST.id)
        assert made.resolution is not None
        assert made.resolution.spent_minutes == 60

    def test_what_is_done_was_done_by_the_target_of_then(self) -> None:
        made = then(then(job(), 1, S.COMPLETED), 2, facts=Facts(TREE, 3, WEST))
        assert [clock.stopped_because for clock in made.clocks()] == [Stop.DONE] * 2
        then(made, 3, S.OPEN)
        assert made.resolution is not None
        assert made.resolution.stopped_because is Stop.NO_TARGET

    def test_on_hold_the_new_target_says_whether_that_pauses(self) -> None:
        made = then(then(job(), 1, S.ON_HOLD), 2, facts=Facts(SIGNAL, 3, WEST))
        assert [p.ends_at for p in made.pauses] == [after(2)]
        assert made.resolve_by == after(6)

    def test_the_same_target_changes_nothing(self) -> None:
        made = job()
        before = deepcopy(made.clocks())
        assert then(made, 1, facts=Facts(POTHOLE, 4, WEST)).clocks() == before


class TestTimeNeverRunsBackwards:
    def test_what_is_told_late_counts_as_of_what_is_known(self) -> None:
        made = then(then(job(), 3, S.ON_HOLD), 1, S.IN_PROGRESS)
        assert [(p.starts_at, p.ends_at) for p in made.pauses] == [(after(3), after(3))]
        assert made.resolution is not None
        assert (made.resolution.running_since, made.resolution.spent_minutes) == (after(3), 180)

    def test_nothing_stops_before_it_started(self) -> None:
        made = then(job(at=after(4)), 1, S.COMPLETED)
        assert {(clock.stopped_at, clock.spent_minutes) for clock in made.clocks()} == {(after(4), 0)}
