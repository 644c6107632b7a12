"""The commands with which a deployment begins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from flask import Flask

from tests.api.town import PASSWORD, Caller


def run(database_url: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "FIELDSYNC_DATABASE_URL": database_url}
    return subprocess.run(
        [sys.executable, "-m", "fieldsync", *words], env=environ, input=stdin, capture_output=True, text=True,
        cwd=Path(__file__).parents[2], timeout=120,
    )  # fmt: skip


def test_a_deployment_begins_with_a_partnership_and_an_admin(database_url: str, sync_app: Flask) -> None:
    slug = f"t{uuid4().hex[:12]}"
    begin = ("partnership", "create", slug, "Two towns")
    assert run(database_url, *begin).stdout.startswith(slug)
    again = run(database_url, *begin)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"Error: There is a partnership {slug} already.\n"

    person = (
        "staff",
        "create",
        "--partnership",
        slug,
        "--email",
        "Ann@Example.org",
        "--name",
        "Ann",
        "--role",
        "admin",
    )
    added = run(database_url, *person, "--password-stdin", stdin=PASSWORD + "\n")
    assert added.stdout.startswith("ann@example.org "), added.stderr
    assert PASSWORD not in added.stdout + added.stderr
    twice = run(database_url, *person, "--password-stdin", stdin=PASSWORD + "\n")
    assert (twice.returncode, "already" in twice.stderr) == (1, True)

    login = {"partnership": slug, "email": "ann@example.org", "password": PASSWORD}
    token = Caller(sync_app).post("/v1/sessions", login).json["token"]
    me = Caller(sync_app, token).get("/v1/me").json
    assert me["roles"] == [{"role": "admin", "jurisdiction_id": None}]
    assert me["partnership"] == {"id": me["partnership"]["id"], "slug": slug, "name": "Two towns"}


def test_commands_say_what_is_wrong(database_url: str) -> None:
    refused = run(database_url, "partnership", "create", "Not A Slug", "x")
    assert (refused.returncode, "a-z, 0-9 and hyphens" in refused.stderr) == (2, True)
    person = ("staff", "create", "--email", "a@b", "--name", "Ann", "--partnership")
    short = run(database_url, *person, "nowhere", "--password-stdin", stdin="short\n")
    assert (short.returncode, "--password" in short.stderr) == (2, True)
    nowhere = run(database_url, *person, "nowhere", "--no-password")
    assert (nowhere.returncode, "There is no partnership nowhere" in nowhere.stderr) == (2, True)
