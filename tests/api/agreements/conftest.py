"""Parties of each test's own, and partnerships whose tablets can be asked."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.api.agreements.parties import Parties
from tests.api.office.conftest import elsewhere, office_app, world

__all__ = ["elsewhere", "office_app", "parties", "world"]


@pytest.fixture
def parties(office_app: Flask) -> Parties:
    return Parties(office_app)
