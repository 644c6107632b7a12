"""The laws at the end of a scenario: what is in the tables, what tablets show, what can be read again."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from fieldsync.database import Base
from tests.simulator.field_steps import drain, shows_its_scope
from tests.simulator.ledger import Broken, hold, plain
from tests.simulator.office_steps import reinstate
from tests.simulator.play import Play
from tests.simulator.replay import replayed
from tests.simulator.scenario import Step
from tests.simulator.server_steps import release_through
from tests.simulator.tablets import Carried
from tests.sync_model.laws import no_value_is_lost

KINDS = ("work_order", "task", "note", "labor_entry", "equipment_entry", "material_entry")


def finish(play: Play) -> None:
    """Everybody comes back into coverage; then all nine laws.

    Raises:
        Broken: one of them does not hold.
    """
    play.tell("everybody comes back into coverage")
    play.server.take_at_most(1_000)
    for number, crew in enumerate(play.crews):
        if crew in play.ledger.oracle.disbanded and number != 1:
            reinstate(play, Step("reinstate", 0, number))
    for carried in play.tablets:
        carried.alive()
        carried.waits_for_office = False
        carried.schema = 2
        carried.strays.clear()
        carried.ask_for(500, 500)
        drain(play, carried)
    for device_id, line in play.ledger.lines.items():
        if line.waiting or line.waiting_misfits:
            release_through(play, device_id, line, len(line.settled) + len(line.waiting), set())
    for carried in play.tablets:
        drain(play, carried)
    records_are_the_oracle_s(play)
    every_edit_has_its_verdict(play)
    nothing_changes_by_sending_all_again(play)
    for crew in sorted({carried.crew for carried in play.tablets}):
        if play.crews[crew] not in play.ledger.oracle.disbanded:
            a_new_tablet_shows_the_same(play, crew)
    try:
        no_value_is_lost(Tables(play, placed=False))  # type: ignore[arg-type]
    except (AssertionError, KeyError) as lost:
        raise Broken(f"law 4, a value is lost: {lost!r}") from lost
    replayed(Tables(play), play.ledger.chosen)


def records_are_the_oracle_s(play: Play) -> None:
    """Laws 2 and 7: what stands is what the edits, one at a time and each once, would have left."""
    oracle = play.ledger.oracle
    found = {row["id"]: (kind, row) for kind in KINDS for row in play.server.rows(kind)}
    hold("law 2, the records that there are", sorted(oracle.things), sorted(found))
    for name, thing in oracle.things.items():
        kind, row = found[name]
        stands = {field: plain(row.get(field)) for field in thing.now if field not in ("deleted", "location")}
        if kind == "work_order":
            stands["location"] = {"lon": row["lon"], "lat": row["lat"]}
        stands["deleted"] = row.get("deleted_at") is not None
        hold("law 2, a record", (thing.kind, thing.version, thing.now), (kind, row["version"], stands), name)
        if kind != "work_order":
            crew = None if thing.now["deleted"] else oracle.crew_of(thing)
            hold("law 8, whose tablets see a record", crew, row["scope_crew_id"], name)
    conflicts = play.server.rows("conflict")
    hold("law 4, conflicts", play.ledger.conflicts, len(conflicts))
    decided = {row["id"]: row["settled_as"] for row in conflicts if row["settled_as"] not in (None, "policy")}
    hold("what dispatchers decided", play.ledger.decided, decided)


def every_edit_has_its_verdict(play: Play) -> None:
    """Laws 2, 3 and 7: the journal has every edit once, as it was sent, in its device's order; and says so again."""
    journal = play.server.rows("journal")
    kept = {row["edit_id"] for row in journal}
    misfits = "".join(misfit for line in play.ledger.lines.values() for misfit in line.misfits)
    for carried in play.tablets:
        for edit_id, entered in carried.entered.items():
            if edit_id not in kept and edit_id not in misfits:
                raise Broken(f"law 4, an edit that tablet {carried.number} had stored is lost: {entered}")
    hold("law 2, edits of the office", play.ledger.office_edits, sum(row["side"] == "office" for row in journal))
    for device_id, line in play.ledger.lines.items():
        own = [row for row in journal if row["author_id"] == device_id]
        numbered = [row for row in own if row["seq"] is not None]
        hold("law 3, numbers without a hole", list(range(1, len(line.settled) + 1)), [row["seq"] for row in numbered])
        hold("law 3, misfits are kept once each", len(line.misfits), len(own) - len(numbered), device_id)
        for row, (content, verdict), at in zip(numbered, line.settled, line.happened, strict=True):
            hold("when it happened", at, datetime.fromisoformat(row["happened_at"]), content)
            told = (verdict["verdict"], verdict["version"], verdict["problem"])
            hold("law 3, the verdict is kept", told, (row["verdict"], row["version"], row["problem"]), content)
            hold("law 4, the edit is kept as it was sent", content["fields"], row["fields"], content)
    for carried in play.tablets:
        _verdicts_can_be_read(play, carried)


