"""One exchange with the server: edits up; verdicts and a page of the feed down, stored in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fieldsync.tablet import edits, enrolment, replica
from fieldsync.tablet.answer import Answer, checked
from fieldsync.tablet.edits import Batch, instant, to_json
from fieldsync.tablet.line import Line, ask
from fieldsync.tablet.problems import DeviceRevoked, JournalTooShort, NotEnrolled, SequenceGap, ServerRefused
from fieldsync.tablet.refused import is_news
from fieldsync.tablet.store import Store

PROTOCOL = 1
SCHEMA = 2
"""The shapes of records that this app knows. Whoever teaches it a column or a kind that the feed has raises it: the
server then sends what the records that are here lack."""

PATH = "/v1/sync"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the tablet said, as far as the answer has to be understood by it."""

    body: str
    edits: int
    limit: int
    turn: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What one exchange brought."""

    edits: int
    """Edits that were sent and have their verdict now."""
    changes: int
    """Records (and departures of records) that came."""
    reset: bool
    """Everything the tablet had was obsolete; a download from the start has begun."""
    idle: bool
    """No edit waits and the feed was read to its end: nothing is left to be done."""
    refusals_decided: bool = False
    """The office has decided on a refused edit since ``Tablet.fetch_refusals`` was last called."""


class Conversation:
    """The tablet's side of the protocol. One at a time: two at once are safe, but the second brings nothing."""

    def __init__(self, store: Store, line: Line, clock: Callable[[], datetime], *, app_version: str,
                 edits_max: int, page: int) -> None:  # fmt: skip
        """``edits_max``: edits in an exchange. ``page``: changes wanted in an answer."""
        self._store = store
        self._line = line
        self._clock = clock
        self._app_version = app_version
        self._edits_max = edits_max
        self._page = page

    def exchange(self) -> Exchanged:
        """One exchange. Where the server has lost edits, they are put back into the queue and sent at once.

        Raises:
            Unreachable: nothing came of it; it may be repeated as it is.
            NotEnrolled: the token is not taken.
            JournalTooShort: the server has lost edits that the tablet no longer holds; records still come.
            ServerRefused, AppOutdated: the exchange as such is not taken.
        """
        try:
            return self._once(self._edits_max)
        except SequenceGap as gap:
            if gap.expected_seq is None:
                raise
            try:
                with self._store.transaction() as connection:
                    edits.follow_server(connection, gap.expected_seq)
            except JournalTooShort:
                self._once(0)  # The crew's edits are stuck, but its jobs need not be.
                raise
            return self._once(self._edits_max)

    def _once(self, edits_max: int) -> Exchanged:
        while True:
            state = self._store.state()
            if state["token"] is None:
                raise NotEnrolled("This tablet has not been enrolled.")
            asked = self._asked(edits_max)
            try:
                document = ask(self._line, "POST", PATH, token=state["token"], body=asked.body)
            except NotEnrolled as problem:
                # A server that was restored to before the token was changed knows one of those before it.
                if isinstance(problem, DeviceRevoked) or not enrolment.fall_back(
                    self._store, self._line, state["token"]
                ):
                    raise
            except ServerRefused as refused:
                if refused.code != "body_too_large" or asked.edits <= 1:
                    raise
                edits_max = asked.edits // 2
            else:
                return self._take(asked, checked(document))

    def _asked(self, edits_max: int) -> Asked:
        with self._store.transaction() as connection:
            state = connection.execute("SELECT epoch, cursor, turn, limits FROM state").fetchone()
            # What is above the server's present limit it would not take, and we had sent it for nothing.
            edits_max = _within(state["limits"], "edits", edits_max)
            batch = edits.batch(connection, edits_max) if edits_max else Batch([], more=False)
        sent_at = self._clock()
        # While more batches wait, the answer's room is not needed: the queue is out the sooner.
        limit = 0 if batch.more else _within(state["limits"], "changes", self._page)
        envelope = to_json(
            {
                "protocol": PROTOCOL,
                "epoch": state["epoch"],
                "cursor": state["cursor"],
                "sent_at": instant(sent_at),
                "limit": limit,
                "app_version": self._app_version,
                "schema": SCHEMA,
            }
        )
        body = f'{envelope[:-1]},"edits":[{",".join(batch.sent)}]}}'
        return Asked(body, len(batch.sent), limit, state["turn"], sent_at)

    def _take(self, asked: Asked, answer: Answer) -> Exchanged:
        """Store an answer whole: verdicts, page and cursor together, or nothing of it."""
        lost: JournalTooShort | None = None
        news = False
        with self._store.transaction() as connection:
            edits.settle(connection, answer.verdicts, answer.server_time)
            state = connection.execute("SELECT turn FROM state").fetchone()
            # Its page begins at a cursor that is no longer ours if another answer came meanwhile. Verdicts hold always.
            late = state["turn"] != asked.turn
            if not late:
                try:
                    edits.follow_server(connection, answer.expected_seq)
                except JournalTooShort as problem:
                    lost = problem
                self._take_page(connection, asked, answer)
                news = is_news(connection, answer.refusals_decided)
            edits.prune(connection, answer.server_time, answer.limits)
            idle = not late and asked.limit > 0 and not answer.more and not edits.batch(connection, 1).sent
        if lost is not None:
            raise lost
        return Exchanged(
            len(answer.verdicts), 0 if late else len(answer.changes), answer.reset and not late, idle, news
        )

    def _take_page(self, connection: sqlite3.Connection, asked: Asked, answer: Answer) -> None:
        skew = datetime.fromisoformat(answer.server_time) - asked.sent_at
        (epoch,) = connection.execute("SELECT epoch FROM state").fetchone()
        if epoch is not None and epoch != answer.epoch:
            edits.remember_epoch(connection, epoch)
            connection.execute("UPDATE state SET refusals_decided = 0")  # Counted in another history.
        connection.execute(
            "UPDATE state SET turn = turn + 1, epoch = ?, skew_ms = ?, limits = ?",
            (answer.epoch, skew // timedelta(milliseconds=1), to_json(answer.limits)),
        )
        if asked.limit == 0:
            return  # No page was asked for, and the cursor stays.
        replica.take(connection, answer.changes, reset=answer.reset, more=answer.more, epoch=answer.epoch)
        connection.execute("UPDATE state SET cursor = ?", (answer.cursor,))
        edits.hide_settled(connection, complete=not answer.more)


def _within(limits: str | None, name: str, wanted: int) -> int:
    """``wanted``, or what the server said that it takes at present, if that is less; one at least, if any."""
    told = json.loads(limits or "{}").get(name)
    return min(wanted, max(1, told)) if isinstance(told, int) else wanted
