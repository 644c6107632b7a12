"""Reading agreements, and who may serve whom by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Row, TextClause
from sqlalchemy.orm import Session

from fieldsync.agreements import queries
from fieldsync.agreements.change import today
from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Grant
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound
from fieldsync.wallclock import Window, moment

VERSIONS_SHOWN = 20
EVENTS_SHOWN = 50
"""With an agreement as a whole; all of them are read page by page."""

_FIRST: dict[type, Any] = {int: 0, UUID: UUID(int=0), str: ""}


class Reader(NamedTuple):
    """Who reads, and of which jurisdictions (None: of all)."""

    session: Session
    partnership_id: UUID
    own: frozenset[UUID] | None
    at: datetime

    def ids(self, **more: Any) -> dict[str, Any]:
        """What the statements bind."""
        own = None if self.own is None else list(self.own)
        day = today(self.session, self.partnership_id, self.at)
        return {"partnership_id": self.partnership_id, "own": own, "today": day} | more


def list_agreements(reader: Reader, asked: dict[str, Any]) -> bytes:
    """A page of the agreements that she may see, by code, as JSON."""
    given = {name: asked[name] for name in queries.FILTERS if asked.get(name) is not None}
    after = "" if asked["cursor"] is None else decode(asked["cursor"], [str])[0]
    binds = reader.ids(after=after, rows=asked["limit"] + 1) | given
    rows = reader.session.execute(queries.listed(sorted(given)), binds).all()
    return _page(rows, asked["limit"])


def read_agreement(reader: Reader, agreement_id: UUID) -> bytes:
    """An agreement with its versions and its history, as JSON.

    Raises:
        NotFound: there is none that she may see.
    """
    binds = reader.ids(id=agreement_id, versions=VERSIONS_SHOWN, events=EVENTS_SHOWN)
    row = reader.session.execute(queries.READ, binds).one_or_none()
    if row is None:
        raise NotFound
    more = []
    if row.all_versions > VERSIONS_SHOWN:
        more.append("versions")
    if row.all_events > EVENTS_SHOWN:
        more.append("history")
    sent: str = row.sent
    beside = f', "versions": {row.versions}, "history": {row.history}, "more": {msgspec.json.encode(more).decode()}}}'
    return (sent.removesuffix("}") + beside).encode()


def read_version(reader: Reader, agreement_id: UUID, version_id: UUID) -> bytes:
    """One version, as JSON.

    Raises:
        NotFound: there is none that she may see.
    """
    binds = reader.ids(id=agreement_id, version_id=version_id)
    sent: str | None = reader.session.execute(queries.VERSION, binds).scalar_one_or_none()
    if sent is None:
        raise NotFound
    return sent.encode()


def read_versions(reader: Reader, agreement_id: UUID, asked: dict[str, Any]) -> bytes:
    """A page of an agreement's versions, as JSON.

    Raises:
        NotFound: there is no such agreement that she may see.
    """
    return _page_of(reader, queries.VERSIONS, int, agreement_id, asked)


def read_history(reader: Reader, agreement_id: UUID, asked: dict[str, Any]) -> bytes:
    """A page of what happened to an agreement, the oldest first, as JSON.

    Raises:
        NotFound: there is no such agreement that she may see.
    """
    return _page_of(reader, queries.HISTORY, UUID, agreement_id, asked)


def _page_of(reader: Reader, statement: TextClause, key: type, agreement_id: UUID, asked: dict[str, Any]) -> bytes:
    cursor, limit = asked["cursor"], asked["limit"]
    after = _FIRST[key] if cursor is None else decode(cursor, [key])[0]
    binds = reader.ids(id=agreement_id, after=after, rows=limit + 1)
    rows = reader.session.execute(statement, binds).all()
    if not rows:
        raise NotFound
    return _page([row for row in rows if row.key is not None], limit)


def _page(rows: Sequence[Row[Any]], limit: int) -> bytes:
    """Rows ``(key, sent)``, one more than are shown where there are more."""
    shown = rows[:limit]
    document = {
        "items": [msgspec.Raw(row.sent.encode()) for row in shown],
        "next": encode([shown[-1][0]]) if len(rows) > limit else None,
    }
    return msgspec.json.encode(document)


# --- who may serve whom -------------------------------------------------------------------------------------------


def list_grants(reader: Reader, asked: dict[str, Any]) -> bytes:
    """A page of the grants that hold at some time of a day and to which one of her jurisdictions is a side, in the
    order in which they are tried, as JSON."""
    bound = {"partnership_id": reader.partnership_id}
    time_zone = reader.session.execute(queries.TIME_ZONE, bound).scalar_one()
    day: date = asked.get("on") or today(reader.session, reader.partnership_id, reader.at)
    zone = ZoneInfo(time_zone)
    starts, ends = moment(zone, day), moment(zone, day + timedelta(days=1))
    found = load_grants(reader.session, reader.partnership_id, starts, ends)
    if reader.own is not None:
        found = [grant for grant in found if grant.giver_id in reader.own or grant.receiver_id in reader.own]
    if (side := asked.get("jurisdiction_id")) is not None:
        found = [grant for grant in found if side in (grant.giver_id, grant.receiver_id)]
    if (crew_id := asked.get("crew_id")) is not None:
        employer = reader.session.execute(queries.EMPLOYER, bound | {"crew_id": crew_id}).scalar_one_or_none()
        found = [
            grant for grant in found
            if grant.giver_id == employer and (not grant.crew_ids or crew_id in grant.crew_ids)
        ]  # fmt: skip
    found.sort(key=lambda grant: grant.rank)
    if asked["cursor"] is not None:
        after = _rank(decode(asked["cursor"], [int, int, int, int, datetime, str, UUID]))
        found = [grant for grant in found if grant.rank > after]
    shown = found[: asked["limit"]]
    next_ = _cursor(shown[-1]) if len(found) > len(shown) else None
    return msgspec.json.encode({"items": [_sent(grant) for grant in shown], "next": next_})


def _cursor(grant: Grant) -> str:
    *limits, _, code, id_ = grant.rank
    return encode([*map(int, limits), grant.starts.astimezone(UTC), code, id_])


def _rank(key: list[Any]) -> tuple[Any, ...]:
    *limits, starts, code, id_ = key
    return (*map(bool, limits), -starts.timestamp(), code, id_)


def _sent(grant: Grant) -> dict[str, Any]:
    document = msgspec.structs.asdict(grant)
    for name in ("crew_ids", "skills", "service_type_ids"):
        document[name] = sorted(document[name])
    return document | {"hours": [_hours(window) for window in grant.hours]}


def _hours(window: Window) -> dict[str, Any]:
    return {"weekday": window.weekday, "from": _clock(window.starts), "until": _clock(window.until)}


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
