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
    from fieldsync.database import db, engine_options, init_sessions
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
    init_sessions(app)
    _register(app, ProblemApi(app))
    return app


def _register(app: Flask, api: ProblemApi) -> None:
    from fieldsync.blueprints import BLUEPRINTS
    from fieldsync.ogc.api import init_ogc
    from fieldsync.reference.api import init_reference
    from fieldsync.shapes import add_components
    from fieldsync.sync.admission import init_admission

    init_admission(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    add_components(api.spec)
    init_reference(app)
    init_ogc(app)
