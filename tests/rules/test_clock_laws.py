"""Laws of a work order's clocks, held against made-up histories."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fieldsync.servicelevels.clocks import Event, Job, Pause, advance, start
from fieldsync.servicelevels.targets import Facts
from fieldsync.workorders.rules import DONE, TRANSITIONS
from tests.rules.promised import CALENDARS, MONDAY, OFFICE, POTHOLE, SIGNAL, TERMS, TREE, WEST, S, after, uid


@st.composite
def histories(draw: st.DrawFn) -> tuple[Job, list[Event]]:
    """A work order and what happens to it, as the rules allow; now and then told late."""
    priority, service_type = draw(st.sampled_from([1, 3])), draw(st.sampled_from([POTHOLE, SIGNAL, TREE]))
    made = Job(uid(99), draw(st.sampled_from([S.OPEN, S.IN_PROGRESS])), Facts(service_type, priority, WEST))
    hours, status, events = 0.0, made.status, list[Event]()
    for _ in range(draw(st.integers(0, 12))):
        hours = max(0.0, hours + draw(st.floats(-3, 30, allow_subnormal=False)))
        event = Event(after(hours))
        match draw(st.sampled_from(["status", "status", "facts", "pause", "resume", "deleted"])):
            case "status":
                status = event.status = draw(st.sampled_from(sorted(TRANSITIONS["office"][status])))
            case "facts":
                event.facts = Facts(draw(st.sampled_from([POTHOLE, SIGNAL, TREE])), draw(st.integers(1, 2)), WEST)
            case "pause":
                event.paused = Pause("office", MONDAY)
            case "resume":
                event.resumed = Pause("office", MONDAY)
            case "deleted":
                event.deleted = draw(st.booleans())
        events.append(event)
    return made, events


def folded(made: Job, events: list[Event]) -> Job:
    made = deepcopy(made)
    start(made, MONDAY, TERMS)
    for event in events:
        if event.paused is not None and made.open_pause("office") is not None:
            continue
        advance(made, deepcopy(event), TERMS)
    return made


@given(histories())
def test_the_same_events_give_the_same_clocks(history: tuple[Job, list[Event]]) -> None:
    assert folded(*history) == folded(*history)


@given(histories())
@example(
    (
        Job(uid(99), S.OPEN, Facts(POTHOLE, 1, WEST)),
        [
            Event(MONDAY, S.CANCELLED),
            Event(after(1), paused=Pause("office", MONDAY)),
            Event(MONDAY, S.OPEN),
        ],
    )
)
def test_what_is_spent_is_what_counted_outside_all_pauses(history: tuple[Job, list[Event]]) -> None:
    """One target, one calendar: the spent minutes are those of the time in which the clock was neither paused nor
    stopped, found here by going through the history by other means."""
    made, events = history
    made.facts = Facts(POTHOLE, 3, WEST)
    events = [event for event in events if event.facts is None]
    last = max((event.at for event in events), default=MONDAY) + timedelta(hours=1)
    made = folded(made, events)
    clock = made.resolution
    if clock is None:
        return
    status, deleted, office, since, spent = history[0].status, False, False, MONDAY, 0.0
    begun = status is S.IN_PROGRESS

    def standing() -> tuple[bool, ...]:
        stopped = deleted or status in DONE
        return stopped, not stopped and status is S.ON_HOLD, not stopped and office, begun

    for event in [*events, Event(last)]:
        before = standing()
        status = event.status or status
        deleted = deleted if event.deleted is None else event.deleted
        begun = begun or status in (S.IN_PROGRESS, S.COMPLETED)
        office = (office or event.paused is not None) and event.resumed is None and not (deleted or status in DONE)
        # What changes nothing leaves no trace, and later tidings may be of before it.
        if standing() == before and event.at != last:
            continue
        now = max(event.at, since)
        if not any(before[:3]):
            spent += CALENDARS[OFFICE].worked(since, now)
        since = now
    running = CALENDARS[OFFICE].worked(clock.running_since, last) if clock.running_since else 0.0
    assert clock.spent_minutes + running == pytest.approx(spent, abs=1e-6)


@given(histories())
def test_a_clock_is_in_one_state(history: tuple[Job, list[Event]]) -> None:
    made, events = history
    made = deepcopy(made)
    start(made, MONDAY, TERMS)
    breached: dict[str, datetime] = {}
    for event in events:
        if event.paused is not None and made.open_pause("office") is not None:
            continue
        advance(made, deepcopy(event), TERMS)
        open_ = {pause.cause for pause in made.pauses if pause.ends_at is None}
        assert len(open_) == len([pause for pause in made.pauses if pause.ends_at is None])
        for clock in made.clocks():
            assert (clock.stopped_at is None) == (clock.stopped_because is None)
            assert (clock.due_at is None) == (clock.running_since is None)
            assert clock.running_since is None or clock.stopped_at is None
            assert clock.spent_minutes >= 0
            assert clock.started_at <= (clock.running_since or clock.stopped_at or made.known_until())
            if clock.stopped_at is None:
                assert (clock.running_since is None) == bool(open_)
            # What ran out once has run out, at that moment.
            assert breached.get(clock.sort) in (None, clock.breached_at)
            if clock.breached_at is not None:
                breached[clock.sort] = clock.breached_at
                assert clock.due_at in (None, clock.breached_at)
