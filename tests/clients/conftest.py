"""The server that other people's programs talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fieldsync.cluster import Databases
from tests.clients.live import Live, live_server


@pytest.fixture(scope="session")
def live(databases: Databases, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server of these tests' own; they only read."""
    name = "fieldsync_clients"
    url = databases.copy(template_database, name)
    try:
        with live_server(url, tmp_path_factory.mktemp("server") / "log") as live:
            yield live
    finally:
        databases.drop(name)
