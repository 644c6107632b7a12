"""The application on a real database, and partnerships in it: each test has its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from fieldsync import create_app
from fieldsync.config import Settings
from fieldsync.database import db
from tests.api.office.world import World, make_world


@pytest.fixture(scope="package")
def office_app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, log_level="ERROR"))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def world(office_app: Flask) -> World:
    return make_world(office_app)


@pytest.fixture
def elsewhere(office_app: Flask) -> World:
    """Another partnership on the same server."""
    return make_world(office_app)
