"""What may be asked and offered, and what a release does to an offer. Pure; all moments are aware."""

from __future__ import annotations

from datetime import datetime, timedelta

from fieldsync.problems import Unprocessable

REQUEST_LENGTH_MAX = timedelta(days=92)
"""A season of snow or of storms. What takes longer is an agreement, with versions, caps and notice."""

AHEAD_MAX = timedelta(days=366)
"""When a request may begin at the latest: nobody knows her crews' next year but one."""

BACK_MAX = timedelta(hours=24)
"""When it may have begun at the earliest: in a storm the crew drives first, and the paper follows within a day."""

SKEW_MAX = timedelta(minutes=5)
"""How far a client's clock may be behind ours where it says "now"."""

OFFERS_MAX = 200
"""Offers of one request, of whatever state: twice the crews that may be asked for. All are read together."""

OPEN = ("open", "filled")
"""The states in which steps are taken."""


def standing(state: str, ends_at: datetime, at: datetime) -> str:
    """The state of a request as it is answered at ``at``: when its time is over it is closed, with nobody's step."""
    return "closed" if state in OPEN and ends_at <= at else state


def filled(crews_wanted: int, accepted: int) -> str:
    """The state of a request that goes on, with that many offers accepted."""
    return "filled" if accepted >= crews_wanted else "open"


def check_time(starts_at: datetime, ends_at: datetime, at: datetime, begun: bool = False) -> None:
    """Whether help may be asked for at that time. ``begun``: its begin was asked for before, and stays.

    Raises:
        Unprocessable: the field and the limit that it breaks.
    """
    if not begun and starts_at < at - BACK_MAX:
        raise Unprocessable("It may begin a day ago at the earliest.", field="starts_at")
    if not begun and starts_at > at + AHEAD_MAX:
        raise Unprocessable(f"It may begin in {AHEAD_MAX.days} days at the latest.", field="starts_at")
    if ends_at <= starts_at:
        raise Unprocessable("It ends before it begins.", field="ends_at")
    if ends_at <= at:
        raise Unprocessable("That time is over.", field="ends_at")
    if ends_at - starts_at > REQUEST_LENGTH_MAX:
        raise Unprocessable(
            f"It may last {REQUEST_LENGTH_MAX.days} days; for longer, make an agreement.", field="ends_at"
        )


def check_within(
    starts_at: datetime, ends_at: datetime, request_starts_at: datetime, request_ends_at: datetime, at: datetime
) -> None:
    """Whether a crew may be offered for that time, of the time that was asked for.

    Raises:
        Unprocessable: it may not, and why.
    """
    if ends_at <= starts_at:
        raise Unprocessable("It ends before it begins.", field="ends_at")
    if starts_at < request_starts_at:
        raise Unprocessable("It begins before help is asked for.", field="starts_at")
    if ends_at > request_ends_at:
        raise Unprocessable("It ends after help is asked for.", field="ends_at")
    if ends_at <= at:
        raise Unprocessable("That time is over.", field="ends_at")


def release(ends_at: datetime, wanted: datetime | None, at: datetime) -> datetime | None:
    """Until when an offer that ends at ``ends_at`` holds once it is released as of ``wanted`` (None: now); None: it
    ends no earlier than before.

    Where that is before the offer's begin, its begin is brought forward, too: it then holds at no time.

    Raises:
        Unprocessable: ``wanted`` is over, or not before the offer's end: what was done is not undone, and a release
            makes nothing longer.
    """
    if wanted is not None and wanted < at - SKEW_MAX:
        raise Unprocessable("A crew is released now or later; what it has done it was there for.", field="at")
    if wanted is not None and ends_at > at and wanted >= ends_at:
        raise Unprocessable("The offer ends no later than that by itself.", field="at")
    end = max(wanted or at, at)
    return end if end < ends_at else None
