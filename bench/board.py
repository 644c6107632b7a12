"""The board: 100 crews with a week of shifts, 2,000 assignments in it, and 5,000 more open jobs that wait.

Measured over HTTP from the server as it ships: the first load (a week, all crews, 200 of the jobs, all counts), for a
dispatcher of the partnership and for one of a town that lends and borrows crews; and what a console asks for once it
has been told of a change: nothing of its own, one moved assignment, twenty changed jobs.

Beside each, in turn, what cannot be spared: the same rows, each table's by one bare statement over one connection that
stands, into Python tuples; nothing put together, nothing worked out (no shifts as moments, no ways, no loads, no
clashes, no JSON), nobody asked who he is.

    python -m bench.board [--rounds 15]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench import server, world
from bench.__main__ import console, database
from fieldsync.auth import tokens
from fieldsync.database import new_id

RESULTS = Path(__file__).parent / "results" / "board.json"
CREWS, TOWNS, MEMBERS = 100, 10, 4
WAITING, A_DAY, DAYS = 5_000, 4, 5
TOUCHED = 20
MONDAY = date(2030, 3, 4)
STARTS = datetime(2030, 3, 4, tzinfo=UTC)
ENDS = STARTS + timedelta(days=DAYS)
WEEK = f"from={MONDAY}&to={MONDAY + timedelta(days=DAYS - 1)}"
SINCE = date(2029, 1, 1)


@dataclass(frozen=True)
class Partnership:
    """What the board is about."""

    id: UUID
    towns: list[UUID]
    crews: list[UUID]
    waiting: list[UUID]
    planned: list[UUID]
    assignments: list[UUID]
    everywhere: str
    """A token for all of it."""
    in_town: str
    """One for the first town."""


def make(connection: psycopg.Connection, chance: random.Random) -> Partnership:
    """Write a partnership; committed."""
    made = world.make(connection, 1)
    own = made.partnership_id
    found = connection.execute("SELECT id FROM jurisdiction WHERE partnership_id = %s ORDER BY code LIMIT %s",
                               [own, TOWNS])  # fmt: skip
    towns = [row[0] for row in found]
    with connection.transaction(), connection.cursor() as sql:
        sql.execute("UPDATE crew SET disbanded_at = now() WHERE partnership_id = %s", [own])
        crews = _crews(sql, own, towns, chance)
        _agreements(sql, own, towns)
        waiting = [_job(chance, towns, None) for _ in range(WAITING)]
        planned = [_job(chance, [towns[number % TOWNS]], crews[number]) for number in range(CREWS)
                   for _ in range(A_DAY * DAYS)]  # fmt: skip
        with sql.copy(
            "COPY work_order (partnership_id, id, version, change, title, description, service_type_id, status,"
            " priority, location, due_at, crew_id, tags, jurisdiction_id, placed_by, placed_at, created_at, updated_at)"
            " FROM STDIN"
        ) as copy:
            for id_, town, crew, status, priority, due, (lon, lat) in waiting + planned:
                copy.write_row((own, id_, 1, 1, "Pothole in the middle of the road", "As deep as a hand is wide",
                                made.service_type_id, status, priority, f"SRID=4326;POINT({lon} {lat})", due, crew,
                                "{}", town, "inside", STARTS, STARTS, STARTS))  # fmt: skip
        assignments = []
        with sql.copy(
            "COPY assignment (partnership_id, id, version, change, scope_crew_id, work_order_id, created_at,"
            " updated_at, crew_id, starts_at, ends_at, minutes, state) FROM STDIN"
        ) as copy:
            for number, job in enumerate(planned):
                slot = number % (A_DAY * DAYS)
                starts = STARTS + timedelta(days=slot // A_DAY, hours=7 + 2 * (slot % A_DAY))
                assignments.append(new_id())
                copy.write_row((own, assignments[-1], 1, 1, job[2], job[0], STARTS, STARTS, job[2], starts,
                                starts + timedelta(minutes=75), 75, "planned"))  # fmt: skip
        tokens_ = _dispatcher(sql, own, None), _dispatcher(sql, own, towns[0])
    connection.execute("VACUUM ANALYZE")
    return Partnership(
        own, towns, crews, [job[0] for job in waiting], [job[0] for job in planned], assignments, *tokens_
    )


def _crews(sql: psycopg.Cursor, own: UUID, towns: list[UUID], chance: random.Random) -> list[UUID]:
    crews = [new_id() for _ in range(CREWS)]
    for number, crew in enumerate(crews):
        lon, lat = world.point(chance)
        sql.execute(
            "INSERT INTO crew (partnership_id, id, jurisdiction_id, code, name, skills, depot, change)"
            " VALUES (%s, %s, %s, %s, 'Crew', '{asphalt}', ST_SetSRID(ST_MakePoint(%s, %s), 4326), 1)",
            [own, crew, towns[number % TOWNS], f"C{number:03}", lon, lat],
        )
        for weekday in range(1, 6):
            sql.execute(
                "INSERT INTO shift (partnership_id, id, crew_id, weekday, starts, minutes, since)"
                " VALUES (%s, %s, %s, %s, '07:00', 540, %s)",
                [own, new_id(), crew, weekday, SINCE],
            )
        for place in range(MEMBERS):
            member = new_id()
            sql.execute("INSERT INTO member (partnership_id, id, name) VALUES (%s, %s, %s)",
                        [own, member, f"Member {number}-{place}"])  # fmt: skip
            sql.execute(
                "INSERT INTO crew_membership (partnership_id, id, crew_id, member_id, since, is_lead)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [own, new_id(), crew, member, SINCE, place == 0],
            )
            sql.execute("INSERT INTO qualification (partnership_id, id, member_id, sort, code, valid_from)"
                        " VALUES (%s, %s, %s, 'certificate', 'cdl-b', %s)", [own, new_id(), member, SINCE])  # fmt: skip
        sql.execute("INSERT INTO absence (partnership_id, id, crew_id, starts_at, ends_at, reason)"
                    " VALUES (%s, %s, %s, %s, %s, 'Training')",
                    [own, new_id(), crew, STARTS + timedelta(hours=15), STARTS + timedelta(hours=16)])  # fmt: skip
    return crews


def _agreements(sql: psycopg.Cursor, own: UUID, towns: list[UUID]) -> None:
    """Each town lends its crews to the next one."""
    for number, giver in enumerate(towns):
        agreement, version = new_id(), new_id()
        sql.execute("INSERT INTO agreement (partnership_id, id, code, title, created_at)"
                    " VALUES (%s, %s, %s, 'Sharing', now())", [own, agreement, f"A{number}"])  # fmt: skip
        sql.execute(
            "INSERT INTO agreement_version (partnership_id, id, agreement_id, number, state, starts_on, notice_days,"
            " proposer_id, proposed_at, settled_at, during)"
            " VALUES (%s, %s, %s, 1, 'accepted', %s, 30, %s, now(), now(), daterange(%s, NULL))",
            [own, version, agreement, SINCE, giver, SINCE],
        )
        sql.execute("INSERT INTO agreement_term (partnership_id, id, version_id, position, giver_id, receiver_id)"
                    " VALUES (%s, %s, %s, 1, %s, %s)",
                    [own, new_id(), version, giver, towns[(number + 1) % TOWNS]])  # fmt: skip


def _job(chance: random.Random, towns: list[UUID], crew: UUID | None) -> tuple[Any, ...]:
    due = STARTS + timedelta(hours=chance.randrange(500)) if chance.random() < 0.8 else None
    status = chance.choice(["open", "open", "open", "on_hold"])
    return new_id(), chance.choice(towns), crew, status, chance.randint(1, 5), due, world.point(chance)


def _dispatcher(sql: psycopg.Cursor, own: UUID, town: UUID | None) -> str:
    staff, (token, token_hash) = new_id(), tokens.make("api", own)
    sql.execute("INSERT INTO staff (partnership_id, id, email, name) VALUES (%s, %s, %s, 'Olga')",
                [own, staff, f"{staff}@example.org"])  # fmt: skip
    sql.execute("INSERT INTO staff_role (partnership_id, id, staff_id, role, jurisdiction_id)"
                " VALUES (%s, %s, %s, 'dispatcher', %s)", [own, new_id(), staff, town])  # fmt: skip
    sql.execute("INSERT INTO token (partnership_id, token_hash, id, staff_id, purpose) VALUES (%s, %s, %s, %s, 'api')",
                [own, token_hash, new_id(), staff])  # fmt: skip
    return token


_STATEMENTS = """
    SELECT change, epoch FROM head WHERE partnership_id = %(own)s;
    SELECT id, code, name, jurisdiction_id, skills, ST_X(depot), ST_Y(depot), capacity_minutes FROM crew
    WHERE partnership_id = %(own)s AND disbanded_at IS NULL;
    SELECT crew_id, weekday, starts, minutes, since, until FROM shift WHERE partnership_id = %(own)s;
    SELECT crew_id, member_id, since, until, is_lead FROM crew_membership WHERE partnership_id = %(own)s;
    SELECT id, name FROM member WHERE partnership_id = %(own)s;
    SELECT member_id, sort, code, valid_from, valid_until FROM qualification WHERE partnership_id = %(own)s;
    SELECT crew_id, member_id, starts_at, ends_at FROM absence
    WHERE partnership_id = %(own)s AND ends_at > %(starts)s AND starts_at < %(ends)s;
    SELECT id, giver_id, receiver_id, crew_ids, hours FROM agreement_term WHERE partnership_id = %(own)s;
    SELECT a.id, a.version, a.crew_id, a.starts_at, a.ends_at, a.minutes, a.state, a.pinned, a.grant_id, w.id,
           w.version, w.title, w.status, w.priority, w.service_type_id, w.jurisdiction_id, w.due_at, w.respond_by,
           w.resolve_by, ST_X(w.location), ST_Y(w.location)
    FROM assignment a JOIN work_order w ON w.partnership_id = a.partnership_id AND w.id = a.work_order_id
    WHERE a.partnership_id = %(own)s AND a.state <> 'released' AND a.starts_at < %(ends)s AND a.ends_at > %(starts)s;
    SELECT id, version, title, status, priority, service_type_id, jurisdiction_id, due_at, respond_by, resolve_by,
           ST_X(location), ST_Y(location)
    FROM work_order w
    WHERE partnership_id = %(own)s AND status IN ('open', 'in_progress', 'on_hold') AND deleted_at IS NULL
      AND NOT EXISTS (SELECT FROM assignment a WHERE a.partnership_id = w.partnership_id AND a.work_order_id = w.id
                      AND a.state = 'planned' AND a.ends_at > now())
    ORDER BY least(due_at, respond_by, resolve_by), id LIMIT 200
