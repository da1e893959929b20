"""How honest is the confidence, and what decides it? python benchmarks/calibration.py [FOLDER].

FOLDER holds one folder per data set with annotations.csv (task, worker, label) and truth.csv
(task, label); by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``. Log losses clip
probabilities at 1e-6; no model sees the truth unless a column says gold.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from aggregate import Annotations, Auto, Calibrated, read_annotations, read_gold
from aggregate.fusion import CorrelationBelief, average_posterior, log_joint
from aggregate.metrics import accuracy, expected_calibration_error, log_loss
from aggregate.models import DawidSkene, HierarchicalDawidSkene, estimate_correlation, make_model
from aggregate.models.ensembles._residuals import Residuals
from aggregate.models.ensembles.correlation import cross_examine

SETS = ("bluebird", "rte", "dog", "web", "product", "face_sentiment", "sentiment_polarity",
        "music_genre")  # fmt: skip
SINGLE = ("majority-vote", "wawa", "one-coin", "class-conditional", "dawid-skene", "hierarchical",
          "ibcc", "cbcc", "ebcc", "mace", "bwa", "glad", "zencrowd")  # fmt: skip
GRID = np.array([0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print the tables."""
    warnings.simplefilter("ignore")
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    sets = {name: load(folder / name) for name in SETS}
    print_correlations(sets)
    print_losses(sets)
    print_slopes(sets)
    print_gold(sets)
    print_choice(sets)


