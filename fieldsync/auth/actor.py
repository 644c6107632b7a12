"""Actor: who asks. Every blueprint declares which actors it takes, and its routes find the one who asks here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g, request
from flask_smorest import Blueprint as SmorestBlueprint
from sqlalchemy import text
from structlog.contextvars import bind_contextvars

from fieldsync.arguments import StrictParser
from fieldsync.auth import tokens
from fieldsync.auth.models import ROLES
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.problems import CredentialsNeeded, DeviceRevoked, NotAllowed, NotAuthenticated

ANYONE = "anyone"
DEVICE = "device"
REVOKED_DEVICE = "revoked_device"
"""One that was revoked, and may deposit what it still holds."""
STAFF = ROLES
"""Every role of a member of staff."""


@dataclass(frozen=True, slots=True)
class DeviceActor:
    """A crew's tablet."""

    partnership_id: UUID
    device_id: UUID
    crew_id: UUID
    token_id: UUID
    disbanded: bool = False
    """Its crew works no more: it receives no records."""


@dataclass(frozen=True, slots=True)
class RevokedDeviceActor:
    """A tablet that was revoked with a quarantine."""

    partnership_id: UUID
    device_id: UUID


@dataclass(frozen=True, slots=True)
class StaffActor:
    """A person in an office, with the roles that she has."""

    partnership_id: UUID
    staff_id: UUID
    token_id: UUID
    roles: Mapping[str, frozenset[UUID] | None]
    """Role -> the jurisdictions it holds for; None means the whole partnership."""

    def jurisdiction_ids(self, accepted: Iterable[str]) -> frozenset[UUID] | None:
        """The jurisdictions for which she has one of the accepted roles; None means all of the partnership."""
        ids: set[UUID] = set()
        for role in accepted:
            if role in self.roles:
                held = self.roles[role]
                if held is None:
                    return None
                ids |= held
        return frozenset(ids)


_FIND = text("""
    SELECT t.id, t.purpose, t.device_id, t.staff_id, d.crew_id, c.disbanded_at IS NOT NULL AS disbanded,
           t.last_used_at IS NULL OR t.last_used_at < CAST(:now AS timestamptz) - interval '10 minutes' AS stale,
           t.last_used_at IS NULL AS first_use,
           (SELECT json_agg(json_build_array(r.role, r.jurisdiction_id)) FROM staff_role r
            WHERE r.partnership_id = t.partnership_id AND r.staff_id = t.staff_id) AS roles
    FROM token t
    LEFT JOIN device d ON d.partnership_id = t.partnership_id AND d.id = t.device_id
    LEFT JOIN crew c ON c.partnership_id = d.partnership_id AND c.id = d.crew_id
    LEFT JOIN staff s ON s.partnership_id = t.partnership_id AND s.id = t.staff_id
    WHERE t.partnership_id = :partnership_id AND t.token_hash = :token_hash
      AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > :now)
      AND d.revoked_at IS NULL AND s.disabled_at IS NULL
""")

# By a token that ended with the device: one that was rotated away before is no better than any other old one.
_FIND_REVOKED = text("""
    SELECT d.id FROM token t
    JOIN device d ON d.partnership_id = t.partnership_id AND d.id = t.device_id
    WHERE t.partnership_id = :partnership_id AND t.token_hash = :token_hash
      AND d.quarantined AND t.revoked_at = d.revoked_at
""")

_USED = text("""
    UPDATE token SET last_used_at = :now WHERE partnership_id = :partnership_id AND id = :token_id
""")

# A tablet that uses its new token has got it: only now are the ones before it of no use.
_REPLACED = text("""
    UPDATE token SET revoked_at = :now
    WHERE partnership_id = :partnership_id AND device_id = :device_id AND id <> :token_id AND revoked_at IS NULL
      AND created_at <= (SELECT created_at FROM token WHERE partnership_id = :partnership_id AND id = :token_id)
""")


def authenticate() -> DeviceActor | StaffActor:
    """The actor whose bearer token the request carries.

    Raises:
        NotAuthenticated: there is none, or it is unknown, expired or revoked.
        DeviceRevoked: it is a device's that may only deposit.
    """
    return _actor_of(_bearer())


