"""The application of the run."""

from __future__ import annotations

from tests.sync_model.fixtures import sync_app

__all__ = ["sync_app"]
