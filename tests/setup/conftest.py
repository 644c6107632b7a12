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
        shutil.rmtree(folder)


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as home:
        yield home


@pytest.fixture
def other_home() -> Iterator[Home]:
    with temporary_home() as home:
        yield home
