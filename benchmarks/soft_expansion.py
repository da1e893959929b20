"""What soft labels cost beside hard ones: python benchmarks/soft_expansion.py [ITEMS].

ITEMS (by default 5000) with 20 features, 5 labels each by a simulated crowd of 50, K classes, soft
labels by Dawid-Skene. *copies* are those of an average row (classes of more than ``min_mass``). The
columns are the processor time of a fit on soft labels over that of one weighted fit of the same
estimator on the rows' likeliest classes, in the same run, for three values of ``min_mass``; K is
the bound to keep under. *draws* is the time of five fits to drawn labels (``strategy="sample"``).
*changes* is what leaving out classes below 1e-3 changes: the largest difference of a probability
on the training rows to ``min_mass=0`` (estimators that draw random numbers differ anyway). The
tasks of a row take turns; each figure is the least of two. The support vector machine, whose time
grows with the square of the rows, has a tenth of the items, and is trained on ten draws where the
square of the copies is more than that.

The last table is memory: the peak of NumPy's allocations during the expansion and the fit, over
the size of X (logistic regression, dense and sparse X with 1000 columns, K = 10).
"""

from __future__ import annotations

import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.sparse import random_array
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from aggregate import CrowdClassifier, DawidSkene, simulate_annotations

Float = NDArray[np.float64]

CLASSES = (2, 5, 10)
MASSES = (0.0, 1e-3, 1e-2)
RUNS = 2
DRAWS = 5
ESTIMATORS: dict[str, Any] = {
    "logistic regression": LogisticRegression(C=0.1, max_iter=1000),
    "SGD, log loss": SGDClassifier(loss="log_loss", max_iter=10, tol=None, random_state=0),
    "naive Bayes": GaussianNB(),
    "random forest": RandomForestClassifier(10, max_depth=8, random_state=0),
    "gradient boosting": HistGradientBoostingClassifier(max_iter=3, early_stopping=False),
    "MLP, 10 epochs": MLPClassifier((20,), max_iter=10, n_iter_no_change=20, random_state=0),
    "SVC": SVC(),
}


def main() -> None:
    """Print the tables."""
    n_items = int(float(sys.argv[1])) if len(sys.argv) > 1 else 5000
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn "
        f"{sklearn.__version__}; {n_items} items, least of {RUNS} runs\n"
    )
    head = "".join(f"{f'min_mass={mass:g}':>16}" for mass in MASSES)
    print(f"{'K':>3} {'':22}{'1 fit, s':>10}{head}{'draws':>9}{'changes':>10}")
    for n_classes in CLASSES:
        X, soft = problem(n_items, n_classes)
        copies = [(soft >= max(mass, 1e-300)).sum() / n_items for mass in MASSES]
        print(f"{n_classes:3} {'copies':32}" + "".join(f"{value:16.2f}" for value in copies))
        for name, estimator in ESTIMATORS.items():
            part = slice(None, None, 10 if isinstance(estimator, SVC) else 1)
            print(f"{n_classes:3} {name:22}" + measure(estimator, X[part], soft[part]), flush=True)
    print("\nMemory, peak over the size of X\n")
    for name, line in memory():
        print(f"{name:10}{line}", flush=True)


def problem(n_items: int, n_classes: int) -> tuple[Float, Float]:
    """Return features and soft labels."""
    drawn = simulate_annotations(n_items, 50, n_classes, accuracy=(0.4, 0.9), random_state=0)
    random = np.random.default_rng(0)
    centres = random.normal(size=(n_classes, 20))
    truth = np.searchsorted(drawn.annotations.classes, drawn.truth)
    X = centres[truth] + 1.5 * random.normal(size=(n_items, 20))
    return X, DawidSkene().fit(drawn.annotations).probas_


def measure(estimator: Any, X: Float, soft: Float) -> str:
    """Return a row: seconds of one weighted fit, ratios, and what is lost."""
    labels, weight = soft.argmax(axis=1), soft.max(axis=1)
    tasks: list[Callable[[], Any]] = [
        lambda: clone(estimator).fit(X, labels, sample_weight=weight),
        *(
            lambda mass=mass: CrowdClassifier(estimator, min_mass=mass).fit_soft(X, soft)
            for mass in MASSES
        ),
        lambda: CrowdClassifier(estimator, strategy="sample", n_samples=DRAWS).fit_soft(X, soft),
    ]
    seconds = np.full(len(tasks), np.inf)
    fitted = [None] * len(tasks)
    for _ in range(RUNS):
        for place, task in enumerate(tasks):
            start = time.process_time()
            fitted[place] = task()
            seconds[place] = min(seconds[place], time.process_time() - start)
    text = f"{seconds[0]:10.3f}" + "".join(f"{value:16.2f}" for value in seconds[1:-1] / seconds[0])
    text += f"{seconds[-1] / seconds[0]:9.2f}"
    every, most = fitted[1], fitted[2]
    if not hasattr(every, "predict_proba"):
        return text
    return text + f"{abs(every.predict_proba(X) - most.predict_proba(X)).max():10.4f}"


def memory() -> list[tuple[str, str]]:
    """Return the peaks of an ordinary fit and of soft ones, dense and sparse."""
    _, soft = problem(5000, 10)
    random = np.random.default_rng(0)
    tables = {
        "dense": random.normal(size=(5000, 1000)),
        "sparse": random_array((5000, 1000), density=0.05, format="csr", rng=random),
    }
    estimator = LogisticRegression(max_iter=5, tol=10.0)
    lines = []
    for name, X in tables.items():
        size = X.nbytes if name == "dense" else X.data.nbytes + X.indices.nbytes
        hard = peak(lambda X=X: clone(estimator).fit(X, soft.argmax(axis=1)))
        parts = [f"hard {hard / size:6.2f}"]
        for mass in MASSES:
            model = CrowdClassifier(estimator, min_mass=mass)
            taken = peak(lambda X=X, model=model: model.fit_soft(X, soft))
            copies = (soft >= max(mass, 1e-300)).sum() / len(soft)
            parts.append(f"   min_mass={mass:g}: {taken / size:6.2f} for {copies:.2f} copies")
        lines.append((name, "".join(parts)))
    return lines


def peak(task: Callable[[], Any]) -> float:
    """Return the most bytes that were allocated at a time."""
    tracemalloc.start()
    task()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(most)


if __name__ == "__main__":
    main()
