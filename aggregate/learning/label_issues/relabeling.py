"""Which items to show to somebody again, now that a classifier has an opinion, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.fusion import decide
from aggregate.inspection import NextLabels, next_labels
from aggregate.learning._votes import read_votes, refuse_another_order
from aggregate.learning.refining._classifier_posterior import classifier_posterior
from aggregate.learning.refining.crowdlab_refiner import CrowdLabRefiner

Float = NDArray[np.float64]

METHODS = ("posterior", "activelab")


@dataclass(frozen=True, eq=False)
class RelabelQueue:
    """What `relabel_queue` returns: all items, those to ask about first at the head.

    Attributes
    ----------
    items : ndarray of shape (N,)
    score : ndarray of shape (N,)
        Rising; low where another label is worth most.
    labels : ndarray of shape (N,)
        What each item is taken for now.
    confidence : ndarray of shape (N,)
        Probability of that.
    n_labels : ndarray of shape (N,)
        Votes there are.
    pairs : NextLabels or None
        With a budget: whom to ask about what.
    """

    items: NDArray[Any]
    score: Float
    labels: NDArray[Any]
    confidence: Float
    n_labels: NDArray[np.int64]
    pairs: NextLabels | None = None

    def __len__(self) -> int:
        return len(self.items)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the queue as columns of a table."""
        return {"item": self.items, "score": self.score, "label": self.labels,
                "confidence": self.confidence, "n_labels": self.n_labels}  # fmt: skip

    def __str__(self) -> str:
        names = ("item", "label", "confidence", "n_labels", "score")
        head = [self.columns()[name][:10].tolist() for name in names]
        lines = [f"{len(self)} items, those where another label is worth most first"]
        for item, label, confidence, n_labels, score in zip(*head, strict=True):
            lines.append(
                f"  {item!s:>16}  {label!s} ({confidence:.0%} after {n_labels} labels)  {score:.3f}"
            )
        return "\n".join(lines if self.pairs is None else [*lines, str(self.pairs)])


def relabel_queue(
    model: CrowdLabRefiner,
    votes: Any,
    *,
    method: str = "posterior",
    annotator_correlation: float = 0.4,
    budget: float | None = None,
    **options: Any,
) -> RelabelQueue:
    r"""Return the items in the order in which another label of them is worth having.

    The score is ActiveLab's,

    .. math:: \frac{q_i \bigl(w + \sum_{j \in i} s_j\bigr) + \bar s / K}
                   {w + \sum_{j \in i} s_j + \bar s},

    with the confidence :math:`q_i`, the weights w of the classifier and :math:`s_j` of the
    annotators who labelled the item, and their mean. It is the confidence after one more label of
    a typical annotator who knew nothing: items that few labels settle come before items that many
    labels settle as surely.

    ``"activelab"`` takes for :math:`q_i` CROWDLAB's average, which is unsure of everything.
    ``"posterior"`` takes the probability of the likeliest class by `posterior_with_classifier`,
    which can be held against the truth.

    With a ``budget``, that posterior is handed to `aggregate.next_labels`, which says whom to ask:
    it knows the annotators and, this way, hears the classifier.

    Parameters
    ----------
    model : CrowdLabRefiner
        Fitted.
    votes : Annotations or array-like of shape (N, M) or (N,)
        Votes on the training rows: items are found by name, rows of a table by their order.
    method : {"posterior", "activelab"}
    annotator_correlation : float, default=0.4
        ρ by which annotators err together; not used by "activelab".
    budget : float, optional
        What the next labels may cost.
    **options
        For `aggregate.next_labels`, beside a budget: prices, costs, candidates, target error, seed.

    Returns
    -------
    RelabelQueue

    Raises
    ------
    ValueError
        If the votes are not about the training rows (a data frame in another order is refused), or
        by others than the fitted annotators.
    TypeError
        If there are options and no budget.

    References
    ----------
    H. W. Goh and J. Mueller, ActiveLab: active learning with re-labeling by multiple annotators,
    arXiv:2301.11856, 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.learning import CrowdLabRefiner, relabel_queue
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=100)
    >>> X = rng.normal(size=(100, 2)) + 2 * truth[:, None]
    >>> votes = np.where(rng.random((100, 3)) < 0.8, truth[:, None], 1 - truth[:, None])
    >>> votes[::2, 2] = -1
    >>> queue = relabel_queue(CrowdLabRefiner().fit(X, votes), votes, budget=5)
    >>> bool((np.diff(queue.score) >= 0).all()), len(queue.pairs)
    (True, 5)
    """
    check_choice("method", method, METHODS)
    if options and budget is None:
        raise TypeError(f"{', '.join(options)} tell whom to ask within a budget: give budget, too.")
    annotations = _check_votes(model, votes)
    posterior = posterior_with_classifier(
        model, annotations, annotator_correlation=annotator_correlation
    )
    soft = posterior if method == "posterior" else model.aggregator_.probas_
    codes = decide(soft, class_prior=model.class_prior_)
    confidence = soft[np.arange(len(soft)), codes]
    score = activelab_score(model, annotations, confidence)
    # Between equals the less labelled, then the less sure; names, so that order means nothing.
    order = np.lexsort((annotations.items.astype(str), annotations.labels_per_item, score))
    pairs = None
    if budget is not None:
        informed: Any = _Informed(model, posterior, annotator_correlation)
        pairs = next_labels(informed, annotations, budget, **options)
    return RelabelQueue(
        annotations.items[order],
        score[order],
        model.classes_[codes][order],
        confidence[order],
        annotations.labels_per_item[order],
        pairs,
    )


