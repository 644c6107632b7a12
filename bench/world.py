"""What is measured on: partnerships with 500 areas of 200 vertices, a crew and tablets each."""

from __future__ import annotations

import math
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

import psycopg
from psycopg.types.json import Json

from fieldsync.auth import tokens
from fieldsync.database import new_id

COLUMNS, ROWS, SIZE_DEG = 25, 20, 0.2
WEST, SOUTH = -82.0, 38.0
VERTICES_A_SIDE = 50


@dataclass(frozen=True, slots=True)
class Tablet:
    """A device and its token."""

    id: UUID
    token: str


@dataclass(frozen=True, slots=True)
class World:
    """One partnership, ready to be sent edits."""

    partnership_id: UUID
    crew_id: UUID
    service_type_id: UUID
    version_id: UUID
    tablets: list[Tablet] = field(default_factory=list)


def rectangle(column: int, row: int) -> str:
    """A wavy square of 200 vertices, as WKT; neighbours share their borders exactly."""
    corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
    ring: list[tuple[float, float]] = []
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        along = sorted([(x1, y1), (x2, y2)])
        side = [_wavy(along[0], along[1], step) for step in range(VERTICES_A_SIDE + 1)]
        ring += (side if along[0] == (x1, y1) else side[::-1])[:-1]
    ring.append(ring[0])
    return "MULTIPOLYGON(((" + ", ".join(f"{x!r} {y!r}" for x, y in ring) + ")))"


def _wavy(start: tuple[int, int], end: tuple[int, int], step: int) -> tuple[float, float]:
    share = step / VERTICES_A_SIDE
    bend = 0.05 * math.sin(math.pi * share * 6)
    x = start[0] + (end[0] - start[0]) * share + (bend if start[0] == end[0] else 0)
    y = start[1] + (end[1] - start[1]) * share + (bend if start[1] == end[1] else 0)
    return WEST + x * SIZE_DEG, SOUTH + y * SIZE_DEG


def point(random_: random.Random) -> tuple[float, float]:
    """A point (lon, lat) in the areas' middle rows, so that it lies in one of them."""
    return (
        WEST + SIZE_DEG * (0.1 + random_.random() * (COLUMNS - 0.2)),
        SOUTH + SIZE_DEG * (0.1 + random_.random() * (ROWS - 0.2)),
    )


def make(connection: psycopg.Connection, tablets: int) -> World:
    """Write a partnership with its areas, jurisdictions, crew and tablets; committed."""
    partnership, crew, service, layer, version = (new_id() for _ in range(5))
    areas = [(f"{c:02d}{r:02d}", rectangle(c, r)) for c in range(COLUMNS) for r in range(ROWS)]
    with connection.transaction(), connection.cursor() as sql:
        sql.execute("INSERT INTO partnership (id, slug, name) VALUES (%s, %s, 'Bench')",
                    [partnership, "bench-" + uuid.uuid4().hex[:12]])  # fmt: skip
        sql.execute("INSERT INTO head (partnership_id, change) VALUES (%s, 1)", [partnership])
        sql.executemany(
            "INSERT INTO jurisdiction (partnership_id, id, code, name, change) VALUES (%s, %s, %s, %s, 1)",
            [(partnership, new_id(), code, code) for code, _ in areas],
        )
        sql.execute(
            "INSERT INTO crew (partnership_id, id, jurisdiction_id, code, name)"
            " SELECT %s, %s, id, 'crew', 'Crew' FROM jurisdiction WHERE partnership_id = %s LIMIT 1",
            [partnership, crew, partnership],
        )
        sql.execute("INSERT INTO service_type (partnership_id, id, code, name, change)"
                    " VALUES (%s, %s, 'pothole', 'Pothole', 1)", [partnership, service])  # fmt: skip
        sql.execute("INSERT INTO layer (partnership_id, id, name) VALUES (%s, %s, 'Bench')", [partnership, layer])
        sql.execute(
            "INSERT INTO layer_version (partnership_id, id, layer_id, number, status, during, source_name, source_crs,"
            " area_count, published_at) VALUES (%s, %s, %s, 1, 'published', tstzrange('2000-01-01', NULL), 'bench',"
            " 'EPSG:4326', %s, now())",
            [partnership, version, layer, len(areas)],
        )
        sql.executemany(
            "INSERT INTO area (partnership_id, id, version_id, feature, code, name, geom)"
            " VALUES (%s, %s, %s, %s, %s, %s, ST_GeomFromText(%s, 4326))",
            [(partnership, new_id(), version, n, code, code, wkt) for n, (code, wkt) in enumerate(areas, start=1)],
        )
        sql.execute(
            "INSERT INTO area_piece (partnership_id, area_id, number, version_id, geom)"
            " SELECT partnership_id, id, row_number() OVER (PARTITION BY id), version_id, piece"
            " FROM area, ST_Subdivide(geom, 128) piece WHERE version_id = %s",
            [version],
        )
        made = [_tablet(sql, partnership, crew) for _ in range(tablets)]
    connection.execute("ANALYZE")
    return World(partnership, crew, service, version, made)


def promise(connection: psycopg.Connection, world: World) -> None:
    """Give a partnership service levels: a calendar with holidays, and targets for some of its work; committed."""
    calendar, policy = new_id(), new_id()
    hours = [{"weekday": day, "from": "08:00", "until": "17:00"} for day in range(1, 6)]
    with connection.transaction(), connection.cursor() as sql:
        sql.execute(
            "INSERT INTO business_calendar (partnership_id, id, name, time_zone, hours)"
            " VALUES (%s, %s, 'Office', 'America/New_York', %s)",
            [world.partnership_id, calendar, Json(hours)],
        )
        sql.executemany(
            "INSERT INTO holiday (partnership_id, calendar_id, day, name) VALUES (%s, %s, %s, 'Holiday')",
            [(world.partnership_id, calendar, date(year, 12, 25)) for year in range(2020, 2040)],
        )
        sql.execute(
            "INSERT INTO service_policy (partnership_id, id, number, starts_at, published_at)"
            " VALUES (%s, %s, 1, '2000-01-01Z', now())",
            [world.partnership_id, policy],
        )
        sql.executemany(
            "INSERT INTO service_target (partnership_id, id, policy_id, priority, calendar_id, response_minutes,"
            " resolution_minutes) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [(world.partnership_id, new_id(), policy, priority, calendar, 240 * priority, 2_000 * priority)
             for priority in range(1, 6)],
        )  # fmt: skip


def _tablet(sql: psycopg.Cursor, partnership: UUID, crew: UUID) -> Tablet:
    device = new_id()
    token, token_hash = tokens.make("device", partnership)
    sql.execute("INSERT INTO device (partnership_id, id, crew_id, name, last_seen_at) VALUES (%s, %s, %s, 'b', now())",
                [partnership, device, crew])  # fmt: skip
    sql.execute(
        "INSERT INTO token (partnership_id, token_hash, id, device_id, purpose, last_used_at)"
        " VALUES (%s, %s, %s, %s, 'device', %s)",
        [partnership, token_hash, new_id(), device, datetime.now(UTC)],
    )
    return Tablet(device, token)
