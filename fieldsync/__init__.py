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
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    init_logs(settings)
    init_requests(app)
    init_bodies(app)
    init_problems(app)
    db.init_app(app)
    _register(ProblemApi(app))
    return app


def _register(api: ProblemApi) -> None:
    from fieldsync import health
    from fieldsync.shapes import add_components
    from fieldsync.sync import api as sync

    for module in (health, sync):
        api.register_blueprint(module.blp)
    add_components(api.spec)
