"""Refusals of boundaries as HTTP problems, and those that are about layers, runs and uploads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from fieldsync.database import CONSTRAINT_PROBLEMS
from fieldsync.problems import AlreadyThere, Conflict, InternalFault, NotFound, Problem, Unprocessable
from geo.refusals import BoundaryRefusal, FileRefused


class BoundariesRefused(Problem):
    """The boundaries cannot be taken, or not be changed like that."""

    status = 422
    code = "boundaries_refused"


_NOT_THERE = ("layer_unknown", "version_unknown")

_STATE = {
    "version_is_draft", "version_not_draft", "version_empty", "version_not_checked", "version_has_errors",
    "report_outdated", "warnings_not_acknowledged", "starts_too_early", "version_not_published", "version_not_last",
}  # fmt: skip
"""Refusals that are about what is there (409); all others are about a file or a value (422)."""


def _every_refusal(root: type[BoundaryRefusal] = BoundaryRefusal) -> Iterator[type[BoundaryRefusal]]:
    for refusal in root.__subclasses__():
        yield refusal
        yield from _every_refusal(refusal)


def _problem(refusal: type[BoundaryRefusal]) -> type[BoundariesRefused]:
    status = 409 if refusal.code in _STATE else BoundariesRefused.status
    # On one line: a docstring may be broken into several.
    title = " ".join((refusal.__doc__ or "").split())
    return type(refusal.__name__, (BoundariesRefused,), {"__doc__": title, "code": refusal.code, "status": status})


REFUSED: dict[str, type[BoundariesRefused]] = {
    refusal.code: _problem(refusal) for refusal in _every_refusal() if refusal.code not in _NOT_THERE
}
"""A refusal's code -> the problem with the same code and title."""


def translated(refusal: BoundaryRefusal) -> Problem:
    """The problem that a refusal means to whoever asked. Facts of it: ``feature``, ``part`` and ``file_field`` of a
    file, and what else the refusal carries."""
    if refusal.code in _NOT_THERE:
        return NotFound(refusal.sentence)
    facts: dict[str, Any] = dict(refusal.facts)
    if isinstance(refusal, FileRefused):
        places = {"feature": refusal.feature, "part": refusal.part, "file_field": refusal.field}
        facts |= {name: value for name, value in places.items() if value is not None}
    return REFUSED.get(refusal.code, BoundariesRefused)(refusal.sentence, **facts)


def answer_refusals(blueprint: Blueprint) -> None:
    """Have the routes of a blueprint answer a refusal as the problem that it means."""
    # Here, so that a worker that tells refusals in its runs needs nothing of the web.
    from fieldsync.answers import answer

    def on_refusal(refusal: BoundaryRefusal) -> Response:
        return answer(translated(refusal))

    blueprint.register_error_handler(BoundaryRefusal, on_refusal)


class JurisdictionLayerExists(Conflict):
    """The partnership has its jurisdiction layer already: a job has one jurisdiction."""

    code = "jurisdiction_layer_exists"


class RankTaken(Conflict):
    """Another overlay has this rank: which of the two is asked first must be clear."""

    code = "rank_taken"


class RunOver(Conflict):
    """The run has ended."""

    code = "run_over"


class RunNotFailed(Conflict):
    """Only a run that failed can be asked for again."""

    code = "run_not_failed"


class RunMovesJobs(Conflict):
    """Jobs that change hands are not left half-way: withdraw the version instead."""

    code = "run_moves_jobs"


class TooManyRuns(Conflict):
    """As many runs are under way as there may be; wait until one has ended."""

    code = "too_many_runs"


class DraftInUse(Conflict):
    """A run works on this draft: wait for its end, or cancel it."""

    code = "draft_in_use"


class UploadGone(Conflict):
    """The file has been deleted meanwhile; send it again."""

    code = "upload_gone"


class NotRepairable(Unprocessable):
    """The draft cannot be repaired like that."""

    code = "not_repairable"


class NothingToRepair(Conflict):
    """Such a repair would change nothing."""

    code = "nothing_to_repair"


class NotComparable(Unprocessable):
    """The versions cannot be compared: one has codes or shapes that mean nothing yet."""

    code = "not_comparable"


class GaveUp(InternalFault):
    """The run was ended in the middle again and again, most likely by what it works on."""

    code = "gave_up"


CONSTRAINT_PROBLEMS["uq_layer_name"] = AlreadyThere
CONSTRAINT_PROBLEMS["one_jurisdiction_layer"] = JurisdictionLayerExists
CONSTRAINT_PROBLEMS["one_overlay_per_rank"] = RankTaken
