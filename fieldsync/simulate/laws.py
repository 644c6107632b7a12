"""Checking from outside that the promises of the exchange were kept: by what tablets and the office can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fieldsync.simulate.claims import Claims, Key, Records
from fieldsync.simulate.crew_tablet import CrewTablet
from fieldsync.simulate.drive import Crew, Day, Nobody, Watcher, by_crew
from fieldsync.simulate.plans import DONE, misplanned
from fieldsync.tablet import Edit, HttpLine, ServerRefused, Tablet

FINDINGS_SHOWN = 5

FRESH_PAGE = 61
"""Changes in a page of the tablets that download everything once more: many pages, so many places to resume from."""

READERS = 4
"""Threads that read at the same time."""

INCLUDED = ("tasks", "notes", "entries")
"""What the office reads along with a work order."""


@dataclass(slots=True)
class Law:
    """A promise, how much it was tried on, and where it was broken."""

    name: str
    checked: str
    findings: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(slots=True)
class Checked:
    """The laws, and the records at the end of the day."""

    laws: list[Law]
    records: dict[Key, tuple[int, dict[str, Any]]]
    """Of all crews, and those that no crew sees."""
    deleted: set[str]
    """Work orders that the office deleted."""


def check(day: Day, watcher: Watcher | None = None) -> Checked:
    """Check all laws on a day that is over. Reads only, except that every edit is offered once more.

    Raises:
        OfficeRefused: the office API fails.
    """
    watcher = watcher or Nobody()
    watcher.phase("Checking the laws", len(day.tablets) + len(day.crews) + 3)
    before = {tablet.name: tablet.tablet.journal() for tablet in day.tablets}
    with ThreadPoolExecutor(READERS) as pool:
        same_copies, fresh = _scopes(day, pool, watcher)
        repeated = _offered_again(day, before, pool, watcher)
        reread = _reread(day, before, pool)
    watcher.step()
    records, deleted = _everything(day, before, fresh)
    watcher.step()
    laws = [
        same_copies,
        _one_verdict(day, before, repeated),
        reread,
        _nothing_lost(day, before, records),
        _in_their_place(day, before, records),
        _as_planned(day, records, deleted, fresh),
    ]
    watcher.step()
    return Checked(laws, records, deleted)


# --- each tablet's records equal its scope ----------------------------------------------------------------------------


def _scopes(day: Day, pool: ThreadPoolExecutor, watcher: Watcher) -> tuple[Law, dict[str, Records]]:
    """Compare each tablet with a new one of its crew, which downloads all from the start."""

    def download(crew: Crew) -> Records:
        records = fresh_copy(day, crew)
        watcher.step()
        return records

    fresh = dict(zip((crew.code for crew in day.crews), pool.map(download, day.crews), strict=True))
    law = Law("Each tablet's records equal its scope", "")
    compared = 0
    for code, tablets in by_crew(day.tablets).items():
        for tablet in tablets:
            own = tablet.tablet.server_records()
            compared += len(own)
            law.findings += [f"{tablet.name}: {sentence}" for sentence in difference(own, fresh[code])]
            if not tablet.tablet.is_complete or tablet.tablet.waiting():
                law.findings.append(f"{tablet.name} has not sent and received everything")
    law.checked = f"{compared:,} records on {len(day.tablets)} tablets, against {len(fresh)} downloads from zero"
    return law, fresh


def fresh_copy(day: Day, crew: Crew) -> Records:
    """What a new tablet of the crew has after its first download, closed and opened again at every page."""
    path = day.folder / f"fresh-{crew.code}.sqlite3"
    line = HttpLine(day.server, open_network=True)
    code: str | None = day.enrolment_code(crew, f"Check {crew.code}")
    try:
        while True:
            tablet = Tablet(path, day.server, line=line, page=FRESH_PAGE)
            if code is not None:
                tablet.enrol(code)
                code = None
            idle = tablet.exchange().idle
            records = tablet.server_records() if idle else {}
            tablet.close()
            if idle:
                return records
    finally:
        line.close()


def difference(one: Records, other: Records) -> Iterator[str]:
    """A sentence for each record in which a tablet (``one``) differs from its scope (``other``)."""
    for kind, record_id in sorted(one.keys() | other.keys()):
        mine, theirs = one.get((kind, record_id)), other.get((kind, record_id))
        if mine is None:
            yield f"{kind} {record_id} is missing"
        elif theirs is None:
            yield f"{kind} {record_id} is no longer in the crew's scope"
        elif mine != theirs:
            fields = [name for name in theirs[1] if mine[1].get(name) != theirs[1][name]]
            yield (
                f"{kind} {record_id} is version {mine[0]}, not {theirs[0]};"
                f" it differs in {', '.join(fields) or 'no field'}"
            )


# --- every edit has one verdict ---------------------------------------------------------------------------------------


def _offered_again(
    day: Day, before: dict[str, list[Edit]], pool: ThreadPoolExecutor, watcher: Watcher
) -> dict[str, list[Edit]]:
    """Every tablet sends all its edits once more. Returns its journal afterwards, by its name."""

    def offer(tablet: CrewTablet) -> list[Edit]:
        tablet.offer_again()
        watcher.step()
        return tablet.tablet.journal()

    return dict(zip(before, pool.map(offer, day.tablets), strict=True))


def _one_verdict(day: Day, before: dict[str, list[Edit]], repeated: dict[str, list[Edit]]) -> Law:
    law = Law("Every edit has exactly one verdict", "")
    edits = repetitions = 0
    for tablet in day.tablets:
        name, witness = tablet.name, tablet.line.witness
        journal = before[name]
        edits += len(journal)
        repetitions += witness.repetitions
        if [edit.seq for edit in journal] != list(range(1, tablet.entered + 1)):
            law.findings.append(f"{name}: {tablet.entered} edits were entered, and {len(journal)} are in its journal")
        law.findings += [f"{name}: edit {edit.seq} has no verdict" for edit in journal if edit.verdict is None]
        law.findings += [f"{name}: {sentence}" for sentence in witness.contradictions]
        for first, again in zip(journal, repeated[name], strict=True):
            # The server compares what it is offered with its journal: were a value lost or changed there, this edit
            # would be refused as another one under a used number.
            if first != again:
                law.findings.append(
                    f"{name}: edit {first.seq} was {first.verdict}, offered again it is {again.verdict}"
                )
    law.checked = f"{edits:,} edits; {repetitions:,} repetitions were answered with the first verdict"
    return law


def _reread(day: Day, before: dict[str, list[Edit]], pool: ThreadPoolExecutor) -> Law:
    """Read verdicts again one by one, by the edit's id."""
    all_edits = [(tablet, edit) for tablet in day.tablets for edit in before[tablet.name]]
    chosen = day.plan.chance("reread").sample(all_edits, min(day.plan.reread, len(all_edits)))

    def read(pair: tuple[CrewTablet, Edit]) -> str | None:
        tablet, edit = pair
        try:
            found = tablet.tablet.read_verdict(edit.edit_id)
        except ServerRefused as refused:
            return f"{tablet.name}: edit {edit.seq} cannot be read again: {refused}"
        told = edit.verdict
        same = told is not None and (
            found["verdict"], found["version"], found["conflicts"], found["problem"], found["fields"], found["seq"]
        ) == (told.verdict, told.version, told.conflicts, told.problem, edit.fields, edit.seq)  # fmt: skip
        return None if same else f"{tablet.name}: edit {edit.seq} reads as {found}, but was {edit}"

    found = [sentence for sentence in pool.map(read, chosen) if sentence is not None]
    return Law("A verdict can be read again by the edit's id", f"{len(chosen):,} edits", found)


