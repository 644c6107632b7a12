"""Jurisdictions. Tablets hold them too, so every change takes the next number of the feed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from fieldsync.auth.actor import STAFF, Blueprint, require_whole_partnership, staff_actor
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.partnerships.head import next_change
from fieldsync.partnerships.jurisdictions.schemas import (
    JurisdictionArgs,
    JurisdictionPageSchema,
    JurisdictionPatchSchema,
    JurisdictionSchema,
    NewJurisdictionSchema,
)
from fieldsync.partnerships.models import Jurisdiction
from fieldsync.problems import AlreadyThere, NotFound
from fieldsync.shapes import refuses

blp = Blueprint(
    "jurisdictions", __name__, url_prefix="/v1/jurisdictions", actors=STAFF,
    description="The partners. All staff read them; admins of the whole partnership change them.",
)  # fmt: skip


def _find(session: Session, jurisdiction_id: UUID, lock: bool = False) -> Jurisdiction:
    query = select(Jurisdiction).where(
        Jurisdiction.partnership_id == staff_actor().partnership_id, Jurisdiction.id == jurisdiction_id
    )
    found = session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if found is None:
        raise NotFound
    return found


@blp.get("")
@blp.arguments(JurisdictionArgs, location="query")
@blp.response(200, JurisdictionPageSchema)
def list_jurisdictions(args: dict[str, Any]) -> Page:
    """The partners, by code"""
    query = select(Jurisdiction).where(Jurisdiction.partnership_id == staff_actor().partnership_id)
    if (retired := args.get("retired")) is not None:
        query = query.where(Jurisdiction.retired.is_(retired))
    return read_page(db.session(), query, [Jurisdiction.code], args["limit"], args["cursor"])


@blp.post("", actors=("admin",))
@blp.arguments(NewJurisdictionSchema)
@blp.response(201, JurisdictionSchema)
@refuses(AlreadyThere)
def create_jurisdiction(wanted: dict[str, Any]) -> Jurisdiction:
    """Add a partner"""
    partnership_id, jurisdiction_id = require_whole_partnership().partnership_id, new_id()
    with transaction() as session:
        change = next_change(session, partnership_id)
        session.add(Jurisdiction(partnership_id=partnership_id, id=jurisdiction_id, change=change, **wanted))
    return _find(db.session(), jurisdiction_id)


@blp.get("/<uuid:jurisdiction_id>")
@blp.response(200, JurisdictionSchema)
def read_jurisdiction(jurisdiction_id: UUID) -> Jurisdiction:
    """One partner"""
    return _find(db.session(), jurisdiction_id)


@blp.patch("/<uuid:jurisdiction_id>", actors=("admin",))
@blp.arguments(JurisdictionPatchSchema)
@blp.response(200, JurisdictionSchema)
@refuses(AlreadyThere)
def update_jurisdiction(wanted: dict[str, Any], jurisdiction_id: UUID) -> Jurisdiction:
    """Change a partner

    Tablets receive it with their next exchange.
    """
    partnership_id = require_whole_partnership().partnership_id
    with transaction() as session:
        found = _find(session, jurisdiction_id, lock=True)
        changed = {name: value for name, value in wanted.items() if getattr(found, name) != value}
        if changed:
            for name, value in changed.items():
                setattr(found, name, value)
            # Last, and not flushed before: whoever holds the head waits for no other lock.
            with session.no_autoflush:
                found.change = next_change(session, partnership_id)
    return _find(db.session(), jurisdiction_id)
