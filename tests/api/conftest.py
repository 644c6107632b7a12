"""The partnerships that every test may have."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.api.town import Town
from tests.sync_model.fixtures import sync_app, world

__all__ = ["sync_app", "town", "world"]


@pytest.fixture
def town(sync_app: Flask) -> Town:
    return Town(sync_app)