# --- nothing is lost --------------------------------------------------------------------------------------------------


def _everything(
    day: Day, before: dict[str, list[Edit]], fresh: dict[str, Records]
) -> tuple[dict[Key, tuple[int, dict[str, Any]]], set[str]]:
    """All records of the partnership: from the new tablets, and from the office what no crew sees."""
    records: dict[Key, tuple[int, dict[str, Any]]] = {}
    for copy in fresh.values():
        records |= {key: (version, dict(record)) for key, (version, record) in copy.items()}
    deleted = set()
    unseen = []
    touched = {claim.record_id for claim in day.dispatcher.claims}
    for journal in before.values():
        touched |= {str(edit.fields.get("work_order_id", edit.record_id)) for edit in journal}
    for row in day.office.every("/v1/work-orders", deleted="include"):
        key = ("work_order", row["id"])
        if row["deleted_at"] is not None:
            deleted.add(row["id"])
        if key not in records:
            if row["id"] in touched:
                unseen.append(row["id"])
            records[key] = (row["version"], row["record"])
    for work_order_id in unseen:
        whole = day.office.need("GET", f"/v1/work-orders/{work_order_id}?include={','.join(INCLUDED)}")
        for part in INCLUDED:
            records |= {(row["kind"], row["id"]): (row["version"], row["record"]) for row in whole[part]}
    return records, deleted


