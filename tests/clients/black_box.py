"""A venv with the black box test of OGC API Features, which pins older releases of what our own tests use."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements-ogctests.lock"
VENV = ROOT / ".venv-ogctests"
INSTALL_S_MAX = 600


class CannotInstall(Exception):
    """The packages are not to be had here; the message says what pip said."""


def python() -> Path:
    """The venv's Python; made when it is missing or the lock file has changed, in about 20 s on a good line.

    Raises:
        CannotInstall: the packages could not be downloaded.
    """
    wanted = f"{VENV} {sys.version} {zlib.crc32(LOCK.read_bytes())}"
    mark = VENV / "locked"
    with (ROOT / ".venv-ogctests.lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(VENV, ignore_errors=True)
            _run([sys.executable, "-m", "venv", VENV])
            _run(
                [VENV / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check",
                 "--require-hashes", "--only-binary", ":all:", "-r", LOCK]
            )  # fmt: skip
            mark.write_text(wanted, encoding="utf-8")
    return VENV / "bin" / "python"


def _run(command: list[str | Path]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S_MAX)
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(f"{command[2]} took more than {INSTALL_S_MAX} s") from error
    if done.returncode != 0:
        raise CannotInstall(done.stderr.strip()[-500:])