def load(folder: Path) -> tuple[Annotations, np.ndarray]:
    """Return votes, and the truth as class codes, -1 where unknown."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")[:2]
    known = dict(zip(items.tolist(), labels.tolist(), strict=True))
    place = {name: code for code, name in enumerate(votes.classes.tolist())}
    truth = [place.get(known.get(item), -1) for item in votes.items.tolist()]
    return votes, np.array(truth)


def scores_of(model: Any, votes: Annotations) -> np.ndarray:
    """Return the log joints of a model with confusion matrices."""
    return log_joint(votes, model.confusion_, model.class_prior_)


def loss_at(votes: Annotations, scores: np.ndarray, rho: float, truth: np.ndarray) -> float:
    """Return the log loss of the posterior at one correlation."""
    return log_loss(average_posterior(votes, scores, CorrelationBelief.given(rho)), truth)


def best_on_truth(votes: Annotations, truth: np.ndarray) -> tuple[float, float]:
    """Return the correlation of least log loss of the hierarchical model, and that loss."""
    scores = scores_of(HierarchicalDawidSkene().fit(votes), votes)
    losses = [loss_at(votes, scores, rho, truth) for rho in GRID]
    return float(GRID[np.argmin(losses)]), min(losses)


def held_out_labels(votes: Annotations) -> float:
    """Return the correlation that best predicts labels of items, a fifth set aside at a time."""
    item = np.repeat(np.arange(votes.n_items), votes.labels_per_item)
    fold = np.random.default_rng(0).integers(0, 5, votes.n_annotations)
    total = np.zeros(len(GRID))
    for k in range(5):
        kept = part(votes, item, fold != k)
        model = HierarchicalDawidSkene().fit(kept)
        out = fold == k
        said = model.confusion_[votes.annotator[out], :, votes.label[out]]
        scores = scores_of(model, kept)
        for place, rho in enumerate(GRID):
            soft = average_posterior(kept, scores, CorrelationBelief.given(rho))
            total[place] += np.log((soft[item[out]] * said).sum(axis=1)).sum()
    return float(GRID[total.argmax()])


def part(votes: Annotations, item: np.ndarray, keep: np.ndarray) -> Annotations:
    """Return some of the annotations, all items kept."""
    pointers = np.concatenate(([0], np.cumsum(np.bincount(item[keep], minlength=votes.n_items))))
    tables = (votes.items, votes.annotators, votes.classes)
    return Annotations(pointers, votes.annotator[keep], votes.label[keep], *tables)


def print_correlations(sets: dict[str, tuple[Annotations, np.ndarray]]) -> None:
    """Print what the votes say of the correlation, and what the truth says."""
    print("The annotators' correlation ρ of the hierarchical model\n")
    heads = ("votes", "from", "to", "held-out labels", "best on the truth")
    print(f"{'':20}" + "".join(f"{head:>18}" for head in heads))
    for name, (votes, truth) in sets.items():
        belief = estimate_correlation(votes)
        row = (belief.mean, *belief.interval(), held_out_labels(votes))
        print(f"{name:20}" + "".join(f"{v:18.2f}" for v in (*row, best_on_truth(votes, truth)[0])))


def print_losses(sets: dict[str, tuple[Annotations, np.ndarray]]) -> None:
    """Print log losses by set and way of calibration."""
    ways: dict[str, Callable[[Annotations], Any]] = {
        "vote shares": lambda v: make_model("majority-vote").fit(v),
        "DS, ρ = 0": lambda v: DawidSkene(annotator_correlation=0).fit(v),
        "DS, ρ = 0.4": lambda v: DawidSkene().fit(v),
        "DS, calibrated": lambda v: Calibrated(DawidSkene()).fit(v),
        "hier., ρ = 0": lambda v: HierarchicalDawidSkene(annotator_correlation=0).fit(v),
        "hier., ρ = 0.4": lambda v: HierarchicalDawidSkene().fit(v),
        "hier., ρ averaged": lambda v: Calibrated(use_votes=False).fit(v),
        "hier., calibrated": lambda v: Calibrated().fit(v),
        "CBCC, ρ = 0.4": lambda v: make_model("cbcc").fit(v),
        "CBCC, calibrated": lambda v: Calibrated(make_model("cbcc")).fit(v),
        "Auto": lambda v: Auto().fit(v),
    }
    print("\nLog loss without gold (calibrated: by votes alone), mean calibration error at the end")
    print(f"{'':20}" + "".join(f"{name[:9]:>10}" for name in sets) + f"{'mean':>10}{'ECE':>10}")
    for way, fit in ways.items():
        fits = [fit(votes).probas_ for votes, _ in sets.values()]
        truths = [truth for _, truth in sets.values()]
        row = [log_loss(q, t) for q, t in zip(fits, truths, strict=True)]
        error = [expected_calibration_error(q, t) for q, t in zip(fits, truths, strict=True)]
        figures = "".join(f"{value:10.3f}" for value in (*row, np.mean(row), np.mean(error)))
        print(f"{way:20}{figures}", flush=True)
    best = [best_on_truth(*data)[1] for data in sets.values()]
    print(f"{'hier., best ρ':20}" + "".join(f"{value:10.3f}" for value in (*best, np.mean(best))))


def print_slopes(sets: dict[str, tuple[Annotations, np.ndarray]]) -> None:
    """Print the mean log loss by the share of ρ that is taken to show, all sets and left out."""
    shares = np.array([0.05, 0.07, 0.1, 0.14, 0.2])
    table = []
    for votes, truth in sets.values():
        scores = scores_of(HierarchicalDawidSkene().fit(votes), votes)
        seen = cross_examine(votes, 0)
        soft = [average_posterior(votes, scores, rescaled(seen, share)) for share in shares]
        table.append([log_loss(probas, truth) for probas in soft])
    losses = np.array(table)
    others = [np.delete(losses, k, axis=0).mean(axis=0).argmin() for k in range(len(losses))]
    print("\nHierarchical model, calibrated by votes: log loss by the share of ρ taken to show")
    print("".join(f"{share:10.2f}" for share in shares) + "   share chosen on the other sets")
    chosen = losses[np.arange(len(losses)), others].mean()
    print("".join(f"{value:10.4f}" for value in losses.mean(axis=0)) + f"{chosen:10.4f}")


def rescaled(residuals: Residuals, share: float) -> CorrelationBelief:
    """Return what the votes tell if this share of ρ showed, and not a tenth."""
    grid = CorrelationBelief.plausible()
    stretched = CorrelationBelief(grid.values * share / 0.1, grid.weights)
    weights = stretched.observe_excess(residuals.excess, residuals.excess_error).weights
    return CorrelationBelief(grid.values, weights)


def print_gold(sets: dict[str, tuple[Annotations, np.ndarray]]) -> None:
    """Print the log loss on the other items by method and number of gold items."""
    print("\nMean log loss over the sets after calibration on gold, mean of 5 draws; the gold")
    print("calibrates only (the hierarchical model does not see it), and is not counted\n")
    sizes = (0, 10, 20, 50)
    print(f"{'gold items':20}" + "".join(f"{size:10}" for size in sizes))
    for method in ("correlation", "temperature", "isotonic"):
        row = [gold_loss(sets, method, size) for size in sizes]
        print(f"{method:20}" + "".join("         -" if v is None else f"{v:10.3f}" for v in row))


def gold_loss(
    sets: dict[str, tuple[Annotations, np.ndarray]], method: str, size: int
) -> float | None:
    """Return the mean loss over sets and draws, None where the method needs gold."""
    if size == 0 and method != "correlation":
        return None
    total = []
    for votes, truth in sets.values():
        known = np.flatnonzero(truth >= 0)
        for draw in range(5):
            gold = np.full(len(truth), -1)
            chosen = np.random.default_rng(draw).permutation(known)[:size]
            gold[chosen] = truth[chosen]
            told = np.array([None if g < 0 else votes.classes[g] for g in gold], dtype=object)
            model = Calibrated(method=method).fit(votes, gold=told if size else None)
            model.estimator_ = HierarchicalDawidSkene().fit(votes)  # one that has not seen it
            rest = np.where(gold >= 0, -1, truth)
            total.append(log_loss(model.predict_proba(votes), rest))
    return float(np.mean(total))


def print_choice(sets: dict[str, tuple[Annotations, np.ndarray]]) -> None:
    """Print accuracy of `Auto` beside every single model's, and the log loss."""
    print("\nPercent correct (ties in fractions), and mean log loss")
    print(
        f"{'':20}" + "".join(f"{name[:9]:>10}" for name in sets) + f"{'mean':>10}{'log loss':>10}"
    )
    for name in (*SINGLE, "auto"):
        correct, losses = [], []
        for votes, truth in sets.values():
            seeded = "random_state" in make_model(name).get_params()
            model = make_model(name, **({"random_state": 0} if seeded else {})).fit(votes)
            correct.append(100 * accuracy(model.probas_, truth))
            losses.append(log_loss(model.probas_, truth))
        figures = "".join(f"{value:10.2f}" for value in (*correct, np.mean(correct)))
        print(f"{name:20}{figures}{np.mean(losses):10.3f}", flush=True)


if __name__ == "__main__":
    main()
