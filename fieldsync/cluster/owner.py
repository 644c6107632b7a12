"""The system's user who runs PostgreSQL: it refuses to run as root, so root runs it as somebody else."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .problems import ClusterProblem


@dataclass(frozen=True, slots=True)
class Owner:
    name: str
    uid: int
    gid: int

    @classmethod
    def choose(cls, environ: Mapping[str, str] = os.environ) -> Owner:
        """Whoever we are; for root the user in FIELDSYNC_PG_USER, by default ``postgres``.

        ``nobody`` is no choice: other programs run under that name too, and could read the database.

        Raises:
            ClusterProblem: there is no such user.
        """
        uid = os.geteuid()
        wanted = environ.get("FIELDSYNC_PG_USER", "postgres")
        try:
            entry = pwd.getpwuid(uid) if uid != 0 else pwd.getpwnam(wanted)
        except KeyError:
            if uid != 0:
                raise ClusterProblem(f"PostgreSQL needs a user with a name; user {uid} has none.") from None
            raise ClusterProblem(
                f"PostgreSQL does not run as root, and there is no user '{wanted}' to run it as."
                " Name one: FIELDSYNC_PG_USER=…"
            ) from None
        if entry.pw_uid == 0:
            raise ClusterProblem("PostgreSQL does not run as root. Name another user: FIELDSYNC_PG_USER=…")
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    def process(self) -> dict[str, Any]:
        """Arguments for ``subprocess`` that start a program as this user, in a folder all may enter."""
        if os.geteuid() != 0:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        return subprocess.run(["test", "-x", folder], **self.process(), check=False).returncode == 0

    def make_folder(self, folder: Path) -> None:
        """Make ``folder`` this user's own, mode 0700.

        Raises:
            ClusterProblem: it exists and is somebody else's. In /tmp another user may have been first.
        """
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.uid or found.st_mode & 0o077:
                raise ClusterProblem(f"{folder} is not a folder that only {self.name} may enter.") from None
        else:
            if os.geteuid() == 0:
                os.chown(folder, self.uid, self.gid)
