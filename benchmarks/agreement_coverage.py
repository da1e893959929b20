"""Coverage of 95 % intervals of agreement coefficients: python benchmarks/agreement_coverage.py.

Crowds of two classes are drawn anew DRAWS times; an annotator is right with one probability, each
label is missing with another. The true coefficient is that of 400 thousand items. ``log`` is the
interval of the library, symmetric in log(1 - coefficient); ``plain`` is the coefficient plus and
minus Student's quantile times the same error; ``bootstrap`` are percentiles of 400 draws.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from aggregate.metrics import fleiss_kappa, gwet_ac, krippendorff_alpha

DRAWS = 600
DESIGNS = (  # items, annotators, right, share of the rare class, missing
    (20, 2, 0.90, 0.5, 0.0),
    (20, 3, 0.90, 0.5, 0.4),
    (50, 3, 0.90, 0.5, 0.5),
    (50, 3, 0.95, 0.2, 0.0),
    (30, 5, 0.80, 0.3, 0.5),
    (200, 3, 0.90, 0.1, 0.5),
    (1000, 3, 0.75, 0.3, 0.3),
)
COEFFICIENTS = (krippendorff_alpha, fleiss_kappa, gwet_ac)


def main() -> None:
    """Print the table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    warnings.simplefilter("ignore")
    print(f"coverage of nominal 95 % intervals, {draws} draws each\n")
    print("items annotators right rare missing  coefficient          true    log  plain  bootstrap")
    for design in DESIGNS:
        votes = crowd(10**6, 400_000, *design[1:])
        for function in COEFFICIENTS:
            true = function(votes).value
            log, plain, drawn = coverage(function, design, true, draws)
            sizes = "{:5d} {:10d} {:5.2f} {:4.1f} {:7.1f}".format(*design)
            print(
                f"{sizes}  {function.__name__:18s}  {true:5.3f}  {log:5.3f}  {plain:5.3f}"
                f"  {drawn:9.3f}",
                flush=True,
            )


def coverage(function, design, true: float, draws: int) -> NDArray[np.float64]:
    """Return how often each of three intervals holds the true value."""
    hits = np.zeros(3)
    for seed in range(draws):
        votes = crowd(seed, *design)
        found = function(votes)
        reach = stdtrit(found.n_items - 1, 0.975) * found.standard_error
        again = function(votes, method="bootstrap", n_bootstrap=400)
        hits += (
            found.low <= true <= found.high,
            abs(found.value - true) <= reach,
            again.low <= true <= again.high,
        )
    return hits / draws


def crowd(
    seed: int, n_items: int, n_annotators: int, right: float, rare: float, missing: float
) -> NDArray[np.float64]:
    """Return a table of votes with gaps."""
    random = np.random.default_rng(seed)
    truth = random.random((n_items, 1)) < rare
    shape = (n_items, n_annotators)
    table = np.where(random.random(shape) > right, ~truth, truth).astype(float)
    table[random.random(shape) < missing] = np.nan
    return table


if __name__ == "__main__":
    main()
