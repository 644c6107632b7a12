"""What all tests share: a PostGIS server for the run, and migrated databases in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from fieldsync.cluster import Cluster, ClusterProblem, Databases, Home, Lock

HOMES = "fieldsync-test-"


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """A server for this run: FIELDSYNC_TEST_DATABASE_URL's, or a private one that ends with this process."""
    if url := os.environ.get("FIELDSYNC_TEST_DATABASE_URL"):
        yield Databases(url)
        return
    _remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=HOMES))
    folder.chmod(0o711)  # PostgreSQL runs as another user when we are root.
    try:
        with Lock(Home(folder)) as lock, Cluster(lock.home) as cluster:
            yield cluster.databases
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(databases: Databases) -> Iterator[str]:
    """The name of a database with the extensions and all migrations, and no rows. Nobody connects to it."""
    name = f"fieldsync_template_{uuid4().hex[:12]}"
    url = databases.ensure(name)
    environ = {**os.environ, "FIELDSYNC_DATABASE_URL": url}
    subprocess.run([sys.executable, "-m", "fieldsync", "migrate"], env=environ, check=True)
    yield name
    databases.drop(name)


@pytest.fixture(scope="session")
def database_url(databases: Databases, template_database: str) -> Iterator[str]:
    """A migrated database that the whole run shares."""
    name = f"fieldsync_shared_{uuid4().hex[:12]}"
    yield databases.copy(template_database, name)
    databases.drop(name)


@pytest.fixture
def new_database(databases: Databases, template_database: str) -> Iterator[Callable[[], str]]:
    """Makes a migrated database of one test's own, and gives its URL. It takes about 0.1 s."""
    names: list[str] = []

    def make() -> str:
        names.append(f"fieldsync_own_{uuid4().hex[:12]}")
        return databases.copy(template_database, names[-1])

    yield make
    for name in names:
        databases.drop(name)


def _remove_leftovers() -> None:
    """Remove homes of runs that were killed: those whose lock is free."""
    for folder in Path(tempfile.gettempdir()).glob(f"{HOMES}*"):
        try:
            if folder.stat().st_uid == os.geteuid() and time.time() - folder.stat().st_mtime > 60:
                with Lock(Home(folder)):
                    shutil.rmtree(folder, ignore_errors=True)
        except (ClusterProblem, FileNotFoundError):
            continue