def posterior_with_classifier(
    model: CrowdLabRefiner, votes: Any, *, annotator_correlation: float = 0.4
) -> Float:
    r"""Return soft labels of the training rows from the classifier and the annotators together.

    .. math:: q_{ik} \propto \hat p_{ik}
        \Bigl(\prod_{j \in i} A_j[k, y_{ij}]\Bigr)^{1 / (1 + (r_i - 1) \rho)}

    with the classifier's softened out-of-fold probabilities for the prior, the annotators'
    confusions A, :math:`r_i` labels and the design effect of annotators whose errors have the
    correlation ρ. Where CROWDLAB's average is robust and unsure of everything, this is a posterior.

    Parameters
    ----------
    model : CrowdLabRefiner
        Fitted.
    votes : Annotations or array-like of shape (N, M) or (N,)
        Votes on the training rows: items are found by name, rows of a table by their order.
    annotator_correlation : float, default=0.4

    Returns
    -------
    ndarray of shape (N, K)
        In the order of the training rows; those with gold are held to it.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.learning import CrowdLabRefiner, posterior_with_classifier
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=100)
    >>> X = rng.normal(size=(100, 2)) + 2 * truth[:, None]
    >>> votes = np.where(rng.random((100, 3)) < 0.8, truth[:, None], 1 - truth[:, None])
    >>> model = CrowdLabRefiner().fit(X, votes)
    >>> posterior = posterior_with_classifier(model, votes)
    >>> [round(float(soft.max(axis=1).mean()), 2) for soft in (model.probas_, posterior)]
    [0.69, 0.88]
    """
    check_number("annotator_correlation", annotator_correlation, low=0, high=1)
    annotations = _check_votes(model, votes)
    return classifier_posterior(
        annotations,
        model.confusion_,
        model.classifier_probas_,
        annotator_correlation,
        model.gold_codes_,
    )


def activelab_score(model: CrowdLabRefiner, annotations: Annotations, confidence: Float) -> Float:
    """Return ActiveLab's score of each item; see `relabel_queue`."""
    given = model.annotator_weight_[annotations.annotator]
    by_item = np.bincount(annotations.item, given, minlength=annotations.n_items)
    weight = by_item + model.classifier_weight_
    typical = model.annotator_weight_.mean()
    return np.asarray((confidence * weight + typical / annotations.n_classes) / (weight + typical))


class _Informed:
    """A refiner in the shape of an aggregator, for `next_labels`."""

    def __init__(self, model: CrowdLabRefiner, posterior: Float, correlation: float) -> None:
        self.classes_, self.annotators_ = model.classes_, model.annotators_
        self.confusion_ = model.confusion_
        self.annotator_correlation_ = correlation
        self._posterior = posterior

    def predict_proba(self, annotations: Annotations) -> Float:
        """Return the posterior of the training rows."""
        return self._posterior


def _check_votes(model: CrowdLabRefiner, votes: Any) -> Annotations:
    for name in ("classifier_probas_", "confusion_"):
        if not hasattr(model, name):
            raise ValueError(
                f"{type(model).__name__} has no {name}: a fitted CrowdLabRefiner is wanted."
            )
    rows = len(model.classifier_probas_)
    refuse_another_order(None, votes, model.items_)
    names = model.items_ if isinstance(votes, Annotations) else None
    annotations = read_votes(votes, rows, names)
    same = np.array_equal(annotations.classes, model.classes_)
    if not same or not np.array_equal(annotations.annotators, model.annotators_):
        raise ValueError(
            "the votes have other classes or annotators than those of the fit: pass the same "
            "Annotations or table."
        )
    return annotations
