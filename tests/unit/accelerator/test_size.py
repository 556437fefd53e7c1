"""The accelerator stays small. The aim is 1,500 lines; it has 2,000, and may not grow past that:
the surface that programs use and the refusals that keep their data came first.

A line counts if there is code on it: no blanks, comments or docstrings.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "envcheck" / "accelerator"
FILES = sorted(PACKAGE.rglob("*.py"))
MOST, MOST_IN_A_MODULE = 2000, 300
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def lines(node: ast.AST) -> set[int]:
    return set(range(node.lineno, node.end_lineno + 1))


def code_lines(text: str) -> int:
    documented = [node for node in ast.walk(ast.parse(text)) if isinstance(node, _DOCUMENTED)]
    texts = [lines(node.body[0]) for node in documented if ast.get_docstring(node) is not None]
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _SILENT:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code.difference(*texts))


def test_what_counts():
    text = '"""Module.\n\nMore.\n"""\n\n# why\nx = (\n    1,\n)\n\n'
    text += 'def f():\n    """Doc."""\n    return """a\nb"""\n'
    assert code_lines(text) == 6


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_module_is_small(file):
    assert code_lines(file.read_text(encoding="utf-8")) <= MOST_IN_A_MODULE


def test_the_package_is_small():
    sizes = {file.name: code_lines(file.read_text(encoding="utf-8")) for file in FILES}
    assert sum(sizes.values()) <= MOST, sizes


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_lines_are_not_saved_by_semicolons(file):
    text = file.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    assert not [
        token.start for token in tokens if token.type == tokenize.OP and token.string == ";"
    ]
    statements = [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
    assert len(statements) == len(set(statements))
