"""What is checked on top of the simulation's laws: what the answers promised, against the journal and the tables."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from fieldsync.demo.content import SLUG
from fieldsync.simulate.claims import same
from fieldsync.simulate.dispatcher import Claim
from fieldsync.simulate.drive import Day
from fieldsync.simulate.laws import Law
from tests.faults import replay
from tests.sync_model.world import Tablet, World, end_app, make_app, make_world

COME_AGAIN = (408, 429, 503)
"""What a server in trouble may say to an exchange: "not now". Everything else is a fault of ours."""

SILENT = "No answer: ReadTimeoutError."
"""A tablet has waited a minute. The proxy is never silent for so long, so it was the server."""

RUNS_END_S_MAX = 120

_JOURNAL = """
    SELECT author_id::text AS author, edit_id::text, verdict, version, problem FROM journal
    WHERE partnership_id = %(p)s AND author_id = ANY(%(devices)s) AND seq IS NOT NULL
"""

_AT_DESKS = """
    SELECT record_id::text, version, fields FROM journal
    WHERE partnership_id = %(p)s AND side IN ('office', 'agreements') AND kind = 'work_order' AND entry > %(after)s
      AND verdict <> 'refused'
    ORDER BY entry
"""

_HAD = """
    SELECT DISTINCT id::text FROM (
        SELECT id FROM work_order WHERE partnership_id = %(p)s AND crew_id = %(crew)s
        UNION ALL
        SELECT record_id FROM journal
        WHERE partnership_id = %(p)s AND kind = 'work_order'
          AND (fields ->> 'crew_id' = %(crew)s::text OR before ->> 'crew_id' = %(crew)s::text
               OR (action = 'create' AND crew_id = %(crew)s))
    ) AS had
