"""Trading an enrolment code for a device and its token: once, however many try at the same moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from fieldsync.auth import tokens
from fieldsync.auth.models import Device, Token
from fieldsync.crews.enrolments import codes
from fieldsync.database import db, new_id, transaction
from fieldsync.problems import CodeNotValid

_FIND_PARTNERSHIP = text("SELECT id, slug, name FROM partnership WHERE slug = :slug")

# Compare and set: of all who try, one finds it unused; the others wait for her commit and find it used.
_USE = text("""
    UPDATE enrolment e SET used_at = :now
    FROM crew c
    WHERE e.partnership_id = :partnership_id AND e.code_hash = :code_hash AND e.used_at IS NULL AND e.expires_at > :now
      AND c.partnership_id = e.partnership_id AND c.id = e.crew_id AND c.disbanded_at IS NULL
    RETURNING e.id, e.device_name, c.id AS crew_id, c.code, c.name
""")

_LINK = text("""
    UPDATE enrolment SET device_id = :device_id WHERE partnership_id = :partnership_id AND id = :enrolment_id
""")


def trade(typed: str, app_version: str | None, name: str | None, at: datetime) -> dict[str, Any]:
    """Make a device of the code's crew, with its first token. Returns the shape of ``EnrolledSchema``.

    Raises:
        CodeNotValid: the code is unknown, used, expired, or its crew was disbanded; nothing tells which.
    """
    code = codes.parse(typed)
    partnership = code and db.session.execute(_FIND_PARTNERSHIP, {"slug": code.slug}).one_or_none()
    if not code or not partnership:
        raise CodeNotValid
    # No connection is held while the processor works on the hash.
    db.session.rollback()
    key = {"partnership_id": partnership.id, "now": at}
    token, token_hash = tokens.make("device", partnership.id)
    code_hash = codes.hashed(partnership.id, code)
    with transaction() as session:
        used = session.execute(_USE, key | {"code_hash": code_hash}).one_or_none()
        if used is None:
            raise CodeNotValid
        device = Device(
            partnership_id=partnership.id, id=new_id(), crew_id=used.crew_id, name=name or used.device_name,
            app_version=app_version, next_seq=1, enrolled_at=at,
        )  # fmt: skip
        session.add(device)
        session.flush()
        session.add(
            Token(
                partnership_id=partnership.id, token_hash=token_hash, id=new_id(), device_id=device.id,
                purpose="device", created_at=at,
            )
        )  # fmt: skip
        session.execute(_LINK, key | {"device_id": device.id, "enrolment_id": used.id})
        return {
            "device_id": device.id,
            "name": device.name,
            "token": token,
            "crew": {"id": used.crew_id, "code": used.code, "name": used.name},
            "partnership": partnership,
            "expected_seq": 1,
        }
