"""A real server with a partnership to read: gunicorn on a free loopback port, for clients that others wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import shapely
from flask import Flask

from fieldsync.server.web import WebServer, listen, url_of
from tests.clients.scene import UTM33, Scene, cells
from tests.sync_model.world import end_app, make_app

WARDS = 48
PARCELS = 30
JOBS = 57


@dataclass(frozen=True)
class Live:
    """The running server, and what is in it."""

    url: str
    """The partnership's landing page, without a slash at its end, as people type it."""
    scene: Scene
    wards: str
    """Collection of a public layer's version in force."""
    parcels: str
    """Collection of a layer that only staff see."""
    token: str
    """An API token of GIS staff."""

    def stored(self, collection: str, srid: int = 4326) -> dict[str, shapely.Geometry]:
        """What the database holds of a layer's version in force, by code."""
        rows = self.scene.town.rows(
            """
            SELECT a.code, ST_AsBinary(ST_Transform(a.geom, CAST(:srid AS int))) AS wkb
            FROM area a JOIN layer_version v ON v.partnership_id = a.partnership_id AND v.id = a.version_id
            WHERE a.partnership_id = :p AND v.layer_id = :layer_id AND v.status = 'published' AND v.ends IS NULL
            """,
            layer_id=UUID(collection.removeprefix("boundaries-")), srid=srid,
        )  # fmt: skip
        return {row["code"]: shapely.from_wkb(bytes(row["wkb"])) for row in rows}

    def jobs(self) -> dict[str, shapely.Geometry]:
        """Where the database has work orders, by id."""
        rows = self.scene.town.rows("SELECT id, ST_AsBinary(location) AS wkb FROM work_order WHERE partnership_id = :p")
        return {str(row["id"]): shapely.from_wkb(bytes(row["wkb"])) for row in rows}


@contextmanager
def live_server(database_url: str, log: Path) -> Iterator[Live]:
    """Serve a migrated, empty database of the caller's own."""
    app = make_app(database_url)
    try:
        with listen("127.0.0.1", 0) as listener:
            environ = {
                **os.environ,
                "FIELDSYNC_DATABASE_URL": database_url,
                "PROMETHEUS_MULTIPROC_DIR": str(log.parent),
            }
            environ.pop("FIELDSYNC_PUBLIC_URL", None)
            with WebServer(listener, environ, log) as web:
                live = _filled(app, url_of(listener))
                web.await_readiness()
                yield live
    finally:
        end_app(app)


def _filled(app: Flask, url: str) -> Live:
    scene = Scene(app)
    wards = scene.layer("Wards", public=True, role="jurisdiction")
    scene.publish(scene.draft(wards, cells(5, 4, seed=2)), 30)
    scene.publish(scene.draft(wards, cells(8, 6)), 5)
    scene.draft(wards, cells(2, 2))
    parcels = scene.published("Parcels", cells(6, 5, seed=3), crs=f"EPSG:{UTM33}")
    scene.jobs(JOBS)
    scene.town.run("UPDATE work_order SET due_at = created_at + interval '3 days' WHERE partnership_id = :p")
    scene.town.run(
        "UPDATE work_order SET status = 'completed', completed_at = created_at + interval '1 hour'"
        " WHERE partnership_id = :p AND CAST(extract(minute FROM created_at) AS int) % 3 = 0"
    )
    scene.open_work_orders()
    token = scene.api_token("gis")
    return Live(f"{url}/ogc/{scene.slug}", scene, f"boundaries-{wards}", f"boundaries-{parcels}", token)
