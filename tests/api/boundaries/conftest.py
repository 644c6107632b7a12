"""A desk in a partnership of each test's own."""

from __future__ import annotations

import pytest

from tests.api.boundaries.desk import Desk
from tests.api.town import Town


@pytest.fixture
def desk(town: Town) -> Desk:
    return Desk(town)
