"""Refusals that are about merge policies."""

from __future__ import annotations

from fieldsync.problems import Unprocessable


class PolicyNotAllowed(Unprocessable):
    """The field cannot be merged in this way."""

    code = "policy_not_allowed"
