"""Callers that keep to one town."""

from __future__ import annotations

import pytest

from tests.api.boundaries_serving.layers import area_set, at, new_layer, new_version
from tests.api.town import Caller, Town
from tests.geo.coverages import winding_cells


@pytest.fixture
def gis(town: Town) -> Caller:
    return town.staff("gis")


@pytest.fixture
def cells(town: Town) -> tuple[str, str]:
    """The ids of a layer that is not public, and of its version in force: 4 x 3 winding cells near 80 W, 40 N."""
    layer_id = new_layer(town)
    return str(layer_id), str(new_version(town, layer_id, area_set(winding_cells()), at(2020)))
