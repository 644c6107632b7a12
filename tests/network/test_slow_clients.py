"""Clients that are slow, on purpose or not: they keep no thread, they get their time and no more, and nobody waits."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import cycle

import pytest

from fieldsync.config import BODY_BYTES_MAX
from fieldsync.database import new_id
from fieldsync.server.framing import HEAD_BYTES_MAX
from fieldsync.server.patient import HELD_BYTES_MAX
from tests.network.conftest import BODY_S, CONNECTIONS, HEAD_S, Server
from tests.network.wire import LONG_S, answer_of, ask, connect, exchange, hang_up, is_ended, request
from tests.sync_model.world import Tablet

DRIBBLERS = 200

REQUESTS = 20
"""Of 0.4 MB each."""


def note_for(tablet: Tablet) -> bytes:
    """An exchange with one new job."""
    return exchange(tablet, [tablet.edit("work_order", new_id(), "create", tablet.world.job())])


def half_head(tablet: Tablet) -> bytes:
    return b"POST /v1/sync HTTP/1.1\r\nHost: test\r\nX-Slow: "


def half_body(tablet: Tablet) -> bytes:
    return note_for(tablet)[:-40]


def half_chunk(tablet: Tablet) -> bytes:
    more = f"Authorization: Bearer {tablet.token}\r\nTransfer-Encoding: chunked\r\n"
    return request("/v1/sync", more=more + "Content-Type: application/json\r\n") + b"fff\r\n{"


def nothing(tablet: Tablet) -> bytes:
    return b""


def a_request_and_a_half(tablet: Tablet) -> bytes:
    """gunicorn's own worker gives the rest to a thread, which then waits for ever."""
    return request("/healthz", method="GET") + b"GET /hea"


def a_large_body(tablet: Tablet) -> bytes:
    """More than the server takes: the application refuses it at once, and must not wait for it."""
    return request("/v1/sync", token=tablet.token, length=9 * 1024 * 1024) + b"{"


HABITS: list[Callable[[Tablet], bytes]] = [
    half_head, half_body, half_chunk, nothing, a_request_and_a_half, a_large_body,
]  # fmt: skip


def test_two_hundred_that_dribble_stop_nobody(impatient: Server) -> None:
    """Five times as many as there are threads, and new ones for those whose time is up."""
    world = impatient.world()
    slow, tablet = world.tablet(), world.tablet()
    beginnings = cycle([habit(slow) for habit in HABITS])
    with ExitStack() as open_lines:
        lines: list[socket.socket] = []

        def open_one() -> None:
            line = open_lines.enter_context(connect(impatient.address))
            line.sendall(next(beginnings))
            lines.append(line)

        for _ in range(DRIBBLERS):
            open_one()
        deadline = time.monotonic() + 3 * max(HEAD_S, BODY_S)
        exchanges = 0
        while time.monotonic() < deadline:
            for line in lines[-DRIBBLERS:]:
                try:
                    line.send(b"x")
                except OSError:
                    open_one()
            assert ask(impatient.address, request("/healthz", method="GET")).status == 200
            assert ask(impatient.address, note_for(tablet)).status == 200
            exchanges += 1
        assert exchanges >= 5
        assert len(lines) > DRIBBLERS


@pytest.fixture
def line(impatient: Server) -> Iterator[socket.socket]:
    with connect(impatient.address) as line:
        yield line


