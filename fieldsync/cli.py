"""The ``fieldsync`` command. Each sub-command lies in its domain's ``commands``, loaded when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NamedTuple

import click

from fieldsync.cluster import ClusterProblem, Home


class Entry(NamedTuple):
    """Where a command lies, as ``module:name``; its line in ``--help``; whether it works on a database."""

    place: str
    line: str
    database: bool = True


COMMANDS = {
    "up": Entry("fieldsync.server.commands:up", "Start everything and serve until Ctrl-C.", database=False),
    "down": Entry("fieldsync.server.commands:down", "End the server and its database.", database=False),
    "status": Entry("fieldsync.server.commands:status", "Say whether the server runs.", database=False),
    "demo": Entry("fieldsync.server.commands:demo", "Show it with a partnership of counties.", database=False),
    "migrate": Entry("fieldsync.server.commands:migrate", "Bring the database's tables up to date."),
    "backup": Entry("fieldsync.backup.commands:backup", "Write the whole database into a file.", database=False),
    "restore": Entry("fieldsync.backup.commands:restore", "Put a backup back; tablets fill the gap.", database=False),
    "restored": Entry(
        "fieldsync.backup.commands:restored", "Say that the database was restored by other means.", database=False
    ),
    "seed-demo": Entry("fieldsync.demo.commands:seed_demo", "Make the demo's partnership of counties."),
    "simulate": Entry("fieldsync.simulate.commands:simulate", "Drive many tablets; check the laws.", database=False),
    "openapi": Entry("fieldsync.reference.commands:openapi", "Write openapi.yaml from the code.", database=False),
    "worker": Entry("fieldsync.boundaries.commands:worker", "Carry out background runs; one runs beside each server."),
    "boundaries": Entry("fieldsync.boundaries.commands:boundaries", "Import, check, rehearse, publish boundaries."),
    "serve": Entry("fieldsync.server.commands:serve", "Serve FIELDSYNC_DATABASE_URL's database."),
    "partnership": Entry("fieldsync.partnerships.commands:partnership", "Create partnerships."),
    "staff": Entry("fieldsync.auth.commands:staff", "Create staff, such as a partnership's first admin."),
}
"""To add a command: write it in ``fieldsync/<domain>/commands.py`` and name it here. ``--help`` then stays
quick, since nothing of it is loaded. One with ``database`` works on the running server's database unless
another is named."""


class Commands(click.Group):
    """A group that knows its commands by name and loads one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.place.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        # Loaded here and not above: only a command that runs can raise them.
        from fieldsync.server.problems import ServerProblem

        try:
            return super().invoke(ctx)
        except (ClusterProblem, ServerProblem) as problem:
            raise click.ClickException(str(problem)) from problem


@click.command(cls=Commands)
@click.version_option(package_name="fieldsync")
@click.pass_context
def main(ctx: click.Context) -> None:
    """FieldSync: shared field crews across town lines."""
    entry = COMMANDS.get(ctx.invoked_subcommand or "")
    if entry and entry.database and "--help" not in sys.argv:
        from fieldsync.server.background import adopt_running_database

        adopt_running_database(Home.of_project())
        if not os.environ.get("FIELDSYNC_DATABASE_URL"):
            raise click.ClickException(
                "Name the database: FIELDSYNC_DATABASE_URL=postgresql://user@host/name"
                " (or start one here with: fieldsync up)"
            )
