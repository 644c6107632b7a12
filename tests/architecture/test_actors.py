"""Every blueprint says whom it takes, and takes nobody else."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask import Flask
from werkzeug.routing import Rule

from fieldsync import create_app
from fieldsync.auth.actor import ANYONE, DEVICE, REVOKED_DEVICE, Blueprint
from fieldsync.auth.models import ROLES
from fieldsync.config import Settings

# Nobody without a token gets as far as the database.
APP: Flask = create_app(Settings(database_url="postgresql://", log_level="CRITICAL"))
RULES = list(APP.url_map.iter_rules())
SOME_ID = UUID(int=0)

FOR_ANYONE = {
    "enrolling.enrol",
    "login.create_session",
    "health.healthz",
    "health.readyz",
    "health.metrics",
    "reference.home",
    "reference.docs",
    "reference.asset",
    "reference.openapi",
    # These show others than a partnership's own people its public layers.
    "boundary_tiles.read_tile",
    "boundary_tiles.read_tilejson",
    # Each of these recognises staff, and shows others what the partnership shows to everybody.
    "ogc.start",
    "ogc.landing",
    "ogc.conformance",
    "ogc.api",
    "ogc.collections",
    "ogc.collection",
    "ogc.queryables",
    "ogc.items",
    "ogc.item",
}
"""Whoever opens another address to everybody writes it down here as well, so that somebody reads it twice."""


def blueprint_of(rule: Rule) -> Blueprint:
    blueprint = APP.blueprints[rule.endpoint.rpartition(".")[0]]
    assert isinstance(blueprint, Blueprint)
    return blueprint


@pytest.mark.parametrize("name", APP.blueprints)
def test_a_blueprint_declares_its_actors(name: str) -> None:
    blueprint = APP.blueprints[name]
    assert isinstance(blueprint, Blueprint)
    assert blueprint.actors
    assert set(blueprint.actors) <= {ANYONE, DEVICE, REVOKED_DEVICE, *ROLES}
    # Two sorts of actors never share an address: a route knows what sort of actor it has.
    assert len({actor if actor in (ANYONE, DEVICE, REVOKED_DEVICE) else "staff" for actor in blueprint.actors}) == 1


def test_actors_cannot_be_left_out_or_made_up() -> None:
    with pytest.raises(TypeError):
        Blueprint("x", __name__, description="")  # type: ignore[call-arg]
    for actors in ((), ("king",)):
        with pytest.raises(ValueError, match="actors must be"):
            Blueprint("x", __name__, actors=actors, description="")


def test_a_route_takes_no_more_than_its_blueprint() -> None:
    blueprint = Blueprint("x", __name__, actors=("gis",), description="")
    with pytest.raises(ValueError, match="does not take all"):
        blueprint.get("/", actors=("admin",))(lambda: "")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.endpoint} {rule.rule}")
def test_an_address_belongs_to_a_blueprint_and_is_closed_unless_it_says_so(rule: Rule) -> None:
    actors = blueprint_of(rule).actors_of(rule.endpoint)
    assert (ANYONE in actors) == (rule.endpoint in FOR_ANYONE)
    if ANYONE in actors:
        return
    values = {name: str(SOME_ID) for name in rule.arguments}
    path = APP.url_map.bind("localhost").build(rule.endpoint, values)
    for method in rule.methods or ():
        answer = APP.test_client().open(path, method=method)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="fieldsync"'
        if method != "HEAD":
            assert answer.json is not None
            assert answer.json["code"] == "not_authenticated"
