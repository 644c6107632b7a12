"""The application on a real database, and partnerships that have promised something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from fieldsync import create_app
from fieldsync.config import Settings
from fieldsync.database import db
from tests.api.office.world import World, make_world
from tests.api.servicelevels.promises import Promises, promise


@pytest.fixture(scope="package")
def levels_app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, log_level="CRITICAL"))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def world(levels_app: Flask) -> World:
    return make_world(levels_app)


@pytest.fixture
def elsewhere(levels_app: Flask) -> World:
    """Another partnership on the same server."""
    return make_world(levels_app)


@pytest.fixture
def promises(world: World) -> Promises:
    """Potholes: an hour to respond and four to complete, around the clock; those of priority 1 half of that. Signals:
    two hours to complete, on hold or not. Since a month ago."""
    return promise(world)
