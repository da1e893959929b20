"""Machine annotators: real votes with real, shared errors, and no download.

Simulated annotators err at random; people err together on what is hard. So do classifiers: those
trained on a few examples each confuse the same digits. Their votes on the other items make a
crowd with features and known truth, in a second, from the data that scikit-learn brings along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations

MACHINE_DATASETS: Final = {
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
    "wine": load_wine,
}
_KINDS: Final = (
    lambda seed: LogisticRegression(max_iter=1000),
    lambda seed: GaussianNB(var_smoothing=1e-2),
    lambda seed: KNeighborsClassifier(1),
    lambda seed: DecisionTreeClassifier(random_state=seed),
)


@dataclass(frozen=True)
class MachineCrowd:
    """Features, machines' votes and truth; see `load_machine_crowd`.

    Attributes
    ----------
    X : ndarray of shape (N, D)
        Features of the items that the machines labelled.
    annotations : Annotations
        Their votes; item i is row i of ``X``.
    truth : ndarray of shape (N,)
        The true classes of those items, for judging only.
    X_test, y_test : ndarray of shape (n, D), (n,)
        Further items, without votes, and their true classes.
    """

    X: NDArray[np.float64]
    annotations: Annotations
    truth: NDArray[Any]
    X_test: NDArray[np.float64]
    y_test: NDArray[Any]


def load_machine_crowd(
    name: str = "digits",
    *,
    n_annotators: int = 20,
    labels_per_item: int = 4,
    examples: int = 30,
    random_state: int | np.random.Generator | None = None,
) -> MachineCrowd:
    """Return votes that classifiers trained on few examples give to built-in data.

    Each annotator is a logistic regression, a naive Bayes, a nearest neighbour or a tree, in
    turn. A third of the data is their school: each learns from ``examples`` items of it (one of
    each class at least), with three quarters of the features or more. A half of the data gets
    ``labels_per_item`` votes per item, by annotators drawn at random. The last sixth is for
    tests.

    Parameters
    ----------
    name : {"digits", "breast_cancer", "wine"}
        1797 images of 10 digits, 64 pixels each; 569 tumours of 2 kinds, 30 measurements;
        178 wines of 3 kinds, 13 measurements.
    n_annotators : int
        M.
    labels_per_item : int
        Votes per item, at most M.
    examples : int
        Items that an annotator has learned from, at least one per class; fewer make worse
        annotators.
    random_state : int or Generator, optional
        Seed of the split, the annotators and their items.

    Returns
    -------
    MachineCrowd

    Raises
    ------
    ValueError
        If the name is none of the three or a number is out of its range.

    Examples
    --------
    >>> from aggregate.learning import load_machine_crowd
    >>> crowd = load_machine_crowd("digits", random_state=0)
    >>> crowd.annotations
    Annotations(898 items, 20 annotators, 10 classes, 3592 annotations)
    >>> crowd.X.shape, crowd.X_test.shape
    ((898, 64), (300, 64))
    """
    check_choice("name", name, tuple(MACHINE_DATASETS))
    check_number("n_annotators", n_annotators, low=1, integer=True)
    check_number("labels_per_item", labels_per_item, low=1, high=n_annotators, integer=True)
    rng = np.random.default_rng(random_state)
    X, y = MACHINE_DATASETS[name](return_X_y=True)
    order = rng.permutation(len(y))
    school, work, test = np.split(order, [len(y) // 3, len(y) // 3 + len(y) // 2])
    n_classes = int(y.max()) + 1
    check_number("examples", examples, low=n_classes, high=len(school), integer=True)
    said = np.full((len(work), n_annotators), -1)
    for j in range(n_annotators):
        said[:, j] = _annotate(j, X[school], y[school], X[work], examples, rng)
    asked = rng.random(said.shape).argsort(axis=1) < labels_per_item
    votes = Annotations.from_matrix(
        np.where(asked, said, -1), missing=-1, classes=np.arange(n_classes)
    )
    return MachineCrowd(X[work], votes, y[work], X[test], y[test])


def _annotate(
    kind: int,
    X: NDArray[np.float64],
    y: NDArray[Any],
    X_work: NDArray[np.float64],
    examples: int,
    rng: np.random.Generator,
) -> NDArray[Any]:
    """Train one annotator on a few of the items and return its labels of the others."""
    order = rng.permutation(len(y))
    firsts = order[np.unique(y[order], return_index=True)[1]]  # one of each class
    seen = np.concatenate((firsts, np.setdiff1d(order, firsts, assume_unique=True)))[:examples]
    share = rng.uniform(0.75, 1)
    columns = rng.permutation(X.shape[1])[: int(share * X.shape[1])]
    machine = make_pipeline(StandardScaler(), _KINDS[kind % len(_KINDS)](int(rng.integers(2**31))))
    machine.fit(X[np.ix_(seen, columns)], y[seen])
    return np.asarray(machine.predict(X_work[:, columns]))
