"""The server that the tablets of these tests talk to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fieldsync.cluster import Databases
from fieldsync.tablet import HttpLine, Tablet
from tests.tablet.live import Live, live_server


@pytest.fixture(scope="module")
def live(
    databases: Databases,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Live]:
    """A server of the module's own."""
    name = f"fieldsync_tablet_{abs(hash(request.module.__name__)):x}"[:50]
    url = databases.copy(template_database, name)
    try:
        with live_server(url, tmp_path_factory.mktemp("server") / "log", work_orders=60) as live:
            yield live
    finally:
        databases.drop(name)


@pytest.fixture
def make_tablet(live: Live, tmp_path: Path) -> Iterator[Callable[..., Tablet]]:
    """Makes an enrolled tablet of the demo's first crew (or of ``crew_id``), without a download yet."""
    made: list[Tablet] = []

    def make(crew_id: str | None = None, **options: object) -> Tablet:
        path = tmp_path / f"{len(made)}.sqlite3"
        tablet = Tablet(path, live.url, **{"line": HttpLine(live.url), **options})  # type: ignore[arg-type]
        made.append(tablet)
        tablet.enrol(live.code(crew_id or live.crew()["id"]))
        return tablet

    yield make
    for tablet in made:
        tablet.close()
