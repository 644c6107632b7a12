"""Times as a clock on the wall shows them, as moments: weekly hours, and when a day begins. Pure.

A time that the clock leaves out (it is put forward) begins at the jump; of one that comes twice, the first is meant. So
hours that meet on the clock meet in time, and none is counted twice.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

MIDNIGHT = time()
DAY_MINUTES = 24 * 60
_A_DAY = timedelta(days=1)
_A_SECOND = timedelta(seconds=1)


class Window(NamedTuple):
    """Hours of one weekday, in minutes from its midnight on the wall."""

    weekday: int
    """1 Monday to 7 Sunday, as ISO 8601 has it."""
    starts: int
    """0 to 1439."""
    until: int
    """1 to 1440 (24:00), after ``starts``; excluded."""


class StoredWindow(Struct, rename={"starts": "from"}):
    """A window as it is sent and stored: ``{weekday, from, until}``, ``HH:MM`` up to ``24:00``."""

    weekday: int
    starts: str
    until: str

    def window(self) -> Window:
        """The same in minutes."""
        return Window(self.weekday, minute_of_day(self.starts), minute_of_day(self.until))


def minute_of_day(clock: str) -> int:
    """``HH:MM``, up to ``24:00``, as minutes since midnight."""
    hours, _, minutes = clock.partition(":")
    return 60 * int(hours) + int(minutes)


def moment(zone: ZoneInfo, day: date, wall: time = MIDNIGHT) -> datetime:
    """The first moment, in UTC, at which clocks in ``zone`` show this time or a later one."""
    local = datetime.combine(day, wall, zone)
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return at
    # The clock leaves this time out. Read with the offset before and with the one after, it is a moment on either side
    # of the change: halve the seconds between them until only the change is left.
    before, after = local.replace(fold=1).astimezone(UTC), at
    offset = after.astimezone(zone).utcoffset()
    while (between := (after - before) // _A_SECOND) > 1:
        middle = before + timedelta(seconds=between // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def moment_of_minute(zone: ZoneInfo, day: date, minute: int) -> datetime:
    """The same for a minute of the day; 1440 is the midnight that ends it."""
    if minute == DAY_MINUTES:
        return moment(zone, day + _A_DAY)
    return moment(zone, day, time(minute // 60, minute % 60))


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day, by the calendar of a zone, that a moment belongs to."""
    return at.astimezone(zone).date()