def _verdicts_can_be_read(play: Play, carried: Carried) -> None:
    line = play.line(carried)
    token = carried.tablet._store.state()["token"]
    for content, verdict in line.settled[-2:]:
        if verdict["problem"] is None or verdict["problem"]["code"] != "edit_reused":
            path = f"/v1/sync/edits/{content['edit_id']}"
            reply = play.server.send("GET", path, {"Authorization": f"Bearer {token}"}, None)
            hold("law 3, a verdict can be read again", 200, reply and reply.status, content)
            read = json.loads(reply.body) if reply else {}
            for name in ("verdict", "version", "problem", "conflicts", "refused_fields"):
                hold("law 3, a verdict is the first one", verdict[name], read[name], content)


def nothing_changes_by_sending_all_again(play: Play) -> None:
    """Law 2: every tablet offers all that it holds once more."""
    before = _traces(play)
    for carried in play.tablets:
        carried.tablet.offer_again()
        drain(play, carried)
    hold("law 2, sending all again changes nothing", before, _traces(play))


def _traces(play: Play) -> Counter[str]:
    counts = Counter({table: len(play.server.rows(table)) for table in ("journal", "conflict", "scope_exit")})
    counts["change"] = play.server.rows("head")[0]["change"]
    return counts


def a_new_tablet_shows_the_same(play: Play, crew: int) -> None:
    """Laws 5, 6 and 8: a download from the start, in small pages and with a death between them, gives the same."""
    carried = play.another_tablet(crew)
    carried.ask_for(500, 4)
    for number in range(200):
        if carried.exchange().idle:
            break
        if number == 1:
            carried.reopen(page=5)
    shows_its_scope(play, carried)


class Tables:
    """The tables, for laws that ask them by SQL: what they select is known, only the table's name is looked at."""

    def __init__(self, play: Play, *, placed: bool = True) -> None:
        """``placed``: with what publications did; nobody entered that."""
        self._server = play.server
        self._placed = placed
        self.partnership_id = play.town.partnership_id

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a table, typed as the driver would; the journal without what was refused."""
        table = sql.split(" FROM ")[1].split()[0]
        columns = Base.metadata.tables[table].c
        found = []
        for place, row in enumerate(self._server.rows(table)):
            if row.get("verdict") != "refused" and (self._placed or row.get("action") != "place"):
                found.append({name: _typed(columns.get(name), value) for name, value in row.items()})
                if table == "journal":
                    found[-1] |= {"sent": json.dumps(row["fields"]), "place": place}
        return found


def _typed(column: Any, value: Any) -> Any:
    if not isinstance(value, str) or column is None:
        return value
    if isinstance(column.type, sa.Uuid):
        return UUID(value)
    return datetime.fromisoformat(value) if isinstance(column.type, sa.DateTime) else value
