"""Every refusal we can give, as a tree of exceptions. HTTP appears once, at the root (RFC 9457)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, ClassVar

TYPE_PREFIX = "urn:fieldsync:problem:"


class Problem(Exception):
    """The request cannot be carried out."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "problem"

    def __init__(self, detail: str | None = None, *, field: str | None = None, **facts: Any) -> None:
        """``detail``: a sentence for this occurrence. ``field``: where in the request. ``facts``: typed extras."""
        self.title = (type(self).__doc__ or "").strip().splitlines()[0]
        self.detail = detail or self.title
        self.field = field
        self.facts = facts
        super().__init__(self.detail)

    def headers(self) -> dict[str, str]:
        """HTTP headers that go with the answer."""
        return {}

    def document(self) -> dict[str, Any]:
        """The problem as RFC 9457 JSON: ``type, title, status, code, detail`` and, where known, ``field`` and facts."""
        document = {
            "type": TYPE_PREFIX + self.code,
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.field is not None:
            document["field"] = self.field
        return document | self.facts


def every_problem(root: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """All problems below ``root``, for the documentation and the tests."""
    for problem in root.__subclasses__():
        yield problem
        yield from every_problem(problem)


# --- the request itself -------------------------------------------------------------------------------------------


class BadRequest(Problem):
    """The request could not be understood."""

    code = "bad_request"


class MalformedBody(BadRequest):
    """The body is not what this address takes."""

    code = "malformed_body"


class InvalidParameter(BadRequest):
    """A query parameter is unknown, or its value is not acceptable."""

    code = "invalid_parameter"


class Unprocessable(Problem):
    """A value in the request is not acceptable."""

    status = 422
    code = "invalid_value"


class UnknownReference(Unprocessable):
    """The field names something that does not exist."""

    code = "unknown_reference"


class BodyTooLarge(Problem):
    """The body is larger than this address takes."""

    status = 413
    code = "body_too_large"


class UnsupportedEncoding(Problem):
    """The body's Content-Encoding is not one of identity, gzip or zstd."""

    status = 415
    code = "unsupported_encoding"


class UnsupportedMediaType(Problem):
    """The body must be JSON (Content-Type: application/json)."""

    status = 415
    code = "unsupported_media_type"


class MethodNotAllowed(Problem):
    """This address does not take that method."""

    status = 405
    code = "method_not_allowed"


class RequestTooSlow(Problem):
    """The request did not come in time."""

    status = 408
    code = "request_too_slow"


class HeadTooLarge(Problem):
    """The request's line and header fields are larger than this server takes."""

    status = 431
    code = "head_too_large"


class TooManyRequests(Problem):
    """Too many attempts; wait before the next one."""

    status = 429
    code = "too_many_requests"

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.facts.get("retry_after_s", 60))}


class ExchangeUnderWay(TooManyRequests):
    """An exchange of this device is still under way; wait for its end."""

    code = "exchange_under_way"


# --- who asks -----------------------------------------------------------------------------------------------------


class NotAuthenticated(Problem):
    """A valid token is needed."""

    status = 401
    code = "not_authenticated"

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="fieldsync"'}


class DeviceRevoked(NotAuthenticated):
    """The device was revoked: it may deposit what it holds, and receives nothing any more."""

    code = "device_revoked"


class CredentialsNeeded(NotAuthenticated):
    """Valid credentials are needed: a bearer token, or an API token as the password of HTTP Basic."""

    code = "credentials_needed"

    def headers(self) -> dict[str, str]:
        # The scheme that desktop programs and browsers know to ask a person about.
        return {"WWW-Authenticate": 'Basic realm="fieldsync", charset="UTF-8"'}


class WrongCredentials(NotAuthenticated):
    """The partnership, e-mail address or password is not right."""

    code = "wrong_credentials"


class CodeNotValid(NotAuthenticated):
    """The enrolment code is unknown, used or expired."""

    code = "enrolment_code_not_valid"


class NotAllowed(Problem):
    """The token does not allow this."""

    status = 403
    code = "not_allowed"


class NotFound(Problem):
    """There is nothing here that you may see."""

    status = 404
    code = "not_found"


# --- what is there already ----------------------------------------------------------------------------------------


class Conflict(Problem):
    """What is there now does not allow it."""

    status = 409
    code = "conflict"


class SequenceGap(Conflict):
    """The batch does not begin at the number the server expects, or has a hole."""

    code = "sequence_gap"


class EditReused(Conflict):
    """This edit id or number was used before with other content."""

    code = "edit_reused"


class QuarantineFull(Conflict):
    """The quarantine takes no more of this device's edits."""

    code = "quarantine_full"


class ReleasedAlready(Conflict):
    """One of the edits that you reject has been released already."""

    code = "released_already"


class AlreadyThere(Conflict):
    """Something with this name or code exists already."""

    code = "already_there"


class CrewDisbanded(Conflict):
    """The crew has been disbanded."""

    code = "crew_disbanded"


class CrewTaken(Conflict):
    """The crew is already assigned at that time."""

    code = "crew_taken"


class CrewNotEligible(Conflict):
    """The crew may not, or cannot, do that job at that time."""

    code = "crew_not_eligible"


class LastAdmin(Conflict):
    """Somebody must remain who may manage the whole partnership."""

    code = "last_admin"


class ConflictSettled(Conflict):
    """Somebody settled this conflict already."""

    code = "conflict_settled"


class RefusedEditApplied(Conflict):
    """The refused edit has been applied already."""

    code = "refused_edit_applied"


class RefusedEditNotApplicable(Conflict):
    """Nobody can tell what the refused edit was to do; enter it anew, and dismiss it."""

    code = "refused_edit_not_applicable"


class NotInTriage(Conflict):
    """Nobody has to decide whose this work order is."""

    code = "not_in_triage"


class RecordDeleted(Conflict):
    """The record has been deleted; restore it first."""

    code = "record_deleted"


class PreconditionFailed(Problem):
    """The record has changed since you read it; the answer holds the current one."""

    status = 412
    code = "precondition_failed"

    def headers(self) -> dict[str, str]:
        return {"ETag": self.facts["etag"]} if "etag" in self.facts else {}


class PreconditionRequired(Problem):
    """Send If-Match with the ETag you read."""

    status = 428
    code = "precondition_required"


class WrongProtocol(Problem):
    """This server does not speak that version of the sync protocol."""

    status = 400
    code = "wrong_protocol"


class UpgradeRequired(WrongProtocol):
    """This server does not take so old an app any more: it has to be updated."""

    code = "upgrade_required"


# --- not now ------------------------------------------------------------------------------------------------------


class ComeAgain(Problem):
    """The server cannot do it now; send the same request again after a while."""

    status = 503
    code = "come_again"

    def headers(self) -> dict[str, str]:
        # Drawn by lot where nobody knows better: those who were sent away together must not come back together.
        return {"Retry-After": str(self.facts.get("retry_after_s") or random.randint(1, 4))}  # noqa: S311


class Overloaded(ComeAgain):
    """More exchanges come in than the server can carry out; send the same request again after a while."""

    code = "overloaded"


class IdTaken(ComeAgain):
    """Something with this id was written at the same moment; send the same request again."""

    code = "id_taken"


class InternalFault(Problem):
    """Something went wrong on our side; the request id helps us to find it."""

    status = 500
    code = "internal_fault"
