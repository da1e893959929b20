"""How long it takes to load a large CSV file of votes, and how much memory.

The file is made here: string ids, one label in four classes, items in random order. Each way
of loading runs in a process of its own, so that its peak memory is its own.

    python benchmarks/io_load.py --rows 10000000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WAYS = {
    "aggregate.io.read_annotations": (
        "from aggregate.io import read_annotations\nloaded = read_annotations(path).n_annotations"
    ),
    "pandas.read_csv": "import pandas as pd\nloaded = len(pd.read_csv(path))",
    "pandas.read_csv, from_frame": (
        "import pandas as pd\nfrom aggregate import Annotations\n"
        "loaded = Annotations.from_frame(pd.read_csv(path)).n_annotations"
    ),
}


def write_votes(path: Path, rows: int, seed: int = 0) -> None:
    """Write ``rows`` votes: ten per item on average, up to 20,000 annotators, four classes."""
    rng = np.random.default_rng(seed)
    items = np.array([f"item_{i:07d}" for i in range(max(rows // 10, 1))], dtype=object)
    annotators = np.array([f"worker_{j:05d}" for j in range(20_000)], dtype=object)
    labels = np.array(["bird", "cat", "dog", "fish"], dtype=object)
    with path.open("w", encoding="utf-8") as file:
        file.write("task,worker,label\n")
        for start in range(0, rows, 500_000):
            size = min(500_000, rows - start)
            columns = (
                table[rng.integers(0, len(table), size)] for table in (items, annotators, labels)
            )
            file.write("".join(f"{i},{j},{y}\n" for i, j, y in zip(*columns, strict=True)))


def measure(name: str, path: Path) -> tuple[int, float, float]:
    """Return the rows, the seconds and the peak resident memory in GB of one way to load."""
    command = [sys.executable, __file__, "--way", name, "--path", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, seconds, peak = json.loads(done.stdout)
    return rows, seconds, peak


def load_here(name: str, path: str) -> None:
    """Load in this process and print what it took."""
    names: dict[str, object] = {"path": path}
    start = time.perf_counter()
    exec(WAYS[name], names)
    seconds = time.perf_counter() - start
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([names["loaded"], seconds, kilobytes * 1024 / 1e9]))


def main() -> None:
    """Make the file, load it in every way and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        load_here(options.way, options.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "votes.csv")
        write_votes(path, options.rows)
        print(f"{options.rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB of CSV")
        print(f"{'':32}{'rows':>12}{'seconds':>10}{'peak GB':>10}")
        for name in WAYS:
            rows, seconds, peak = measure(name, path)
            print(f"{name:32}{rows:12,}{seconds:10.2f}{peak:10.2f}")


if __name__ == "__main__":
    main()
