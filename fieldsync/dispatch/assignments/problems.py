"""Why an assignment is not made, moved or taken back; each also stands in an item's verdict."""

from __future__ import annotations

from fieldsync.problems import Conflict


class AssignmentPinned(Conflict):
    """The assignment is pinned; say move_pinned to move it all the same."""

    code = "assignment_pinned"


class AssignmentOver(Conflict):
    """The assignment does not hold any more: it was released, or the work is done."""

    code = "assignment_over"


class CrewDiffers(Conflict):
    """Another item of the request gives the work order to another crew."""

    code = "crew_differs"


class PartsLeftBehind(Conflict):
    """Other parts of the work order are planned for the crew that it would leave."""

    code = "parts_left_behind"


class OthersRefused(Conflict):
    """It was not done because another item of the request was refused."""

    code = "others_refused"


class RecallNotAgreed(Conflict):
    """The crew was lent by an agreement that does not let its home jurisdiction recall it."""

    code = "recall_not_agreed"