"""
_COUNTS = """
    SELECT jurisdiction_id, count(*) FROM work_order w
    WHERE partnership_id = %(own)s AND status IN ('open', 'in_progress', 'on_hold') AND deleted_at IS NULL
      AND NOT EXISTS (SELECT FROM assignment a WHERE a.partnership_id = w.partnership_id AND a.work_order_id = w.id
                      AND a.state = 'planned' AND a.ends_at > now())
    GROUP BY jurisdiction_id;
    SELECT sort, count(*) FROM conflict WHERE partnership_id = %(own)s AND state = 'open' GROUP BY sort;
    SELECT triage, count(*) FROM work_order
    WHERE partnership_id = %(own)s AND triage <> 'accepted' AND deleted_at IS NULL GROUP BY triage
"""
_CHANGED = """
    SELECT change, epoch FROM head WHERE partnership_id = %(own)s;
    SELECT id, version, title, status, due_at FROM work_order WHERE partnership_id = %(own)s AND change > %(since)s;
    SELECT id, crew_id, starts_at, ends_at FROM assignment WHERE partnership_id = %(own)s AND change > %(since)s;
    SELECT id, code, name FROM crew WHERE partnership_id = %(own)s AND change > %(since)s
"""
BARE_LOAD = tuple(f"{_STATEMENTS};{_COUNTS}".split(";"))
BARE_DELTA = tuple(f"{_CHANGED};{_COUNTS}".split(";"))
"""With the counts, as a delta has them."""


class Client:
    """A console's connection, which stays."""

    def __init__(self, port: int) -> None:
        self._line = HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str, token: str, encoding: str = "identity") -> tuple[float, bytes]:
        """Milliseconds, and what was answered."""
        began = time.perf_counter()
        self._line.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept-Encoding": encoding})
        answer = self._line.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        assert answer.status == 200, body
        return took, body


