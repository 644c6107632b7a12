"""The commands that write backups and put them back."""

from __future__ import annotations

from pathlib import Path

import click

from fieldsync.backup.compare import not_carried_over
from fieldsync.backup.place import Place, alone, running
from fieldsync.backup.restore import begin_anew, drop, kept
from fieldsync.backup.restore import restore as put_back
from fieldsync.backup.save import save
from fieldsync.cluster import Home
from fieldsync.server.stopping import Stopped, stoppable

ENDED = "Stopped. Nothing has been changed."


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the whole database into FILE, as it is at this moment.

    The server may go on. FILE appears when it is whole, read back and on the disk, and only you can read it. Keep it
    where this machine's fire does not reach it.
    """
    try:
        with stoppable(), running(Home.of_project()) as place:
            saved = save(place, file)
    except Stopped:
        raise click.ClickException(ENDED) from None
    click.echo(f"{saved.file}: {saved.bytes / 1_000_000:,.1f} MB, as of {saved.taken_at:%Y-%m-%d %H:%M:%S} UTC")
    for found in saved.newest:
        received = f"{found.received_at:%Y-%m-%d %H:%M:%S} UTC" if found.received_at else "none"
        click.echo(f"  {found.slug}: newest edit {received}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--commit", is_flag=True, help="Do it. Without it everything is tried, told, and removed again.")
@click.option("--as-in-backup", is_flag=True, help="Let in again whoever was revoked after the backup was made.")
@click.option("--drop-replaced", is_flag=True, help="Instead: remove the databases that earlier restores replaced.")
@click.option(
    "--admin-url", envvar="FIELDSYNC_ADMIN_URL",
    help="A role that may make databases and PostGIS in them, where FIELDSYNC_DATABASE_URL's may not.",
)  # fmt: skip
def restore(file: Path | None, commit: bool, as_in_backup: bool, drop_replaced: bool, admin_url: str | None) -> None:
    """Put the backup in FILE in the place of the present database.

    Stop servers and workers first. The file is restored beside the present database, brought up to date and made a new
    history, so that tablets offer again what it lacks; then the two change names. The present one is kept under a dated
    name until --drop-replaced.
    """
    if (file is None) != drop_replaced:
        raise click.UsageError("Name a FILE to restore, or say --drop-replaced.")
    try:
        # Who only tries it takes nothing from a server that runs.
        where = alone if commit else running
        with stoppable(), where(Home.of_project(), admin_url, make=file is not None) as place:
            if file is None:
                _drop_replaced(place, commit)
            else:
                _restore(place, file.absolute(), commit, as_in_backup)
    except Stopped:
        raise click.ClickException(ENDED) from None


def _restore(place: Place, file: Path, commit: bool, as_in_backup: bool) -> None:
    done = put_back(place, file, commit=commit, as_in_backup=as_in_backup, say=click.echo)
    if done.made_at is not None:
        click.echo(f"The backup was made {done.made_at:%Y-%m-%d %H:%M:%S} UTC.")
    for sentence in done.said:
        click.echo(f"- {sentence}")
    if not commit:
        click.echo(f"It can be restored. Database {place.name} has not been changed: say --commit to replace it.")
        return
    click.echo(f"Database {place.name} is the backup's now, in a new epoch: tablets offer again what it lacks.")
    if done.replaced:
        click.echo(f"The replaced one is kept as {done.replaced}. To remove it: fieldsync restore --drop-replaced")


def _drop_replaced(place: Place, commit: bool) -> None:
    names = kept(place)
    if not names:
        click.echo("No restore has left a database behind.")
        return
    for name in names:
        click.echo(name)
    if commit:
        drop(place, names)
        click.echo("Removed.")
    else:
        click.echo("Say --commit to remove them for good.")


@click.command()
@click.option("--commit", is_flag=True, help="Do it. Without it, it is only told.")
@click.option("--admin-url", envvar="FIELDSYNC_ADMIN_URL", hidden=True)
def restored(commit: bool, admin_url: str | None) -> None:
    """Say that the database was restored by other means, before servers start on it.

    After a restore of your own (point in time, a disk's snapshot, pg_restore) it begins a new epoch: tablets then offer
    again what it lacks. `fieldsync restore` does this by itself.
    """
    try:
        with stoppable(), alone(Home.of_project(), admin_url) as place:
            epochs = begin_anew(place, commit=commit)
    except Stopped:
        raise click.ClickException(ENDED) from None
    if not commit:
        click.echo(f"{len(epochs)} partnerships would begin a new epoch. Say --commit to do it.")
        return
    for slug, epoch in epochs.items():
        click.echo(f"{slug}: epoch {epoch}")
    for sentence in not_carried_over():
        click.echo(f"- {sentence}")
