"""The partnership in which the laws are tried."""

from tests.sync_model.fixtures import sync_app, world

__all__ = ["sync_app", "world"]