"""

_OF_JOBS = ("task", "note", "labor_entry", "equipment_entry", "material_entry", "assignment")
_LISTS = ("service_type", "jurisdiction")


class Outside:
    """Looks at the database as an auditor would. Made before the faults begin."""

    def __init__(self, day: Day, database_url: str) -> None:
        self._day = day
        self._url = database_url
        self._partnership: UUID = self._rows("SELECT id FROM partnership WHERE slug = %(slug)s", slug=SLUG)[0]["id"]
        (row,) = self._rows("SELECT coalesce(max(entry), 0) AS entry FROM journal WHERE partnership_id = %(p)s")
        self._begun_after = row["entry"]
        self.unheard = 0
        """Changes of the office that were carried out, and whose answer was lost."""
        self._make_neighbours()

    def _rows(self, statement: str, **bound: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            return connection.execute(statement, {"p": getattr(self, "_partnership", None)} | bound).fetchall()

    def _make_neighbours(self) -> None:
        """Another partnership with records in the same tables: nothing of it may ever be sent."""
        app = make_app(self._url)
        try:
            world: World = make_world(app)
            tablet: Tablet = world.tablet()
            for _ in range(20):
                tablet.new_job()
        finally:
            end_app(app)

    def answers(self) -> Law:
        """No exchange was answered with anything but a 200 or "come again", and none not at all for a minute."""
        law = Law("A server in trouble says “come again”, and nothing else", "")
        problems: Counter[str] = Counter()
        for tablet in self._day.tablets:
            problems += tablet.line.witness.problems
            if silent := tablet.line.unheard[SILENT]:
                law.findings.append(f"{tablet.name} waited a minute for an answer, {silent} times")
        law.findings += [
            f"{count} exchanges were answered with {problem}"
            for problem, count in problems.items()
            if int(problem.split()[0]) not in COME_AGAIN or "without Retry-After" in problem
        ]
        law.findings += [
            f"the office was answered with {code}, {count} times"
            for code, count in self._day.dispatcher.refused.items()
            if code in ("internal_fault", "None")
        ]
        good = sum(tablet.line.exchanges for tablet in self._day.tablets) - problems.total()
        law.checked = f"{good:,} answers, {problems.total():,} times “come again”, and when"
        return law

    def acknowledged(self) -> Law:
        """Every verdict that left the server, heard or lost on the way, is in the journal as it was said."""
        law = Law("What was acknowledged is on the disk", "")
        devices = {UUID(str(tablet.tablet.device_id)): tablet for tablet in self._day.tablets}
        rows = self._rows(_JOURNAL, devices=list(devices))
        kept = {(row["author"], row["edit_id"]): row for row in rows}
        said = 0
        for device, tablet in devices.items():
            for edit_id, told in tablet.line.witness.first.items():
                said += 1
                row = kept.get((str(device), edit_id))
                if row is None:
                    law.findings.append(
                        f"{tablet.name}: edit {edit_id} was {told['verdict']}, and is not in the journal"
                    )
                elif (row["verdict"], row["version"]) != (told["verdict"], told["version"]):
                    law.findings.append(f"{tablet.name}: edit {edit_id} was {told}, and is {row} in the journal")
        law.checked = f"{said:,} verdicts that were said, {len(kept):,} in the journal"
        return law

    def office_is_kept(self) -> Law:
        """The same for the office; and what it entered without hearing so counts as entered in what is checked next."""
        law = Law("What the office was told is on the disk", "")
        rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for row in self._rows(_AT_DESKS, after=self._begun_after):
            rows.setdefault((row["record_id"], row["version"]), []).append(row["fields"])
        heard = list(self._day.dispatcher.claims)
        for claim in heard:
            there = self._rows(
                "SELECT 1 FROM journal WHERE partnership_id = %(p)s AND record_id = %(id)s AND version = %(v)s LIMIT 1",
                id=claim.record_id, v=claim.version,
            )  # fmt: skip
            entered = rows.get((claim.record_id, claim.version), [])
            named = [fields for fields in entered if fields.keys() & claim.fields.keys()]
            if not there or (named and not any(_has(fields, claim.fields) for fields in named)):
                law.findings.append(
                    f"work order {claim.record_id}: {claim.fields} stood at version {claim.version}; {entered}"
                )
        known = {(claim.record_id, claim.version) for claim in heard}
        for (record_id, version), entered in rows.items():
            if (record_id, version) not in known:
                self.unheard += 1
                self._day.dispatcher.claims += [Claim(record_id, version, fields) for fields in entered]
        law.checked = f"{len(heard):,} changes that were confirmed; {self.unheard:,} more whose confirmation was lost"
        return law

    def scope(self) -> Law:
        """No tablet was ever sent a record of another partnership, or of a job that its crew never had."""
        law = Law("Nothing was ever sent to whom it does not belong", "")
        jobs_of: dict[str, str] = {}
        ids: dict[str, set[str]] = {}
        for kind in (*_OF_JOBS, *_LISTS, "work_order"):
            job = "work_order_id" if kind in _OF_JOBS else "id"
            rows = self._rows(f"SELECT id::text, {job}::text AS job FROM {kind} WHERE partnership_id = %(p)s")
            ids[kind] = {row["id"] for row in rows}
            jobs_of |= {row["id"]: row["job"] for row in rows}
        sent = 0
        for crew in self._day.crews:
            had = {row["id"] for row in self._rows(_HAD, crew=UUID(crew.id))}
            for tablet in self._day.tablets:
                if tablet.crew_id != crew.id:
                    continue
                for kind, record_id in tablet.line.witness.sent:
                    sent += 1
                    if record_id not in ids.get(kind, set()):
                        law.findings.append(
                            f"{tablet.name} was sent {kind} {record_id}, which is not its partnership's"
                        )
                    elif kind not in _LISTS and jobs_of[record_id] not in had:
                        law.findings.append(f"{tablet.name} was sent {kind} {record_id}, which was never its crew's")
        law.checked = f"{sent:,} records on {len(self._day.tablets)} tablets, beside a neighbour's in the same tables"
        return law

    def journal_laws(self) -> list[Law]:
        """What the journal alone says: nothing lost, and replayed it gives the same records."""
        app = make_app(self._url)
        try:
            return replay.laws(app, self._partnership)
        finally:
            end_app(app)

    def runs(self, promised: Collection[str]) -> Law:
        """Every run that was accepted ends, whoever was killed while carrying it out."""
        law = Law("Every run in the background comes to its end", "")
        statement = "SELECT id::text, sort, state, attempts, problem FROM boundary_run WHERE partnership_id = %(p)s"
        deadline = time.monotonic() + RUNS_END_S_MAX
        while True:
            rows = {row["id"]: row for row in self._rows(statement)}
            waiting = [row for row in rows.values() if row["state"] in ("waiting", "running")]
            if not waiting or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        law.findings += [f"{row} is still open {RUNS_END_S_MAX} s after the last fault" for row in waiting]
        law.findings += [f"run {run_id} was promised, and is nowhere" for run_id in set(promised) - rows.keys()]
        law.findings += [
            f"{row} failed"
            for row in rows.values()
            # Whose worker dies five times over it is given up, by design: it may be the run that kills.
            if row["state"] == "failed" and (row["problem"] or {}).get("code") != "gave_up"
        ]
        again = sum(row["attempts"] > 1 for row in rows.values())
        law.checked = f"{len(rows):,} runs, {again:,} of them taken up again after a kill"
        return law


def _has(fields: dict[str, Any], claimed: dict[str, Any]) -> bool:
    """Whether an edit entered all of these values that it names."""
    return all(same(name, fields[name], value) for name, value in claimed.items() if name in fields)
