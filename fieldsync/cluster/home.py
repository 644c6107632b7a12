"""Where one project keeps its cluster and its server's state, and the lock that only one process holds."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from .problems import ClusterProblem

PROJECT = Path(__file__).resolve().parents[2]
"""The clone that this code was read from."""

SOCKET_PATH_MAX = 103
"""The shortest limit of the systems that PostgreSQL runs on: macOS has it; Linux has 107."""

LOCK_ATTEMPTS = 10
"""A look at the lock takes it for a moment; so many tries, 20 ms apart, tell a look from a holder."""

SOCKET_NAME = ".s.PGSQL.5432"

MEMORY = Path("/dev/shm")  # noqa: S108  (folders that we make there are ours alone, or are refused)
"""Files in memory, on Linux."""


@dataclass(frozen=True, slots=True)
class Home:
    root: Path

    @classmethod
    def of_project(cls, project: Path = PROJECT, environ: Mapping[str, str] = os.environ) -> Home:
        """FIELDSYNC_HOME if it is set; else a place of this project's own.

        Root's lies under /var/lib: PostgreSQL runs as another user, who could not reach into a clone that
        only root may enter. An ordinary user's is ``.fieldsync`` in the clone, or under XDG_STATE_HOME when
        the clone is read-only.
        """
        if chosen := environ.get("FIELDSYNC_HOME"):
            return cls(Path(chosen).absolute())
        project = project.resolve()
        name = f"{project.name}-{_mark(project)}"
        if os.geteuid() == 0:
            return cls(Path("/var/lib/fieldsync") / name)
        if os.access(project, os.W_OK):
            return cls(project / ".fieldsync")
        state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return cls(Path(state) / "fieldsync" / name)

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def metrics(self) -> Path:
        """For the counters that the server's processes share while they run.

        In memory where there is a place for that: they map these files, and the kernel ends a process at once (SIGBUS)
        that writes where the disk under the file is full.
        """
        if os.access(MEMORY, os.W_OK):
            return MEMORY / f"fieldsync-{os.geteuid()}-{_mark(self.root)}-metrics"
        return self.root / "metrics"

    @property
    def socket(self) -> Path:
        """The folder of the unix socket: in the home, or under /tmp where that path would be too long for
        one.

        A comma would end the host's name for libpq, and a colon begin the port's for SQLAlchemy.
        """
        folder = self.root / "socket"
        if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_MAX and not set(str(folder)) & set(",:"):
            return folder
        return Path(tempfile.gettempdir()) / f"fieldsync-{os.geteuid()}-{_mark(self.root)}"

    def make(self) -> None:
        """Make the folders that are ours. PostgreSQL's user may pass through; it writes in its own folders
        only.

        Raises:
            ClusterProblem: a folder cannot be made.
        """
        # Modes are set, not asked for: under root's umask of 077 PostgreSQL's user would be kept out.
        through, private = (0o711, 0o700) if os.geteuid() == 0 else (0o700, 0o700)
        try:
            _make_folder(self.root.parent, 0o755)
            _make_folder(self.root, through)
            _make_folder(self.config, through)
            _make_folder(self.logs, private)
        except OSError as error:
            raise ClusterProblem(
                f"{self.root} cannot be made ({error.strerror}). Choose a place: FIELDSYNC_HOME=…"
            ) from error

    @contextmanager
    def counting(self) -> Iterator[Path]:
        """The folder ``metrics``, made for the time of the block.

        Raises:
            ClusterProblem: it is there and another user's.
        """
        folder = self.metrics
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            # Of a start before ours, which was killed.
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise ClusterProblem(f"{folder} is not a folder of ours.") from None
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """Remove all of it, the database included. Nothing may run in it."""
        # First, and by its own name: it need not lie in the home.
        if self.socket.exists():
            shutil.rmtree(self.socket)
        shutil.rmtree(self.metrics, ignore_errors=True)
        shutil.rmtree(self.root)


class LockedBy(ClusterProblem):
    """Another process holds the lock of this home."""

    def __init__(self, home: Home, holder: dict[str, Any]) -> None:
        self.holder = holder
        where = f" at {holder['url']}" if "url" in holder else ""
        super().__init__(
            f"FieldSync is already running for this project{where} (process {holder.get('pid', 'unknown')},"
            f" home {home.root}). Stop it first: fieldsync down"
        )


class Lock:
    """The right to run in a home, held while this process lives; its file says who holds it.

    The kernel lets go of it when the process ends, in whatever way: the file's text alone says nothing.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._path = home.root / "lock"
        self._file: int | None = None

    def __enter__(self) -> Lock:
        """Take the lock.

        Raises:
            LockedBy: somebody else has it.
            ClusterProblem: the home is another user's, or cannot be made.
        """
        self.home.make()
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except PermissionError as error:
            raise ClusterProblem(f"{self.home.root} belongs to another user.") from error
        for attempt in range(LOCK_ATTEMPTS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # It may be somebody who only looks: see holder().
                if attempt == LOCK_ATTEMPTS - 1:
                    os.close(file)
                    raise LockedBy(self.home, self.holder() or {}) from None
                time.sleep(0.02)
        self._file = file
        self.tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.truncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def tell(self, **facts: Any) -> None:
        """Say who holds the lock and what it is doing: JSON values, shown by ``fieldsync status``."""
        if self._file is None:
            raise RuntimeError("Only the holder of the lock may say what it does.")
        body = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.truncate(self._file, 0)
        os.pwrite(self._file, body, 0)

    def holder(self) -> dict[str, Any] | None:
        """What the holder last told, or None when nobody holds the lock."""
        for _ in range(LOCK_ATTEMPTS):
            try:
                file = os.open(self._path, os.O_RDONLY)
            except (FileNotFoundError, PermissionError):
                return None
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            except BlockingIOError:
                body = os.pread(file, 65536, 0)
            finally:
                os.close(file)
            try:
                return dict(json.loads(body))
            except ValueError:
                time.sleep(0.02)  # Between truncating and writing, or another reader's shared lock.
        return {}


def _make_folder(folder: Path, mode: int) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(mode)


def _mark(path: Path) -> str:
    """Tells two projects of one name apart, by where they lie."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]
