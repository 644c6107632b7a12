"""A partnership to read, and somebody who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from flask import Flask

from fieldsync.cluster import Databases
from tests.api.ogc.reader import Reader
from tests.clients.scene import Scene


@pytest.fixture
def scene(sync_app: Flask) -> Scene:
    return Scene(sync_app)


@pytest.fixture
def anybody(scene: Scene) -> Reader:
    """Somebody without credentials."""
    return Reader(scene)


@pytest.fixture
def gis(scene: Scene) -> Reader:
    """A person of the partnership's GIS staff."""
    return Reader(scene, scene.town.staff("gis").token)


@pytest.fixture(scope="module")
def new_module_database(databases: Databases, template_database: str) -> Iterator[Callable[[], str]]:
    """Makes a migrated database for the tests of one module."""
    names: list[str] = []

    def make() -> str:
        names.append(f"fieldsync_ogc_{uuid4().hex[:12]}")
        return databases.copy(template_database, names[-1])

    yield make
    for name in names:
        databases.drop(name)