def bare(connection: psycopg.Connection, statements: tuple[str, ...], **bound: Any) -> float:
    """Milliseconds for the same rows."""
    began = time.perf_counter()
    for statement in statements:
        connection.execute(statement, bound).fetchall()
    return (time.perf_counter() - began) * 1000


def touch(connection: psycopg.Connection, own: UUID, jobs: list[UUID], assignments: list[UUID]) -> None:
    """Change these, as a commit of somebody else would."""
    with connection.transaction():
        head = "UPDATE head SET change = change + 1 WHERE partnership_id = %s RETURNING change"
        (change,) = connection.execute(head, [own]).fetchone() or (0,)
        for table, ids in (("work_order", jobs), ("assignment", assignments)):
            if ids:
                connection.execute(
                    f"UPDATE {table} SET change = %s, version = version + 1 WHERE partnership_id = %s AND id = ANY(%s)",
                    [change, own, ids],
                )


def measure(url: str, port: int, rounds: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """All samples in milliseconds, and the sizes of answers in bytes."""
    samples: dict[str, list[float]] = defaultdict(list)
    sizes: dict[str, int] = {}
    chance = random.Random(1)
    client = Client(port)
    with psycopg.connect(url, autocommit=True) as connection:
        made = make(connection, chance)
        times = {"own": made.id, "starts": STARTS, "ends": ENDS}

        def ask(name: str, path: str, token: str = made.everywhere, encoding: str = "identity") -> dict[str, Any]:
            took, body = client.get(path, token, encoding)
            samples[name].append(took)
            sizes[name] = len(body)
            return json.loads(body) if encoding == "identity" else {}

        def delta(name: str, write: Callable[[], None]) -> None:
            # Of another epoch: it says no more than where the partnership stands.
            board = json.loads(client.get(f"/v1/board/changes?{WEEK}&since=0&epoch={UUID(int=0)}", made.everywhere)[1])
            write()
            since = f"since={board['change']}&seen_at={board['at'].replace('+', '%2B')}&epoch={board['epoch']}"
            path = f"/v1/board/changes?{WEEK}&{since}"
            ask(name, path)
            samples[f"floor, {name}"].append(bare(connection, BARE_DELTA, own=made.id, since=board["change"]))

        for turn in range(rounds + 3):
            if turn == 3:  # until then caches and prepared statements are filled
                samples.clear()
            board = ask("first load", f"/v1/board?{WEEK}")
            assert len(board["crews"]) == CREWS
            assert sum(len(crew["assignments"]) for crew in board["crews"]) == CREWS * A_DAY * DAYS
            samples["floor, first load"].append(bare(connection, BARE_LOAD, **times))
            ask("first load, zstd", f"/v1/board?{WEEK}", encoding="zstd")
            ask("first load, one town", f"/v1/board?{WEEK}", made.in_town)
            ask("page of 200 jobs", "/v1/board/jobs?limit=200")
            delta("delta of nothing", lambda: None)
            delta("delta of one assignment",
                  lambda: touch(connection, made.id, [], [chance.choice(made.assignments)]))  # fmt: skip
            delta(f"delta of {TOUCHED} jobs",
                  lambda: touch(connection, made.id, chance.sample(made.waiting, TOUCHED), []))  # fmt: skip
    return dict(samples), sizes


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="samples of each figure")
    chosen = parser.parse_args()
    with database() as url, server.gunicorn(url) as (port, _):
        samples, sizes = measure(url, port, chosen.rounds)
    medians = {name: statistics.median(values) for name, values in samples.items()}
    ratios = {name: medians[name] / medians[f"floor, {name}"] for name in medians if f"floor, {name}" in medians}
    for name, value in medians.items():
        ratio = f", {ratios[name]:.1f} × the floor" if name in ratios else ""
        size = f", {sizes[name] / 1000:,.0f} kB" if name in sizes else ""
        console.print(f"{name}: {value:.1f} ms{ratio}{size}")
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "crews": CREWS,
        "assignments": CREWS * A_DAY * DAYS,
        "waiting": WAITING,
        "ratios": {name: round(value, 2) for name, value in ratios.items()},
        "medians_ms": {name: round(value, 2) for name, value in medians.items()},
        "bytes": sizes,
        "samples_ms": {name: [round(value, 2) for value in values] for name, values in samples.items()},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