def authenticate_revoked() -> RevokedDeviceActor:
    """The revoked device whose bearer token the request carries.

    Raises:
        NotAuthenticated: there is none, or it is none of a device with a quarantine.
        NotAllowed: it is somebody's who was not revoked.
    """
    token = _bearer()
    if (actor := _revoked_device_of(token)) is not None:
        return actor
    authenticate()
    raise NotAllowed("Only a device that was revoked deposits.")


def _bearer() -> str:
    given = request.authorization
    if given is None or given.type != "bearer":
        raise NotAuthenticated
    return given.token or ""


def recognise() -> StaffActor | None:
    """Who asks where anybody may ask: None where the request has no credentials, else the member of staff.

    Desktop programs send HTTP Basic and nothing else, so an API token is also taken as its password; the user name is
    not looked at.

    Raises:
        CredentialsNeeded: there are credentials, and they are unknown, expired or revoked.
        DeviceRevoked: they are a device's that may only deposit.
        NotAllowed: they are a device's.
    """
    if "Authorization" not in request.headers:
        return None
    given = request.authorization
    token = ""
    if given is not None and given.type == "bearer":
        token = given.token or ""
    elif given is not None and given.type == "basic" and str(given.password).startswith(tokens.PREFIX["api"]):
        token = str(given.password)
    try:
        actor = _actor_of(token)
    except DeviceRevoked:
        raise
    except NotAuthenticated:
        raise CredentialsNeeded from None
    if isinstance(actor, DeviceActor):
        raise NotAllowed("A device may not do this.")
    return actor


def _actor_of(token: str) -> DeviceActor | StaffActor:
    """Raises:
    NotAuthenticated: the token is none of ours, unknown, expired or revoked.
    DeviceRevoked: it ended with a device that may still deposit.
    """
    parts = tokens.parse(token.strip())
    if parts is None:
        raise NotAuthenticated
    at = now()
    key = {"partnership_id": parts.partnership_id, "now": at}
    row = db.session.execute(_FIND, key | {"token_hash": parts.token_hash}).one_or_none()
    if row is None:
        raise DeviceRevoked if _revoked_device_of(token) is not None else NotAuthenticated
    if row.stale:
        with transaction() as session:
            session.execute(_USED, key | {"token_id": row.id})
            if row.first_use and row.device_id is not None:
                session.execute(_REPLACED, key | {"token_id": row.id, "device_id": row.device_id})
    bind_contextvars(partnership_id=str(parts.partnership_id), actor_id=str(row.device_id or row.staff_id))
    if row.device_id is not None:
        return DeviceActor(parts.partnership_id, row.device_id, row.crew_id, row.id, row.disbanded)
    return StaffActor(parts.partnership_id, row.staff_id, row.id, _roles(row.roles or []))


def _revoked_device_of(token: str) -> RevokedDeviceActor | None:
    parts = tokens.parse(token.strip())
    if parts is None or not token.strip().startswith(tokens.PREFIX["device"]):
        return None
    bound = {"partnership_id": parts.partnership_id, "token_hash": parts.token_hash}
    device_id = db.session.execute(_FIND_REVOKED, bound).scalar_one_or_none()
    if device_id is None:
        return None
    bind_contextvars(partnership_id=str(parts.partnership_id), actor_id=str(device_id))
    return RevokedDeviceActor(parts.partnership_id, device_id)


def _roles(rows: list[tuple[str, str | None]]) -> dict[str, frozenset[UUID] | None]:
    roles: dict[str, frozenset[UUID] | None] = {}
    for role, jurisdiction_id in rows:
        held = roles.get(role, frozenset())
        if jurisdiction_id is None or held is None:
            roles[role] = None
        else:
            roles[role] = held | {UUID(jurisdiction_id)}
    return roles


