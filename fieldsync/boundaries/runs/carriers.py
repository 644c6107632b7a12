"""Who carries out which sort of run: by import path, loaded when the first of the sort comes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeAlias

from fieldsync.boundaries.runs.run import Run

Carrier: TypeAlias = Callable[[Run], dict[str, Any]]
"""Does the work in transactions of its own, tells its progress, and returns the result (JSON). It may be ended at any
moment and called again: then it goes on from ``run.progress`` and ``run.version_id``."""

CARRIERS = {
    "import": "fieldsync.boundaries.take_in:take_in",
    "check": "fieldsync.boundaries.check:check_draft",
    "repair": "fieldsync.boundaries.repair:repair",
    "difference": "fieldsync.boundaries.compare:compare",
    "outline": "fieldsync.boundaries.packages.outlines:prepare",
    "reassign": "fieldsync.boundaries.reassign:reassign",
    "withdraw": "fieldsync.boundaries.reassign:withdraw",
}


def carrier_of(sort: str) -> Carrier:
    """The function that carries out runs of this sort."""
    module, _, name = CARRIERS[sort].partition(":")
    carrier: Carrier = getattr(importlib.import_module(module), name)
    return carrier
