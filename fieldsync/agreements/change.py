"""Proposing, answering and ending agreements: each step for a party, under the agreement's lock."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from psycopg.types.json import Json
from sqlalchemy import Row
from sqlalchemy.orm import Session

from fieldsync.agreements import queries
from fieldsync.agreements.models import Agreement, AgreementEvent, AgreementParty, AgreementTerm, AgreementVersion
from fieldsync.agreements.problems import (
    AgreementEnded,
    NothingInForce,
    NoticeTooShort,
    ProposalExpired,
    ProposalOpen,
    TooManyVersions,
    VersionSettled,
)
from fieldsync.crews.changed import stamp
from fieldsync.database import new_id
from fieldsync.problems import NotAllowed, NotFound, UnknownReference, Unprocessable
from fieldsync.wallclock import day_of

_A_DAY = timedelta(days=1)
_ENCODER = msgspec.json.Encoder()

VERSIONS_MAX = 200
"""Of one agreement, with those that were declined or withdrawn: an amendment every month for sixteen years. Each stays
for ever and may take megabytes; without an end, proposing and withdrawing would fill the disk."""

Version = Row[Any]
"""A row of ``queries.STANDING``."""


@dataclass(frozen=True, slots=True)
class Acting:
    """A member of staff who acts, and for which jurisdictions she may (None: for all)."""

    session: Session
    partnership_id: UUID
    staff_id: UUID
    own: frozenset[UUID] | None
    at: datetime
    today: date
    """In the partnership's time zone."""

    @classmethod
    def of(
        cls, session: Session, partnership_id: UUID, staff_id: UUID, own: frozenset[UUID] | None, at: datetime
    ) -> Acting:
        """Somebody at the moment ``at``."""
        return cls(session, partnership_id, staff_id, own, at, today(session, partnership_id, at))

    def ids(self, **more: Any) -> dict[str, Any]:
        """What the statements bind."""
        own = None if self.own is None else list(self.own)
        bound = {"partnership_id": self.partnership_id, "staff_id": self.staff_id, "own": own}
        return bound | {"today": self.today, "at": self.at} | more

    def party(self, named: UUID | None, parties: Collection[UUID]) -> UUID:
        """The one of ``parties`` for which she acts.

        Raises:
            NotAllowed: her role holds for none of them, or not for the one that she names.
            Unprocessable: she names one that is none of them, or none where there are several.
        """
        if named is not None:
            if self.own is not None and named not in self.own:
                raise NotAllowed("Your role does not hold for that jurisdiction.", field="jurisdiction_id")
            if named not in parties:
                raise NotAllowed("That jurisdiction has no say in this.", field="jurisdiction_id")
            return named
        mine = {party for party in parties if self.own is None or party in self.own}
        if not mine:
            raise NotAllowed("None of your jurisdictions has a say in this.")
        if len(mine) > 1:
            raise Unprocessable("Say for which party you act.", field="jurisdiction_id")
        return mine.pop()

    def write_down(
        self, action: str, agreement_id: UUID, version_id: UUID | None, party: UUID, reason: str | None = None
    ) -> None:
        """Add to the agreement's history."""
        self.session.add(
            AgreementEvent(
                partnership_id=self.partnership_id, id=new_id(), agreement_id=agreement_id, version_id=version_id,
                at=self.at, action=action, jurisdiction_id=party, staff_id=self.staff_id, reason=reason,
            )
        )  # fmt: skip


def today(session: Session, partnership_id: UUID, at: datetime) -> date:
    """The day in the partnership's time zone."""
    return day_of(at, ZoneInfo(session.execute(queries.TIME_ZONE, {"partnership_id": partnership_id}).scalar_one()))


