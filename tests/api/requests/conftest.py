"""An application for the tests of resource requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from fieldsync import create_app
from fieldsync.config import Settings
from fieldsync.database import db
from tests.api.requests.mutual import Mutual, make_mutual


@pytest.fixture(scope="package")
def mutual_app(database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(database_url=database_url, log_level="ERROR"))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def world(mutual_app: Flask) -> Mutual:
    return make_mutual(mutual_app)


@pytest.fixture
def elsewhere(mutual_app: Flask) -> Mutual:
    """Another partnership on the same server."""
    return make_mutual(mutual_app)
