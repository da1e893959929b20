"""Is averaging models worth it, and by which weights? python benchmarks/averaging.py [FOLDER].

Two tables of the same methods: on the real sets of FOLDER (see calibration.py), on which they
were developed, and on a hundred simulated crowds that err together (correlated_crowds.py, seeds
2000 to 2099), drawn after everything was settled. No method sees a truth.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from calibration import ROOT, SETS, load
from correlated_crowds import draw

from aggregate import Annotations, Auto, DawidSkene
from aggregate.fusion import CorrelationBelief, average_posterior, vote_shares
from aggregate.metrics import accuracy, expected_calibration_error, log_loss
from aggregate.models.ensembles._scores import log_scores
from aggregate.models.ensembles._surprise import surprise_per_item, weights_of
from aggregate.models.ensembles.auto import _SHARES
from aggregate.models.structures.one_coin import lost_classes

FRESH = range(2000, 2100)
FORMER = ("hierarchical", "cbcc", "mace", "one-coin")
EVIDENCE = (0.0, 0.5, 1.0, 2.0, 4.0)


def main() -> None:
    """Print the tables."""
    warnings.simplefilter("ignore")
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    show("Eight real sets", (load(folder / name) for name in SETS))
    crowds = map(draw, FRESH)
    show("A hundred simulated crowds", ((crowd.votes, crowd.truth) for crowd in crowds))


def show(title: str, sets: Iterable[tuple[Annotations, np.ndarray]]) -> None:
    """Print one table: means over sets, and how often a method is below the vote."""
    results: dict[str, list[tuple[float, ...]]] = {}
    seconds = []
    for votes, truth in sets:
        start = time.process_time()
        DawidSkene().fit(votes)
        between = time.process_time()
        auto = Auto().fit(votes)
        seconds.append((between - start, time.process_time() - between))
        vote = accuracy(vote_shares(votes), truth)
        for name, soft in methods(votes, auto).items():
            right = accuracy(soft, truth)
            row = (log_loss(soft, truth), expected_calibration_error(soft, truth), right)
            results.setdefault(name, []).append((*row, right - vote))
    heads = ("log loss", "median", "ECE", "% correct", "> 1 below", "worst")
    print(f"\n{title}\n{'':34}" + "".join(f"{head:>11}" for head in heads))
    for name, rows in results.items():
        loss, error, right, ahead = np.array(rows).T
        values = (loss.mean(), np.median(loss), error.mean())
        figures = "".join(f"{value:11.3f}" for value in values)
        below = f"{100 * (ahead < -0.01).mean():10.0f}%{100 * ahead.min():11.1f}"
        print(f"{name:34}{figures}{100 * right.mean():11.2f}{below}")
    plain, averaged = np.median(seconds, axis=0)
    print(f"Median processor time of Auto: {averaged:.2f} s, {averaged / plain:.0f} x DawidSkene's")


def methods(votes: Annotations, auto: Auto) -> dict[str, np.ndarray]:
    """Return the soft labels of every method, those of `Auto` last."""
    random = np.random.default_rng(0)
    belief, fitted = auto.belief_, auto._members(votes, int(random.integers(2**31)))
    surprise = surprise_per_item(votes, fitted, random)
    scores = {name: log_scores(model.fit(votes), votes) for name, model in fitted.items()}
    fixed, plausible = CorrelationBelief.given(0.4), CorrelationBelief.plausible()
    default = {n: average_posterior(votes, s, fixed) for n, s in scores.items()}
    soft = {name: average_posterior(votes, s, belief) for name, s in scores.items()}
    found = {
        "vote shares": vote_shares(votes),
        "Dawid-Skene, ρ = 0.4": DawidSkene().fit(votes).probas_,
        "hierarchical, ρ = 0.4": default["hierarchical"],
        "hierarchical, ρ averaged": average_posterior(votes, scores["hierarchical"], plausible),
        "hierarchical and EBCC, ρ = 0.4": (default["hierarchical"] + default["ebcc"]) / 2,
    }
    found |= {f"{name}, calibrated": probas for name, probas in soft.items()}
    kept = [
        name
        for name, model in fitted.items()
        if name == "hierarchical" or not lost_classes(votes, model.class_prior_).any()
    ]
    found["hierarchical, CBCC, MACE, one-coin"] = mean(
        soft, dict.fromkeys(set(kept) & {*FORMER}, 1.0)
    )
    found["all six, equal weights"] = mean(soft, dict.fromkeys(kept, 1.0))
    for items in EVIDENCE:
        scaled = {name: value * items for name, value in surprise.items()}
        weights = weights_of({name: _SHARES[name] for name in kept}, scaled)
        found[f"a third a kind, evidence of {items:g}"] = mean(soft, weights)
    found["best of held-out labels"] = soft[min(kept, key=surprise.__getitem__)]
    return found | {"Auto": auto.probas_}


def mean(soft: dict[str, np.ndarray], weights: dict[str, float]) -> np.ndarray:
    """Return the weighted mean of some soft labels."""
    names = sorted(weights)
    return np.average([soft[name] for name in names], axis=0, weights=[weights[n] for n in names])


if __name__ == "__main__":
    main()
