"""Data flow one way between files too: no file imports another that comes back to it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.project


def read_modules():
    """Return the syntax tree of each file of the package by the module's name."""
    trees = {}
    for path in (ROOT / "aggregate").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text(encoding="utf-8")), path.name == "__init__.py"
    return trees


def imported(tree):
    """Yield what a file imports, for types and inside functions too, as (module, name)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module, each.name) for each in node.names)
        elif isinstance(node, ast.Import):
            yield from ((each.name, "") for each in node.names)


def arrows(trees):
    """Return which files each file imports; names that a package hands on count as their home's."""
    handed_on = {
        package: {name: module for module, name in imported(tree)}
        for package, (tree, is_package) in trees.items()
        if is_package
    }

    def home(module, name):
        if f"{module}.{name}" in trees:
            return f"{module}.{name}"
        further = handed_on.get(module, {}).get(name, "")
        return home(further, name) if further in trees else module

    return {
        file: {home(*each) for each in imported(tree)} & trees.keys() - {file}
        for file, (tree, is_package) in trees.items()
        if not is_package
    }


def test_no_files_import_each_other_in_a_circle():
    tuple(TopologicalSorter(arrows(read_modules())).static_order())  # raises CycleError, naming it


def test_a_circle_through_a_package_or_a_function_is_seen():
    sources = {
        "a": ("from a.two import Two", True),
        "a.one": ("def late():\n    from a import Two", False),
        "a.two": ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a.one", False),
    }
    trees = {name: (ast.parse(text), is_package) for name, (text, is_package) in sources.items()}
    assert arrows(trees) == {"a.one": {"a.two"}, "a.two": {"a.one"}}
    with pytest.raises(ValueError, match="cycle"):
        tuple(TopologicalSorter(arrows(trees)).static_order())
