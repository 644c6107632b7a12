"""Service types. Tablets hold them too, so every change takes the next number of the feed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from fieldsync.auth.actor import STAFF, Blueprint, require_whole_partnership, staff_actor
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.partnerships.head import next_change
from fieldsync.problems import AlreadyThere, NotFound
from fieldsync.shapes import refuses
from fieldsync.workorders.models import ServiceType
from fieldsync.workorders.service_types.schemas import (
    NewServiceTypeSchema,
    ServiceTypeArgs,
    ServiceTypePageSchema,
    ServiceTypePatchSchema,
    ServiceTypeSchema,
)

blp = Blueprint(
    "service_types", __name__, url_prefix="/v1/service-types", actors=STAFF,
    description="Kinds of work. All staff read them; admins of the whole partnership change them.",
)  # fmt: skip


def _find(session: Session, service_type_id: UUID, lock: bool = False) -> ServiceType:
    query = select(ServiceType).where(
        ServiceType.partnership_id == staff_actor().partnership_id, ServiceType.id == service_type_id
    )
    found = session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if found is None:
        raise NotFound
    return found


@blp.get("")
@blp.arguments(ServiceTypeArgs, location="query")
@blp.response(200, ServiceTypePageSchema)
def list_service_types(args: dict[str, Any]) -> Page:
    """Kinds of work, by code"""
    query = select(ServiceType).where(ServiceType.partnership_id == staff_actor().partnership_id)
    if (retired := args.get("retired")) is not None:
        query = query.where(ServiceType.retired.is_(retired))
    return read_page(db.session(), query, [ServiceType.code], args["limit"], args["cursor"])


@blp.post("", actors=("admin",))
@blp.arguments(NewServiceTypeSchema)
@blp.response(201, ServiceTypeSchema)
@refuses(AlreadyThere)
def create_service_type(wanted: dict[str, Any]) -> ServiceType:
    """Add a kind of work"""
    partnership_id, service_type_id = require_whole_partnership().partnership_id, new_id()
    with transaction() as session:
        change = next_change(session, partnership_id)
        session.add(ServiceType(partnership_id=partnership_id, id=service_type_id, change=change, **wanted))
    return _find(db.session(), service_type_id)


@blp.get("/<uuid:service_type_id>")
@blp.response(200, ServiceTypeSchema)
def read_service_type(service_type_id: UUID) -> ServiceType:
    """One kind of work"""
    return _find(db.session(), service_type_id)


@blp.patch("/<uuid:service_type_id>", actors=("admin",))
@blp.arguments(ServiceTypePatchSchema)
@blp.response(200, ServiceTypeSchema)
@refuses(AlreadyThere)
def update_service_type(wanted: dict[str, Any], service_type_id: UUID) -> ServiceType:
    """Change a kind of work

    Tablets receive it with their next exchange.
    """
    partnership_id = require_whole_partnership().partnership_id
    with transaction() as session:
        found = _find(session, service_type_id, lock=True)
        changed = {name: value for name, value in wanted.items() if getattr(found, name) != value}
        if changed:
            for name, value in changed.items():
                setattr(found, name, value)
            # Last, and not flushed before: whoever holds the head waits for no other lock.
            with session.no_autoflush:
                found.change = next_change(session, partnership_id)
    return _find(db.session(), service_type_id)
