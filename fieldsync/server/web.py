"""gunicorn as a child process, on a socket that we have opened ourselves."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from fieldsync.cluster.home import PROJECT

from . import child
from .problems import ServerProblem

READY_S_MAX = 60
STOP_S_MAX = 40
"""Longer than gunicorn's own graceful_timeout, after which it ends by itself."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, opened before anything else is started: a taken port shows at once. Port 0: any
    free one.

    Raises:
        ServerProblem: the port is taken, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServerProblem(f"{host} is no address to listen on: {error}") from error
    # Otherwise a port is taken for a minute by connections that a server before us has closed.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ServerProblem(
            f"FieldSync cannot listen on {host}, port {port}: {os.strerror(error.errno or 0).lower()}."
            f" Choose another port: --port {port + 1} (with make: PORT={port + 1})"
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class WebServer:
    """gunicorn with its workers. ``environ`` names the database; its output goes to ``log``, or to our terminal."""

    def __init__(self, listener: socket.socket, environ: Mapping[str, str], log: Path | None = None) -> None:
        self._listener = listener
        self._environ = environ
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> WebServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        listening = self._listener.fileno()
        self._process = child.start([*gunicorn(), "--bind", f"fd://{listening}"], self._environ, self._log, [listening])

    def await_readiness(self) -> None:
        """Return when the application answers ``/readyz``.

        Raises:
            ServerProblem: it ended, or was not ready in ``READY_S_MAX`` seconds.
        """
        deadline = time.monotonic() + READY_S_MAX
        while not is_ready(url_of(self._listener)):
            where = f" See {self._log}" if self._log else ""
            if self.wait(0.1) is not None:
                raise ServerProblem(f"The web server ended at its start.{where}")
            if time.monotonic() > deadline:
                raise ServerProblem(f"The web server was not ready after {READY_S_MAX} s.{where}")

    def wait(self, timeout_s: float) -> int | None:
        """gunicorn's exit code if it ends within ``timeout_s`` seconds, else None."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """End gunicorn: requests under way are answered first."""
        process, self._process = self._process, None
        if process is not None:
            child.end(process, STOP_S_MAX)


def gunicorn() -> list[str]:
    """The command that serves the application with our settings."""
    return [sys.executable, "-m", "gunicorn", "--config", str(PROJECT / "gunicorn.conf.py")]


def is_ready(url: str, timeout_s: float = 5) -> bool:
    """Whether the server at ``url`` says that it can do its work. Asked directly, whatever proxy is set."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout_s)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
