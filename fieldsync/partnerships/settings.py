"""What a partnership decides for all of its partners."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from fieldsync.auth.actor import STAFF, Blueprint, require_whole_partnership, staff_actor
from fieldsync.database import db, transaction
from fieldsync.partnerships.head import next_change
from fieldsync.partnerships.models import Partnership
from fieldsync.schemas import Answer, Flag, Request, Text, TimeZone

blp = Blueprint(
    "partnership", __name__, url_prefix="/v1/partnership", actors=STAFF,
    description="Your partnership. All staff read it; admins of the whole partnership change it.",
)  # fmt: skip

_PUBLIC = "Whether anybody may read where there is work and how it stands, at /ogc: a few harmless fields of it."
_TIME_ZONE = "IANA name. In it days and hours of agreements are meant, and those of crews without a zone of their own."

# In the order of their ids, as everybody locks them, and before the head.
_LOCK_CREWS = text("SELECT FROM crew WHERE partnership_id = :partnership_id ORDER BY id FOR NO KEY UPDATE")
_STAMP_CREWS = text("UPDATE crew SET change = :change WHERE partnership_id = :partnership_id")


class PartnershipSettingsSchema(Answer):
    """A group of jurisdictions that share crews."""

    slug = fields.String(metadata={"description": "The short name that people type, and that stands in addresses."})
    name = fields.String()
    public_work_orders = fields.Boolean(metadata={"description": _PUBLIC})
    time_zone = fields.String(metadata={"description": _TIME_ZONE})


class PartnershipSettingsPatchSchema(Request):
    """What may be changed; what is left out stays."""

    name = Text(200, min_length=1)
    public_work_orders = Flag(metadata={"description": _PUBLIC})
    time_zone = TimeZone(metadata={"description": _TIME_ZONE})


def _own(session: Session) -> Partnership:
    return session.scalars(select(Partnership).where(Partnership.id == staff_actor().partnership_id)).one()


@blp.get("")
@blp.response(200, PartnershipSettingsSchema)
def read_partnership() -> Partnership:
    """Your partnership"""
    return _own(db.session())


@blp.patch("", actors=("admin",))
@blp.arguments(PartnershipSettingsPatchSchema)
@blp.response(200, PartnershipSettingsSchema)
def update_partnership(wanted: dict[str, Any]) -> Partnership:
    """Change your partnership

    With another time zone, the days and hours of agreements and of crews without a zone of their own are others.
    """
    ids = {"partnership_id": require_whole_partnership().partnership_id}
    with transaction() as session:
        found = _own(session)
        days_move = "time_zone" in wanted and wanted["time_zone"] != found.time_zone
        for name, value in wanted.items():
            setattr(found, name, value)
        if days_move:
            session.flush()
            session.execute(_LOCK_CREWS, ids)
            session.execute(_STAMP_CREWS, ids | {"change": next_change(session, ids["partnership_id"])})
    return _own(db.session())
