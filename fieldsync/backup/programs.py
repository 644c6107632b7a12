"""PostgreSQL's own programs, of the server's version."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fieldsync.backup.problems import BackupProblem
from fieldsync.cluster.binaries import find_clients
from fieldsync.cluster.lifeline import ends_with_parent

SAID_MAX = 2_000
"""Characters of what a program says when it fails: its last words are the ones that matter."""


@dataclass(frozen=True, slots=True)
class Programs:
    """pg_dump and pg_restore in a folder."""

    folder: Path

    @classmethod
    def of(cls, connection: psycopg.Connection[tuple[object, ...]]) -> Programs:
        """Those of the server's version, or of a later one: an older pg_dump does not read it.

        Raises:
            ClusterProblem: there are none here.
        """
        return cls(find_clients(connection.info.server_version // 10_000))

    def dump(self, url: str, file: Path, *options: str) -> None:
        """Write a database into a file that is there.

        Raises:
            BackupProblem: pg_dump failed.
        """
        address, password = _address(url)
        self._run("pg_dump", [*options, "--no-password", f"--dbname={address}", f"--file={file}"], password)

    def contents(self, file: Path) -> str:
        """The archive's table of contents, as pg_restore prints and reads it.

        Raises:
            BackupProblem: it is no archive of pg_dump's.
        """
        return self._run("pg_restore", ["--list", str(file)])

    def read_whole(self, file: Path) -> None:
        """Read all of an archive, and write it nowhere: the contents alone do not show that its end is missing.

        Raises:
            BackupProblem: it cannot be read.
        """
        self._run("pg_restore", [f"--file={os.devnull}", str(file)])

    def restore(self, url: str, file: Path, *options: str) -> None:
        """Write an archive into a database.

        Raises:
            BackupProblem: pg_restore failed; the database holds a part of it.
        """
        address, password = _address(url)
        self._run("pg_restore", [*options, "--no-password", f"--dbname={address}", str(file)], password)

    def _run(self, program: str, arguments: Sequence[str], password: str | None = None) -> str:
        # Whoever lists processes reads arguments; the environment only we can read.
        environ = os.environ | ({"PGPASSWORD": password} if password else {})
        process = subprocess.Popen(
            [self.folder / program, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            env=environ,
            # A session of its own: Ctrl-C is for us, who end it and whatever it has started.
            start_new_session=True,
            preexec_fn=ends_with_parent(signal.SIGTERM),  # noqa: PLW1509  (no threads here)
        )  # fmt: skip
        try:
            printed, said = process.communicate()
        except BaseException:
            _end_group(process)
            raise
        if process.returncode != 0:
            raise BackupProblem(f"{program} failed (exit code {process.returncode}):\n{said.strip()[-SAID_MAX:]}")
        return printed


def _end_group(process: subprocess.Popen[str]) -> None:
    for by in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, by)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


def _address(url: str) -> tuple[str, str | None]:
    """An address without its password, and the password."""
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    return make_conninfo("", **parts), None if password is None else str(password)
