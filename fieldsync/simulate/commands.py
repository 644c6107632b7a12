"""The command that simulates."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from fieldsync.simulate.drive import Nobody, Watcher
from fieldsync.simulate.office import OfficeRefused
from fieldsync.simulate.plan import Plan
from fieldsync.simulate.report import show
from fieldsync.simulate.run import Outcome, run

TOKEN_LASTS = timedelta(hours=1)


class _Bar:
    """A watcher that draws a bar a phase."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._lock = threading.Lock()

    def phase(self, name: str, steps: int) -> None:
        """See ``Watcher``."""
        with self._lock:
            if self._task is not None:
                # A phase is over when the next one begins, however its steps were counted.
                self._progress.update(self._task, completed=self._progress.tasks[-1].total)
            self._task = self._progress.add_task(name, total=steps)

    def step(self, steps: int = 1) -> None:
        """See ``Watcher``."""
        with self._lock:
            if self._task is not None:
                self._progress.advance(self._task, steps)


@contextmanager
def _watching(console: Console, quiet: bool) -> Iterator[Watcher]:
    if quiet:
        yield Nobody()
        return
    columns = (TextColumn("{task.description:30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield _Bar(progress)


@click.command()
@click.option("--tablets", type=click.IntRange(1, 200), default=24, show_default=True)
@click.option(
    "--edits", type=click.IntRange(1, 1_000_000), default=5_000, show_default=True, help="On all tablets together."
)
@click.option("--hours-offline", type=click.FloatRange(0, 240), default=8, show_default=True, help="They pass at once.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed: the same people, doing the same.")
@click.option("--reread", type=click.IntRange(0), default=300, show_default=True, help="Verdicts to read again by id.")
@click.option("--server", "--url", "server", default="http://127.0.0.1:8000", show_default=True)
@click.option("--token", envvar="FIELDSYNC_TOKEN", help="A dispatcher's. Without it: the demo's, from the database.")
@click.option("--database-url", envvar="FIELDSYNC_DATABASE_URL", help="Also compare with the database itself.")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def simulate(
    tablets: int, edits: int, hours_offline: float, seed: int, reread: int, server: str, token: str | None,
    database_url: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Drive many tablets on a bad network against a running server, and check that nothing went wrong.

    The seed decides what everybody does and which faults strike. How the requests fall in with each other differs from
    run to run, and with it some verdicts. Exit code 1: a law is broken.
    """
    if token is None:
        database_url = database_url or _running_database()
    plan = Plan(tablets=tablets, edits=edits, hours_offline=hours_offline, seed=seed, reread=reread)
    outcome = _run(plan, server, token or _token(database_url), database_url, as_json)
    if as_json:
        click.echo(json.dumps(outcome.document, indent=2))
    else:
        show(Console(), outcome.document)
    if not outcome.lawful:
        raise SystemExit(1)


def _run(plan: Plan, server: str, token: str, database_url: str | None, quiet: bool) -> Outcome:
    with _watching(Console(), quiet) as watcher:
        try:
            return run(plan, server, token, database_url, watcher)
        except OfficeRefused as refused:
            raise click.ClickException(str(refused)) from refused


def _running_database() -> str | None:
    """The database of the server that runs here, if one does."""
    from fieldsync.cluster import Home
    from fieldsync.server.background import adopt_running_database

    adopt_running_database(Home.of_project())
    return os.environ.get("FIELDSYNC_DATABASE_URL")


def _token(database_url: str | None) -> str:
    """A token of the demo's dispatcher, for a simulation on the server's own machine."""
    from sqlalchemy.exc import NoResultFound

    from fieldsync.demo.seed import dispatcher_token

    if not database_url:
        raise click.ClickException("Give a dispatcher's token: --token, or FIELDSYNC_TOKEN.")
    try:
        return dispatcher_token(database_url, "simulation", TOKEN_LASTS)
    except NoResultFound:
        raise click.ClickException("That database has no demo. Seed it first: fieldsync seed-demo") from None
