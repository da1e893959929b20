"""From a CSV of votes to one of labels, beside crowd-kit: python benchmarks/end_to_end.py [N] [K].

N votes (by default ten million), ten per item, by a thousand annotators with names, are written
as text. Then, each in a process of its own: ``aggregate label votes.csv -o labels.csv`` with
`DawidSkene` until it converges, on two threads; pandas' ``read_csv``, crowd-kit's ``DawidSkene``
until its own rule ends it (its default) and ``to_csv``; and the same with the hundred rounds that
rule allows. Seconds include the start of Python, but not the compilation of our kernels, which is
kept from a first run on a few votes; GB is the most memory that was resident.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from aggregate import simulate_annotations

PEER = """
import sys, pandas as pd
from crowdkit.aggregation import DawidSkene
votes = pd.read_csv(sys.argv[1])
model = DawidSkene(n_iter=100, tol=float(sys.argv[3]))
model.fit_predict(votes).to_csv(sys.argv[2])
"""


def main() -> None:
    """Print seconds, memory and accuracy by number of classes."""
    n_votes = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    classes = [int(word) for word in sys.argv[2:]] or [2, 4]
    print(f"Python {platform.python_version()}; {n_votes:,} votes, load {os.getloadavg()[0]:.1f}\n")
    print(f"{'K':>3} {'':26}{'seconds':>10}{'GB':>8}{'right':>10}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for n_classes in classes:
            compare(Path(folder), n_votes, n_classes)


def compare(folder: Path, n_votes: int, n_classes: int) -> None:
    """Write votes, label them all three ways and print the rows."""
    write_votes(folder / "few.csv", 10_000, n_classes)
    warm = ["-m", "aggregate", "label", folder / "few.csv", "-o", folder / "few-labels.csv"]
    run([sys.executable, *warm, "--model", "dawid-skene"])  # compiles; does not count
    truth = write_votes(folder / "votes.csv", n_votes, n_classes)
    files = [folder / "votes.csv", folder / "labels.csv"]
    ways = {
        "ours": ["-m", "aggregate", "label", files[0], "-o", files[1],
                 "--model", "dawid-skene", "--n-jobs", "2", "--no-progress"],
        "crowd-kit, its rule": ["-c", PEER, *files, 1e-5],
        "crowd-kit, 100 rounds": ["-c", PEER, *files, -1e9],
    }  # fmt: skip
    first = 0.0
    for name, command in ways.items():
        seconds, memory = run([sys.executable, *command])
        first = first or seconds
        figures = f"{seconds:10.1f}{memory:8.2f}{accuracy(files[1], truth):10.2%}"
        print(f"{n_classes:3} {name:26}{figures}{seconds / first:8.1f}", flush=True)


def write_votes(path: Path, n_votes: int, n_classes: int) -> np.ndarray:
    """Write simulated votes in mixed order, and return the truth."""
    import pyarrow as pa
    from pyarrow import csv

    drawn = simulate_annotations(n_votes // 10, 1000, n_classes, labels_per_item=10, random_state=0)
    votes = drawn.annotations
    order = np.random.default_rng(0).permutation(votes.n_annotations)
    names = np.array([f"worker-{j:04}" for j in range(votes.n_annotators)])
    table = pa.table({
        "task": votes.items[votes.item[order]],
        "worker": names[votes.annotator[order]],
        "label": votes.classes[votes.label[order]],
    })  # fmt: skip
    csv.write_csv(table, path)
    return np.asarray(drawn.truth)


def run(command: list[object]) -> tuple[float, float]:
    """Return the seconds of a process and the most memory it had, in GB."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command[1:3]} ended with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e9


def accuracy(path: Path, truth: np.ndarray) -> float:
    """Return the share of right labels in a table whose first two columns are item and label."""
    from pyarrow import csv

    table = csv.read_csv(path)
    items, labels = (table.column(place).to_numpy() for place in (0, 1))
    return float((truth[items] == labels).mean())


if __name__ == "__main__":
    main()
