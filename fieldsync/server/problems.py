"""What can keep the server from running; each sentence says what to do about it."""

from __future__ import annotations


class ServerProblem(Exception):
    """The server cannot run as asked."""
