"""Print the votes, weights and spectral models beside published figures and crowd-kit's code.

``python benchmarks/spectral_numbers.py [FOLDER]``, where FOLDER holds one folder per data set with
annotations.csv (task, worker, label) and truth.csv (task, label); by default
``$AGGREGATE_TEST_DATA`` or ``../shared/data``. Error in percent among the items with truth; a tie
earns its fair share. Peers run where they are installed, in the same process on the same votes.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import aggregate
from aggregate import Annotations, read_annotations, read_gold, simulate_annotations
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes

SETS = ("bluebird", "rte", "dog", "web", "product", "sentiment_polarity", "face_sentiment",
        "music_genre")  # fmt: skip

MODELS: dict[str, Any] = {
    "vote": aggregate.MajorityVote(),
    "ZeroBasedSkill": aggregate.ZeroBasedSkill(),
    "CRH": aggregate.CRH(),
    "CRH published": aggregate.CRH(loss="sum", smoothing=1e-8),
    "CATD": aggregate.CATD(),
    "CATD published": aggregate.CATD(smoothing=1e-9),
    "LogOddsVote": aggregate.LogOddsVote(),
    "ZenCrowd": aggregate.ZenCrowd(),
    "KOS": aggregate.KOS(),
    "KOS svd": aggregate.KOS(method="svd"),
    "GhoshSVD": aggregate.GhoshSVD(),
    "EigenRatio": aggregate.EigenRatio(),
    "MMSR": aggregate.MMSR(),
    "Triangular": aggregate.TriangularEstimation(),
    "SML": aggregate.SpectralMetaLearner(),
    "FlyingSquid": aggregate.FlyingSquid(),
    "LabelModel": aggregate.LabelModel(),
    "CrowdLab": aggregate.CrowdLab(),
    "DawidSkene": aggregate.DawidSkene(),
}

# Errors: KOS, Ghosh, EigenRatio from Zhang, Chen, Zhou and Jordan (JMLR 17(102), 2016) and, for
# dog and web of the last two, recomputed with their thresholds; PM, CATD, ZC, KOS on product and
# KOS on sentiment_polarity from Zheng et al. (PVLDB 10(5), 2017) and crowd-kit.
PUBLISHED = {
    ("KOS svd", "bluebird"): 11.11, ("KOS svd", "rte"): 39.75, ("KOS svd", "dog"): 31.72,
    ("KOS svd", "web"): 42.93, ("GhoshSVD", "bluebird"): 27.78, ("GhoshSVD", "rte"): 49.12,
    ("GhoshSVD", "dog"): 19.58, ("GhoshSVD", "web"): 6.78, ("EigenRatio", "bluebird"): 27.78,
    ("EigenRatio", "rte"): 9.00, ("EigenRatio", "dog"): 17.22, ("EigenRatio", "web"): 24.84,
    ("CRH published", "product"): 10.19, ("CATD published", "product"): 7.33,
    ("ZenCrowd", "product"): 7.20, ("KOS", "product"): 10.45,
}  # fmt: skip

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print every table."""
    warnings.simplefilter("ignore")
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    error_table(folder)
    peer_table(folder)
    speed_table()


def load(folder: Path) -> tuple[Annotations, Any]:
    """Return votes and the code of each item's truth, -1 where unknown."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")[:2]
    present = set(votes.items.tolist())
    pairs = zip(items.tolist(), labels.tolist(), strict=True)
    truth = {item: label for item, label in pairs if item in present}
    return votes, gold_codes(truth, votes)


def error_table(folder: Path) -> None:
    """Print the error of every model on every set, the published one in brackets."""
    print("Error in percent (published in brackets)\n")
    print(f"{'':18}" + "".join(f"{name[:15]:>16}" for name in SETS))
    data = [load(folder / name) for name in SETS]
    for label, model in MODELS.items():
        cells = []
        for name, (votes, truth) in zip(SETS, data, strict=True):
            error = 100 - 100 * accuracy(model.fit(votes).probas_, truth)
            known = f"({PUBLISHED[label, name]:.2f})" if (label, name) in PUBLISHED else ""
            cells.append(f"{error:8.2f}{known:>8}")
        print(f"{label:18}" + "".join(cells))


def peers() -> dict[str, Any]:
    """Return crowd-kit's models by the name of ours, if it is installed."""
    try:
        from crowdkit import aggregation as kit
    except ImportError:
        return {}
    return {
        "MMSR": lambda: kit.MMSR(n_iter=200),
        "KOS": lambda: kit.KOS(),
        "ZeroBasedSkill": lambda: kit.ZeroBasedSkill(),
    }


def peer_fit(make: Any, frame: Any) -> tuple[Any, float]:
    """Return a peer's labels by item, or what it raised, and its seconds."""
    start = time.perf_counter()
    try:
        found = make().fit_predict(frame)
    except Exception as error:  # what a peer refuses or breaks on is a result, too
        found = type(error).__name__
    return found, time.perf_counter() - start


def peer_table(folder: Path) -> None:
    """Print our error and the peers', with seconds (ours the second fit, compiled)."""
    others = peers()
    print("\nError in percent and seconds, ours | crowd-kit on the same votes")
    print("(M-MSR: at most 200 rounds; ZeroBasedSkill raises under scikit-learn 1.7 and later)\n")
    if not others:
        print("crowd-kit is not installed here.")
    for label, make in others.items():
        for name in SETS:
            votes, truth = load(folder / name)
            seconds, soft = timed(MODELS[label], votes)
            error = 100 - 100 * accuracy(soft, truth)
            frame = votes.to_frame().set_axis(["task", "worker", "label"], axis=1)
            found, theirs = peer_fit(make, frame)
            other = f"{peer_error(found, votes, truth):>14}"
            print(f"{label:16}{name:20}{error:8.2f}{seconds:9.3f} s |{other}{theirs:9.2f} s")


def peer_error(found: Any, votes: Annotations, truth: Any) -> str:
    """Return the error of a peer's labels, or what it raised."""
    if isinstance(found, str):
        return found
    codes = np.searchsorted(votes.classes, found.reindex(votes.items).to_numpy())
    return f"{100 * (codes != truth)[truth >= 0].mean():.2f}"


def timed(model: Any, votes: Annotations) -> tuple[float, Any]:
    """Return the seconds of a second fit and the soft labels."""
    model.fit(votes)
    start = time.perf_counter()
    soft = model.fit(votes).probas_
    return time.perf_counter() - start, soft


def speed_table() -> None:
    """Print seconds at a million labels, 5 per item, 1000 annotators; peers beside them."""
    print("\nSeconds at a million labels (200 000 items, 1000 annotators, two classes), one thread")
    print("(crowd-kit: KOS alone; its M-MSR was stopped after a minute and a half)\n")
    crowd = simulate_annotations(200_000, 1000, 2, random_state=0)
    frame = crowd.annotations.to_frame().set_axis(["task", "worker", "label"], axis=1)
    others = peers()
    for label, model in MODELS.items():
        seconds, soft = timed(model, crowd.annotations)
        line = f"{label:18}{seconds:9.2f} s  error {100 - 100 * accuracy(soft, crowd.truth):6.2f}"
        if label == "KOS" and label in others:
            line += f"   crowd-kit {peer_fit(others[label], frame)[1]:9.2f} s"
        print(line, flush=True)


if __name__ == "__main__":
    main()
