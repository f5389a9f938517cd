"""Style is a test: sizes, docstrings, leftovers. The allowances below only ever shrink."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*(ROOT / "eventsrc").rglob("*.py"), *(ROOT / "projections").rglob("*.py")])
FILE_LINES, FUNCTION_LINES, PARAMETERS = 300, 60, 6
LONG_FILES: frozenset[str] = frozenset()
"""Files past the limit that are one noun all the same: a vocabulary."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_small_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    if name(path) not in LONG_FILES:
        assert text.count("\n") <= FILE_LINES, f"{text.count(chr(10))} lines: is it one noun?"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "no docstring"
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_fit_a_screen(path: Path) -> None:
    for node in functions(ast.parse(path.read_text())):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        assert lines <= FUNCTION_LINES, f"{node.name}: {lines} lines"
        given = [*node.args.posonlyargs, *node.args.args]
        count = len(given) - (given[:1] != [] and given[0].arg in ("self", "cls"))
        if not any(
            "click" in ast.dump(decorator) or "common" in ast.dump(decorator) for decorator in node.decorator_list
        ):
            assert count <= PARAMETERS, f"{node.name}: {count} parameters"


def test_nothing_is_left_open() -> None:
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented)\b")
    found = [name(path) for path in SOURCES if words.search(path.read_text())]
    assert found == []


def test_no_machine_and_no_registry_is_named() -> None:
    words = ("py" + "pi.org", "python" + "hosted", "registry.n" + "pm", "/ro" + "ot/", "/wo" + "rk/")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    files = [ROOT / line for line in listed if (ROOT / line).is_file()]
    found = [name(path) for path in files if any(word in path.read_text("utf-8", "replace") for word in words)]
    assert found == []


@pytest.mark.parametrize("tool", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=lambda tool: tool[0])
@pytest.mark.timeout(300)
def test_the_tools_are_content(tool: list[str]) -> None:
    places = ["eventsrc", "projections", "tests", "deploy"]
    found = subprocess.run(
        [sys.executable, "-m", *tool, *places], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-1000:]
