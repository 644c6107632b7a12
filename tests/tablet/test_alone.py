"""The reference tablet stands alone: it can be lifted out of this repository as it is."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "fieldsync" / "tablet"
LIBRARIES = {"urllib3", "uuid_utils"}


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_it_imports_nothing_else_of_ours_and_little_of_others() -> None:
    files = sorted(FOLDER.glob("*.py"))
    assert len(files) > 5
    for name in set().union(*map(imported, files)):
        top = name.partition(".")[0]
        assert name.startswith("fieldsync.tablet") or top in sys.stdlib_module_names | LIBRARIES, name
