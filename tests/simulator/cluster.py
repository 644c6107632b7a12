"""A PostGIS of the simulator's own, for who runs it from the terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldsync.cluster import Cluster, Home, Lock


@contextmanager
def own_database() -> Iterator[str]:
    """The address of a migrated database that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="fieldsync-test-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user when we are root.
    try:
        with Lock(Home(folder)) as lock, Cluster(lock.home) as cluster:
            url = cluster.databases.ensure("fieldsync_simulated")
            environ = {**os.environ, "FIELDSYNC_DATABASE_URL": url}
            subprocess.run([sys.executable, "-m", "fieldsync", "migrate"], env=environ, check=True)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)
