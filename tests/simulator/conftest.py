"""The application on a database of the run, for scenarios on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.simulator.servers import PostgresServer, surfacing
from tests.sync_model.world import end_app, make_app


@pytest.fixture(scope="session")
def postgres(database_url: str) -> Iterator[Callable[[], PostgresServer]]:
    """Makes a server on PostgreSQL: a partnership of its own each time."""
    app = surfacing(make_app(database_url))
    yield partial(PostgresServer, app)
    end_app(app)
