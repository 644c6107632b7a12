"""Reference tablets that speak to an application in this process, so that it can be stopped and restored under them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from fieldsync.crews.enrolments import codes
from fieldsync.crews.models import Enrolment
from fieldsync.database import new_id
from fieldsync.tablet import Reply, Tablet
from tests.sync_model.world import World, now

SERVER = "http://localhost"


class AppLine:
    """Carries requests to the world's application, whichever that is at the moment."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        plain = {name: value for name, value in headers.items() if name != "Accept-Encoding"}
        answer = self._world.app.test_client().open(path, method=method, headers=plain, data=body)
        return Reply(answer.status_code, answer.headers, answer.get_data())


def code(world: World, crew: int = 0) -> str:
    """An enrolment code, as a dispatcher makes it."""
    made = codes.make(world.value("SELECT slug FROM partnership WHERE id = :p"))
    with world.session() as session:
        session.add(
            Enrolment(
                partnership_id=world.partnership_id, code_hash=codes.hashed(world.partnership_id, made), id=new_id(),
                crew_id=world.crew_ids[crew], device_name="Truck", created_by=world.staff_id,
                expires_at=now() + timedelta(days=1),
            )
        )  # fmt: skip
    return made.text()


def tablet(world: World, path: Path, crew: int | None = 0) -> Tablet:
    """A tablet with a file of its own, enrolled and synced; with ``crew`` None it is not."""
    made = Tablet(path, SERVER, line=AppLine(world))
    if crew is not None:
        made.enrol(code(world, crew))
        made.sync(wait=lambda _: None)
    return made


def sync(*tablets: Tablet) -> None:
    """Each sends and receives everything."""
    for each in tablets:
        each.sync(patience=2, wait=lambda _: None)
