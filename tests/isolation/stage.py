"""Two partnerships, and everybody who may ask: people of each role, tablets, and those whose token is not taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask

from fieldsync.auth import tokens
from fieldsync.auth.models import ROLES
from tests.api.town import Caller
from tests.isolation.bodies import FOREIGN
from tests.isolation.operations import Operation
from tests.isolation.things import everything, town_of
from tests.sync_model.world import World, make_world

EVENTS = "text/event-stream"
"""A stream without an end: nobody reads it here."""
MANAGERS = ("admin", "dispatcher", "gis")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Stage:
    """Home, with one of everything, a town elsewhere in the same partnership, and another partnership."""

    app: Flask
    home: World
    abroad: World
    things: Mapping[str, Any]
    """One of each thing of home that an address can name, by the name of the address's parameter."""
    actors: Mapping[str, Caller]
    """Who asks."""

    def ask(self, who: str, operation: Operation, *, blank: bool = False) -> Any:
        """What somebody is answered who asks for the things of home; ``blank``: with nothing in the body, so that
        whoever may change something changes nothing."""
        body = operation.body(self.things)
        headers = {} if operation.reads else {"If-Match": f'"{self.version(operation)}"'}
        if blank and not operation.reads:
            body, headers = (None if body is None else []), {"Content-Type": "application/json"}
        answer = self.actors[who].ask(operation.method, operation.address(self.things), body, headers=headers)
        if answer.mimetype == EVENTS:
            answer.close()
        return answer

    def version(self, operation: Operation) -> int:
        return 1 if "conflicts" in operation.path or "tasks" in operation.path else 2

    def told(self, operation: Operation, answer: Any) -> set[str]:
        """The ids of home's that an answer holds and the question did not."""
        if answer.mimetype == EVENTS:
            return set()
        # What strangers have entered themselves, and were refused, is read back to them.
        asked = operation.address(self.things) + str(
            [operation.body(self.things), FOREIGN["POST /v1/sync"](self.things)]
        )
        ours = {str(thing) for thing in self.things.values() if isinstance(thing, UUID)} - set(_ID.findall(asked))
        return ours & set(_ID.findall(answer.get_data().decode("latin-1")))

    def traces(self) -> dict[str, Any]:
        """What home's tables hold: how many rows, and a sum over them; logs of who asked are left out."""
        with self.home.session() as session:
            connection = session.connection()
            tables = connection.exec_driver_sql(
                """SELECT table_name FROM information_schema.columns
                   WHERE table_schema = 'public' AND column_name = 'partnership_id'
                     AND table_name NOT IN ('token', 'login_attempts', 'device') ORDER BY table_name"""
            ).scalars()
            return {
                table: tuple(
                    connection.exec_driver_sql(
                        f"SELECT count(*), coalesce(sum(hashtextextended(CAST(t AS text), 0)), 0) FROM {table} t"
                        " WHERE partnership_id = %s", (self.home.partnership_id,),
                    ).one()
                )
                for table in tables
            }  # fmt: skip


def make_stage(app: Flask) -> Stage:
    """The stage; half a minute of questions is asked of it, so it is made once."""
    home, abroad = make_world(app), make_world(app)
    town, foreign = town_of(home), town_of(abroad)
    things = everything(home, town.staff(*MANAGERS))
    manager = town.staff(*MANAGERS)
    # Party to nothing.
    elsewhere = UUID(manager.post("/v1/jurisdictions", {"code": "elsewhere", "name": "Elsewhere"}).json["id"])
    neighbour = home.value("SELECT id FROM jurisdiction WHERE partnership_id = :p AND code = 'neighbour'")
    things |= {"elsewhere_id": elsewhere, "neighbour_id": neighbour, "kind": "work_order", "field": "description"}
    revoked, disabled = home.tablet(), town.staff(*ROLES)
    assert manager.post(f"/v1/devices/{revoked.device_id}/revoke").status_code == 200
    assert manager.post(f"/v1/staff/{disabled.id}/disable").status_code == 200
    actors = {
        "nobody": Caller(app),
        "a forged token": Caller(app, tokens.make("session", home.partnership_id)[0]),
        "a forged device": Caller(app, tokens.make("device", home.partnership_id)[0]),
        "a revoked device": Caller(app, revoked.token),
        "disabled staff": disabled,
        "its tablet": Caller(app, things["own_tablet"].token),
        "a device": Caller(app, home.tablet().token),
        "a device of another crew": Caller(app, home.tablet(1).token),
        "a device of another partnership": Caller(app, abroad.tablet().token),
    }
    for role in ROLES:
        actors[role] = town.staff(role)
        actors[f"{role} elsewhere"] = town.staff((role, elsewhere))
        actors[f"{role} of another partnership"] = foreign.staff(role)
    return Stage(app, home, abroad, things, actors)
