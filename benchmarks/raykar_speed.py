"""CPU seconds of `RaykarClassifier` beside EM and its regressions: raykar_speed.py [ROWS].

``python benchmarks/raykar_speed.py`` draws 10 and 100 thousand rows (or ROWS) with 100 features of
10 classes, five labels each by 1000 annotators, and prints for each size

``climb``      the joint fit, C given and no rows left out, to its default tolerance;
``passes``     steps of that climb;
``EM``         plain EM of the same objective to a tolerance of 1e-6, each regression by at most 20
               steps of L-BFGS from the one before; ``rounds`` of it, and its objective less ours;
``K fits``     K weighted one-against-rest fits of scikit-learn's logistic regression to the final
               posteriors: what a single M-step costs there;
``honest``     the joint fit with five folds for ``probas_``;
``cv``         the same with C chosen.

Ratios are to ``climb``. Needs OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import platform
import sys
import time
from typing import Any

import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from aggregate import Annotations, RaykarClassifier
from aggregate.learning.raykar._crowd_rows import CrowdRows
from aggregate.learning.raykar._joint_likelihood import JointLikelihood, Point
from aggregate.learning.raykar._scaled_features import scale_features
from aggregate.models._confusions import prior_confusion

Float = NDArray[np.float64]

FEATURES, CLASSES, LABELS, ANNOTATORS = 100, 10, 5, 1000


def main() -> None:
    """Print the table."""
    sizes = [int(float(sys.argv[1]))] if len(sys.argv) > 1 else [10_000, 100_000]
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"scikit-learn {sklearn.__version__}, one thread\n"
        f"{FEATURES} features, {CLASSES} classes, {LABELS} labels per row, {ANNOTATORS} "
        "annotators\n"
    )
    heads = ("climb", "passes", "EM", "ratio", "rounds", "EM - ours", "K fits", "ratio")
    print(f"{'rows':>8}" + "".join(f"{head:>10}" for head in (*heads, "honest", "cv")), flush=True)
    RaykarClassifier(n_folds=2).fit(*draw(500))  # compiles
    for n_rows in sizes:
        row(*draw(n_rows))


def draw(n_rows: int) -> tuple[Float, Annotations]:
    """Return features and votes; annotators differ in skill, and err evenly."""
    random = np.random.default_rng(0)
    X = random.normal(size=(n_rows, FEATURES)) + random.normal(size=(n_rows, 1))
    scores = X @ (0.4 * random.normal(size=(FEATURES, CLASSES)))
    truth = (scores + random.gumbel(size=scores.shape)).argmax(axis=1)
    skill = random.uniform(0.3, 0.9, ANNOTATORS)
    item = np.repeat(np.arange(n_rows), LABELS)
    annotator = random.integers(0, ANNOTATORS, len(item))
    right = random.random(len(item)) < skill[annotator]
    label = np.where(right, truth[item], random.integers(0, CLASSES, len(item)))
    return X, Annotations.from_columns(item, annotator, label)


def row(X: Float, votes: Annotations) -> None:
    """Measure and print one row of the table."""
    model, ours = fit_seconds(X, votes, C=1.0, n_folds=None)
    features = scale_features(X, True)
    rows = CrowdRows(features, votes, None)
    problem = JointLikelihood(rows, prior_confusion(CLASSES, 0.7), 4.0, 1.0)
    begin = time.process_time()
    objective, rounds = plain_em(problem)
    em = time.process_time() - begin
    begin = time.process_time()
    for k in range(CLASSES):
        twice = np.repeat([0, 1], len(X))
        weights = np.concatenate([1 - model.probas_[:, k], model.probas_[:, k]])
        LogisticRegression().fit(np.vstack([features.table] * 2), twice, sample_weight=weights)
    k_fits = time.process_time() - begin
    print(
        f"{len(X):8}{ours:10.1f}{model.n_iter_:10}{em:10.1f}{em / ours:10.1f}{rounds:10}"
        f"{objective - model.objective_path_[-1]:10.1f}{k_fits:10.1f}{k_fits / ours:10.1f}",
        end="",
        flush=True,
    )
    print(f"{fit_seconds(X, votes, C=1.0)[1]:10.1f}", end="", flush=True)
    print(f"{fit_seconds(X, votes)[1]:10.1f}", flush=True)


def fit_seconds(X: Float, votes: Annotations, **parameters: Any) -> tuple[RaykarClassifier, float]:
    """Return a fitted model and how long that took."""
    begin = time.process_time()
    model = RaykarClassifier(**parameters).fit(X, votes)
    return model, time.process_time() - begin


def plain_em(problem: JointLikelihood, tol: float = 1e-6) -> tuple[float, int]:
    """Return the objective that plain EM reaches, and its rounds."""
    point, before, rounds = problem.start(), -np.inf, 0
    while True:
        view = problem.view(point)
        rounds += 1
        if view.objective - before <= tol * abs(view.objective):
            return view.objective, rounds
        before = view.objective
        table = problem.structure.maximise(view.counts)
        point = Point(*regression(problem, point, view.posterior), table)


def regression(problem: JointLikelihood, point: Point, soft: Float) -> tuple[Float, Float]:
    """Return weights and intercept after some steps towards given soft labels."""
    shape = point.weights.shape

    def fall(flat: Float) -> tuple[float, Float]:
        there = Point(flat[: -shape[1]].reshape(shape), flat[-shape[1] :], point.table)
        log_probas, probas = problem.classify(there)
        value = np.vdot(soft, log_probas) + problem.log_prior(there)
        slope = problem.rows.features.back(soft - probas) - problem.ridge * there.weights
        centre = np.exp(there.intercept - np.logaddexp.reduce(there.intercept))
        shift = (soft - probas).sum(axis=0) + problem.strength * (1 / CLASSES - centre)
        return -value, -np.concatenate([slope.ravel(), shift])

    flat = np.concatenate([point.weights.ravel(), point.intercept])
    end = minimize(fall, flat, jac=True, method="L-BFGS-B", options={"maxiter": 20})
    return end.x[: -shape[1]].reshape(shape), end.x[-shape[1] :]


if __name__ == "__main__":
    main()
