"""Who may import whom: the contracts in pyproject.toml hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_command_line_loads_no_application() -> None:
    program = "import sys, fieldsync.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"flask", "sqlalchemy", "shapely", "alembic"} & set(done.stdout.split())


def test_the_reference_tablet_stands_alone() -> None:
    """As an app does that somebody writes after its model: nothing of the server's is within its reach."""
    tablet = ROOT / "fieldsync" / "tablet"
    imported = {
        name
        for file in tablet.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _names(node)
        if name.partition(".")[0] in ("fieldsync", "geo")
    }
    assert imported
    assert {name for name in imported if not f"{name}.".startswith("fieldsync.tablet.")} == set()


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
