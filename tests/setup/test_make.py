"""``make`` alone says what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_make_alone_lists_the_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  make (\S+) +\S", done.stdout, flags=re.MULTILINE)
    assert {"demo", "test", "check", "bench", "bench-peers", "openapi", "clean"} <= set(listed)


def test_the_scripts_are_sound() -> None:
    for shell, script in (("sh", "bootstrap.sh"), ("bash", ".ci/run")):
        subprocess.run([shell, "-n", script], cwd=ROOT, check=True)


def test_nothing_is_installed_twice() -> None:
    if not (ROOT / ".venv" / "locked").exists():
        pytest.skip("this environment was not made by bootstrap.sh")
    script = ["./bootstrap.sh", "--no-database"]
    subprocess.run(script, cwd=ROOT, check=True)
    before = (ROOT / ".venv" / "locked").stat().st_mtime_ns
    subprocess.run(script, cwd=ROOT, check=True)
    assert (ROOT / ".venv" / "locked").stat().st_mtime_ns == before


def test_a_missing_python_is_said_plainly(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(ROOT / "bootstrap.sh", clone)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("dirname", "sh"):
        (programs / name).symlink_to(shutil.which(name) or "")
    done = subprocess.run(["./bootstrap.sh"], cwd=clone, env={"PATH": str(programs)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Please install Python 3.11" in done.stderr
