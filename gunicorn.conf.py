"""How gunicorn serves FieldSync. Options on the command line go before what stands here."""

from __future__ import annotations

import gc
import os
import tempfile
from pathlib import Path
from typing import Any

from fieldsync.config import BODY_BYTES_MAX, Settings
from fieldsync.problems import HeadTooLarge, RequestTooSlow
from fieldsync.server.line import Patience
from fieldsync.server.patient import PatientWorker, whole_answer

settings = Settings.from_env()

wsgi_app = "wsgi:app"
proc_name = "fieldsync"

# Two, so that one long request does not hold up all others; more where there are cores for them. A request
# spends about half its time in PostgreSQL, which has the same cores.
workers = int(os.environ.get("FIELDSYNC_WORKERS") or max(2, min(os.cpu_count() or 2, 8)))
# Threads wait for the database, and each may need a connection, so the pool has as many. Those on top hold none: they
# are for consoles that listen to the board, and for exchanges that wait for their turn. Where there are fewer of these,
# requests wait for a connection instead of for a thread. Slow lines take no thread: the worker's loop waits for them.
worker_class = PatientWorker
threads = settings.pool_size + settings.board_streams + settings.exchanges_waiting
PatientWorker.patience = Patience(
    settings.head_timeout_s, settings.body_timeout_s, settings.line_bytes_per_s, BODY_BYTES_MAX
)
PatientWorker.too_slow = whole_answer(RequestTooSlow().document(), "Request Timeout")
PatientWorker.head_too_large = whole_answer(HeadTooLarge().document(), "Request Header Fields Too Large")

# Where there are more connections, those go that wait for the longest.
worker_connections = 1000
# Files are sent as everything else: through the line, which does not wait.
sendfile = False

# Each worker loads the application itself: the libraries for maps and databases (PROJ, GEOS, libpq) keep
# native state that does not survive a fork. It costs some memory per worker; a SIGHUP then also loads new
# code.
preload_app = False

# The heartbeat file must not lie on a disk: a busy one would have healthy workers killed.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

# How long a worker's loop may be silent. Requests run in its threads; what bounds them is the database's own
# limit for a statement.
timeout = 60
# What a worker may take to finish its requests after SIGTERM.
graceful_timeout = 25
# Longer than most proxies keep an idle connection to us (60 s), so that they close it and not we under a
# request.
keepalive = 65

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# Otherwise gunicorn opens a socket for remote control in the home folder, the same one for every server of a
# user.
control_socket_disable = True

# The application writes a structured line per request; a second log would say the same.
accesslog = None
errorlog = "-"
loglevel = settings.log_level.lower()

# The processes share their counters through files here, fresh at each start. They are mapped into memory: on a disk
# that is full they would end the workers.
_OURS = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
if _OURS:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="fieldsync-metrics-", dir=worker_tmp_dir)


def _forget_metrics() -> None:
    for file in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob("*.db"):
        file.unlink(missing_ok=True)


def on_starting(server: Any) -> None:
    """Begin with no counters of an earlier run; except in an upgrade in place (SIGUSR2), which counts on."""
    if "GUNICORN_PID" not in os.environ:
        Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)
        _forget_metrics()


def post_worker_init(worker: Any) -> None:
    """Collect garbage less often: an exchange makes some ten thousand objects that reference counting frees anyway.

    What was imported stays for good, so it is taken out of what the collector looks through (a few per cent of an
    exchange's time).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    # Only now: a worker loads the application, its parent does not.
    from fieldsync.dispatch.board.streams import PLACES

    # Streams have no end of their own that a stopping worker could wait for.
    PLACES.may_go_on = lambda: worker.alive and worker.ppid == os.getppid()


def child_exit(server: Any, worker: Any) -> None:
    """Take a dead worker's gauges out of the sum."""
    # Only now: prometheus_client looks for the folder when it is imported.
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Leave no folder behind that nobody asked for."""
    if _OURS:
        _forget_metrics()
        Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).rmdir()
