"""Partnerships in which jobs are lost, and tablets that do not know it yet."""

from __future__ import annotations

import pytest

from fieldsync.dispatch import expire
from tests.api.custody.lost import Lost
from tests.api.office.conftest import elsewhere, office_app, world
from tests.api.office.world import World

__all__ = ["elsewhere", "office_app", "world"]


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests' transactions are none of ours.
    monkeypatch.setattr(expire, "PATIENCE_S", 0.3)


@pytest.fixture
def lost(world: World) -> Lost:
    """Alpha's tablet."""
    return Lost(world)
