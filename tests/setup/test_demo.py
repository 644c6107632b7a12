"""``fieldsync demo``: what it prints can be tried as it stands."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from fieldsync.cluster import Home
from fieldsync.server.background import status
from tests.setup.processes import family, is_running, wait_until
from tests.setup.test_up import environ, fieldsync

ROOT = Path(__file__).parents[2]


def fetch(curl: str) -> int:
    """Do what a printed ``curl`` line does, and return the status of the answer."""
    words = shlex.split(curl)
    name, _, value = words[words.index("-H") + 1].partition(": ")
    request = urllib.request.Request(words[-1], headers={name: value})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return int(answer.status)


def test_what_it_says_to_try_works(shared_home: Home) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "fieldsync", "demo", "--no-simulate", "--port", "0"],
        cwd=ROOT,
        env=environ(shared_home),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = []
        assert process.stdout
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("FieldSync is ready"):
                break
        assert process.poll() is None
        assert lines[-1] == f"FieldSync is ready at {status(shared_home).url}"
        tries = [line for line in lines if re.match(r" *curl -s -H 'Authorization: Bearer ", line)]
        assert tries
        assert {fetch(line) for line in tries} == {200}
        pages = [line.split()[0] for line in lines if line.startswith("  http://")]
        assert pages
        assert {fetch(f"curl -H 'Accept: */*' {page}") for page in pages} == {200}
        members = family(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "FieldSync has stopped.\n"
        assert process.wait() == 0
        assert wait_until(lambda: not any(is_running(member) for member in members))
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_it_leaves_a_named_database_alone(empty_home: Home) -> None:
    refused = fieldsync(empty_home, "demo", FIELDSYNC_DATABASE_URL="postgresql:///precious")
    assert refused.returncode == 1
    assert "Unset FIELDSYNC_DATABASE_URL" in refused.stderr
    assert not empty_home.root.exists()


@pytest.mark.parametrize("command", ["demo", "up", "serve"])
def test_the_port_may_be_named_by_the_environment(command: str) -> None:
    assert "8000" in fieldsync(None, command, "--help").stdout
    assert "Invalid value for '--port'" in fieldsync(None, command, PORT="x", FIELDSYNC_DATABASE_URL="x").stderr
