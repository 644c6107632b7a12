"""The commands that run FieldSync: up, down, status, migrate, serve, demo."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import click

from fieldsync.cluster import Home
from fieldsync.cluster.lifeline import end_with_parent

EXIT_NOT_RUNNING = 3
"""What init scripts answer for a program that does not run (Linux Standard Base)."""


def where_to_listen(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--host`` and ``--port``, the latter also from the environment as PORT."""
    host = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
    port = click.option(
        "--port",
        type=click.IntRange(0, 65535),
        envvar="PORT",
        default=8000,
        show_default=True,
        help="0: any free port.",
    )
    return host(port(command))


@click.command()
@where_to_listen
@click.option("--detach", is_flag=True, help="Return when it is ready; it goes on in the background.")
def up(host: str, port: int, detach: bool) -> None:
    """Start the database cluster, migrate, and serve until Ctrl-C.

    With FIELDSYNC_DATABASE_URL set, that database is used and no cluster is started.
    """
    home = Home.of_project()
    if detach:
        from .background import start_in_background

        click.echo(start_in_background(home, host, port).sentences())
        return
    from .stopping import Stopped
    from .up import up as run

    try:
        run(home, host, port)
    except Stopped:
        click.echo("FieldSync has stopped.")


@click.command()
@click.option("--delete-data", is_flag=True, help="Also remove the private cluster with everything in it.")
@click.option("--yes", is_flag=True, help="Do not ask before that.")
def down(delete_data: bool, yes: bool) -> None:
    """End the server and its database."""
    from .background import down as end

    home = Home.of_project()
    click.echo("FieldSync has stopped." if end(home) else "FieldSync was not running.")
    if delete_data and home.data.exists():
        if not yes:
            click.confirm(f"Remove {home.root} with all its data?", abort=True)
        home.remove()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def status(as_json: bool) -> None:
    """Say whether the server runs (exit code 0) or not (3)."""
    from .background import status as ask

    now = ask(Home.of_project())
    click.echo(json.dumps(now.facts(), indent=2) if as_json else now.sentences())
    if not now.running:
        raise SystemExit(EXIT_NOT_RUNNING)


@click.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    from .migrate import migrate as run

    run()


@click.command()
@where_to_listen
@click.option("--simulate/--no-simulate", default=True, help="Whether tablets come online and send their work.")
@click.option("--with-parent", is_flag=True, hidden=True, help="End when the process that called us ends.")
def demo(host: str, port: int, simulate: bool, with_parent: bool) -> None:
    """Seed a partnership of counties, let its tablets work, and serve it until Ctrl-C.

    It has a database of its own in the private cluster, made afresh each time.
    """
    from .demo import demo as run
    from .stopping import Stopped

    if with_parent:
        end_with_parent(signal.SIGTERM)
    try:
        run(Home.of_project(), host, port, simulate=simulate)
    except Stopped:
        click.echo("FieldSync has stopped.")


@click.command()
@where_to_listen
def serve(host: str, port: int) -> None:
    """Serve FIELDSYNC_DATABASE_URL's database with gunicorn, which takes the place of this process.

    A worker must run beside it (fieldsync worker): it reads boundary files and lets jobs change hands.
    """
    from fieldsync.cluster.home import PROJECT

    from .web import gunicorn

    command = [*gunicorn(), "--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    os.chdir(PROJECT)
    os.execv(command[0], command)
