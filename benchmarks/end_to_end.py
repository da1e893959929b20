"""From a CSV of votes to a CSV of labels, beside crowd-kit: python benchmarks/end_to_end.py [N].

N votes (by default ten million), ten per item, by a thousand annotators with names, are written
as text: by good annotators (right 55 to 95 times in a hundred), on whom EM ends after some ten
rounds, or by poor ones (a little better than chance). Then, each in a process of its own:
``aggregate label votes.csv -o labels.csv`` with `DawidSkene` until it converges, on two threads;
and pandas' ``read_csv``, crowd-kit's ``DawidSkene`` (its default hundred rounds, or until its own
rule ends it) and ``to_csv``. Seconds include the start of Python; GB is the most memory that was
resident.
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

RIGHT = {("good", 2): (0.55, 0.95), ("good", 4): (0.55, 0.95),
         ("poor", 2): (0.45, 0.65), ("poor", 4): (0.25, 0.5)}  # fmt: skip
PEER = """
import sys, pandas as pd
from crowdkit.aggregation import DawidSkene
votes = pd.read_csv(sys.argv[1])
DawidSkene(n_iter=100).fit_predict(votes).to_csv(sys.argv[2])
"""


def main() -> None:
    """Print seconds, memory and accuracy by number of classes."""
    n_votes = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    print(f"Python {platform.python_version()}; {n_votes:,} votes, load {os.getloadavg()[0]:.1f}\n")
    print(f"{'K':>3} {'annotators':12}{'':14}{'seconds':>10}{'GB':>8}{'right':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for n_classes in (2, 4):
            for kind in ("good", "poor"):
                compare(Path(folder), n_votes, n_classes, kind)


def compare(folder: Path, n_votes: int, n_classes: int, kind: str) -> None:
    """Write votes, label them both ways and print the rows."""
    truth = write_votes(folder / "votes.csv", n_votes, n_classes, kind)
    head = f"{n_classes:3} {kind:12}"
    ours = ["-m", "aggregate", "label", folder / "votes.csv", "-o", folder / "ours.csv",
            "--model", "dawid-skene", "--n-jobs", "2", "--no-progress"]  # fmt: skip
    theirs = ["-c", PEER, folder / "votes.csv", folder / "theirs.csv"]
    seconds = {}
    for name, command, labels in (("ours", ours, "ours.csv"), ("crowd-kit", theirs, "theirs.csv")):
        seconds[name], memory = run([sys.executable, *command])
        right = accuracy(folder / labels, truth)
        print(f"{head}{name:14}{seconds[name]:10.1f}{memory:8.2f}{right:10.2%}", flush=True)
    print(f"{head}{'ratio':14}{seconds['crowd-kit'] / seconds['ours']:10.1f}", flush=True)


def write_votes(path: Path, n_votes: int, n_classes: int, kind: str) -> np.ndarray:
    """Write simulated votes in mixed order, and return the truth."""
    import pyarrow as pa
    from pyarrow import csv

    drawn = simulate_annotations(
        n_votes // 10, 1000, n_classes, labels_per_item=10, accuracy=RIGHT[kind, n_classes],
        random_state=0,
    )  # fmt: skip
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
