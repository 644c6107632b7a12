"""The command that adds staff without an admin: how the first admin comes to be."""

from __future__ import annotations

import re
import sys

import click

from fieldsync.auth.models import ROLES


@click.group()
def staff() -> None:
    """Who works in the offices."""


@staff.command()
@click.option("--partnership", "slug", required=True, help="The partnership's short name.")
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(ROLES), help="For the whole partnership; may be repeated."
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@click.option("--no-password", is_flag=True, help="She can only use API tokens.")
def create(slug: str, email: str, name: str, roles: tuple[str, ...], password_stdin: bool, no_password: bool) -> None:
    """Add a person to a partnership's staff."""
    from marshmallow import ValidationError

    from fieldsync.auth.staff.schemas import NewStaffSchema

    given = {"email": email, "name": name, "roles": [{"role": role} for role in roles]}
    if not no_password:
        given["password"] = _password(password_stdin)
    try:
        wanted = NewStaffSchema().load(given)
    except ValidationError as error:
        field, reasons = next(iter(error.messages_dict.items()))
        raise click.BadParameter(re.sub(r"[\[\]']", "", str(reasons)), param_hint=f"--{field}") from None
    click.echo(f"{wanted['email']} {_add(slug, wanted)}")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


def _add(slug: str, wanted: dict[str, object]) -> object:
    from fieldsync import create_app
    from fieldsync.auth import passwords, queries
    from fieldsync.auth.staff import change
    from fieldsync.database import transaction
    from fieldsync.problems import AlreadyThere

    password = wanted.get("password")
    roles = [change.Role(**role) for role in wanted["roles"]]  # type: ignore[attr-defined]
    try:
        with create_app().app_context(), transaction() as session:
            found = session.execute(queries.FIND_PARTNERSHIP, {"slug": slug}).one_or_none()
            if found is None:
                raise click.BadParameter(f"There is no partnership {slug}.", param_hint="--partnership")
            return change.add(
                session, found.id, str(wanted["email"]), str(wanted["name"]),
                passwords.hashed(str(password)) if password else None, roles,
            )  # fmt: skip
    except AlreadyThere:
        raise click.ClickException(f"There is somebody with the address {wanted['email']} already.") from None
