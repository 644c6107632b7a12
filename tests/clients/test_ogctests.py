"""The black box test of OGC API Features Part 1 (core) from PyPI, against our server."""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.clients import black_box
from tests.clients.live import Live

CASES = 29


@pytest.fixture(scope="session")
def outcomes(live: Live, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each of its cases: ``passed``, or what it says."""
    try:
        python = black_box.python()
    except black_box.CannotInstall as error:
        pytest.skip(f"ogctests cannot be installed here: {error}")
    folder = tmp_path_factory.mktemp("ogctests")
    report = folder / "report.xml"
    where = "import ogctests, pathlib; print(pathlib.Path(ogctests.__file__).parent / 'features' / 'core')"
    cases = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    # By pytest itself, since its own command ends with 0 whatever it found; and without our own settings.
    done = subprocess.run(
        [python, "-m", "pytest", cases, "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", folder,
         f"--junit-xml={report}"],
        cwd=folder, env={**os.environ, "INSTANCE_URL": live.url}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    return dict(_outcome(case) for case in ET.parse(report).iter("testcase"))


def _outcome(case: ET.Element) -> tuple[str, str]:
    said = [f"{part.tag}: {part.get('message')}" for part in case if part.tag in ("failure", "error", "skipped")]
    return case.attrib["name"], "; ".join(said) or "passed"


def test_all_of_its_cases_pass(outcomes: dict[str, str]) -> None:
    assert len(outcomes) == CASES
    assert {name: said for name, said in outcomes.items() if said != "passed"} == {}


def test_the_venv_is_there_at_once_the_second_time(outcomes: dict[str, str]) -> None:
    mark = Path(black_box.VENV / "locked").stat().st_mtime_ns
    assert black_box.python().exists()
    assert Path(black_box.VENV / "locked").stat().st_mtime_ns == mark
