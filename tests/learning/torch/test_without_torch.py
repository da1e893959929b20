"""PyTorch stays where it is: nothing else imports it, and its absence is explained."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_learning_does_not_import_torch():
    out = run(
        """
        import sys
        from importlib import import_module
        from pathlib import Path
        import aggregate.learning
        room = Path(aggregate.learning.__file__).parent
        for path in sorted(room.rglob("*.py")):
            parts = path.relative_to(room.parents[1]).with_suffix("").parts
            if parts[2] != "torch":
                import_module(".".join(parts))
        print("aggregate.learning.torch" in sys.modules, "torch" in sys.modules)
        """
    )
    assert out.split() == ["False", "False"]


def test_without_torch_the_remedy_is_named():
    out = run(
        """
        import sys
        class Blocked:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name.partition(".")[0] == "torch":
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Blocked)
        import aggregate.learning
        try:
            import aggregate.learning.torch
        except ImportError as error:
            print(error)
        """
    )
    assert "needs PyTorch: python -m pip install 'crowd-aggregate[torch]'" in out
