"""gunicorn's worker with threads, made patient: clients may be slow, and threads never wait for them.

gunicorn's own ``gthread`` gives a connection to a thread as soon as its first byte is there, and the thread then waits
for the rest of the request, and for the client to take the answer, without an end: forty connections that send a byte
now and then stop a worker with forty threads. Here the loop does all waiting, with limits on time, rate and memory,
and a thread sees a request that is there as a whole. What a proxy that buffers does, for those who have none.
"""

from __future__ import annotations

import errno
import json
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from fieldsync.server.framing import Come
from fieldsync.server.line import Line, Patience, Stage

HELD_BYTES_MAX = 128 * 1024 * 1024
"""Requests that are coming and answers that are being taken, of one worker. Above it, whoever holds most is dropped."""

SWEEP_S = 0.25
"""How often the loop looks whose time is up."""

STOP_COMING_S = 5.0
"""How long a worker that stops waits for requests of which a part is there."""

SHED_SHARE = 20
"""Where there are too many connections, one of so many is closed at once."""

_OUT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_GONE_ALREADY = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Loop and threads. gunicorn.conf.py sets ``patience`` and the refusals, in the process that forks workers."""

    patience: ClassVar[Patience]
    too_slow: ClassVar[bytes]
    """The whole answer to a request that did not come in time."""
    head_too_large: ClassVar[bytes]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watched: dict[TConn, None] = {}
        """Connections that the loop waits for, the longest waiting first."""
        self._held_bytes = 0
        self._sweep_at = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse what a line here cannot do: it reads and writes plain bytes."""
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise ValueError("This worker speaks plain HTTP: put a proxy before it that does TLS.")

    # --- a connection comes -----------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Take a connection, and what it has sent by now."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _OUT_OF:
                self.log.warning("No connection can be taken: %s", error.strerror)
                if not self._shed():
                    time.sleep(SWEEP_S)  # All are at work: the listener stays ready, and must not spin the loop.
                return
            if error.errno not in _GONE_ALREADY:
                raise
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, Line(client, self.patience), address, listener.getsockname())
        conn.data_ready = True
        self._go_on(conn, conn.sock.gather())
        if self.nr_conns >= self.worker_connections:
            self._shed()

    def _on_readable(self, conn: TConn, line: Line) -> None:
        self._go_on(conn, line.gather())

    def _go_on(self, conn: TConn, come: Come | None) -> None:
        self._count(conn)
        if come in (Come.NOTHING, Come.HEAD, Come.BODY):
            if conn not in self._watched:
                self._watch(conn, selectors.EVENT_READ, self._on_readable)
            if self._held_bytes > HELD_BYTES_MAX:
                self._drop_largest()
            return
        if conn in self._watched:
            self._unwatch(conn)
        if come is None:
            self._drop(conn)
        elif come is Come.HEAD_TOO_LARGE:
            self._refuse(conn, self.head_too_large)
        else:
            self.enqueue_req(conn)

    # --- a thread has it --------------------------------------------------------------------------------------------

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """In a thread: carry out a request that is there."""
        if conn.sock.is_large:
            # Nobody knows how much of the body will be read; the connection ends with it.
            req.force_close()
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: TConn, keepalive: Any) -> bool:
        if conn.sock.is_large or conn.sock.is_spoilt:
            return False
        return bool(super()._keepalive_after(conn, keepalive))

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """The thread is done; what is left of the answer goes out as the client takes it."""
        keep = bool(fs.result()) if not fs.cancelled() and fs.exception() is None else False
        self._count(conn)
        if conn.sock.fileno() < 0:
            self._drop(conn)
        elif conn.sock.outbox:
            self._answer_later(conn, keep=keep)
        else:
            self._answered(conn, keep=keep)

    # --- an answer goes ---------------------------------------------------------------------------------------------

    def _answer_later(self, conn: TConn, *, keep: bool) -> None:
        conn.sock.answer_later(keep=keep)
        self._watch(conn, selectors.EVENT_WRITE, self._on_writable)
        if self._held_bytes > HELD_BYTES_MAX:
            self._drop_largest()

    def _on_writable(self, conn: TConn, line: Line) -> None:
        try:
            is_sent = line.flush()
        except OSError:
            self._unwatch(conn)
            self._drop(conn)
            return
        self._count(conn)
        if is_sent:
            self._unwatch(conn)
            self._answered(conn, keep=line.keep)

    def _answered(self, conn: TConn, *, keep: bool) -> None:
        line: Line = conn.sock
        if not keep:
            self._leave(conn)
            return
        idle_s = self.cfg.keepalive if self.alive else min(self.cfg.keepalive, STOP_KEEPALIVE_LINGER)
        line.await_request(idle_s, conn.parser.unreader.take_buffered())
        self._go_on(conn, line.look())

    def _refuse(self, conn: TConn, answer: bytes) -> None:
        try:
            conn.sock.sendall(answer)
        except OSError:
            self._drop(conn)
            return
        self._leave(conn)

    def _leave(self, conn: TConn) -> None:
        """Close it without losing the answer: not before the client has, or a moment later."""
        conn.sock.inbox.clear()
        conn.sock.outbox.clear()
        self._count(conn)
        try:
            conn.sock.leave()
        except OSError:
            self._drop(conn)
            return
        self._watch(conn, selectors.EVENT_READ, self._on_leaving)

    def _on_leaving(self, conn: TConn, line: Line) -> None:
        if line.is_left():
            self._unwatch(conn)
            self._drop(conn)

    def _drop(self, conn: TConn) -> None:
        conn.sock.inbox.clear()
        conn.sock.outbox.clear()
        self._count(conn)
        self.nr_conns -= 1
        conn.close()

    # --- limits -----------------------------------------------------------------------------------------------------

    def _watch(self, conn: TConn, event: int, then: Callable[[TConn, Line], None]) -> None:
        conn.sock.setblocking(False)
        self._watched[conn] = None
        self.poller.register(conn.sock, event, partial(self._on_ready, conn, then))

    def _on_ready(self, conn: TConn, then: Callable[[TConn, Line], None], line: Line) -> None:
        # Another event of the same turn may have closed it.
        if conn in self._watched:
            then(conn, line)

    def _unwatch(self, conn: TConn) -> None:
        del self._watched[conn]
        self.poller.unregister(conn.sock)

    def _count(self, conn: TConn) -> None:
        line: Line = conn.sock
        held = len(line.inbox) + len(line.outbox)
        self._held_bytes += held - line.counted
        line.counted = held

    def _drop_largest(self) -> None:
        largest = max(self._watched, key=lambda conn: conn.sock.counted)
        self.log.warning("Too much is on its way: a connection that holds %s bytes is closed", largest.sock.counted)
        self._unwatch(largest)
        self._drop(largest)

    def _shed(self) -> bool:
        """Close some connections that are of least use to their clients, so that others find a place."""
        order = (Stage.LEAVING, Stage.IDLE, Stage.COMING, Stage.ANSWERING)
        waiting = sorted(self._watched, key=lambda conn: (order.index(conn.sock.stage), conn.sock.since))
        for conn in waiting[: max(1, len(waiting) // SHED_SHARE)]:
            self._unwatch(conn)
            self._drop(conn)
        return bool(waiting)

    def _sweep(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if now < self._sweep_at and not force:
            return
        self._sweep_at = now + SWEEP_S
        for conn in [conn for conn in self._watched if force or conn.sock.due() <= now]:
            self._unwatch(conn)
            if conn.sock.stage is Stage.COMING and not force:
                self._refuse(conn, self.too_slow)
            else:
                self._drop(conn)

    # --- what gunicorn's loop calls ---------------------------------------------------------------------------------

    def murder_keepalived(self, force: bool = False) -> None:
        """Each turn of the loop, and at the end of all."""
        self._sweep(force=force)

    def murder_pending(self) -> None:
        """Nothing is pending that is not watched."""

    def _cap_keepalive(self, deadline: float) -> None:
        """The worker stops: idle connections end by ``deadline``, half requests a little later."""
        for conn in self._watched:
            coming = conn.sock.stage is Stage.COMING
            conn.sock.cap(deadline + (STOP_COMING_S - STOP_KEEPALIVE_LINGER if coming else 0))


def whole_answer(document: dict[str, object], reason: str) -> bytes:
    """A problem as the last answer on a connection."""
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {document['status']} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
