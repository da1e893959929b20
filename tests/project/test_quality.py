"""The project's own rules: lint, format, types, import contract and documentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.project


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


def test_lint() -> None:
    run(sys.executable, "-m", "ruff", "check", ".")


def test_format() -> None:
    run(sys.executable, "-m", "ruff", "format", "--check", ".")


def test_types() -> None:
    run(sys.executable, "-m", "mypy")


def test_import_contract() -> None:
    run(str(BIN / "lint-imports"))


def test_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    run(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(tmp_path))


def test_readme_commands_are_the_documented_ones() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python -m pip install . && aggregate label anesthesia\n" in readme
    assert "python -m pip install -e '.[test]' && python -m pytest\n" in readme


def test_every_kernel_file_is_in_the_independence_contract() -> None:
    contract = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    files = (ROOT / "aggregate" / "kernels").glob("[a-z]*.py")
    missing = [path.stem for path in files if f"aggregate.kernels.{path.stem}\n" not in contract]
    assert not missing
