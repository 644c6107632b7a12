"""Peers are installed on demand, each by itself, from pins with hashes, into a folder that git ignores."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVERS = HERE / "servers"
PLACE = HERE.parents[1] / ".bench-peers"


class CannotInstall(Exception):
    """Something that a peer needs is not to be had here; the message says what."""


def place(name: str) -> Path:
    """The peer's own folder, made if need be."""
    folder = PLACE / name
    folder.mkdir(parents=True, exist_ok=True)
    (PLACE / ".gitignore").write_text("*\n")
    return folder


def python_packages(name: str) -> Path:
    """A virtual environment with exactly ``pins/<name>.txt``; returns its folder of programs."""
    pins = HERE / "pins" / f"{name}.txt"
    home = place(name) / "venv"
    mark = home / "installed"
    wanted = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        _run(name, [sys.executable, "-m", "venv", home])
        _run(name, [home / "bin" / "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", pins])
        mark.write_text(wanted)
    return home / "bin"


def node_packages(name: str) -> Path:
    """``servers/<name>`` with the packages of its lock file; returns the folder to run it in.

    Raises:
        CannotInstall: Node.js or npm is missing.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise CannotInstall(f"{name} needs {program}, which is not installed (apt-get install nodejs npm)")
    home = place(name) / "server"
    mark = home / "installed"
    lock = (SERVERS / name / "package-lock.json").read_bytes()
    wanted = hashlib.sha256(lock).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(SERVERS / name, home)
        # Its LevelDB comes ready built in the package: no package's own script has to run.
        _run(name, ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", home])
        mark.write_text(wanted)
    shutil.copy2(SERVERS / name / "server.js", home)
    return home


def _run(name: str, command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-1500:]
        raise CannotInstall(f"{name}: {' '.join(map(str, command[:4]))} … failed:\n{said}")
