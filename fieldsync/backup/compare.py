"""What a restore takes away and brings back, for the one who decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from fieldsync.backup.carry import Carried
from fieldsync.config import Settings

Connection = psycopg.Connection[Any]

NAMES_SHOWN = 20
PARTNERSHIPS_SHOWN = 50

_NEWEST = """
    SELECT p.id, p.slug, (SELECT max(received_at) FROM journal j WHERE j.partnership_id = p.id)
    FROM partnership p ORDER BY p.slug
"""

_SINCE = """
    SELECT side, count(*) FROM journal WHERE partnership_id = %s AND received_at > %s GROUP BY side
"""

_AGAIN = "tablets that still hold them offer them again"
_LOST = "they have to be entered again"


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest edit of a partnership."""

    slug: str
    received_at: datetime | None


def newest(connection: Connection) -> dict[Any, Newest]:
    """The newest edit of each partnership, by its id.

    Raises:
        psycopg.Error: the database cannot be read.
    """
    return {id_: Newest(slug, at) for id_, slug, at in connection.execute(_NEWEST).fetchall()}


def taken_away(replaced: Connection, backup: dict[Any, Newest]) -> list[str]:
    """Sentences on what the database to be replaced has and the backup has not.

    Raises:
        psycopg.Error: the database cannot be read.
    """
    said: list[str] = []
    present = newest(replaced)
    for id_, now in list(present.items())[:PARTNERSHIPS_SHOWN]:
        if id_ not in backup:
            said.append(f"{now.slug}: is not in the backup, and goes with all that it has.")
            continue
        then = backup[id_].received_at
        since = then or datetime.min.replace(tzinfo=now.received_at.tzinfo if now.received_at else None)
        counts = dict(replaced.execute(_SINCE, [id_, since]).fetchall()) if now.received_at else {}
        crews = counts.pop("crew", 0)
        said.append(
            f"{now.slug}: newest edit {_moment(now.received_at)}, in the backup {_moment(then)}."
            f" {crews:,} edits of crews came after it ({_AGAIN}), {sum(counts.values()):,} of others ({_LOST})."
        )
    if (more := len(present) - PARTNERSHIPS_SHOWN) > 0:
        said.append(f"… and {more:,} more partnerships.")
    return said


def carried_over(carried: Carried) -> list[str]:
    """Sentences on who may come in."""
    said = [
        _named(
            "Tablets that joined after the backup go on as they are, and offer all that they hold",
            carried.devices_added,
        ),
        _named("Tablets that were revoked after the backup stay revoked", carried.devices_ended),
        _named("People who were shut out after the backup stay shut out", carried.staff_ended),
        _named("API tokens that were ended after the backup stay ended", carried.tokens_ended),
    ]
    if carried.tokens_added:
        said.append(f"{carried.tokens_added:,} tokens that tablets were given after the backup stay good.")
    said.append("Passwords, roles, people who joined, and which crew a tablet is of are as they were in the backup.")
    return [sentence for sentence in said if sentence]


def not_carried_over(known: Carried | None = None) -> list[str]:
    """What to do by hand where the replaced database could not be read, or was not to be. ``known``: whom it is about,
    where it can be."""
    again = "Tablets, people and API tokens that were revoked after the backup ARE LET IN AGAIN: revoke them once more"
    unknown = "Tablets that joined after the backup are unknown: each needs a new code. What they hold is not lost"
    by_themselves = "Tablets that changed their token after the backup go on with the one before it by themselves."
    if known is None:
        return [f"{again}.", f"{unknown}.", by_themselves]
    ended = [*known.devices_ended, *known.staff_ended, *known.tokens_ended]
    said = [_named(again, ended), _named(unknown, known.devices_added), by_themselves if known.tokens_added else ""]
    return [sentence for sentence in said if sentence]


def age_warning(made_at: datetime | None, now: datetime) -> list[str]:
    """A warning where the backup is older than tablets keep what was acknowledged."""
    days = Settings.from_env().acknowledged_days
    if made_at is None or now - made_at <= timedelta(days=days):
        return []
    age = (now - made_at).days
    return [
        f"The backup is {age} days old. Tablets keep what was acknowledged for {days}: some of it may be gone for good."
    ]


def _named(sentence: str, names: Iterable[str]) -> str:
    listed = list(names)
    if not listed:
        return ""
    more = f" and {len(listed) - NAMES_SHOWN:,} more" if len(listed) > NAMES_SHOWN else ""
    return f"{sentence} ({len(listed):,}): {', '.join(listed[:NAMES_SHOWN])}{more}."


def _moment(at: datetime | None) -> str:
    return "none" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