class TestTime:
    @pytest.mark.parametrize("habit", [half_head, half_body, half_chunk])
    def test_half_a_request_is_told_so_and_ended(
        self, impatient: Server, line: socket.socket, habit: Callable[[Tablet], bytes]
    ) -> None:
        line.sendall(habit(impatient.world().tablet()))
        answer = answer_of(line)
        assert answer is not None
        assert (answer.status, answer.json["code"], answer.headers["connection"]) == (408, "request_too_slow", "close")
        assert answer.json["type"] == "urn:fieldsync:problem:request_too_slow"
        assert is_ended(line, LONG_S)

    def test_one_that_says_nothing_is_ended(self, line: socket.socket) -> None:
        assert is_ended(line, LONG_S)

    def test_a_head_that_never_ends_is_ended_however_steadily_it_comes(self, line: socket.socket) -> None:
        line.sendall(b"GET /healthz HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"."):  # noqa: PT012
            for _ in range(int(LONG_S / 0.05)):
                line.sendall(b"X-More: of it\r\n")
                time.sleep(0.05)

    def test_a_body_that_keeps_the_rate_has_all_the_time_that_it_needs(
        self, impatient: Server, line: socket.socket
    ) -> None:
        """As a tablet on a bad line: slower than the time for small ones, at a rate that is good enough."""
        tablet = impatient.world().tablet()
        edits = [tablet.edit("work_order", new_id(), "create", tablet.world.job()) for _ in range(30)]
        data = exchange(tablet, edits)
        head, _, body = data.partition(b"\r\n\r\n")
        line.sendall(head + b"\r\n\r\n")
        began = time.monotonic()
        for start in range(0, len(body), 400):
            line.sendall(body[start : start + 400])
            time.sleep(0.08)
        assert time.monotonic() - began > 2 * BODY_S
        answer = answer_of(line)
        assert answer is not None
        assert [verdict["verdict"] for verdict in answer.json["verdicts"]] == ["applied"] * 30

    def test_a_connection_that_is_kept_may_be_idle_for_longer(self, impatient: Server, line: socket.socket) -> None:
        for _ in range(2):
            line.sendall(request("/healthz", method="GET"))
            answer = answer_of(line)
            assert answer is not None
            assert answer.headers["connection"] == "keep-alive"
            assert not is_ended(line, HEAD_S + 0.6)


class TestOneLine:
    def test_requests_in_a_row_are_answered_in_their_order(self, impatient: Server, line: socket.socket) -> None:
        tablet = impatient.world().tablet()
        exchanges = [note_for(tablet) for _ in range(6)]
        line.sendall(b"".join(exchanges) + request("/healthz", method="GET"))
        answers = [answer_of(line) for _ in range(7)]
        assert [answer.json["expected_seq"] for answer in answers[:6] if answer] == [2, 3, 4, 5, 6, 7]
        assert answers[6] is not None
        assert answers[6].status == 200

    def test_byte_by_byte(self, impatient: Server, line: socket.socket) -> None:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request("/v1/nothing", b"{}", more="Connection: close\r\n"):
            line.sendall(bytes([byte]))
        answer = answer_of(line)
        assert answer is not None
        assert (answer.status, answer.json["code"]) == (404, "not_found")

    def test_chunks(self, impatient: Server, line: socket.socket) -> None:
        tablet = impatient.world().tablet()
        whole = note_for(tablet)
        body = whole.partition(b"\r\n\r\n")[2]
        more = f"Authorization: Bearer {tablet.token}\r\nTransfer-Encoding: chunked\r\n"
        line.sendall(request("/v1/sync", more=more + "Content-Type: application/json\r\n"))
        for start in range(0, len(body), 100):
            part = body[start : start + 100]
            line.sendall(b"%x\r\n%s\r\n" % (len(part), part))
            time.sleep(0.01)
        line.sendall(b"0\r\n\r\n")
        answer = answer_of(line)
        assert answer is not None
        assert [verdict["verdict"] for verdict in answer.json["verdicts"]] == ["applied"]

    def test_one_that_waits_to_be_told_to_go_on_is_told_once(self, impatient: Server, line: socket.socket) -> None:
        tablet = impatient.world().tablet()
        head, _, body = note_for(tablet).partition(b"\r\n\r\n")
        line.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(body)
        answer = answer_of(line)
        assert answer is not None
        assert answer.status == 200

    def test_a_head_that_is_too_large(self, line: socket.socket) -> None:
        line.sendall(b"GET /healthz HTTP/1.1\r\n" + b"X-Large: " + b"x" * HEAD_BYTES_MAX)
        answer = answer_of(line)
        assert answer is not None
        assert (answer.status, answer.json["code"]) == (431, "head_too_large")

    def test_a_body_that_is_too_large_is_refused_before_it_comes(self, impatient: Server, line: socket.socket) -> None:
        line.sendall(a_large_body(impatient.world().tablet()))
        answer = answer_of(line)
        assert answer is not None
        assert (answer.status, answer.json["code"], answer.headers["connection"]) == (413, "body_too_large", "close")

    @pytest.mark.parametrize("path", ["/v1/sessions", "/v1/sync", "/v1/devices/enrol", "/v1/nothing"])
    def test_nobody_waits_for_a_chunk_that_is_too_large(
        self, impatient: Server, line: socket.socket, path: str
    ) -> None:
        """It says so itself, and nothing else about its length. A thread that read it would wait for a stranger."""
        token = impatient.world().tablet().token if path == "/v1/sync" else "none"
        more = f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        line.sendall(request(path, more=more) + b"900000\r\n{")
        answer = answer_of(line)
        assert answer is not None
        assert (answer.status, answer.json["code"], answer.headers["connection"]) == (413, "body_too_large", "close")

    @pytest.mark.parametrize(
        "chunks", [b"zz\r\n", b"-5\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n", b"0\r\nbad trailer\r\n\r\n"]
    )
    def test_chunks_that_are_none(self, impatient: Server, line: socket.socket, chunks: bytes) -> None:
        more = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        line.sendall(request("/v1/sessions", more=more) + chunks)
        answer = answer_of(line)
        assert answer is not None
        assert (answer.status, answer.json["code"]) == (400, "malformed_body")

    def test_one_that_hangs_up_instead_of_going_on_ends_no_worker(self, impatient: Server) -> None:
        before = impatient.workers
        for _ in range(200):
            line = connect(impatient.address)
            line.sendall(request("/v1/sync", length=100, more="Expect: 100-continue\r\n") + b"{")
            hang_up(line)
        assert ask(impatient.address, request("/healthz", method="GET")).status == 200
        assert impatient.workers == before

    def test_one_that_says_no_more_after_its_request_is_answered(self, line: socket.socket) -> None:
        line.sendall(request("/healthz", method="GET"))
        line.shutdown(socket.SHUT_WR)
        answer = answer_of(line)
        assert answer is not None
        assert answer.status == 200


def answers_of(line: socket.socket, most: int) -> int:
    """How many whole answers there are on a line."""
    for number in range(most):
        try:
            if answer_of(line) is None:
                return number
        except ConnectionError:
            return number
    return most


class TestAnswers:
    """A client that does not take its answer: it is kept for it, and a thread has better things to do."""

    @staticmethod
    def asks(impatient: Server) -> socket.socket:
        """Asks for more than the kernel keeps on its way (4 MB), with next to no room for it."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        line.settimeout(LONG_S)
        host, _, port = impatient.address.rpartition(":")
        line.connect((host, int(port)))
        line.sendall(request("/openapi.json", method="GET") * REQUESTS)
        return line

    def test_many_that_do_not_read_stop_nobody(self, impatient: Server) -> None:
        tablet = impatient.world().tablet()
        with ExitStack() as open_lines:
            lines = [open_lines.enter_context(self.asks(impatient)) for _ in range(DRIBBLERS)]
            for _ in range(5):
                assert ask(impatient.address, note_for(tablet)).status == 200
            # In the end they are cut off in the midst of an answer.
            time.sleep(BODY_S + 1)
            for line in lines[::20]:
                assert answers_of(line, REQUESTS) < REQUESTS

    def test_one_that_reads_slowly_gets_all_of_it(self, impatient: Server) -> None:
        with self.asks(impatient) as line:
            document = None
            for _ in range(REQUESTS):
                time.sleep(0.1)
                answer = answer_of(line)
                assert answer is not None
                assert answer.status == 200
                assert document in (None, answer.body)
                document = answer.body
            assert json.loads(document or b"")["openapi"]

    def test_one_that_hangs_up_in_the_middle(self, impatient: Server) -> None:
        before = impatient.workers
        for _ in range(30):
            line = self.asks(impatient)
            line.recv(10)
            hang_up(line)
        assert ask(impatient.address, request("/healthz", method="GET")).status == 200
        assert impatient.workers == before


class TestTooMany:
    """More connections, or more bytes, than a worker keeps: whoever is of least use goes, and others come through."""

    def test_connections_that_say_nothing_make_room(self, crowded: Server) -> None:
        tablet = crowded.world().tablet()
        with ExitStack() as open_lines:
            lines = [open_lines.enter_context(connect(crowded.address)) for _ in range(4 * CONNECTIONS)]
            assert ask(crowded.address, note_for(tablet)).status == 200
            assert ask(crowded.address, request("/readyz", method="GET")).status == 200
            assert is_ended(lines[0], LONG_S)

    def test_half_requests_make_room_and_idle_ones_go_first(self, crowded: Server) -> None:
        tablet = crowded.world().tablet()
        with ExitStack() as open_lines:
            idle = open_lines.enter_context(connect(crowded.address))
            idle.sendall(request("/healthz", method="GET"))
            assert answer_of(idle) is not None
            whole = note_for(tablet)
            begun = open_lines.enter_context(connect(crowded.address))
            begun.sendall(whole[:-1])
            for _ in range(CONNECTIONS - 2):
                open_lines.enter_context(connect(crowded.address))
            assert is_ended(idle, LONG_S)
            begun.sendall(whole[-1:])
            answer = answer_of(begun)
            assert answer is not None
            assert answer.status == 200

    def test_more_bytes_than_are_kept(self, crowded: Server) -> None:
        """Bodies of which one byte is missing: so many are kept, and for each further one the server drops one."""
        tablet = crowded.world().tablet()
        head = request("/v1/sync", token=tablet.token, length=BODY_BYTES_MAX)
        body = b" " * (BODY_BYTES_MAX - 1)
        room = HELD_BYTES_MAX // BODY_BYTES_MAX
        with ExitStack() as open_lines:
            lines = []
            for _ in range(room + 2):
                lines.append(open_lines.enter_context(connect(crowded.address)))
                with suppress(ConnectionError):
                    lines[-1].sendall(head + body)
            assert ask(crowded.address, note_for(tablet)).status == 200
            assert len([line for line in lines if is_ended(line, 0.05)]) >= 2
