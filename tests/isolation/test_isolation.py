"""Who gets what, for every operation of openapi.yaml and everybody who could ask.

First strangers ask for the things of home, whole requests that would do something if they were let; what home holds
must not change by it. Then those who may ask with nothing in the body, which only tells that they are let in.
"""

from __future__ import annotations

import pytest
from flask import Flask

from fieldsync.auth.models import ROLES
from tests.isolation.expected import ANYONE, DEVICE, EXPECTED, REVOKED, Expected
from tests.isolation.operations import Operation, operations
from tests.isolation.stage import Stage, make_stage

WITHOUT_A_GOOD_TOKEN = ("nobody", "a forged token", "a forged device", "a revoked device", "disabled staff")
DEVICES = ("a device", "a device of another crew", "a device of another partnership")
NAMES = [operation.name for operation in operations()]
BY_NAME = {operation.name: operation for operation in operations()}


@pytest.fixture(scope="module")
def stage(sync_app: Flask) -> Stage:
    return make_stage(sync_app)


def test_every_operation_has_an_expectation() -> None:
    assert set(NAMES) == EXPECTED.keys(), "a route is new or gone: say in expected.py who gets what from it"


@pytest.mark.parametrize("name", NAMES)
def test_without_a_good_token_nobody_gets_in(stage: Stage, name: str) -> None:
    operation, expected = BY_NAME[name], EXPECTED[name]
    if ANYONE in expected.actors:
        return
    before = _before(stage, operation)
    for who in WITHOUT_A_GOOD_TOKEN:
        if who == "a revoked device" and REVOKED in expected.actors:
            continue
        answer = stage.ask(who, operation)
        assert answer.status_code == 401, who
        assert answer.json["code"] in ("not_authenticated", "device_revoked"), who
        assert not stage.told(operation, answer), who
    assert _before(stage, operation) == before


@pytest.mark.parametrize("name", NAMES)
def test_who_may_not_is_told_so_and_no_more(stage: Stage, name: str) -> None:
    operation, expected = BY_NAME[name], EXPECTED[name]
    if ANYONE in expected.actors:
        return
    before = _before(stage, operation)
    excluded = [who for who in DEVICES if DEVICE not in expected.actors]
    for role in set(ROLES) - set(expected.actors):
        excluded += [role, f"{role} elsewhere", f"{role} of another partnership"]
    for who in sorted(excluded):
        answer = stage.ask(who, operation)
        assert (answer.status_code, answer.json["code"]) == (403, "not_allowed"), who
        assert not stage.told(operation, answer), who
    assert _before(stage, operation) == before


@pytest.mark.parametrize("name", NAMES)
def test_what_is_another_partnerships_is_not_there(stage: Stage, name: str) -> None:
    operation, expected = BY_NAME[name], EXPECTED[name]
    before = _before(stage, operation)
    for who in _strangers(expected, "of another partnership"):
        answer = stage.ask(who, operation)
        assert answer.status_code == expected.abroad, (who, answer.get_data(as_text=True)[:300])
        assert not stage.told(operation, answer), who
    assert _before(stage, operation) == before


@pytest.mark.parametrize("name", NAMES)
def test_what_is_anothers_within_the_partnership(stage: Stage, name: str) -> None:
    operation, expected = BY_NAME[name], EXPECTED[name]
    before = _before(stage, operation)
    for who in _strangers(expected, "elsewhere"):
        answer = stage.ask(who, operation)
        assert answer.status_code == expected.elsewhere, (who, answer.get_data(as_text=True)[:300])
        if answer.status_code >= 300:
            assert not stage.told(operation, answer), who
    if name not in WRITES_ITS_OWN:
        assert _before(stage, operation) == before


@pytest.mark.parametrize("name", [name for name in NAMES if BY_NAME[name].reads])
def test_what_is_there_is_there_for_its_own(stage: Stage, name: str) -> None:
    """Else the answers above would say nothing."""
    operation, expected = BY_NAME[name], EXPECTED[name]
    who = (
        "its tablet"
        if DEVICE in expected.actors
        else next((role for role in ROLES if role in expected.actors), "admin")
    )
    assert (stage.ask(who, operation).status_code < 300) == (name not in NOT_MADE_YET)


@pytest.mark.parametrize("name", NAMES)
def test_who_may_is_let_in(stage: Stage, name: str) -> None:
    """The last of all: whoever may delete something does."""
    operation, expected = BY_NAME[name], EXPECTED[name]
    for who in [role for role in ROLES if role in expected.actors]:
        assert stage.ask(who, operation, blank=True).status_code not in (401, 403), who
    for actor, who in ((DEVICE, "a device"), (REVOKED, "a revoked device")):
        if actor in expected.actors:
            assert stage.ask(who, operation, blank=True).status_code not in (401, 403), who


NOT_MADE_YET = {
    "GET /v1/service-levels/policies/in-force",  # The policy has not begun.
    "GET /v1/boundaries/versions/{version_id}/rehearsal",  # Nothing was rehearsed.
}
"""What even its own cannot read."""

WRITES_ITS_OWN = {
    "POST /v1/sync",  # A refused edit is kept in the partnership's journal.
}
"""What is written down of somebody from elsewhere is hers."""


def _strangers(expected: Expected, suffix: str) -> list[str]:
    if ANYONE in expected.actors:
        return [f"{role} {suffix}" for role in ROLES]
    if DEVICE in expected.actors:
        return ["a device of another crew" if suffix == "elsewhere" else f"a device {suffix}"]
    return [f"{role} {suffix}" for role in ROLES if role in expected.actors]


def _before(stage: Stage, operation: Operation) -> object:
    return None if operation.reads else stage.traces()
