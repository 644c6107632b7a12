"""Work that takes longer than a request: asked for in a transaction, carried out by whoever is free, exactly once."""

from fieldsync.boundaries.runs.ask import MOVES, ask, cancel
from fieldsync.boundaries.runs.carry import carry_out
from fieldsync.boundaries.runs.run import Cancelled, Interrupted, Run, RunEnded, Superseded

__all__ = ["MOVES", "Cancelled", "Interrupted", "Run", "RunEnded", "Superseded", "ask", "cancel", "carry_out"]
