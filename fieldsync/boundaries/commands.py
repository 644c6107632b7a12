"""The commands of boundaries: the worker, and everything that GIS staff do, in a terminal."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fieldsync.boundaries.terminal.desk import Desk

Command = Callable[..., Any]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
def worker() -> None:
    """Carry out background runs until SIGTERM or Ctrl-C: imports, checks, repairs, publications, withdrawals.

    One must run beside each deployment's web server; several may.
    """
    from fieldsync import create_app
    from fieldsync.boundaries.runs.worker import LostDatabase, Worker, worker_settings
    from fieldsync.config import Settings

    settings = Settings.from_env()
    try:
        Worker(create_app(worker_settings(settings)), settings).run()
    except LostDatabase as error:
        why = f": {error.__cause__.__cause__}" if error.__cause__ else ""
        raise click.ClickException(f"The database could not be reached any more{why}") from error


@click.group()
def boundaries() -> None:
    """Boundary layers: import, check, compare, rehearse, publish, withdraw, export.

    Versions are named by layer and number (Towns/3), or by id. What changes anything says what it would do unless it
    is given --commit. Exit codes: 1 refused, 2 misspelt, 3 the check found errors.
    """


def at_desk(command: Command) -> Command:
    """Give a command the desk of a partnership, and turn refusals into sentences and exit code 1."""

    @click.option("--partnership", "slug", help="Its short name; may be left out where there is only one.")
    @click.option("--json", "as_json", is_flag=True, help="For a program to read.")
    @functools.wraps(command)
    def run(*arguments: Any, slug: str | None, as_json: bool, **options: Any) -> None:
        from fieldsync import create_app
        from fieldsync.boundaries.problems import translated
        from fieldsync.boundaries.runs.worker import worker_settings
        from fieldsync.boundaries.terminal.desk import Desk, partnership_of
        from fieldsync.boundaries.terminal.follow import RunFailed
        from fieldsync.config import Settings
        from fieldsync.database import db
        from fieldsync.problems import Problem
        from geo.refusals import BoundaryRefusal

        settings = worker_settings(Settings.from_env())
        if "FIELDSYNC_LOG_LEVEL" not in os.environ:
            settings = replace(settings, log_level="ERROR")
        with create_app(settings).app_context():
            try:
                command(Desk(partnership_of(slug), as_json), *arguments, **options)
            except BoundaryRefusal as refusal:
                _refuse(translated(refusal).document(), as_json)
            except RunFailed as failed:
                _refuse(failed.document, as_json)
            except Problem as problem:
                _refuse(problem.document(), as_json)
            finally:
                db.session.remove()
                db.engine.dispose()

    return run


def _refuse(document: dict[str, Any], as_json: bool) -> None:
    from fieldsync.boundaries.terminal.desk import EXIT_REFUSED

    if as_json:
        click.echo(json.dumps({"problem": document}, indent=2, default=str, ensure_ascii=False))
    click.echo(f"Refused ({document['code']}): {document['detail']}", err=True)
    for suggestion in document.get("suggestions", ()):
        click.echo(f"  perhaps: {_as_options(suggestion)}", err=True)
    raise SystemExit(EXIT_REFUSED)


def _as_options(suggestion: dict[str, Any]) -> str:
    """What a reader suggests, as options of ``import``."""
    options = [f"--crs {suggestion['crs']}"] if "crs" in suggestion else []
    options += ["--swap-axes"] if suggestion.get("swap_axes") else []
    options += [f"--encoding {suggestion['encoding']}"] if "encoding" in suggestion else []
    said = suggestion.get("name") or suggestion.get("sample")
    return " ".join(options) + (f"  ({said})" if said else "")


def _exit_by(document: dict[str, Any]) -> None:
    from fieldsync.boundaries.terminal.desk import EXIT_ERRORS_FOUND

    if document.get("errors"):
        raise SystemExit(EXIT_ERRORS_FOUND)


def moment(_: click.Context, __: click.Parameter, given: datetime | None) -> datetime | None:
    """A date or a moment without a zone is in UTC."""
    return given if given is None or given.tzinfo else given.replace(tzinfo=UTC)


AT = click.option(
    "--at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]), callback=moment,
    help="From when it holds (UTC unless it says otherwise); left out: from now.",
)  # fmt: skip
COMMIT = click.option("--commit", is_flag=True, help="Do it. Without it nothing is written.")


@boundaries.command("layers")
@at_desk
def list_layers(desk: Desk) -> None:
    """List the layers, and what is in force of each."""
    from fieldsync.boundaries.layers import write
    from fieldsync.boundaries.terminal import show
    from fieldsync.config import PAGE_ROWS_MAX
    from fieldsync.database import transaction

    with transaction() as session:
        rows = write.list_layers(session, desk.partnership_id, None, None, PAGE_ROWS_MAX)
    desk.answer({"items": list(rows)}, show.layers)


@boundaries.command("create-layer")
@click.argument("name")
@click.option("--role", type=click.Choice(["jurisdiction", "overlay", "reference"]), default="jurisdiction",
              show_default=True)  # fmt: skip
@click.option("--rank", type=int, help="Of an overlay: the lowest is asked first.")
@click.option("--service-type", "service_types", multiple=True, help="Code that an overlay decides for; repeatable.")
@click.option("--width-m", type=float, help="How wide an overlay's lines are drawn.")
@click.option("--tolerance-m", type=float, help="How far outside of everything a job is still taken in.")
@click.option("--border-m", type=float, help="Jobs this close to a border are flagged for triage.")
@click.option("--public", is_flag=True, help="Anybody may read its published versions.")
@at_desk
def create_layer(desk: Desk, **given: Any) -> None:
    """Make a layer called NAME."""
    from marshmallow import ValidationError

    from fieldsync.boundaries.layers import write
    from fieldsync.boundaries.layers.schemas import NewLayerSchema
    from fieldsync.boundaries.terminal import show
    from fieldsync.database import transaction

    wanted = {name: value for name, value in given.items() if value is not None}
    try:
        wanted = NewLayerSchema().load(wanted | {"service_types": list(given["service_types"])})
    except ValidationError as error:
        field, reasons = next(iter(error.messages_dict.items()))
        raise click.BadParameter(str(reasons), param_hint=f"--{field.replace('_', '-')}") from None
    with transaction() as session:
        layer_id = write.create_layer(session, desk.partnership_id, wanted)
    desk.answer({"items": [desk.layer(str(layer_id))]}, show.layers)


@boundaries.command("versions")
@click.argument("layer")
@at_desk
def list_versions(desk: Desk, layer: str) -> None:
    """List the versions of LAYER, the newest first."""
    from fieldsync.boundaries.terminal import show
    from fieldsync.boundaries.versions import read
    from fieldsync.config import PAGE_ROWS_MAX
    from fieldsync.database import transaction

    found = desk.layer(layer)
    with transaction() as session:
        page = read.list_versions(session, desk.partnership_id, found["id"], None, PAGE_ROWS_MAX, None)
    desk.answer({"items": list(page.items)}, show.versions)


@boundaries.command("import")
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--layer", required=True, help="The layer of the partnership that it is a version of.")
@click.option("--file-layer", help="The layer of the file, where it has several.")
@click.option("--code-field", help="The field of the code.")
@click.option("--name-field", help="The field of the name.")
@click.option("--valid-from-field", help="The field of the day from which an area holds.")
@click.option("--owner-field", help="The field of the code of the jurisdiction responsible (overlays).")
@click.option("--crs", help="The coordinate system, above what the file states: EPSG:2272.")
@click.option("--swap-axes", is_flag=True, default=None, help="Exchange x and y.")
@click.option("--encoding", help="The encoding of the texts, above what the file states: cp1252.")
@click.option("--width-m", type=click.FloatRange(0, 1_000, min_open=True), help="Take lines, too, drawn this wide.")
@COMMIT
@at_desk
def import_(
    desk: Desk, files: tuple[Path, ...], layer: str, file_layer: str | None, commit: bool, **given: Any
) -> None:
    """Read FILES (one, or those of a loose shapefile), check the areas, and show the report.

    With --commit they are kept as a draft of the layer.
    """
    from fieldsync.boundaries.terminal import files as work
    from fieldsync.boundaries.terminal import show

    options = {name: value for name, value in (given | {"layer": file_layer}).items() if value is not None}
    act = work.take_in if commit else work.look_into
    document = act(desk, desk.layer(layer), files, options)
    desk.answer(document, show.imported)
    _exit_by(document)


@boundaries.command()
@click.argument("version")
@at_desk
def check(desk: Desk, version: str) -> None:
    """Check draft VERSION anew, and show the report."""
    from fieldsync.boundaries.terminal import compare, show

    document = compare.check(desk, desk.version(version))
    desk.answer(document, show.report)
    _exit_by(document)


@boundaries.command()
@click.argument("before")
@click.argument("after")
@at_desk
def diff(desk: Desk, before: str, after: str) -> None:
    """Show what differs from version BEFORE to version AFTER."""
    from fieldsync.boundaries.terminal import compare, show

    desk.answer(compare.difference(desk, desk.version(before), desk.version(after)), show.difference)


@boundaries.command()
@click.argument("version")
@click.option("--validity/--no-validity", default=True, help="Make polygons valid that cross themselves.")
@click.option("--coverage/--no-coverage", default=None, help="Close overlaps and narrow gaps (not of overlays).")
@click.option("--winner", type=click.Choice(["lowest_code", "longest_border", "largest", "smallest"]),
              default="lowest_code", show_default=True, help="Who gets the ground where areas overlap.")  # fmt: skip
@COMMIT
@at_desk
def repair(desk: Desk, version: str, commit: bool, **given: Any) -> None:
    """Propose a repair of draft VERSION; with --commit it becomes a draft of its own."""
    from fieldsync.boundaries.terminal import compare, show

    parameters = {name: value for name, value in given.items() if value is not None}
    document = compare.repair(desk, desk.version(version), parameters, commit=commit)
    desk.answer(document, show.repaired)
    _exit_by(document)


@boundaries.command()
@click.argument("version")
@AT
@at_desk
def rehearse(desk: Desk, version: str, at: datetime | None) -> None:
    """Show what publishing VERSION would do to open work orders. Nothing is written."""
    from fieldsync.boundaries.terminal import publish as work
    from fieldsync.boundaries.terminal import show

    desk.answer(work.rehearse(desk, desk.version(version), at), show.rehearsal)


@boundaries.command()
@click.argument("version")
@AT
@click.option("--acknowledge", "acknowledged", multiple=True, help="A kind of warning in its report; repeatable.")
@click.option("--release-crews", is_flag=True, help="Crews lose work orders of whom they may not work for.")
@COMMIT
@at_desk
def publish(
    desk: Desk, version: str, at: datetime | None, acknowledged: tuple[str, ...], release_crews: bool, commit: bool
) -> None:
    """Publish draft VERSION, now or at a date; without --commit, show what that would do."""
    from fieldsync.boundaries.terminal import publish as work
    from fieldsync.boundaries.terminal import show

    found = desk.version(version)
    document = work.publish(desk, found, at, acknowledged, release_crews=release_crews, commit=commit)
    desk.answer(document, show.publication)


@boundaries.command()
@click.argument("version")
@COMMIT
@at_desk
def withdraw(desk: Desk, version: str, commit: bool) -> None:
    """Withdraw VERSION, the last that was published of its layer; the one before it holds again."""
    from fieldsync.boundaries.terminal import publish as work
    from fieldsync.boundaries.terminal import show

    desk.answer(work.withdraw(desk, desk.version(version), commit=commit), show.publication)


@boundaries.command()
@click.argument("version")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "format_", type=click.Choice(["gpkg", "geojson", "shp"]),
              help="Told by the file's ending where it is left out (.gpkg, .geojson, .zip).")  # fmt: skip
@at_desk
def export(desk: Desk, version: str, file: Path, format_: str | None) -> None:
    """Write VERSION, a draft too, to FILE: GeoPackage, GeoJSON, or a zipped shapefile."""
    from fieldsync.boundaries.export import FORMATS, write_export
    from fieldsync.database import transaction

    chosen = format_ or next((name for name, (ending, _) in FORMATS.items() if file.suffix == ending), None)
    if chosen is None:
        raise click.BadParameter("Say in which format: --format.", param_hint="FILE")
    found = desk.version(version)
    try:
        with transaction() as session:
            written = write_export(session, desk.partnership_id, found["id"], chosen, file)  # type: ignore[arg-type]
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    document = {"version": f"{found['layer']}/{found['number']}", "file": str(file), "areas": written.areas}
    desk.answer(document, lambda console, told: console.print(f"{told['areas']:,} areas written to {told['file']}"))