def propose(acting: Acting, wanted: dict[str, Any]) -> UUID:
    """Begin an agreement with its first version (``NewAgreementSchema``). Returns its id.

    Raises:
        UnknownReference, Unprocessable, NotAllowed: see ``_propose``.
        AlreadyThere: another agreement has this code (once flushed).
    """
    agreement = Agreement(
        partnership_id=acting.partnership_id, id=new_id(), code=wanted["code"], title=wanted["title"],
        created_at=acting.at,
    )  # fmt: skip
    _expect_known(acting, wanted["terms"])
    # Before the code is tried: who has no say in it does not learn either whether it is taken.
    acting.party(wanted["jurisdiction_id"], _sides(wanted["terms"]))
    acting.session.add(agreement)
    acting.session.flush()
    _propose(acting, agreement.id, 1, wanted, _sides(wanted["terms"]), _sides(wanted["terms"]))
    return agreement.id


def amend(acting: Acting, agreement_id: UUID, wanted: dict[str, Any]) -> UUID:
    """Propose an agreement's next version (``NewVersionSchema``). Returns its id.

    Whoever gives or receives by what is accepted now has to accept it, too, even where no term names them any more.

    Raises:
        NotFound: there is no such agreement that she may see.
        AgreementEnded, ProposalOpen, TooManyVersions: it takes no proposal now, or none any more.
        UnknownReference, Unprocessable, NotAllowed: see ``_propose``.
    """
    versions = _lock(acting, agreement_id, ended=False)
    if any(version.state == "proposed" for version in versions):
        raise ProposalOpen
    if versions[0].newest >= VERSIONS_MAX:
        raise TooManyVersions(f"An agreement has at most {VERSIONS_MAX} versions.")
    _expect_known(acting, wanted["terms"])
    binding = _binding(acting, versions)
    bound = {side for version in binding for side in version.sides}
    present = bound or set((_accepted(versions) or versions)[0].sides)
    parties = _sides(wanted["terms"]) | bound
    return _propose(acting, agreement_id, versions[0].newest + 1, wanted, parties, parties & present)


def _propose(
    acting: Acting, agreement_id: UUID, number: int, wanted: dict[str, Any], parties: set[UUID], may: set[UUID]
) -> UUID:
    """Write a proposal down, which its proposer (one of ``may``) thereby accepts."""
    if wanted["ends_on"] is not None and wanted["ends_on"] < acting.today:
        raise Unprocessable("The last day is over already.", field="ends_on")
    proposer, version_id = acting.party(wanted["jurisdiction_id"], may), new_id()
    own, session = {"partnership_id": acting.partnership_id}, acting.session
    session.add(
        AgreementVersion(
            **own, id=version_id, agreement_id=agreement_id, number=number, state="proposed",
            starts_on=wanted["starts_on"], ends_on=wanted["ends_on"], notice_days=wanted["notice_days"],
            note=wanted["note"], proposer_id=proposer, proposed_at=acting.at,
        )
    )  # fmt: skip
    session.flush()
    for party in sorted(parties):
        signed = {"accepted_at": acting.at, "accepted_by": acting.staff_id} if party == proposer else {}
        session.add(AgreementParty(**own, version_id=version_id, jurisdiction_id=party, **signed))
    for position, term in enumerate(wanted["terms"], start=1):
        lists = {name: list(dict.fromkeys(term[name])) for name in ("crew_ids", "skills", "service_type_ids")}
        hours = [
            {"weekday": window["weekday"], "from": window["starts"], "until": window["until"]}
            for window in term["hours"]
        ]
        session.add(
            AgreementTerm(
                **own, **term | lists | {"hours": hours}, id=new_id(), version_id=version_id, position=position
            )
        )
    acting.write_down("proposed", agreement_id, version_id, proposer)
    session.flush()
    return version_id


def accept(acting: Acting, agreement_id: UUID, version_id: UUID, named: UUID | None) -> None:
    """Accept a version for a party. With the last one it is accepted, and cuts what was before. Safe to repeat.

    Raises:
        NotFound: there is no such version that she may see.
        NotAllowed, Unprocessable: see ``Acting.party``.
        VersionSettled, ProposalExpired: it can not be accepted any more.
    """
    versions = _lock(acting, agreement_id, version_id=version_id)
    version = _named(versions, version_id)
    party = acting.party(named, _answering(acting, version) if named is None else version.parties)
    if version.state in ("proposed", "accepted") and party not in version.waiting_for:
        return  # She has: the answer to it was lost, perhaps.
    _expect_open(version)
    if version.ends_on is not None and version.ends_on < acting.today:
        raise ProposalExpired
    acting.session.execute(queries.SIGN, acting.ids(version_id=version_id, jurisdiction_id=party))
    acting.write_down("accepted", agreement_id, version_id, party)
    if set(version.waiting_for) == {party}:
        _bring_into_force(acting, agreement_id, version, versions, party)


