"""In which history of the partnership the edits of an exchange were made: see ``partnerships.lineage``."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.partnerships import lineage
from fieldsync.partnerships.lineage import Lineage, Shared
from fieldsync.sync import queries
from fieldsync.sync.exchange import Exchange, QueuedEdit


class Epochs(NamedTuple):
    """What the epochs mean that an exchange names."""

    present: str
    told: str | None
    """The envelope's: that of every edit that names none."""
    past: Lineage

    def base_entry(self, queued: QueuedEdit) -> int | None:
        """The last entry of the journal that the author can have seen; None where the base version says all: it was
        seen in the present history, or there is none."""
        epoch = queued.epoch or self.told
        if not queued.base_version or epoch is None or epoch == self.present:
            return None
        return lineage.base_entry(self.past, epoch)


def read(session: Session, partnership_id: UUID, present: UUID, exchange: Exchange) -> Epochs | None:
    """None where all of the exchange is of the present epoch, as all are that were not made before a restore."""
    now = str(present)
    if exchange.epoch in (None, now) and all(edit.epoch is None or edit.epoch == now for edit in exchange.edits):
        return None
    rows = session.execute(queries.PAST_EPOCHS, {"partnership_id": partnership_id})
    return Epochs(now, exchange.epoch, {str(epoch): Shared(entry, change) for epoch, entry, change in rows})
