"""Time and memory from files to labels: python benchmarks/size.py [MAX] [--scratch FOLDER].

A crowd is simulated into Parquet files (ten labels per item, rows mixed up as in a log), its rows
are grouped by item into a folder, a Dawid-Skene model is fitted to the folder until it converges,
and a table of labels is written: what ``aggregate simulate``, ``group`` and ``label`` do, each in
a process of its own, with two threads. Sizes go from 100 thousand up to MAX annotations (by
default 10 million) in powers of ten; there are up to 100 thousand annotators and five classes.

Printed as it goes: seconds of each stage (starting Python and loading compiled code included,
which is most of the smallest), seconds of a pass over the annotations (the median), and the most
memory that any of the processes had resident, pages of mapped files included. A run that was
stopped goes on where it was when it is started again with the same --scratch: simulated files
are kept, grouping starts anew, the fit goes on from its checkpoint. MAX = 1e9 takes 35 GB of
disk. The log-log plot goes to --plot.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PER_ITEM, CLASSES, MOST_ANNOTATORS = 10, 5, 100_000
HERE = Path(__file__).resolve()
PLOT = HERE.parents[1] / "docs" / "figures" / "size.png"
STAGES = ("simulate", "group", "label", "check")
Record = dict[str, Any]


def main() -> None:
    """Measure all sizes, print the table, draw the plot."""
    if sys.argv[1:2] == ["--run-label"]:
        run_label(*sys.argv[2:])
    arguments = read_arguments()
    scratch = Path(arguments.scratch or tempfile.mkdtemp(prefix="aggregate-size-"))
    scratch.mkdir(parents=True, exist_ok=True)
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}, "
        f"pyarrow {pa.__version__}; {arguments.n_jobs} threads; {CLASSES} classes, {PER_ITEM} "
        f"labels per item\nscratch: {'a temporary folder' if not arguments.scratch else 'given'}\n"
    )
    records = []
    try:
        n_annotations = 100_000
        while n_annotations <= arguments.largest:
            records.append(measure(n_annotations, scratch, arguments))
            n_annotations *= 10
    finally:
        if not arguments.scratch:
            shutil.rmtree(scratch, ignore_errors=True)
    print("\n" + table(records))
    if arguments.plot and len(records) > 1:
        draw(records, Path(arguments.plot))
        print(f"\ndrawn: {Path(arguments.plot).name}")


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("largest", nargs="?", type=float, default=1e7, metavar="MAX")
    parser.add_argument("--scratch", help="where to work, and to go on; else a temporary folder")
    parser.add_argument("--plot", default="", help=f"write the plot, for instance to {PLOT.name}")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--memory", type=float, default=2.0, help="GB for grouping")
    parser.add_argument("--keep", action="store_true", help="keep the files that were made")
    return parser.parse_args()


def measure(n_annotations: int, scratch: Path, arguments: argparse.Namespace) -> Record:
    """Run all stages of one size that are not recorded yet."""
    place = scratch / f"{n_annotations:.0e}"
    place.mkdir(exist_ok=True)
    n_annotators = min(n_annotations // 100, MOST_ANNOTATORS)
    found = read_record(place) or {"n_annotations": n_annotations, "n_annotators": n_annotators}
    crowd, votes, labels = place / "crowd", place / "votes", place / "labels.parquet"
    jobs = ["--n-jobs", str(arguments.n_jobs)]
    sizes = ["--items", n_annotations // PER_ITEM, "--annotators", n_annotators]
    commands = {
        "simulate": ["simulate", "-o", crowd, *sizes, "--classes", CLASSES,
                     "--labels-per-item", PER_ITEM, *jobs],
        "group": ["group", crowd / "annotations", "-o", votes, "--overwrite", "--memory",
                  arguments.memory, *jobs],
        "label": [votes, labels, place / "fit.npz", place / "fit.json", arguments.n_jobs],
    }  # fmt: skip
    for stage in STAGES:
        if stage in found:
            continue
        if stage == "check":
            found[stage] = {"accuracy": accuracy(crowd, labels)}
        else:
            if stage == "group":
                commands[stage][1:2] = sorted(crowd.glob("annotations-*.parquet"))
                for leaving in place.glob(".votes.*.tmp"):  # of a run that was killed
                    shutil.rmtree(leaving)
            start = ["-m", "aggregate"] if stage != "label" else [HERE, "--run-label"]
            found[stage] = run([sys.executable, *start, *commands[stage]])
            if stage == "label":
                found[stage] |= json.loads((place / "fit.json").read_text())
        (place / "record.json").write_text(json.dumps(found))
        print(f"{n_annotations:,}: {stage} {tell(found[stage])}", flush=True)
        if stage == "group" and not arguments.keep:
            for path in crowd.glob("annotations-*.parquet"):
                path.unlink()
    if not arguments.keep:
        for leaving in (crowd, votes):
            shutil.rmtree(leaving, ignore_errors=True)
        for leaving in (labels, place / "fit.npz"):
            leaving.unlink(missing_ok=True)
    return found


def read_record(place: Path) -> Record | None:
    """Return what an earlier run has measured."""
    path = place / "record.json"
    return json.loads(path.read_text()) if path.exists() else None


def run(command: list[Any]) -> Record:
    """Run a process; return its seconds, those of all processors, and its largest size in GB."""
    start = time.perf_counter()
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process's end)
    process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=None)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        log.seek(0)
        raise SystemExit(f"{' '.join(map(str, command[:6]))} … failed:\n{log.read()}")
    log.close()
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return {"seconds": seconds, "cpu": cpu, "gigabytes": usage.ru_maxrss * unit / 1e9}


def run_label(votes: str, labels: str, checkpoint: str, told: str, n_jobs: str) -> None:
    """Run ``aggregate label`` in this process, with a clock at the fit."""
    from aggregate import DawidSkene
    from aggregate.cli import main as run_command
    from aggregate.models._problem import Problem

    fit: Callable[..., Any] = DawidSkene.fit
    step: Callable[..., Any] = Problem.step
    passes: list[float] = []

    def clocked(self: Problem, state: Any) -> Any:
        start = time.perf_counter()
        result = step(self, state)
        passes.append(time.perf_counter() - start)
        print(f"pass {len(passes)}: {passes[-1]:.2f} s", file=sys.stderr, flush=True)
        return result

    def timed(self: DawidSkene, *data: Any, **more: Any) -> Any:
        start = time.perf_counter()
        fit(self, *data, **more)
        seconds = time.perf_counter() - start
        record = {"fit": seconds, "passes": self.n_iter_, "converged": bool(self.converged_)}
        record["pass"] = float(np.median(passes)) if passes else seconds / self.n_iter_
        Path(told).write_text(json.dumps(record))
        return self

    DawidSkene.fit, Problem.step = timed, clocked  # type: ignore[method-assign]
    run_command(["label", votes, "-o", labels, "--checkpoint", checkpoint, "--n-jobs", n_jobs])


def accuracy(crowd: Path, labels: Path) -> float:
    """Return the share of items whose label is the truth, going through both in pieces."""
    pieces = [pq.read_table(path) for path in sorted(crowd.glob("truth-*.parquet"))]
    truth = np.empty(sum(piece.num_rows for piece in pieces), dtype=np.int8)
    for piece in pieces:
        truth[piece["item"].to_numpy()] = piece["label"].to_numpy()
    right = 0
    for batch in pq.ParquetFile(labels).iter_batches(1 << 20, columns=["item", "label"]):
        right += int((truth[batch["item"].to_numpy()] == batch["label"].to_numpy()).sum())
    return right / len(truth)


def pass_seconds(record: Record) -> float:
    """Return the seconds of a pass."""
    return float(record["label"]["pass"])


def tell(stage: Record) -> str:
    """Return what was measured in words."""
    words = {"seconds": "{:,.1f} s", "gigabytes": "{:.2f} GB", "fit": "fit {:,.1f} s"}
    words |= {
        "cpu": "{:,.1f} s of processors",
        "pass": "{:.3f} s per pass",
        "passes": "{} passes",
        "accuracy": "{:.2%} right",
        "converged": "converged: {}",
    }
    return ", ".join(words[name].format(value) for name, value in stage.items())


def table(records: list[Record]) -> str:
    """Return all that was measured; seconds where nothing else is said."""
    names = ["annotations", "annotators", "simulate", "group", "fit", "write", "total", "passes",
             "s/pass", "ns/label", "GB", "right"]  # fmt: skip
    lines = [row(names)]
    for one in records:
        seconds = {stage: one[stage]["seconds"] for stage in STAGES[:3]}
        cells = [
            f"{one['n_annotations']:,}",
            f"{one['n_annotators']:,}",
            f"{seconds['simulate']:,.1f}",
            f"{seconds['group']:,.1f}",
            f"{one['label']['fit']:,.1f}",
            f"{seconds['label'] - one['label']['fit']:,.1f}",
            f"{sum(seconds.values()):,.1f}",
            f"{one['label']['passes']}",
            f"{pass_seconds(one):.3g}",
            f"{pass_seconds(one) / one['n_annotations'] * 1e9:.1f}",
            f"{max(one[stage]['gigabytes'] for stage in STAGES[:3]):.2f}",
            f"{one['check']['accuracy']:.2%}",
        ]
        lines.append(row(cells))
    return "\n".join(lines)


def row(cells: list[str]) -> str:
    """Return a line of the table; the first two columns are wider."""
    return "".join(f"{text:>{13 if place < 2 else 9}}" for place, text in enumerate(cells))


def draw(records: list[Record], path: Path) -> None:
    """Draw seconds and memory against annotations, both on logarithmic scales."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    size = np.array([one["n_annotations"] for one in records], dtype=float)
    lines = {
        "simulate": [one["simulate"]["seconds"] for one in records],
        "group by item": [one["group"]["seconds"] for one in records],
        "fit": [one["label"]["fit"] for one in records],
        "write labels": [one["label"]["seconds"] - one["label"]["fit"] for one in records],
        "one pass": [pass_seconds(one) for one in records],
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for name, seconds in lines.items():
        left.loglog(size, seconds, "o-", label=name, lw=2.5 if name == "one pass" else 1.2)
    guide = lines["one pass"][-1] * size / size[-1]
    left.loglog(size, guide, "k:", lw=1, label="proportional")
    left.set(xlabel="annotations", ylabel="seconds")
    left.legend(fontsize=8)
    for stage in STAGES[:3]:
        right.loglog(size, [one[stage]["gigabytes"] for one in records], "o-", label=stage)
    right.loglog(size, size * 8 / 1e9, "k:", lw=1, label="the votes, 8 bytes each")
    right.set(xlabel="annotations", ylabel="peak resident memory, GB")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
