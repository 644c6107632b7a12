"""Planned absences, of whole crews and of members."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from fieldsync.crews.absences import schemas
from fieldsync.crews.belongings import PLANNERS, Belonging, OfCrew, OfMember, blueprint
from fieldsync.crews.models import Absence
from fieldsync.problems import Unprocessable


def _ends_after_it_starts(session: Session, absence: Absence) -> None:
    if absence.ends_at <= absence.starts_at:
        raise Unprocessable("It ends before it begins.", field="ends_at")
    if absence.ends_at - absence.starts_at > timedelta(days=schemas.ABSENCE_DAYS_MAX):
        raise Unprocessable(f"It lasts longer than {schemas.ABSENCE_DAYS_MAX} days.", field="ends_at")


def _between(query: Select[Any], args: dict[str, Any]) -> Select[Any]:
    if "first" in args:
        query = query.where(Absence.ends_at > args["first"])
    if "last" in args:
        query = query.where(Absence.starts_at < args["last"])
    return query


OF_CREW = Belonging(
    model=Absence,
    owner=OfCrew(),
    one="crew_absence",
    noun="an absence of a whole crew",
    listed="When a whole crew is not there, by beginning",
    most=schemas.ABSENCES_MAX,
    keys=[Absence.starts_at, Absence.id],
    writers=PLANNERS,
    item=schemas.AbsenceSchema,
    page=schemas.AbsencePageSchema,
    new=schemas.NewAbsenceSchema,
    patch=schemas.AbsencePatchSchema,
    args=schemas.AbsenceArgs,
    narrow=_between,
    check=_ends_after_it_starts,
    about_adding="It is taken out of the crew's shifts. What is planned in that time stays planned.",
)

OF_MEMBER = replace(
    OF_CREW,
    owner=OfMember(where_she_works=True),
    one="member_absence",
    noun="an absence of a member",
    listed="When a member is not there, by beginning",
    about_adding="She and what she alone brings along are missing from her crews in that time. What is planned stays "
    "planned.",
)

crew_blp = blueprint(
    "crew_absences", "/v1/crews/<uuid:crew_id>/absences", OF_CREW,
    "When a whole crew is not there. Dispatchers and admins of the crew's jurisdiction change it.",
)  # fmt: skip
member_blp = blueprint(
    "member_absences", "/v1/members/<uuid:member_id>/absences", OF_MEMBER,
    "When a member is not there. Dispatchers and admins of her employer change it, and those of a crew's jurisdiction "
    "while she is in the crew or is going to be.",
)  # fmt: skip
