"""Trading an enrolment code for a device and its token: once, however many try at the same moment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

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

# Of an ended token and a revoked device, too: whoever holds a token was given it. The former device ends here: what is
# still on its way under the old token would come a second time under the new one. Its row is locked by this, so a batch
# that is being received is counted.
_END_FORMER = text("""
    UPDATE device d SET revoked_at = coalesce(d.revoked_at, :now), quarantined = false
    FROM token t
    WHERE t.partnership_id = :partnership_id AND t.token_hash = :token_hash
      AND d.partnership_id = t.partnership_id AND d.id = t.device_id
    RETURNING d.id AS device_id, d.next_seq AS expected_seq, d.deposited_seq, d.crew_id, d.former_crew_ids
""")

_END_TOKENS = text("""
    UPDATE token SET revoked_at = :now
    WHERE partnership_id = :partnership_id AND device_id = :device_id AND revoked_at IS NULL
""")

_EPOCH = text("SELECT epoch FROM head WHERE partnership_id = :partnership_id")

_LINK = text("""
    UPDATE enrolment SET device_id = :device_id WHERE partnership_id = :partnership_id AND id = :enrolment_id
""")


def trade(
    typed: str, app_version: str | None, name: str | None, at: datetime, former_token: str | None = None
) -> dict[str, Any]:
    """Make a device of the code's crew, with its first token. Returns the shape of ``EnrolledSchema``.

    ``former_token``: one that the tablet got as the device that it was before. That device ends.

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
        former = None
        if former_token is not None:
            former = _end(session, key | {"token_hash": tokens.hashed(former_token.strip())})
        # What it still holds for the crews that it carried for is taken, as of a tablet that was moved.
        crews = {former.crew_id, *former.former_crew_ids} if former is not None else set()
        device = Device(
            partnership_id=partnership.id, id=new_id(), crew_id=used.crew_id, name=name or used.device_name,
            app_version=app_version, next_seq=1, enrolled_at=at, former_crew_ids=sorted(crews - {used.crew_id}),
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
            "epoch": session.execute(_EPOCH, key).scalar_one(),
            "former": former,
        }


def _end(session: Session, key: dict[str, Any]) -> Any:
    """End the former device; what the server has of it, or None where the token is unknown."""
    former = session.execute(_END_FORMER, key).one_or_none()
    if former is not None:
        session.execute(_END_TOKENS, key | {"device_id": former.device_id})
    return former
