"""When a crew works: its weekly shifts, and the days on which it works otherwise."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from fieldsync.crews.belongings import PLANNERS, Belonging, OfCrew, blueprint, expect_in_order, on_day
from fieldsync.crews.hours import schemas
from fieldsync.crews.models import Shift, ShiftException
from fieldsync.crews.problems import ExceptionThere, ShiftsOverlap
from fieldsync.crews.shifts import Weekly, overlap
from fieldsync.problems import Unprocessable


def _apart_from_the_others(session: Session, shift: Shift) -> None:
    expect_in_order(shift)
    others = select(Shift).where(
        Shift.partnership_id == shift.partnership_id, Shift.crew_id == shift.crew_id, Shift.id != shift.id
    )
    for other in session.scalars(others):
        if overlap(_weekly(shift), _weekly(other)):
            raise ShiftsOverlap(
                f"The crew has another shift at that time of the week: weekday {other.weekday}, {other.starts:%H:%M}, "
                f"{other.minutes} minutes.",
                field="starts",
                shift_id=str(other.id),
            )


def _weekly(shift: Shift) -> Weekly:
    return Weekly(shift.weekday, shift.starts, shift.minutes, shift.since, shift.until)


def _both_or_none(session: Session, exception: ShiftException) -> None:
    for given, missing in (("starts", "minutes"), ("minutes", "starts")):
        if getattr(exception, given) is not None and getattr(exception, missing) is None:
            raise Unprocessable("Hours have a beginning and a length: give both, or none.", field=missing)


def _between(query: Select[Any], args: dict[str, Any]) -> Select[Any]:
    if "first" in args:
        query = query.where(ShiftException.day >= args["first"])
    if "last" in args:
        query = query.where(ShiftException.day <= args["last"])
    return query


SHIFTS = Belonging(
    model=Shift,
    owner=OfCrew(),
    one="shift",
    noun="a weekly shift",
    listed="A crew's weekly shifts, by weekday",
    most=schemas.SHIFTS_MAX,
    keys=[Shift.weekday, Shift.since, Shift.id],
    writers=("admin",),
    item=schemas.ShiftSchema,
    page=schemas.ShiftPageSchema,
    new=schemas.NewShiftSchema,
    patch=schemas.ShiftPatchSchema,
    args=schemas.ShiftArgs,
    narrow=on_day(Shift.since, Shift.until),
    check=_apart_from_the_others,
    refuses=(ShiftsOverlap,),
    about_adding="It begins by the clock of the crew's time zone and lasts its minutes in real time. Shifts may touch, "
    "but not overlap.",
)

EXCEPTIONS = Belonging(
    model=ShiftException,
    owner=OfCrew(),
    one="exception",
    noun="a day on which a crew works otherwise",
    listed="The days on which a crew works otherwise, by day",
    most=schemas.EXCEPTIONS_MAX,
    keys=[ShiftException.day, ShiftException.id],
    writers=PLANNERS,
    item=schemas.ShiftExceptionSchema,
    page=schemas.ShiftExceptionPageSchema,
    new=schemas.NewShiftExceptionSchema,
    patch=schemas.ShiftExceptionPatchSchema,
    args=schemas.ShiftExceptionArgs,
    narrow=_between,
    check=_both_or_none,
    refuses=(ExceptionThere,),
    about_adding="It takes the place of all shifts that would begin on that day; a shift that began the day before "
    "goes on.",
)

shifts_blp = blueprint(
    "shifts", "/v1/crews/<uuid:crew_id>/shifts", SHIFTS,
    "A crew's weekly shifts. Admins of the crew's jurisdiction change them.",
)  # fmt: skip
exceptions_blp = blueprint(
    "shift_exceptions", "/v1/crews/<uuid:crew_id>/shift-exceptions", EXCEPTIONS,
    "Days on which a crew works otherwise. Dispatchers and admins of the crew's jurisdiction change them.",
)  # fmt: skip
