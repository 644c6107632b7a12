"""How the shapes of records have grown: what each step added to those before it.

A step only ever adds: columns to a kind, or a kind. So an older app passes over what it does not know, and a newer one
asks for the columns that its records lack (``fieldsync.sync.feed``). Whoever adds a column or a kind that tablets see
adds a step here; a test compares them with the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import NamedTuple


class Step(NamedTuple):
    """What a step added."""

    columns: Mapping[str, tuple[str, ...]] = {}
    """Kind -> its new columns."""
    kinds: frozenset[str] = frozenset()
    """New kinds, with all the columns that they have by now."""

    def plus(self, later: Step) -> Step:
        """What both added."""
        kinds = self.kinds | later.kinds
        columns = {
            kind: self.columns.get(kind, ()) + later.columns.get(kind, ())
            for kind in [*self.columns, *(kind for kind in later.columns if kind not in self.columns)]
        }
        return Step({kind: names for kind, names in columns.items() if kind not in kinds}, kinds)


STEPS: dict[int, Step] = {
    2: Step(
        {
            "work_order": ("respond_by", "resolve_by"),
            "service_type": ("minutes", "certificates", "required_on_completion"),
        },
        frozenset({"assignment"}),
    ),
}
"""Number of a step -> what it added. Step 1 is what the first apps knew."""

SCHEMA = max(STEPS)
"""The shapes of records that this server sends."""


def added(above: int, upto: int) -> Step:
    """What came after step ``above``, up to and with step ``upto``."""
    return reduce(Step.plus, (STEPS[number] for number in range(above + 1, upto + 1)), Step())
