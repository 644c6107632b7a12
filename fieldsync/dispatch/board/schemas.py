"""What may be asked of the board."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.schemas import Day, Instant, PageArgs, Request

FIRST = "The first day, by the partnership's time zone."
LAST = "The last day; at most 14 days in all."
OF = "Show the board as a dispatcher of this jurisdiction alone sees it."


class DaysArgs(Request):
    """Which days, and whose board."""

    first = Day(required=True, data_key="from", metadata={"description": FIRST})
    last = Day(required=True, data_key="to", metadata={"description": LAST})
    jurisdiction_id = fields.UUID(load_default=None, metadata={"description": OF})


class BoardArgs(DaysArgs):
    """The same, and how many of the jobs that wait."""

    limit = fields.Integer(
        load_default=200,
        validate=validate.Range(1, 500),
        metadata={"description": "Most jobs wanted; the others are at `/v1/board/jobs`."},
    )


class JobsArgs(PageArgs):
    """Which page of the jobs that wait."""

    jurisdiction_id = fields.UUID(load_default=None, metadata={"description": OF})


class ChangesArgs(DaysArgs):
    """Since when."""

    since = fields.Integer(
        required=True,
        validate=validate.Range(0, 2**63 - 1),
        metadata={"description": "`change` of the answer that you have."},
    )
    seen_at = Instant(
        load_default=None,
        metadata={
            "description": "`at` of the answer that you have. Without it, jobs whose planned time has passed meanwhile"
            " are not among the changes."
        },
    )
    epoch = fields.UUID(
        required=True,
        metadata={
            "description": "`epoch` of the answer that you have; another one resets. A server that was restored from a"
            " backup gives the same numbers to other changes."
        },
    )
