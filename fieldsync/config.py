"""Settings: the environment, read once, typed. Every limit stands here with its reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

EDITS_PER_EXCHANGE_MAX = 1_000
"""More than a crew enters in a day; keeps one exchange's locks short (about 50 ms of work)."""

CHANGES_PER_PAGE_MAX = 1_000
"""Records in one answer. A page of this size is about 600 kB before compression: a minute on a very bad line."""

BODY_BYTES_MAX = 8 * 1024 * 1024
"""A body as it came over the network, compressed or not."""

INFLATED_BYTES_MAX = 16 * 1024 * 1024
"""A body once inflated: 1,000 edits with every text field at its own limit stay below it."""

PAGE_ROWS_MAX = 500
"""Rows in one page of any list that the office reads."""

ROUTER_POINTS_MAX = 100
"""Places in one question to a router: what OSRM takes unless it is told otherwise (``--max-table-size``)."""

ROUTER_CALLS_MAX = 9
"""Questions for one matrix: three times three blocks of 50 places, which are 150."""

LOGIN_ATTEMPTS_MAX = 8
"""Log-ins of one person that may fail in a row: enough for a tired person, too few to guess a password."""

LOGIN_LOCK_MINUTES = 15
"""How long nobody can log in as her after that: at most 768 guesses a day."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a deployment may choose. Each field is read from ``FIELDSYNC_`` + its name in capitals."""

    database_url: str = ""
    """``postgresql+psycopg://…``; plain ``postgresql://`` is taken as the same."""
    pool_size: int = 8
    """Connections of one worker process: as many as it has threads beside those of streams, so that no thread waits
    for one."""
    board_streams: int = 32
    """Consoles that may listen to one worker process at once. Each takes a thread (some 100 kB) and no connection;
    those beyond it ask for changes instead. A partnership has half of them at most: twice what the largest needs."""
    board_stream_minutes: int = 30
    """How long a console listens before it has to connect again: then consoles spread over the workers anew, and what a
    proxy has lost track of ends."""
    exchanges_waiting: int = 16
    """Exchanges that may wait for their turn in one worker process, each on a thread of its own; further ones are asked
    to come again. As many as are carried out in about a second."""
    edits_per_exchange: int = EDITS_PER_EXCHANGE_MAX
    """Edits of one exchange that are taken, ``EDITS_PER_EXCHANGE_MAX`` at most; under load the server takes down to a
    quarter of it by itself."""
    head_timeout_s: int = 20
    """How long a client may take for its first byte, and for the head of a request (as Apache's mod_reqtimeout)."""
    body_timeout_s: int = 20
    """How long a body may take to come, and an answer to be taken, besides what its length allows."""
    line_bytes_per_s: int = 500
    """The slowest line that is served: below what GPRS gives where it gives anything (as Apache's mod_reqtimeout)."""
    pool_timeout_s: int = 10
    statement_timeout_ms: int = 30_000
    """The database ends a statement that runs longer: no request may hold its locks for ever."""
    idle_in_transaction_timeout_ms: int = 30_000
    lock_timeout_ms: int = 10_000
    """A waiter gives up with 503 and is asked to come again, well before a tablet's own time-out."""
    session_token_hours: int = 10
    """How long a staff log-in lasts: one working day."""
    enrolment_hours: int = 24
    """How long an enrolment code can be redeemed."""
    public_url: str = ""
    """Where others reach this server, for enrolment codes and the links of /ogc; left out, it is the address that the
    request used."""
    log_level: str = "INFO"
    log_json: bool = True
    import_memory_mb: int = 2_000
    """Address space of the process in which a boundary file is read: see ``geo.apart``."""
    import_seconds: int = 300
    """How long reading a boundary file may take; one of the largest size takes a minute on a busy machine."""
    travel_kmh: int = 40
    """Mean speed of a crew's truck on the road where no router is asked: between a town's 30 and a county road's 60."""
    travel_detour_percent: int = 130
    """Length of the road by that of the straight line: about 1.2 between random points of a town (Newell, Traffic Flow
    on Transportation Networks, 1980), and more on short ways."""
    travel_url: str = ""
    """Where an OSRM-compatible router answers (``http://router:5000``); left out, ways are as the crow flies."""
    travel_timeout_ms: int = 2_000
    """How long suggestions wait for the router altogether; then they go by the straight line, and say so."""
    offline_days: int = 180
    """How long a tablet may be away and still go on where it was: half a year, a winter in a depot. So long the feed
    tells what has left a scope, and receipts stay where they are quickest found; nothing that was entered is deleted
    then."""
    acknowledged_days: int = 14
    """How long tablets keep edits that were acknowledged, to offer them again to a server that was restored: as old as
    the oldest backup that would still be put back."""
    schema_min: int = 1
    """The oldest shapes of records that an app may know (see ``fieldsync.sync.schema``). Older ones have to update."""
    app_hint: str = ""
    """Told to an app that has to be updated: where from."""
    metrics_token: str = ""
    """When set, ``/metrics`` asks for it as a bearer token."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment.

        Raises:
            ValueError: a variable cannot be read as its field's type; the sentence names the variable.
        """
        chosen: dict[str, object] = {}
        for field in fields(cls):
            name = "FIELDSYNC_" + field.name.upper()
            if (text := environ.get(name)) is not None:
                chosen[field.name] = _parse(name, text, field.default)
        return cls(**chosen)  # type: ignore[arg-type]

    @property
    def sqlalchemy_url(self) -> str:
        """The database's address with the driver named."""
        scheme, separator, rest = self.database_url.partition("://")
        if scheme in ("postgres", "postgresql"):
            scheme = "postgresql+psycopg"
        return scheme + separator + rest


def _parse(name: str, text: str, default: object) -> object:
    if isinstance(default, bool):
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("0", "false", "no", "off", ""):
            return False
        raise ValueError(f"{name} must be true or false, not {text!r}.")
    if isinstance(default, int):
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"{name} must be a whole number, not {text!r}.") from None
        if number <= 0:
            raise ValueError(f"{name} must be above zero, not {number}.")
        return number
    return text
