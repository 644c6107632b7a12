"""Which version is asked for, and by whom: what somebody may not see is not there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from flask import request

from fieldsync.auth.actor import DeviceActor, StaffActor, authenticate, recognise
from fieldsync.database import db
from fieldsync.problems import NotFound

SLUG = re.compile("[a-z0-9][a-z0-9-]{1,39}")
"""What a partnership's short name looks like."""

DRAFT_READERS = {"gis", "admin"}
"""Who may look at a draft: whoever may publish it."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version that whoever asks may see."""

    partnership_id: UUID
    partnership: str
    slug: str
    layer_id: UUID
    layer: str
    version_id: UUID
    number: int
    is_draft: bool
    is_public: bool
    """Anybody may see it."""


def asker() -> DeviceActor | StaffActor | None:
    """Who asks; None where the request carries no credentials.

    Raises:
        NotAuthenticated: it carries some, and they are not taken.
    """
    given = request.authorization
    if given is None and "Authorization" not in request.headers:
        return None
    return recognise() if given is not None and given.type == "basic" else authenticate()


def find_version(slug: str, version_id: UUID) -> Version:
    """A version of a partnership.

    Raises:
        NotAuthenticated: see ``asker``.
        NotFound: there is none, or it is not for whoever asks.
    """
    return _readable(_VERSION, {"slug": slug, "version_id": version_id})


def find_version_of_layer(slug: str, layer_id: UUID, version_id: UUID | None) -> Version:
    """A version of this layer; without an id, the one in force.

    Raises:
        NotAuthenticated: see ``asker``.
        NotFound: there is none, or it is not for whoever asks.
    """
    bound = {"slug": slug, "layer_id": layer_id}
    if version_id is None:
        return _readable(_IN_FORCE, bound)
    return _readable(_OF_LAYER, bound | {"version_id": version_id})


def slug_of(partnership_id: UUID) -> str:
    """The partnership's short name, by which addresses name it."""
    slug: str = db.session.execute(_SLUG, {"partnership_id": partnership_id}).scalar_one()
    return slug


def _readable(query: sa.TextClause, bound: dict[str, object]) -> Version:
    who = asker()
    if SLUG.fullmatch(str(bound["slug"])) is None:
        raise NotFound
    row = db.session.execute(query, bound).mappings().one_or_none()
    version = None if row is None else Version(**row)
    if version is None or not _may_see(who, version):
        raise NotFound
    return version


def _may_see(who: DeviceActor | StaffActor | None, version: Version) -> bool:
    if version.is_public:
        return True
    if who is None or who.partnership_id != version.partnership_id:
        return False
    if version.is_draft:
        return isinstance(who, StaffActor) and bool(who.roles.keys() & DRAFT_READERS)
    return True


_FIND = """
    SELECT p.id AS partnership_id, p.name AS partnership, p.slug, l.id AS layer_id, l.name AS layer,
           v.id AS version_id, v.number, v.status = 'draft' AS is_draft, l.public AND v.status <> 'draft' AS is_public
    FROM partnership p
    JOIN layer_version v ON v.partnership_id = p.id
    JOIN layer l ON l.partnership_id = p.id AND l.id = v.layer_id
    WHERE p.slug = :slug AND
"""

_VERSION = sa.text(f"{_FIND} v.id = :version_id")

_OF_LAYER = sa.text(f"{_FIND} v.id = :version_id AND l.id = :layer_id")

_IN_FORCE = sa.text(f"{_FIND} l.id = :layer_id AND v.status = 'published' AND v.during @> clock_timestamp()")

_SLUG = sa.text("SELECT slug FROM partnership WHERE id = :partnership_id")
