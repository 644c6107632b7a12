"""FieldSync: the backend of field crews that neighbouring local governments share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from fieldsync.answers import ProblemApi
    from fieldsync.config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application: settings, database, blueprints, problems; nothing else."""
    # Not above: the command line, and the process that watches over the server, load this package and none of these.
    from flask import Flask

    from fieldsync.answers import ProblemApi, init_problems
    from fieldsync.bodies import init_bodies
    from fieldsync.config import BODY_BYTES_MAX, Settings
    from fieldsync.database import db, engine_options
    from fieldsync.observe import init_logs, init_requests

    settings = settings or Settings.from_env()
    app = Flask(__name__, static_folder=None)
    app.config.update(
        FIELDSYNC=settings,
        SQLALCHEMY_DATABASE_URI=settings.sqlalchemy_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings),
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        API_TITLE="FieldSync",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
    )
    init_logs(settings)
    init_requests(app)
    init_bodies(app)
    init_problems(app)
    db.init_app(app)
    _register(app, ProblemApi(app))
    return app


def _register(app: Flask, api: ProblemApi) -> None:
    from fieldsync import health
    from fieldsync.auth.api_tokens import api as api_tokens
    from fieldsync.auth.sessions import api as sessions
    from fieldsync.auth.staff import api as staff
    from fieldsync.boundaries import exports, publications
    from fieldsync.boundaries.layers import api as boundary_layers
    from fieldsync.boundaries.packages import api as boundary_package
    from fieldsync.boundaries.runs import api as boundary_runs
    from fieldsync.boundaries.tiles import api as boundary_tiles
    from fieldsync.boundaries.uploads import api as boundary_uploads
    from fieldsync.boundaries.versions import api as boundary_versions
    from fieldsync.crews import api as crews
    from fieldsync.crews.devices import api as devices
    from fieldsync.crews.devices import own_api as own_device
    from fieldsync.crews.enrolments import api as enrolments
    from fieldsync.crews.members import api as members
    from fieldsync.crews.members import crew_api as memberships
    from fieldsync.office.conflicts import api as conflicts
    from fieldsync.office.recorded import api as recorded
    from fieldsync.office.triage import api as triage
    from fieldsync.office.work_orders import api as work_orders
    from fieldsync.ogc.api import init_ogc
    from fieldsync.partnerships import settings as partnership
    from fieldsync.partnerships.jurisdictions import api as jurisdictions
    from fieldsync.reference.api import init_reference
    from fieldsync.shapes import add_components
    from fieldsync.sync import api as sync
    from fieldsync.workorders.service_types import api as service_types

    for blueprint in (
        sync.blp, enrolments.trade_blp, own_device.blp,
        sessions.login_blp, sessions.blp, work_orders.blp, recorded.blp, conflicts.blp, triage.blp,
        enrolments.blp, devices.blp, crews.blp, memberships.blp, members.blp, partnership.blp, jurisdictions.blp,
        service_types.blp,
        boundary_layers.blp, boundary_uploads.blp, boundary_versions.blp, boundary_runs.blp,
        boundary_tiles.layer_blp, boundary_tiles.blp, exports.blp, boundary_package.blp,
        staff.blp, api_tokens.blp, publications.blp, health.blp,
    ):  # fmt: skip
        api.register_blueprint(blueprint)
    add_components(api.spec)
    init_reference(app)
    init_ogc(app)
