"""Two towns with crews of their own, and what dispatchers do with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.api.assignments.scene import Scene
from tests.api.office.world import make_world
from tests.sync_model.world import end_app, make_app


@pytest.fixture(scope="package")
def assigning_app(database_url: str) -> Iterator[Flask]:
    app = make_app(database_url)
    yield app
    end_app(app)


@pytest.fixture
def scene(assigning_app: Flask) -> Scene:
    return Scene(make_world(assigning_app))
