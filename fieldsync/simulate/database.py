"""The tablets' records against the database itself, by a query that shares nothing with the feed's."""

from __future__ import annotations

import psycopg

from fieldsync.simulate.drive import Day
from fieldsync.simulate.laws import Law
from fieldsync.workorders.kinds import CHILD_KINDS

_WORK_ORDERS = """
    SELECT 'work_order', w.id::text, w.version FROM work_order w
    JOIN crew c ON c.partnership_id = w.partnership_id AND c.id = w.crew_id
    WHERE c.id = %(crew_id)s AND w.deleted_at IS NULL
"""

# By the work order that they hang on, and not by the copy of its crew that the feed reads on the row itself.
_CHILDREN = """
    UNION ALL
    SELECT '{name}', t.id::text, t.version FROM {name} t
    JOIN work_order w ON w.partnership_id = t.partnership_id AND w.id = t.work_order_id
    WHERE w.crew_id = %(crew_id)s AND w.deleted_at IS NULL {alive}
"""

_SCOPE = _WORK_ORDERS + "".join(
    _CHILDREN.format(name=name, alive="AND t.deleted_at IS NULL" if name == "task" else "") for name in CHILD_KINDS
)

_JOURNAL = """
    SELECT count(*), count(DISTINCT (edit_id, author_id)), count(DISTINCT (seq, author_id)), count(verdict)
    FROM journal WHERE author_id = ANY(%(device_ids)s)
"""


def check_database(day: Day, database_url: str) -> Law:
    """Compare each tablet with the rows that its crew may see, and the journal with what was entered.

    Raises:
        psycopg.Error: the database cannot be read.
    """
    law = Law("The database says the same", "")
    compared = 0
    with psycopg.connect(database_url.replace("postgresql+psycopg://", "postgresql://", 1)) as connection:
        for crew in day.crews:
            rows = connection.execute(_SCOPE, {"crew_id": crew.id}).fetchall()
            scope = {(kind, record_id): version for kind, record_id, version in rows}
            for tablet in day.tablets:
                if tablet.crew_id != crew.id:
                    continue
                records = tablet.tablet.server_records().items()
                own = {key: version for key, (version, _) in records if key[0] == "work_order" or key[0] in CHILD_KINDS}
                compared += len(own)
                wrong = sorted(key for key in own.keys() | scope.keys() if own.get(key) != scope.get(key))
                law.findings += [
                    f"{tablet.name}: {kind} {record_id} is version {own.get((kind, record_id))} there,"
                    f" {scope.get((kind, record_id))} in the database"
                    for kind, record_id in wrong
                ]
        device_ids = [tablet.tablet.device_id for tablet in day.tablets]
        counts = connection.execute(_JOURNAL, {"device_ids": device_ids}).fetchone()
    entered = sum(tablet.entered for tablet in day.tablets)
    if counts != (entered,) * 4:
        law.findings.append(
            f"{entered:,} edits were entered; the journal has {counts} rows, edit ids, numbers and verdicts"
        )
    law.checked = f"{compared:,} records by version, {entered:,} rows of the journal"
    return law
