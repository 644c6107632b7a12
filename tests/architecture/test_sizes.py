"""No file and no function grows beyond what one reading can hold."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
FOLDERS = ("fieldsync", "geo", "tests", "bench", "migrations")

GENERATED = ROOT / "migrations" / "versions"
"""A migration's steps are a list, however long."""

FILES = sorted(
    file
    for folder in (ROOT, *(ROOT / name for name in FOLDERS))
    for file in (folder.glob("*.py") if folder == ROOT else folder.rglob("*.py"))
    if not file.is_relative_to(GENERATED)
)


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Name and length in lines of each function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_and_its_functions_are_short(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX
    assert [(name, lines) for name, lines in functions(ast.parse(text)) if lines > FUNCTION_LINES_MAX] == []
