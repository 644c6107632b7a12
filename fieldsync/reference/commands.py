"""The command that writes openapi.yaml."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the file is not up to date.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def openapi(check: bool, file: Path | None) -> None:
    """Write the OpenAPI document, made from the code, to FILE (left out: openapi.yaml of this project; -: print it)."""
    from fieldsync import create_app
    from fieldsync.cluster.home import PROJECT
    from fieldsync.config import Settings
    from fieldsync.reference.yaml_text import yaml_text

    # No database is asked; the address only has to be one.
    text = yaml_text(create_app(Settings(database_url="postgresql://")))
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    file = file or PROJECT / "openapi.yaml"
    if not check:
        file.write_text(text, encoding="utf-8")
        return
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        raise click.ClickException(f"{file.name} is not up to date; run: make openapi")
