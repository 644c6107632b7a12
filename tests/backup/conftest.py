"""The partnership that every test may have."""

from tests.sync_model.fixtures import sync_app, world

__all__ = ["sync_app", "world"]
