"""Why crews, and what hangs on them, cannot be as somebody wants them."""

from __future__ import annotations

from fieldsync.problems import Conflict


class TooManyThere(Conflict):
    """There are as many of these here as there may be."""

    code = "too_many_there"


class ShiftsOverlap(Conflict):
    """The crew has another shift at that time of the week."""

    code = "shifts_overlap"


class ExceptionThere(Conflict):
    """The crew has an exception on that day already; change that one."""

    code = "exception_there"


class LeadThere(Conflict):
    """Somebody else leads the crew in that time."""

    code = "lead_there"


class EquipmentTaken(Conflict):
    """A crew has it at that time already."""

    code = "equipment_taken"


class EquipmentRetired(Conflict):
    """It is retired: no crew gets it any more."""

    code = "equipment_retired"


class EquipmentInUse(Conflict):
    """A crew has it, now or later: end that first."""

    code = "equipment_in_use"