class Blueprint(SmorestBlueprint):  # type: ignore[misc]  # flask-smorest is not typed
    """A blueprint that says who may call it: ``ANYONE``, ``DEVICE``, ``REVOKED_DEVICE``, or roles of staff. There is no
    default.

    A route may take fewer of them: ``@blp.post("", actors=("admin",))``. With ``whole_partnership``, a role that holds
    for some jurisdictions only is not enough. With ``recognises``, one for anyone finds out who asks, if they say so.
    """

    ARGUMENTS_PARSER = StrictParser()

    def __init__(
        self, name: str, import_name: str, *, actors: tuple[str, ...], description: str,
        whole_partnership: bool = False, recognises: bool = False, **options: Any,
    ) -> None:  # fmt: skip
        unknown = set(actors) - {ANYONE, DEVICE, REVOKED_DEVICE, *ROLES}
        if unknown or not actors:
            raise ValueError(f"{name}: actors must be some of anyone, devices and the staff roles, not {actors}.")
        super().__init__(name, import_name, description=description, **options)
        self.actors = actors
        self.whole_partnership = whole_partnership
        self.recognises = recognises
        self._fewer: dict[str, tuple[str, ...]] = {}
        self.before_request(self._admit)

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: Any = None, *_: Any, actors: tuple[str, ...] = (),
        **options: Any,
    ) -> None:  # fmt: skip
        """Register a route; ``actors``: those of the blueprint's that it takes, where it does not take all."""
        if not set(actors) <= set(self.actors):
            raise ValueError(f"{self.name}: a route takes {actors}, of which the blueprint does not take all.")
        if actors:
            self._fewer[endpoint or view_func.__name__] = actors
        super().add_url_rule(rule, endpoint, view_func, **options)

    def actors_of(self, endpoint: str) -> tuple[str, ...]:
        """Who may call the route with this endpoint (with or without the blueprint's name in front)."""
        return self._fewer.get(endpoint.rpartition(".")[2], self.actors)

    def _admit(self) -> None:
        accepted = self.actors_of(request.endpoint or "")
        if ANYONE in accepted:
            g.actor = recognise() if self.recognises else None
            return
        if REVOKED_DEVICE in accepted:
            g.actor = authenticate_revoked()
            return
        actor = authenticate()
        if isinstance(actor, DeviceActor):
            if DEVICE not in accepted:
                raise NotAllowed("A device may not do this.")
        elif not actor.roles.keys() & set(accepted):
            roles = [role for role in accepted if role in ROLES]
            raise NotAllowed(f"This needs one of the roles {', '.join(roles)}." if roles else "This is for devices.")
        g.actor = actor
        g.actors_accepted = accepted
        if self.whole_partnership:
            require_whole_partnership()


def device_actor() -> DeviceActor:
    """The tablet that asks. Only for routes of a blueprint that takes devices alone."""
    actor = g.actor
    assert isinstance(actor, DeviceActor)
    return actor


def revoked_device_actor() -> RevokedDeviceActor:
    """The revoked tablet that asks. Only for routes of a blueprint that takes those alone."""
    actor = g.actor
    assert isinstance(actor, RevokedDeviceActor)
    return actor


def recognised() -> StaffActor | None:
    """The member of staff who asks, or None for somebody unknown. Only for routes of a blueprint that recognises."""
    actor = g.actor
    assert actor is None or isinstance(actor, StaffActor)
    return actor


def staff_actor() -> StaffActor:
    """The member of staff who asks. Only for routes of a blueprint that takes staff alone."""
    actor = g.actor
    assert isinstance(actor, StaffActor)
    return actor


def own_jurisdictions() -> frozenset[UUID] | None:
    """The jurisdictions that the asking member of staff may touch here; None means all of the partnership."""
    return staff_actor().jurisdiction_ids(g.actors_accepted)


def require_whole_partnership() -> StaffActor:
    """The asking member of staff, who has an accepted role for all jurisdictions.

    Raises:
        NotAllowed: her role holds for some jurisdictions only.
    """
    if own_jurisdictions() is not None:
        raise NotAllowed("This needs a role for the whole partnership, not for one jurisdiction.")
    return staff_actor()


def require_jurisdiction(jurisdiction_id: UUID | None) -> StaffActor:
    """The asking member of staff, who has an accepted role for this jurisdiction (None: for the whole partnership).

    Raises:
        NotAllowed: she has not.
    """
    own = own_jurisdictions()
    if own is not None and jurisdiction_id not in own:
        raise NotAllowed("Your role does not hold for that jurisdiction.", field="jurisdiction_id")
    return staff_actor()
