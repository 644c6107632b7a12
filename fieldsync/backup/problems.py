"""What can keep a backup or a restore from being done; each sentence says what to do about it."""

from __future__ import annotations

from fieldsync.server.problems import ServerProblem


class BackupProblem(ServerProblem):
    """It cannot be done as asked. Nothing that was there has been changed."""
