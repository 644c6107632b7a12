"""Two towns with crews that have hours and depots, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.api.office.world import make_world
from tests.api.suggestions.router import FakeRoads
from tests.api.suggestions.scene import NOW, Scene
from tests.sync_model.world import end_app, make_app


@pytest.fixture(scope="package")
def suggesting_app(database_url: str) -> Iterator[Flask]:
    app = make_app(database_url)
    yield app
    end_app(app)


@pytest.fixture
def scene(suggesting_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr("fieldsync.dispatch.suggestions.api.now", lambda: NOW)
    return Scene(make_world(suggesting_app))


@pytest.fixture
def other(suggesting_app: Flask) -> Scene:
    """Another partnership on the same server."""
    return Scene(make_world(suggesting_app))


@pytest.fixture
def roads() -> Iterator[FakeRoads]:
    with FakeRoads() as roads:
        yield roads
