"""Carrying out a run in this process, with a bar; or watching it where a worker was quicker."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import UUID

import click
from flask import current_app
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fieldsync.boundaries.runs import MOVES, cancel, carry_out
from fieldsync.boundaries.runs.read import read_run
from fieldsync.boundaries.terminal.desk import Desk
from fieldsync.clock import now
from fieldsync.database import transaction

LOOK_EVERY_S = 0.2
ENDED = ("done", "failed", "cancelled")


class RunFailed(Exception):
    """A run ended without what was asked for. ``document`` is its problem (RFC 9457)."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        super().__init__(document.get("detail") or document.get("title"))


def follow(desk: Desk, run_id: UUID) -> dict[str, Any]:
    """Carry out a run, or see it carried out, until it ends or is not due yet. Returns it as it stands then.

    Ctrl-C cancels it; one that lets jobs change hands is left to a worker.

    Raises:
        RunFailed: it failed.
        click.Abort: it was cancelled, or left.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    leaving = threading.Event()

    def work() -> None:
        with app.app_context():
            carry_out(desk.partnership_id, run_id, interrupted=leaving.is_set)

    thread = None
    with _bar(desk) as progress:
        task = progress.add_task("waiting", total=None)
        while not _is_over(run := _read(desk, run_id)):
            if thread is None or not thread.is_alive():
                # Again and again: whoever else carries it out may be killed.
                thread = threading.Thread(target=work, daemon=True)
                thread.start()
            told = run["progress"]
            progress.update(
                task, description=told.get("stage", "waiting"), completed=told.get("done", 0),
                total=told.get("total") or None,
            )  # fmt: skip
            try:
                time.sleep(LOOK_EVERY_S)
            except KeyboardInterrupt:
                _stop(desk, run, leaving, thread)
    if thread is not None:
        thread.join()
    if run["state"] == "failed":
        raise RunFailed(run["problem"])
    if run["state"] == "cancelled":
        raise click.Abort
    return run


def _bar(desk: Desk) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=desk.aside, transient=True, disable=not desk.aside.is_terminal)


def _read(desk: Desk, run_id: UUID) -> dict[str, Any]:
    with transaction() as session:
        return read_run(session, desk.partnership_id, run_id)


def _is_over(run: dict[str, Any]) -> bool:
    return run["state"] in ENDED or run["due_at"] > now()


def _stop(desk: Desk, run: dict[str, Any], leaving: threading.Event, thread: threading.Thread) -> None:
    if run["sort"] in MOVES:
        leaving.set()
        thread.join()
        desk.aside.print("Left as it is: a worker goes on with it (fieldsync worker).")
        raise click.Abort
    desk.aside.print("Cancelling …")
    with transaction() as session:
        cancel(session, desk.partnership_id, run["id"])