def _nothing_lost(day: Day, before: dict[str, list[Edit]], records: Records) -> Law:
    """Each value stands, or a later one does that its author chose knowing it, or it is in a conflict."""
    law = Law("Nothing that was entered is lost", "")
    claims = Claims()
    gone = set()
    values = 0
    for name, journal in before.items():
        for edit in journal:
            if edit.verdict is None or edit.verdict.verdict == "refused":
                continue
            key = (edit.kind, edit.record_id)
            if edit.action == "delete":
                if not edit.verdict.conflicts:
                    gone.add(key)
                continue
            values += len(edit.fields)
            told = edit.verdict
            claims.add(key, told.version or 0, edit.fields, told.conflicts, f"{name}, edit {edit.seq}", name)
    for claim in day.dispatcher.claims:
        values += len(claim.fields)
        claims.add(("work_order", claim.record_id), claim.version, claim.fields, (), "the office", "the office")
    law.findings += claims.check(records)
    law.findings += [
        f"{kind} {record_id} was accepted and is nowhere"
        for kind, record_id in sorted(claims.keys() - records.keys() - gone)
    ]
    law.checked = (
        f"{values:,} values of accepted edits; {claims.in_conflict:,} of them did not stand and are in conflicts"
    )
    return law


# --- each job is where it lies ----------------------------------------------------------------------------------------


def _in_their_place(day: Day, before: dict[str, list[Edit]], records: Records) -> Law:
    """Each job is in the jurisdiction that covers its point, by the same boundaries looked up here. A tablet that is
    sure of that by itself is right."""
    law = Law("Each job belongs to the county that its point lies in", "")
    codes: dict[str | None, str] = {
        key[1]: record["code"] for key, (_, record) in records.items() if key[0] == "jurisdiction"
    }
    moved, ever_done = _moved(day), _ever_done(day, before, records)
    checked = outside = sure = 0
    for (kind, record_id), (_, record) in records.items():
        if kind != "work_order":
            continue
        expected = _county(day, record)
        guess = day.tablets[0].tablet.whose(record["location"]["lon"], record["location"]["lat"])
        if guess is not None and guess.is_sure:
            sure += 1
            if guess.owner != expected:
                law.findings.append(f"a tablet takes {record['location']} for {guess.owner}'s, and it is {expected}'s")
        first = day.dispatcher.at_first.get(record_id)
        kept = codes.get(first["jurisdiction_id"]) if first else None
        if record_id in moved:
            # What is done stays with the county that it was done for, wherever its point is corrected to: today, or
            # on an earlier day.
            if record_id in ever_done or (first and kept != _county(day, first)):
                continue
        elif first:
            expected = kept
        checked += 1
        found = codes.get(record["jurisdiction_id"])
        outside += found is None
        if found != expected:
            law.findings.append(f"work_order {record_id} at {record['location']} is in {found}, and not in {expected}")
    law.checked = f"{checked:,} jobs, {outside:,} of them outside all counties; a tablet was sure of {sure:,} by itself"
    return law


def _county(day: Day, record: Mapping[str, Any]) -> str | None:
    """The code of the county that covers a work order's point."""
    return day.places.at(record["location"]["lon"], record["location"]["lat"]).code


def _moved(day: Day) -> set[str]:
    """Work orders whose point somebody corrected."""
    return set().union(*(tablet.person.moved for tablet in day.tablets))


def _ever_done(day: Day, before: dict[str, list[Edit]], records: Records) -> set[str]:
    """Work orders that were done at some time of the day, as far as can be known from outside."""
    statuses = [(key[1], record["status"]) for key, (_, record) in records.items() if key[0] == "work_order"]
    statuses += [(record_id, record["status"]) for record_id, record in day.dispatcher.at_first.items()]
    statuses += [(claim.record_id, claim.fields.get("status", "")) for claim in day.dispatcher.claims]
    statuses += [(edit.record_id, edit.fields.get("status", "")) for journal in before.values() for edit in journal]
    return {record_id for record_id, status in statuses if status in DONE}


def _as_planned(day: Day, records: Records, deleted: set[str], fresh: dict[str, Records]) -> Law:
    copies = {crew.id: fresh[crew.code] for crew in day.crews}
    findings, planned = misplanned(day.office, records, deleted, copies)
    return Law("No crew is in two places at one time", f"{planned:,} planned assignments", findings)


def first_lines(law: Law) -> list[str]:
    """A few of a law's findings, and how many more there are."""
    more = len(law.findings) - FINDINGS_SHOWN
    return law.findings[:FINDINGS_SHOWN] + ([f"… and {more:,} more"] if more > 0 else [])