def _answering(acting: Acting, version: Version) -> Collection[UUID]:
    """The parties one of which she may mean without naming it: those that have not answered, if hers are among them."""
    waiting: list[UUID] = version.waiting_for
    mine = waiting if acting.own is None else [party for party in waiting if party in acting.own]
    return mine or version.parties


def _bring_into_force(
    acting: Acting, agreement_id: UUID, version: Version, versions: Iterable[Version], party: UUID
) -> None:
    # Nothing becomes allowed for days that are over.
    first = max(version.starts_on, acting.today)
    cut = _cut(acting, agreement_id, first, party, f"Replaced by version {version.number}.")
    settled = {"state": "accepted", "first": first, "last": version.ends_on}
    acting.session.execute(queries.SETTLE, acting.ids(version_id=version.id) | settled)
    acting.write_down("came_into_force", agreement_id, version.id, party)
    _tell_boards(acting, [version, *(one for one in versions if one.id in cut)])


def decline(acting: Acting, agreement_id: UUID, version_id: UUID, named: UUID | None, reason: str | None) -> None:
    """Decline a version for a party: it is settled. A party that has accepted may, as long as another has not.

    Raises:
        NotFound: there is no such version that she may see.
        NotAllowed, Unprocessable: see ``Acting.party``; whoever proposed it withdraws it.
        VersionSettled: it is not open any more.
    """
    version = _named(_lock(acting, agreement_id, version_id=version_id), version_id)
    others = [party for party in version.parties if party != version.proposer_id]
    party = acting.party(named, others)
    _expect_open(version)
    _settle(acting, agreement_id, version, "declined", party, reason)


def withdraw(acting: Acting, agreement_id: UUID, version_id: UUID, named: UUID | None, reason: str | None) -> None:
    """Take a proposal back, for the party that made it.

    Raises:
        NotFound: there is no such version that she may see.
        NotAllowed: another party proposed it.
        VersionSettled: it is not open any more.
    """
    version = _named(_lock(acting, agreement_id, version_id=version_id), version_id)
    party = acting.party(named, [version.proposer_id])
    _expect_open(version)
    _settle(acting, agreement_id, version, "withdrawn", party, reason)


def end(acting: Acting, agreement_id: UUID, on: date, reason: str, named: UUID | None) -> None:
    """End an agreement with the day ``on``, for one of its parties. Nothing that was to begin later begins, and what
    waits is declined. Safe to repeat.

    Raises:
        NotFound: there is no such agreement that she may see.
        NotAllowed, Unprocessable: see ``Acting.party``; or it ends by itself before that.
        NothingInForce: nothing of it holds or will hold.
        AgreementEnded: it ends earlier already.
        NoticeTooShort: with ``first_day``, the first possible one.
    """
    versions = _lock(acting, agreement_id)
    ended_on = versions[0].ended_on
    binding = _binding(acting, versions)
    if not binding and ended_on != on:
        raise AgreementEnded if ended_on is not None else NothingInForce
    party = acting.party(named, {side for version in binding or _accepted(versions) for side in version.sides})
    if ended_on == on:
        return
    if ended_on is not None and on > ended_on:
        raise AgreementEnded(f"It ends on {ended_on} already.")
    first_day = acting.today + binding[0].notice_days * _A_DAY
    if on < first_day:
        raise NoticeTooShort(
            f"With a notice of {binding[0].notice_days} days the first possible last day is {first_day}.", field="on",
            first_day=first_day,
        )  # fmt: skip
    lasts = [version.ends_before for version in binding]
    if None not in lasts and on >= max(lasts) - _A_DAY:
        raise Unprocessable(f"It ends by itself on {max(lasts) - _A_DAY}.", field="on")
    cut = _cut(acting, agreement_id, on + _A_DAY, party, reason)
    acting.session.execute(queries.ENDED_ON, acting.ids(id=agreement_id, on=on))
    for version in versions:
        if version.state == "proposed":
            _settle(acting, agreement_id, version, "declined", party, "The agreement is ended.")
    _tell_boards(acting, [version for version in versions if version.id in cut])


