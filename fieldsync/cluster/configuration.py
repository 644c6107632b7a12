"""The three files that PostgreSQL reads at its start, written anew each time. ALTER SYSTEM goes on top."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from types import MappingProxyType

from .home import Home
from .owner import Owner

ADMIN = "postgres"
"""The superuser: makes databases and their extensions."""

APPLICATION = "fieldsync"
"""Owns FieldSync's databases and may make new ones; no superuser."""

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        # No TCP: nothing to clash with, nothing to reach from outside.
        "listen_addresses": "",
        "port": "5432",  # Only the end of the socket's name.
        "unix_socket_permissions": "0700",
        # What was acknowledged is on the disk. The defaults say so too; as a promise it stands here.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "100",
        "shared_buffers": "256MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        # Checkpoints by the clock rather than by every gigabyte of a bulk load.
        "max_wal_size": "4GB",
        # Solid-state disks: a page from anywhere costs about as much as the next one.
        "random_page_cost": "1.1",
        # Our statements are short; compiling one costs more than it saves.
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_lock_waits": "on",
        "log_min_duration_statement": "5s",
    }
)


def write_configuration(home: Home, owner: Owner, settings: Mapping[str, str]) -> None:
    """Write the files into ``home.config``, which PostgreSQL's user can read and not change.

    Who may connect is decided by the kernel: it tells the server which user is at the other end of the socket
    (``peer``), and the map admits the one who runs the server and the one who started it. So there is no
    password that could be read from a file, a log or a list of processes. The socket's folder lets nobody
    else in to begin with.
    """
    users = dict.fromkeys((owner.name, _me()))
    own = {
        "data_directory": str(home.data),
        "hba_file": str(home.config / "pg_hba.conf"),
        "ident_file": str(home.config / "pg_ident.conf"),
        "unix_socket_directories": str(home.socket),
    }
    files = {
        "postgresql.conf": [f"{name} = {_quoted(value)}" for name, value in (own | dict(settings)).items()],
        "pg_hba.conf": ["local all all peer map=fieldsync"],
        "pg_ident.conf": [f'fieldsync "{user}" "{role}"' for user in users for role in (ADMIN, APPLICATION)],
    }
    for name, lines in files.items():
        text = "# Written by FieldSync at each start.\n" + "\n".join(lines) + "\n"
        (home.config / name).write_text(text, encoding="utf-8")
        (home.config / name).chmod(0o644)


def _me() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
