"""Why a step of a resource request is not taken."""

from __future__ import annotations

from fieldsync.problems import Conflict


class RequestOver(Conflict):
    """The request is closed or cancelled, or its time is over."""

    code = "request_over"


class RequestFilled(Conflict):
    """As many crews are accepted as were asked for."""

    code = "request_filled"


class RequestAnswered(Conflict):
    """Helpers have answered to the request: what they offered for stays as it is."""

    code = "request_answered"


class TooManyOffers(Conflict):
    """The request has as many offers as it may have."""

    code = "too_many_offers"


class OfferSettled(Conflict):
    """The offer was accepted, declined or withdrawn already."""

    code = "offer_settled"


class OfferNotAccepted(Conflict):
    """Only an offer that was accepted can be released."""

    code = "offer_not_accepted"


class OfferOver(Conflict):
    """The offer's time is over, or its crew is not the helper's any more."""

    code = "offer_over"
