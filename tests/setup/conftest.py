"""Homes for clusters of one test's own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fieldsync.cluster import Home


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


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as home:
        yield home


@pytest.fixture
def other_home() -> Iterator[Home]:
    with temporary_home() as home:
        yield home


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Home]:
    """One for all tests of a module, which use it in turn: the database in it is made and migrated once."""
    with temporary_home() as home:
        yield home
