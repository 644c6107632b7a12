"""The planned time of an assignment: start, end and length, of which any two give the third. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

from fieldsync.crews.facts import Span
from fieldsync.workorders.kinds import YEARS

MINUTES_MAX = 24 * 60
"""A day: what takes longer is planned in parts."""

_A_MINUTE = timedelta(minutes=1)


class SpanRefused(ValueError):
    """What was given is no planned time. ``field`` says where, the message why."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


def minutes_of(span: Span) -> int:
    """How long it is, in minutes."""
    return (span.ends - span.starts) // _A_MINUTE


def span_of(starts_at: datetime | None, ends_at: datetime | None, minutes: int | None) -> Span:
    """The time that is meant, in UTC, where at least two of the three are given.

    Raises:
        SpanRefused: fewer are given, they do not agree, or no planned time comes of them.
    """
    if minutes is not None and not 1 <= minutes <= MINUTES_MAX:
        raise SpanRefused("minutes", f"From 1 to {MINUTES_MAX:,} minutes are planned at once.")
    length = None if minutes is None else minutes * _A_MINUTE
    starts, ends = _in_years("starts_at", starts_at), _in_years("ends_at", ends_at)
    if starts is None and ends is not None and length is not None:
        starts = ends - length
    elif ends is None and starts is not None and length is not None:
        ends = starts + length
    if starts is None or ends is None:
        raise SpanRefused("minutes", "Give two of starts_at, ends_at and minutes.")
    if length is not None and ends - starts != length:
        raise SpanRefused("minutes", "starts_at, ends_at and minutes do not agree.")
    if not _A_MINUTE <= ends - starts <= MINUTES_MAX * _A_MINUTE or (ends - starts) % _A_MINUTE:
        raise SpanRefused("ends_at", f"It ends from 1 to {MINUTES_MAX:,} whole minutes after it starts.")
    # What was reckoned is stored like what was given.
    return Span(_in_years("starts_at", starts), _in_years("ends_at", ends))


@overload
def _in_years(field: str, moment: datetime) -> datetime: ...
@overload
def _in_years(field: str, moment: datetime | None) -> datetime | None: ...
def _in_years(field: str, moment: datetime | None) -> datetime | None:
    """The moment in UTC, which is what is stored: its year there counts, not the one that was written."""
    if moment is None:
        return None
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:  # Of the year 1 or 9999.
        moment = None
    if moment is None or not YEARS[0] <= moment.year <= YEARS[1]:
        raise SpanRefused(field, f"A year from {YEARS[0]} to {YEARS[1]} (UTC) is expected.")
    return moment


def moved(span: Span, starts_at: datetime | None, ends_at: datetime | None, minutes: int | None) -> Span:
    """Where a planned time comes to lie: another start moves it as long as it is, another end or length leaves its
    start; of two that are given the third follows.

    Raises:
        SpanRefused: as ``span_of``.
    """
    given = [value is not None for value in (starts_at, ends_at, minutes)]
    if not any(given):
        return span
    if sum(given) == 1:
        if starts_at is not None:
            minutes = minutes_of(span)
        else:
            starts_at = span.starts
    return span_of(starts_at, ends_at, minutes)
