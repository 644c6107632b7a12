"""The tablet: everything an app's screens need, in one class."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from uuid_utils.compat import uuid7

from fieldsync.tablet import completion, deposit, edits, enrolment, package, refused, replica
from fieldsync.tablet.backoff import Backoff
from fieldsync.tablet.completion import Lacking
from fieldsync.tablet.conversation import PATH, Conversation, Exchanged
from fieldsync.tablet.edits import BATCH_EDITS_MAX, Edit
from fieldsync.tablet.ground import Ground, Whose
from fieldsync.tablet.line import HttpLine, Line, ask
from fieldsync.tablet.problems import DeviceRevoked, NotEnrolled, Unreachable
from fieldsync.tablet.replica import Record
from fieldsync.tablet.store import Store

PAGE = 500
"""Changes wanted in one answer: some 300 kB before compression, half a minute on a very bad line."""

PATIENCE = 8
"""Failures in a row after which ``sync`` gives up for now: with the waiting times between, ten minutes or so."""


class Tablet:
    """A crew's tablet: its durable queue, its copy of the crew's records, and its conversation with the server.

    Everything that returns has been stored: what a person entered is on the disk when ``create``, ``update`` or
    ``delete`` come back, whether or not there is a network. ``sync`` does the rest, now or days later.

    Safe to use from several threads (the screens, and one that syncs), and to kill at any moment.
    """

    def __init__(
        self,
        path: Path | str,
        server: str,
        *,
        line: Line | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], object] = uuid7,
        chance: random.Random | None = None,
        app_version: str = "fieldsync-tablet 1",
        edits_max: int = BATCH_EDITS_MAX,
        page: int = PAGE,
    ) -> None:
        """Open the tablet's file, or make it.

        Args:
            path: the SQLite file. It holds the token: keep it where only the app can read it.
            server: the server's address, ``https://…`` (plain http for this machine only; else give a ``line``).
            line: what carries requests instead of HTTP. Simulations put one there that loses answers.
            clock: the tablet's clock; aware moments. It may be wrong by days: the server corrects for it.
            new_id: makes ids for edits and records, UUIDv7 by default.
            chance: randomness for the waiting times.
            app_version: shown to the office, printable ASCII of at most 50 characters.
            edits_max: edits in one exchange, at most 1,000.
            page: changes wanted in one answer, 1 to 1,000.

        Raises:
            StoreTooNew: a newer version of the app wrote the file.
            ValueError: ``server`` is no address that can be used.
        """
        self._line: Line = line or HttpLine(server)
        self._store = Store(path, server)
        self._clock = clock
        self._new_id = new_id
        self._app_version = app_version
        self._edits_max = edits_max
        self._ground: Ground | None = None
        self._backoff = Backoff(chance or random.Random())  # noqa: S311  (waiting times are no secret)
        self._conversation = Conversation(
            self._store, self._line, clock, app_version=app_version, edits_max=edits_max, page=page
        )

    # --- joining a crew -------------------------------------------------------------------------------------------

    def enrol(self, code: str) -> None:
        """Trade a one-time code from the office for a token. Also for a tablet whose token is no longer taken.

        The server sees a new device: edits that wait are numbered anew, from 1, and sent. Records stay until the
        first download is complete.

        Raises:
            NotEnrolled: the code is unknown, used or expired.
            Unreachable: no answer came. The code may be used up by now: if it is not taken again, ask for another.
        """
        enrolment.enrol(self._store, self._line, code, self._app_version)
        self._ground = None

    def rotate_token(self) -> None:
        """Trade the token for a new one. The server takes the old one until it has seen the new one.

        Raises:
            NotEnrolled, Unreachable, ServerRefused
        """
        enrolment.rotate(self._store, self._line)

    @property
    def is_enrolled(self) -> bool:
        """Whether there is a token (the server may have revoked it since)."""
        return self._store.state()["token"] is not None

    @property
    def is_revoked(self) -> bool:
        """Whether the office has revoked it: it has dropped what it had received, and shows its own entries alone."""
        return bool(self._store.state()["revoked"])

    @property
    def device_id(self) -> str | None:
        """The server's name for this tablet."""
        return self._store.state()["device_id"]  # type: ignore[no-any-return]

    # --- entering work --------------------------------------------------------------------------------------------

    def create(self, kind: str, fields: Mapping[str, Any], *, record_id: str | None = None) -> str:
        """Make a record. Returns its id, which is the server's too.

        Raises:
            ReadOnly: the office enters records of this kind.
            EditTooLarge: the fields have more JSON than an exchange could carry.
            TypeError, ValueError: a value cannot be JSON.
        """
        record_id = record_id or str(self._new_id())
        self._enter(kind, record_id, "create", fields)
        return record_id

    def update(self, kind: str, record_id: str, fields: Mapping[str, Any]) -> int:
        """Change some fields of a record: only those that the person changed, so that the rest cannot conflict.

        Returns the edit's number. Raises as ``create`` does.
        """
        return self._enter(kind, record_id, "update", fields)

    def delete(self, kind: str, record_id: str) -> int:
        """Delete a record (tasks only, of what a crew may). Returns the edit's number."""
        return self._enter(kind, record_id, "delete", {})

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is entered in the block is stored at once, or not at all: a form with all its lines."""
        with self._store.transaction():
            yield

    def _enter(self, kind: str, record_id: str, action: str, fields: Mapping[str, Any]) -> int:
        with self._store.transaction() as connection:
            # What the person saw when she entered it: the version that the feed had brought by then.
            base, epoch = (None, None) if action == "create" else replica.base_of(connection, kind, record_id)
            at, edit_id = self._clock(), str(self._new_id())
            return edits.enter(connection, kind, record_id, action, base, fields, at, edit_id, epoch)

    # --- what the screens show ------------------------------------------------------------------------------------

    def records(self, kind: str, work_order_id: str | None = None) -> list[Record]:
        """The records of a kind as the crew sees them: the server's, with own edits drawn over."""
        with self._store.transaction() as connection:
            return replica.records(connection, kind, work_order_id)

    def record(self, kind: str, record_id: str) -> Record | None:
        """One record as the crew sees it; None where there is none (any more)."""
        with self._store.transaction() as connection:
            return replica.record(connection, kind, record_id)

    def server_records(self) -> dict[tuple[str, str], tuple[int, dict[str, Any]]]:
        """(kind, id) -> (version, record): what the feed has brought, without own edits."""
        with self._store.transaction() as connection:
            return replica.server_records(connection)

    def plan(self, work_order_id: str | None = None) -> list[Record]:
        """What is planned for the crew (on one work order), by its start: ``fields`` has ``starts_at``, ``ends_at``,
        ``minutes`` and ``pinned``. A job over several days has one for each part. What is done, or does not hold any
        more, is left out; ``records("assignment")`` has that, too."""
        with self._store.transaction() as connection:
            return replica.plan(connection, work_order_id)

    def lacking(self, work_order_id: str, changes: Mapping[str, Any] | None = None) -> list[Lacking]:
        """What a work order still lacks before it may be completed, as far as the tablet knows; empty: go ahead.

        ``changes``: fields that are to be entered together with the status.
        """
        with self._store.transaction() as connection:
            return completion.lacking(connection, work_order_id, changes or {})

    def waiting(self) -> list[Edit]:
        """The edits that the server has not acknowledged yet, in their order."""
        return [
            edits.from_row(row) for row in self._store.read("SELECT * FROM edit WHERE verdict IS NULL ORDER BY seq")
        ]

    def journal(self) -> list[Edit]:
        """All edits that this tablet still holds, with their verdicts, in their order."""
        return [edits.from_row(row) for row in self._store.read("SELECT * FROM edit ORDER BY seq")]

    def refused(self) -> list[Edit]:
        """Edits that the server refused, or took without some fields, until the person puts them aside.

        ``verdict`` says why. ``decided`` is what the office made of it: what was sent back (``state`` ``sent_back``)
        comes before the person again, with the office's words (``reason``), to be entered again.
        """
        return self._for_attention("(verdict = 'refused' OR refused_fields IS NOT NULL)")

    def enter_again(self, seq: int, fields: Mapping[str, Any] | None = None, *, without: Collection[str] = ()) -> int:
        """Enter a refused edit again, as a new one, and put the refused one aside. Returns the new edit's number.

        ``fields``: what the person corrected. ``without``: fields of the refused edit that she left out. Of an edit
        that was taken without some fields, these are entered.

        Raises:
            NotRefused: there is no edit of this number that was refused.
            EditTooLarge, TypeError, ValueError: as ``create``.
        """
        with self._store.transaction() as connection:
            at, edit_id = self._clock(), str(self._new_id())
            return refused.enter_again(connection, seq, fields or {}, without, at, edit_id)

    def conflicts(self) -> list[Edit]:
        """Edits that met another value, until the person puts them aside. Both values are kept on the server."""
        return self._for_attention("verdict = 'conflicted'")

    def put_aside(self, seq: int) -> None:
        """The person has seen this refusal or conflict."""
        with self._store.transaction() as connection:
            connection.execute("UPDATE edit SET attention = 0 WHERE seq = ?", (seq,))

    def _for_attention(self, which: str) -> list[Edit]:
        return [
            edits.from_row(row)
            for row in self._store.read(f"SELECT * FROM edit WHERE attention AND {which} ORDER BY seq")
        ]

    @property
    def is_complete(self) -> bool:
        """Whether the crew sees all there was at the last exchange; False in the middle of a download."""
        return bool(self._store.state()["complete"])

    @property
    def clock_is_off_by(self) -> timedelta | None:
        """The server's clock minus the tablet's at the last exchange (and the time that the answer took)."""
        skew_ms = self._store.state()["skew_ms"]
        return None if skew_ms is None else timedelta(milliseconds=skew_ms)

    # --- talking to the server ------------------------------------------------------------------------------------

    def exchange(self) -> Exchanged:
        """One exchange, without waiting or repeating. See ``Conversation.exchange`` for what it raises.

        Raises:
            DeviceRevoked: the office has revoked this tablet. What waited has been handed in, and everything that it
                had received is gone. The queue stays until ``enrol``.
        """
        try:
            exchanged = self._conversation.exchange()
        except DeviceRevoked:
            deposit.wipe(self._store)
            self._ground = None
            deposit.deposit(
                self._store, self._line, self._clock, app_version=self._app_version, edits_max=self._edits_max
            )
            raise
        if self.is_revoked:
            # Not any more: the server was restored to before it.
            with self._store.transaction() as connection:
                connection.execute("UPDATE state SET revoked = 0")
        return exchanged

    def sync(self, *, patience: int = PATIENCE, wait: Callable[[float], object] = time.sleep) -> None:
        """Exchange until no edit waits and the feed is read to its end, backing off after each failure.

        Call it from a background thread: when work was entered, when the network comes back, and every few minutes.

        Args:
            patience: failures in a row after which it gives up for now.
            wait: waits for so many seconds; an app's own can be cut short when the network comes back.

        Raises:
            Unreachable: ``patience`` is used up. Everything is kept; call again later.
            NotEnrolled, DeviceRevoked, JournalTooShort, AppOutdated, ServerRefused: a person has to do something.
        """
        while True:
            try:
                exchanged = self.exchange()
                if exchanged.refusals_decided:
                    self.fetch_refusals()
            except Unreachable as problem:
                pause_s = self._backoff.failed(problem.retry_after_s)
                if self._backoff.failures > patience:
                    self._backoff.succeeded()
                    raise
                wait(pause_s)
                continue
            self._backoff.succeeded()
            if exchanged.idle:
                return

    def fetch_refusals(self) -> int:
        """Fetch what the office has decided on refused edits; ``sync`` does it. Returns how many decisions came.

        Raises:
            Unreachable: not all of them came. Call again later.
            NotEnrolled, ServerRefused
        """
        return refused.fetch(self._store, self._line)

    def offer_again(self) -> None:
        """Let every edit that this tablet still holds wait again: ``sync`` then sends all of them once more.

        Harmless, since the server knows a repetition and answers with the first verdict. For whoever doubts that all
        has arrived.
        """
        with self._store.transaction() as connection:
            edits.put_back(connection, 1)

    def read_verdict(self, edit_id: str) -> dict[str, Any]:
        """What the server's journal says of an edit of this tablet: as it was received, and what became of it.

        Raises:
            ServerRefused: ``not_found``, it never came.
            NotEnrolled, Unreachable
        """
        state = self._store.state()
        if state["token"] is None:
            raise NotEnrolled("This tablet has not been enrolled.")
        return ask(self._line, "GET", f"{PATH}/edits/{edit_id}", token=state["token"])

    # --- whose ground it is ---------------------------------------------------------------------------------------

    def fetch_boundaries(self) -> bool:
        """Fetch the boundaries in force, or what has changed in them. Returns whether they are others than before.

        Raises:
            Unreachable: nothing came of it; what the tablet has stays. Call again later.
            NotEnrolled, ServerRefused
        """
        changed = package.fetch(self._store, self._line)
        if changed:
            self._ground = None
        return changed

    def whose(self, lon: float, lat: float, service_type: str | None = None) -> Whose | None:
        """Whose ground a point is (degrees, EPSG:4326) for a service (its code); None before the first
        ``fetch_boundaries``. A guess to show: the server places the job when it comes in."""
        if self._ground is None:
            kept = package.kept(self._store)
            self._ground = None if kept is None else Ground(kept)
        return None if self._ground is None else self._ground.whose(lon, lat, service_type)

    def close(self) -> None:
        """Close the file. What is under way in other threads fails; nothing stored is lost."""
        self._store.close()
        if isinstance(self._line, HttpLine):
            self._line.close()
