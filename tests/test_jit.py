"""The house rules of compiled code and of imports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aggregate

PACKAGE = Path(aggregate.__file__).parent
LATE = ("sklearn", "pandas", "matplotlib", "torch", "tensorly")


def decorated(tree: ast.Module) -> dict[str, tuple[str, ast.FunctionDef]]:
    """Return the compiled functions of a file: name to decorator and definition."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Name) and decorator.id in ("kernel", "helper"):
                    found[node.name] = (decorator.id, node)
    return found


def forbidden_calls(source: str) -> list[str]:
    """Return the calls of compiled functions that reach beyond the helpers of their own file.

    Allowed are helpers of the file, rows of ``_simd.py``, NumPy, ``math`` and Python's builtins.
    """
    tree = ast.parse(source)
    compiled = decorated(tree)
    helpers = {name for name, (kind, _) in compiled.items() if kind == "helper"}
    helpers |= {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "aggregate._simd"
        for alias in node.names
    }
    known = helpers | set(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
    wrong = []
    for name, (_, definition) in compiled.items():
        for call in (node for node in ast.walk(definition) if isinstance(node, ast.Call)):
            function = call.func
            if isinstance(function, ast.Name) and function.id not in known:
                wrong.append(f"{name} calls {function.id}")
            elif isinstance(function, ast.Attribute):
                root = function
                while isinstance(root, ast.Attribute):
                    root = root.value
                local = {
                    argument.arg
                    for argument in ast.walk(definition)
                    if isinstance(argument, ast.arg)
                }
                module = isinstance(root, ast.Name) and root.id not in ("np", "math")
                if module and root.id in imported(tree) and root.id not in local:
                    wrong.append(f"{name} calls {ast.unparse(function)}")
    return wrong


def imported(tree: ast.Module) -> set[str]:
    """Return the names that a file imports."""
    return {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


FILES_WITH_KERNELS = [
    path for path in sorted(PACKAGE.rglob("*.py")) if decorated(ast.parse(path.read_text("utf-8")))
]


@pytest.mark.parametrize("path", FILES_WITH_KERNELS, ids=lambda path: path.stem)
def test_kernels_call_only_helpers_of_their_own_file(path):
    assert forbidden_calls(path.read_text("utf-8")) == []


def test_the_rule_finds_what_it_forbids():
    source = (
        "import numpy as np\nfrom aggregate.kernels import other\n"
        "from aggregate.kernels.layout import stable_order\n"
        "@helper\ndef own(x):\n    return np.exp(x)\n"
        "@kernel\ndef friend(x):\n    return x\n"
        "@kernel\ndef good(x):\n    for e in range(len(x)):\n        x[e] = own(x[e]) + x.sum()\n"
        "@kernel\ndef bad(x):\n    stable_order(x)\n    friend(x)\n    other.thing(x)\n"
    )
    assert forbidden_calls(source) == [
        "bad calls stable_order",
        "bad calls friend",
        "bad calls other.thing",
    ]


def test_numba_is_used_through_two_modules_only():
    """One chooses its options, the other teaches it rows."""
    names = {"numba", "llvmlite"}
    users = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in names)
        or (isinstance(node, ast.Import) and names & {a.name.split(".")[0] for a in node.names})
    }
    assert users == {"_jit.py", "_simd.py"}


def test_cached_code_is_stale_when_a_shared_file_changes():
    """Numba alone would look at the kernel's own file and nothing else."""
    code = (
        "import os, pathlib, sys\n"
        "from aggregate import _jit\n"
        "from aggregate.kernels.em import em_pass\n"
        "stamp = em_pass._cache._cache_file._source_stamp\n"
        "shared = [pathlib.Path(_jit.__file__).with_name(n).stat() for n in _jit._SHARED]\n"
        "assert stamp[1] == tuple((s.st_mtime, s.st_size) for s in shared), stamp\n"
        "assert len(stamp[1]) == 2\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "NUMBA_DISABLE_JIT": "0"}
    environment |= {"AGGREGATE_NUMBA_CACHE": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize("statement", ["import aggregate", "from aggregate import Annotations"])
def test_importing_loads_nothing_that_can_wait(statement):
    code = f"import sys; {statement}; print([m for m in {LATE!r} if m in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "[]"
