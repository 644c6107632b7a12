"""Refusals that are about agreements."""

from __future__ import annotations

from fieldsync.database import CONSTRAINT_PROBLEMS
from fieldsync.problems import Conflict, Unprocessable


class ProposalOpen(Conflict):
    """A proposal for this agreement waits for its parties; one at a time."""

    code = "proposal_open"


class TooManyVersions(Conflict):
    """This agreement has as many versions as one may have."""

    code = "too_many_versions"


class VersionSettled(Conflict):
    """This version is not open any more: it was accepted, declined or withdrawn."""

    code = "version_settled"


class ProposalExpired(Conflict):
    """The time for which this version was proposed is over."""

    code = "proposal_expired"


class AgreementEnded(Conflict):
    """The agreement has been ended."""

    code = "agreement_over"


class NothingInForce(Conflict):
    """No version of this agreement holds or will hold."""

    code = "agreement_not_in_force"


class NoticeTooShort(Unprocessable):
    """The agreement cannot end so early: a notice was agreed."""

    code = "notice_too_short"


CONSTRAINT_PROBLEMS["one_open_proposal"] = ProposalOpen
