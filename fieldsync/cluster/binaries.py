"""Where the PostgreSQL programs lie: a version that has PostGIS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .problems import ClusterProblem

EXTENSIONS = ("postgis", "btree_gist")
"""What FieldSync's databases need: geometry, and exclusion constraints over a key and a span of time."""

MAJOR_MIN = 14
"""The oldest major version that PostgreSQL's own makers still supported when FieldSync began."""


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path
    major: int

    @classmethod
    def find(cls, major: int | None = None, environ: Mapping[str, str] = os.environ) -> Binaries:
        """The newest version that has PostGIS, or the one with this ``major``: data needs the version that
        made it.

        Looked for in FIELDSYNC_PG_BINDIR (then nowhere else), in the folders of Debian and Red Hat packages,
        and where ``pg_config`` and the PATH lead.

        Raises:
            ClusterProblem: none was found.
        """
        inspected = [_inspect(folder) for folder in dict.fromkeys(_folders(environ))]
        found = [
            candidate
            for candidate in inspected
            if candidate and candidate.major >= MAJOR_MIN and major in (None, candidate.major)
        ]
        if not found:
            wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {MAJOR_MIN} or later"
            raise ClusterProblem(
                f"{wanted} with PostGIS was not found. On Debian and Ubuntu: apt-get install"
                f" postgresql-{major or 'NN'}-postgis-3. If it lies elsewhere: FIELDSYNC_PG_BINDIR=/…/bin"
            )
        return max(found, key=lambda candidate: candidate.major)

    def __truediv__(self, program: str) -> Path:
        return self.folder / program


def find_clients(major: int, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of a ``pg_dump`` and a ``pg_restore`` of this ``major`` version, else of the next later one: no server
    needs to be installed where they run, and they work with servers of their own version and of older ones.

    Looked for where ``Binaries.find`` looks, and on the PATH.

    Raises:
        ClusterProblem: none was found.
    """
    folders = list(_folders(environ))
    if "FIELDSYNC_PG_BINDIR" not in environ and (program := shutil.which("pg_dump")):
        folders.append(Path(program).parent)
    found: dict[int, Path] = {}
    for folder in folders:
        if (folder / "pg_dump").exists() and (folder / "pg_restore").exists():
            version = re.search(r"(\d+)", _ask(folder / "pg_dump", "--version").removeprefix("pg_dump"))
            if version and int(version[1]) >= major:
                found.setdefault(int(version[1]), folder)
    if not found:
        raise ClusterProblem(
            f"pg_dump and pg_restore of PostgreSQL {major} were not found. On Debian and Ubuntu: apt-get install"
            f" postgresql-client-{major}. If they lie elsewhere: FIELDSYNC_PG_BINDIR=/…/bin"
        )
    return found[min(found)]


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    if chosen := environ.get("FIELDSYNC_PG_BINDIR"):
        yield Path(chosen)
        return
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    yield from Path("/usr").glob("pgsql-*/bin")
    if pg_config := shutil.which("pg_config"):
        yield Path(_ask(Path(pg_config), "--bindir"))
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent


def _inspect(folder: Path) -> Binaries | None:
    if not all((folder / program).exists() for program in ("postgres", "initdb", "pg_ctl", "pg_config")):
        return None
    version = re.search(r"(\d+)", _ask(folder / "pg_config", "--version"))
    extensions = Path(_ask(folder / "pg_config", "--sharedir")) / "extension"
    controls = [extensions / f"{name}.control" for name in EXTENSIONS]
    if version is None or not all(control.exists() for control in controls):
        return None
    return Binaries(folder, int(version[1]))


def _ask(program: Path, question: str) -> str:
    answer = subprocess.run([program, question], capture_output=True, text=True, check=False)
    return answer.stdout.strip()
