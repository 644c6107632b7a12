"""The commands with which a deployment begins: a partnership, and its first admin."""

from __future__ import annotations

import re

import click


@click.group()
def partnership() -> None:
    """Partnerships: groups of jurisdictions that share crews."""


@partnership.command()
@click.argument("slug")
@click.argument("name")
def create(slug: str, name: str) -> None:
    """Add a partnership. SLUG is the short name that people type when they log in: a-z, 0-9 and hyphens."""
    from fieldsync.auth.schemas import SLUG
    from fieldsync.partnerships.create import create as begin
    from fieldsync.problems import AlreadyThere

    if not re.fullmatch(SLUG, slug):
        raise click.BadParameter("2 to 40 of a-z, 0-9 and hyphens, and no hyphen first.", param_hint="SLUG")
    if not 0 < len(name) <= 200:
        raise click.BadParameter("1 to 200 characters.", param_hint="NAME")
    from fieldsync import create_app
    from fieldsync.database import transaction

    try:
        with create_app().app_context(), transaction() as session:
            partnership_id = begin(session, slug, name)
    except AlreadyThere:
        raise click.ClickException(f"There is a partnership {slug} already.") from None
    click.echo(f"{slug} {partnership_id}")
