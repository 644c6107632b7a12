"""The application on the run's shared database, and a partnership of a test's own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.sync_model.world import World, end_app, make_app, make_world


@pytest.fixture(scope="session")
def sync_app(database_url: str) -> Iterator[Flask]:
    app = make_app(database_url, pool_size=20)
    yield app
    end_app(app)


@pytest.fixture
def world(sync_app: Flask) -> World:
    return make_world(sync_app)
