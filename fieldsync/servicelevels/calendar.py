"""Business time: the minutes that count between two moments, and the moment after so many of them. Pure.

A calendar is weekly windows on the wall clock of one time zone (``fieldsync.wallclock``), less whole days that are
holidays. Inside a window the minutes that really pass are counted: a day that counts around the clock has 23 hours when
the clocks go forward, and 25 when they go back.

All reckoning is in whole microseconds, so that what is counted in parts adds up exactly.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fieldsync.wallclock import Window, moment, moment_of_minute

HORIZON = timedelta(days=3653)
"""Ten years: nobody is promised anything for later, and the search for a moment has to end."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
_DAY_US = 24 * 60 * _MINUTE_US
_DAY = timedelta(days=1)
_HORIZON_US = HORIZON // _MICROSECOND


class _Line(NamedTuple):
    """All windows of some years in a row. Moments are microseconds since 1970 in UTC."""

    first_year: int
    last_year: int
    begins: int
    """The first moment of the first year, and below the one after the last year, by the zone's clock."""
    until: int
    starts: list[int]
    ends: list[int]
    before: list[int]
    """What has counted by each start, in microseconds since ``begins``."""
    total: int

    def counted(self, at: int) -> int:
        """The microseconds that count from the line's beginning to ``at``."""
        place = bisect_right(self.starts, at) - 1
        if place < 0:
            return 0
        return self.before[place] + min(at, self.ends[place]) - self.starts[place]

    def reached(self, counted: int) -> int:
        """The first moment by which so much (above 0, ``total`` at most) has counted."""
        place = bisect_left(self.before, counted) - 1
        return self.starts[place] + counted - self.before[place]


class Hours:
    """A calendar. Immutable; remembers the years that it has worked out, so keep one for many questions."""

    __slots__ = ("_counts", "_days", "_holidays", "_line", "_zone")

    def __init__(self, zone: str, windows: Iterable[Window], holidays: Collection[date] = ()) -> None:
        """``zone``: an IANA name. Windows may touch or overlap.

        Raises:
            zoneinfo.ZoneInfoNotFoundError: there is no such zone.
        """
        self._zone = ZoneInfo(zone)
        self._days = _by_weekday(windows)
        self._counts = any(self._days)
        self._holidays = frozenset(holidays)
        self._line: _Line | None = None

    def worked(self, begins: datetime, until: datetime) -> float:
        """The minutes that count from one moment to a later one; 0 where it is not later."""
        if until <= begins:
            return 0.0
        first, last = _us(begins), _us(until)
        line = self._covering(begins, first, until, last)
        return (line.counted(last) - line.counted(first)) / _MINUTE_US

    def after(self, begins: datetime, minutes: float) -> datetime | None:
        """The first moment by which so many minutes have counted since ``begins``, in UTC: the end of a day rather
        than the beginning of the next one. ``begins`` itself where there are none to count.

        None where it would be more than ``HORIZON`` away: also of a calendar in which no time counts.
        """
        wanted = round(minutes * _MINUTE_US)
        if wanted <= 0:
            return begins
        if not self._counts:
            return None
        first = _us(begins)
        limit = first + _HORIZON_US
        line = self._covering(begins, first, begins, first)
        counted = line.counted(first) + wanted
        while line.total < counted:
            if line.until > limit:
                return None
            # Twice as many years each time: few steps, however far away it is.
            line = self._grown(line.first_year, line.last_year + max(1, line.last_year - line.first_year))
        found = line.reached(counted)
        return _EPOCH + timedelta(microseconds=found) if found <= limit else None

    def _covering(self, begins: datetime, first: int, until: datetime, last: int) -> _Line:
        line = self._line
        if line is not None and line.begins <= first and last < line.until:
            return line
        first_year, last_year = begins.astimezone(self._zone).year, until.astimezone(self._zone).year
        if line is not None:
            first_year, last_year = min(first_year, line.first_year), max(last_year, line.last_year)
        return self._grown(first_year, last_year)

    def _grown(self, first_year: int, last_year: int) -> _Line:
        """The line of these years. Replaced as a whole: other threads go on with the one they have."""
        starts: list[int] = []
        ends: list[int] = []
        before: list[int] = []
        total = 0
        for begin, end in self._windows(first_year, last_year):
            starts.append(begin)
            ends.append(end)
            before.append(total)
            total += end - begin
        begins = self._midnight(date(first_year, 1, 1))
        until = self._midnight(date(last_year + 1, 1, 1))
        line = _Line(first_year, last_year, begins, until, starts, ends, before, total)
        self._line = line
        return line

    def _windows(self, first_year: int, last_year: int) -> Iterator[tuple[int, int]]:
        """The windows of all days of the years, in their order, those of no length left out."""
        day, end = date(first_year, 1, 1), date(last_year + 1, 1, 1)
        midnight = self._midnight(day)
        while day < end:
            following = day + _DAY
            next_midnight = self._midnight(following)
            if day not in self._holidays:
                # No zone changes its clock twice in a day, so on a day of 24 hours it does not at all.
                plain = next_midnight - midnight == _DAY_US
                for starts, ends in self._days[day.weekday()]:
                    if plain:
                        yield midnight + starts * _MINUTE_US, midnight + ends * _MINUTE_US
                        continue
                    begin, until = (_us(moment_of_minute(self._zone, day, minute)) for minute in (starts, ends))
                    if begin < until:
                        yield begin, until
            day, midnight = following, next_midnight

    def _midnight(self, day: date) -> int:
        return _us(moment(self._zone, day))


def _by_weekday(windows: Iterable[Window]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The windows of Monday to Sunday, in order; those that touch are one."""
    days: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for weekday, starts, ends in sorted(windows):
        day = days[weekday - 1]
        if day and starts <= day[-1][1]:
            day[-1] = (day[-1][0], max(day[-1][1], ends))
        else:
            day.append((starts, ends))
    return tuple(tuple(day) for day in days)


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
