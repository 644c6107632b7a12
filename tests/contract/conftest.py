"""The partnerships that the contract is tried on."""

from __future__ import annotations

from tests.sync_model.fixtures import sync_app

__all__ = ["sync_app"]
