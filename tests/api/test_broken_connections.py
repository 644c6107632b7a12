"""A connection to the database that breaks under a request."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
import sqlalchemy as sa
from flask import Response, request

from fieldsync.database import db
from tests.sync_model.world import end_app, make_app, make_world


@pytest.mark.parametrize("times", [1, 3])
def test_one_that_breaks_when_the_answer_is_made_does_not_take_it_back(
    new_database: Callable[[], str], times: int
) -> None:
    url = new_database()
    app = make_app(url, pool_size=1)

    @app.get("/read-and-lose")
    def read_and_lose() -> str:
        pid = db.session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return "read"

    client = app.test_client()
    for _ in range(times):
        # With a pool of one: what broke is given back, too.
        assert client.get("/read-and-lose").text == "read"
    assert client.get("/readyz").status_code == 200
    end_app(app)


def test_one_that_breaks_as_an_exchange_ends_does_not_keep_its_place(new_database: Callable[[], str]) -> None:
    url = new_database()
    app = make_app(url, pool_size=2)  # one exchange at once
    breaks = False

    @app.after_request
    def lose(response: Response) -> Response:
        if breaks and request.path == "/v1/sync":
            pid = db.session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return response

    world = make_world(app)
    one, other = world.tablet(), world.tablet()
    one.exchange(), other.exchange()
    breaks = True
    one.exchange()
    breaks = False
    one.exchange(), other.exchange()
    end_app(app)
