"""What is installed is exactly what was reviewed, from wherever the machine gets its packages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pinned(lock: str) -> dict[str, list[str]]:
    """Each package's name and the pins it has; one for each range of Python versions."""
    pins: dict[str, list[str]] = {}
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", line):
            pins.setdefault(match[1], []).append(match[2])
    return pins


@pytest.mark.parametrize("name", ["pyproject.toml", *LOCKS])
def test_no_package_registry_is_named(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.findall(r"https?://|index-url|find-links|git\+|file:", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert pins
    assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[<>=!~; ]", each)[0].lower() for each in requirements}

    runtime = names(project["dependencies"])
    assert runtime <= pinned("requirements.lock").keys()
    assert runtime | names(project["optional-dependencies"]["dev"]) <= pinned("requirements-dev.lock").keys()


def test_tests_run_on_what_a_deployment_installs() -> None:
    development = pinned("requirements-dev.lock")
    assert {name: pins for name, pins in pinned("requirements.lock").items() if development[name] != pins} == {}
