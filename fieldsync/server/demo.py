"""The demo: a database of its own, made afresh; a partnership in it; its tablets at work; and what to try."""

from __future__ import annotations

import os

from fieldsync.cluster import Home

from .problems import ServerProblem
from .stopping import has_terminal, stoppable
from .up import keep, read_command, run_command, running, say

DATABASE = "fieldsync_demo"


def demo(home: Home, host: str, port: int, *, simulate: bool) -> None:
    """Seed, serve, simulate, say what to try next, and go on serving until Ctrl-C.

    Raises:
        Stopped: everything has ended in order.
        ServerProblem, ClusterProblem: a part of it failed.
    """
    if os.environ.get("FIELDSYNC_DATABASE_URL"):
        raise ServerProblem(
            "The demo fills a database of its own and leaves others alone. Unset FIELDSYNC_DATABASE_URL for it."
        )
    log = home.logs / "server.log"
    with stoppable(), running(home, host, port, database=DATABASE, afresh=True, log=log) as parts:
        say("Seeding a partnership of counties")
        what_to_try = read_command(["seed-demo", "--url", parts.url], parts.environ)
        if simulate:
            run_command(["simulate", "--url", parts.url], parts.environ)
        say("")
        say(what_to_try.rstrip())
        say(f"\nLogs: {log}\nCtrl-C ends the server; the next demo starts afresh.")
        say(f"FieldSync is ready at {parts.url}")
        # A closed window ends it too. The hang-up itself reaches only the first program in the window, which may be a
        # make that does not pass it on.
        attended = has_terminal()
        keep(parts, until=lambda: attended and not has_terminal())
