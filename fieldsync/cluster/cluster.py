"""Start and stop the private cluster."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from urllib.parse import quote

import psycopg
from psycopg import sql

from .binaries import Binaries
from .configuration import ADMIN, APPLICATION, SETTINGS, write_configuration
from .databases import Databases
from .home import Home
from .lifeline import ends_with_parent
from .owner import Owner
from .problems import ClusterProblem

START_S_MAX = 300
"""After a power cut PostgreSQL first replays its log; with max_wal_size that stays well below this."""

STOP_S_MAX = 60
"""A fast shutdown writes what is in memory to the disk. After so long it is ended without: the log has it."""

LOG_BYTES_MAX = 10 * 1024 * 1024
"""A log above this size is set aside at the next start."""


class Cluster:
    """A PostgreSQL server in a folder, as a child of this process.

    The caller holds the home's ``Lock``. Use it as a context, or ``start`` and ``stop`` it; from the main
    thread, so that the server ends with this process and not with a thread of it.
    """

    def __init__(self, home: Home, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self.home = home
        self._settings = {**SETTINGS, **settings}
        self._owner = Owner.choose()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process, while it was started by us and has not been seen to end."""
        return self._server.pid if self._server and self._server.poll() is None else None

    @property
    def databases(self) -> Databases:
        """This server's databases, which belong to the application. libpq and SQLAlchemy both read their URLs."""
        folder = quote(str(self.home.socket), safe="")
        return Databases(f"postgresql://{ADMIN}@/postgres?host={folder}&port=5432", APPLICATION)

    def start(self) -> None:
        """Make the data folder if there is none, start the server, and return when it takes connections.

        Nothing happens when it runs.

        Raises:
            ClusterProblem: no binaries, a folder that PostgreSQL's user cannot reach, the server's own
            refusal.
        """
        if self.pid:
            return
        self.home.make()
        if not self._owner.can_enter(self.home.root):
            raise ClusterProblem(
                f"PostgreSQL runs as user {self._owner.name}, who cannot enter {self.home.root}."
                " Choose another place: FIELDSYNC_HOME=…"
            )
        binaries = Binaries.find(self._major())
        self._owner.make_folder(self.home.socket)
        write_configuration(self.home, self._owner, self._settings)
        if self._major() is None:
            self._initialise(binaries)
        self._end_leftover(binaries)
        self._launch(binaries)
        try:
            self._await_readiness()
            self._make_application_role()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server: sessions are cut, what is committed stays. Nothing happens when it does not run."""
        server, self._server = self._server, None
        if server is None:
            return
        # PostgreSQL's words for its signals: fast, immediate, and none.
        for by, patience_s in ((signal.SIGINT, STOP_S_MAX), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            if server.poll() is None:
                server.send_signal(by)
            try:
                server.wait(patience_s)
                return
            except subprocess.TimeoutExpired:
                continue

    def wait(self, timeout_s: float) -> int | None:
        """The server's exit code if it ends within ``timeout_s`` seconds, else None."""
        if self._server is None:
            return 0
        try:
            return self._server.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def _major(self) -> int | None:
        """The version that made the data folder, or None when there is none."""
        try:
            return int((self.home.data / "PG_VERSION").read_text().strip())
        except FileNotFoundError:
            return None

    def _initialise(self, binaries: Binaries) -> None:
        """Fill a folder beside the final one, then rename: a kill half-way leaves no half-made database."""
        unfinished = self.home.root / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._owner.make_folder(unfinished)
        made = subprocess.run(
            [
                binaries / "initdb",
                *("--pgdata", unfinished),
                *("--username", ADMIN),
                *("--encoding", "UTF8"),
                *("--locale", "C.UTF-8"),
                *("--auth", "peer"),
                "--data-checksums",
            ],
            **self._owner.process(),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise ClusterProblem(f"initdb failed in {unfinished}:\n{made.stderr.strip()}")
        # An empty folder may be there: one made beforehand, such as a mounted disk's.
        unfinished.rename(self.home.data)

    def _end_leftover(self, binaries: Binaries) -> None:
        """End a server that outlives its parent by a moment. We hold the home's lock, so it is nobody else's.

        A ``postmaster.pid`` whose process is gone is left to PostgreSQL, which can tell for sure.
        """
        pg_ctl = [str(binaries / "pg_ctl"), "--pgdata", str(self.home.data)]
        runs = subprocess.run([*pg_ctl, "status"], **self._owner.process(), capture_output=True, check=False)
        if runs.returncode == 0:
            stop = [*pg_ctl, "stop", "--mode", "fast", "--timeout", str(STOP_S_MAX)]
            subprocess.run(stop, **self._owner.process(), capture_output=True, check=False)

    def _launch(self, binaries: Binaries) -> None:
        log = self.home.logs / "postgresql.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
        configuration = f"config_file={self.home.config / 'postgresql.conf'}"
        with log.open("ab") as file:
            self._server = subprocess.Popen(
                [binaries / "postgres", "-D", self.home.data, "-c", configuration],
                **self._owner.process(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                # Variables such as PGPORT, and folders of another user, are not for this server.
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                # A session of its own: Ctrl-C in the terminal is for us; the database is the last to stop.
                start_new_session=True,
                preexec_fn=ends_with_parent(signal.SIGINT),  # noqa: PLW1509  (no threads: see the class)
            )

    def _await_readiness(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                psycopg.connect(self.databases.admin_url, connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if self.wait(0.05) is not None:
                    raise ClusterProblem(f"PostgreSQL ended at its start. {self._end_of_log()}") from error
                if time.monotonic() > deadline:
                    raise ClusterProblem(f"PostgreSQL takes no connection: {error}") from error

    def _end_of_log(self) -> str:
        log = self.home.logs / "postgresql.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        return "\n".join([f"The end of {log}:", *lines])

    def _make_application_role(self) -> None:
        with psycopg.connect(self.databases.admin_url, autocommit=True) as admin:
            if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchone() is None:
                admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(APPLICATION)))
