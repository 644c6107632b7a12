"""Homes for clusters of one test's own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fieldsync.cluster import Cluster, Home, Lock


@contextmanager
def temporary_home() -> Iterator[Home]:
    # Not pytest's tmp_path: only we may enter that one, and under root PostgreSQL runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="fieldsync-setup-"))
    folder.chmod(0o711)
    try:
        yield Home(folder / "home")
    finally:
        # A server that has just been killed may still be removing files of its own.
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def used_home() -> Iterator[Home]:
    """One whose cluster has run before. Not for tests: they get copies."""
    with temporary_home() as home:
        with Lock(home), Cluster(home) as cluster:
            cluster.databases.ensure("kept")
        yield home


@contextmanager
def copied(used: Home) -> Iterator[Home]:
    """A copy takes a tenth of the time of making the data folder anew."""
    with temporary_home() as home:
        home.make()
        subprocess.run(["cp", "-a", used.data, home.data], check=True)
        yield home


@pytest.fixture
def home(used_home: Home) -> Iterator[Home]:
    """One whose cluster has run before, with a database ``kept``."""
    with copied(used_home) as home:
        yield home


@pytest.fixture
def other_home(used_home: Home) -> Iterator[Home]:
    with copied(used_home) as home:
        yield home


@pytest.fixture
def empty_home() -> Iterator[Home]:
    """One where nothing has run yet."""
    with temporary_home() as home:
        yield home


@pytest.fixture(scope="module")
def shared_home(used_home: Home) -> Iterator[Home]:
    """One for all tests of a module, which use it in turn: the database in it is migrated once."""
    with copied(used_home) as home:
        yield home
