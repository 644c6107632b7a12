"""The command that seeds the demo."""

from __future__ import annotations

import json
import os

import click

from fieldsync.demo.seed import SEED, WORK_ORDERS, seed


@click.command("seed-demo")
@click.option(
    "--url", default="http://127.0.0.1:8000", show_default=True, help="Where the server is: for what is printed."
)
@click.option("--work-orders", type=click.IntRange(0, 100_000), default=WORK_ORDERS, show_default=True)
@click.option("--seed", "chance_seed", type=int, default=SEED, show_default=True, help="Decides where the jobs are.")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def seed_demo(url: str, work_orders: int, chance_seed: int, as_json: bool) -> None:
    """Make the demo's partnership in FIELDSYNC_DATABASE_URL's database; say how to look around.

    Where it is there already nothing of it changes, but for the staff's password and tokens, which are new.
    """
    database_url = os.environ.get("FIELDSYNC_DATABASE_URL")
    if not database_url:
        raise click.ClickException("Name the database: FIELDSYNC_DATABASE_URL=postgresql://user@host/name")
    result = seed(database_url, work_orders=work_orders, chance_seed=chance_seed)
    click.echo(json.dumps(result.document(), indent=2) if as_json else result.sentences(url))
