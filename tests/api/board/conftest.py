"""The application on a real database, partnerships in it, and a server of its own for those that listen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.board.live import STREAMS, Server, serving
from tests.api.board.scene import Scene
from tests.api.office.conftest import elsewhere, office_app, world
from tests.api.office.world import World

__all__ = ["elsewhere", "office_app", "world"]


@pytest.fixture(scope="package")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(database_url, tmp_path_factory.mktemp("server"), FIELDSYNC_BOARD_STREAMS=str(STREAMS)) as server:
        yield server


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)