# --- what these have in common ------------------------------------------------------------------------------------


def _lock(acting: Acting, agreement_id: UUID, *, version_id: UUID | None = None, ended: bool = True) -> list[Version]:
    """Lock an agreement, then read its versions. Without ``ended``, one that was ended is refused."""
    found = acting.session.execute(queries.LOCK, acting.ids(id=agreement_id)).one_or_none()
    if found is None:
        raise NotFound
    if found.ended_on is not None and not ended:
        raise AgreementEnded
    bound = acting.ids(id=agreement_id, version_id=version_id)
    return list(acting.session.execute(queries.STANDING, bound).all())


def _named(versions: Iterable[Version], version_id: UUID) -> Version:
    for version in versions:
        if version.id == version_id:
            return version
    raise NotFound


def _expect_open(version: Version) -> None:
    if version.state != "proposed":
        raise VersionSettled(f"Version {version.number} is {version.state}.")


def _accepted(versions: Iterable[Version]) -> list[Version]:
    """Those that were accepted, the newest first."""
    return sorted((version for version in versions if version.state == "accepted"), key=lambda version: -version.number)


def _binding(acting: Acting, versions: Iterable[Version]) -> list[Version]:
    """Those that hold today or will, in the order of their days."""
    holding = (
        version for version in _accepted(versions)
        if version.has_days and (version.ends_before is None or version.ends_before > acting.today)
    )  # fmt: skip
    return sorted(holding, key=lambda version: version.holds_from)


def _settle(acting: Acting, agreement_id: UUID, version: Version, state: str, party: UUID, reason: str | None) -> None:
    settled = {"state": state, "first": None, "last": None}
    acting.session.execute(queries.SETTLE, acting.ids(version_id=version.id) | settled)
    acting.write_down(state, agreement_id, version.id, party, reason)


def _cut(acting: Acting, agreement_id: UUID, day: date, party: UUID, reason: str) -> set[UUID]:
    """Let everything that was accepted end before ``day``. The ids of the versions that are shorter now."""
    cut = set(acting.session.execute(queries.CUT, acting.ids(id=agreement_id, day=day)).scalars())
    for version_id in sorted(cut):
        acting.write_down("ended", agreement_id, version_id, party, reason)
    return cut


def _tell_boards(acting: Acting, versions: Iterable[Version]) -> None:
    """Give the crews that may do more or less than before the number of this transaction; its last step."""
    givers = sorted({giver for version in versions for giver in version.givers})
    crew_ids = acting.session.execute(queries.CREWS_OF, acting.ids(givers=givers)).scalars().all()
    stamp(acting.session, acting.partnership_id, crew_ids)


def _sides(terms: Iterable[dict[str, Any]]) -> set[UUID]:
    return {side for term in terms for side in (term["giver_id"], term["receiver_id"])}


def _expect_known(acting: Acting, terms: Iterable[dict[str, Any]]) -> None:
    """Raises:
    UnknownReference: a term names what does not exist, or a crew that its giver does not employ.
    """
    named = []
    for number, term in enumerate(terms):
        of_it = {"term": number, "giver_id": term["giver_id"]}
        named += [of_it | {"list": side, "place": None, "id": term[side]} for side in ("giver_id", "receiver_id")]
        for name in ("crew_ids", "service_type_ids"):
            named += [of_it | {"list": name, "place": place, "id": id_} for place, id_ in enumerate(term[name])]
    found = acting.session.execute(queries.UNKNOWN, acting.ids(named=Json(named, dumps=_ENCODER.encode))).one_or_none()
    if found is None:
        return
    what = {"crew_ids": "crew of the giver", "service_type_ids": "service type"}.get(found.list, "jurisdiction")
    field = f"terms.{found.term}.{found.list}" + ("" if found.place is None else f".{found.place}")
    raise UnknownReference(f"There is no such {what}.", field=field)
