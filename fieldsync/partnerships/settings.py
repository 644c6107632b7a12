"""What a partnership decides for all of its partners."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from fieldsync.auth.actor import STAFF, Blueprint, require_whole_partnership, staff_actor
from fieldsync.database import db, transaction
from fieldsync.partnerships.models import Partnership
from fieldsync.schemas import Answer, Flag, Request, Text

blp = Blueprint(
    "partnership", __name__, url_prefix="/v1/partnership", actors=STAFF,
    description="Your partnership. All staff read it; admins of the whole partnership change it.",
)  # fmt: skip

_PUBLIC = "Whether anybody may read where there is work and how it stands, at /ogc: a few harmless fields of it."


class PartnershipSettingsSchema(Answer):
    """A group of jurisdictions that share crews."""

    slug = fields.String(metadata={"description": "The short name that people type, and that stands in addresses."})
    name = fields.String()
    public_work_orders = fields.Boolean(metadata={"description": _PUBLIC})


class PartnershipSettingsPatchSchema(Request):
    """What may be changed; what is left out stays."""

    name = Text(200, min_length=1)
    public_work_orders = Flag(metadata={"description": _PUBLIC})


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
    """Change your partnership"""
    require_whole_partnership()
    with transaction() as session:
        found = _own(session)
        for name, value in wanted.items():
            setattr(found, name, value)
    return _own(db.session())
