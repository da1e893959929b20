"""Train any classifier on what many annotators say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from aggregate._all_or_nothing import all_or_nothing
from aggregate._encoding import encode
from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.learning._votes import refuse_another_order
from aggregate.learning.soft_labels._columns import named_columns
from aggregate.learning.soft_labels._expansion import check_soft_labels
from aggregate.learning.soft_labels._targets import one_hot
from aggregate.learning.soft_labels._trains_on_soft_labels import TrainsOnSoftLabels
from aggregate.models import DawidSkene
from aggregate.models._gold import as_given, gold_codes

Float = NDArray[np.float64]

STRATEGIES = ("soft", "hard", "sample")
_FROM_AGGREGATOR = (
    "annotator_skill_",
    "class_prior_",
    "confusion_",
    "converged_",
    "n_iter_",
    "objective_path_",
)


class CrowdClassifier(TrainsOnSoftLabels):
    r"""Train any classifier on the soft labels of a crowd.

    An aggregator turns votes into probabilities of the classes, :math:`p_{ik}`, and the estimator
    minimises its own loss :math:`\ell` (and its own penalty) on them:

    .. math:: \sum_i w_i \sum_k c_k \, p_{ik} \, \ell(k, f(x_i)),

    with weights of rows w and of classes c. How depends on what the estimator can take
    (``way_`` says which):

    ``"weights"``
        It takes ``sample_weight``: a copy of each row for each class, weighted. Exact for log
        loss and squared error, the weighted form of hinge losses and of the impurity of trees.
        A row's copies weigh 1 together, so ``C``, ``alpha`` and their like keep their meaning.
    ``"targets"``
        It is a regressor (ridge, nearest neighbours, a forest, a network): the soft labels are
        its targets, without copies, and its predictions are moved to the nearest distribution.
    ``"draws"``
        It takes no weights (nearest neighbours, LDA, QDA, Gaussian processes), or sets rows aside
        by itself (early stopping, ``LogisticRegressionCV``, ``oob_score``), where copies of a
        row would be on both sides, or it is a kernel machine (`SVC`) that so many copies would
        slow down more than as many fits: labels are drawn ``n_samples`` times, and the fits
        averaged.
    ``"labels"``
        Every row has one class: an ordinary fit (all of the same class: no fit, that class).

    The transformers of a `Pipeline` see every row once (with its likeliest class). A
    `GridSearchCV` or `RandomizedSearchCV` within judges candidates on whole rows, by expected
    scores; `CalibratedClassifierCV`, `StackingClassifier` and early stopping of
    `HistGradientBoostingClassifier` keep the copies of a row together, too.

    Copies change what numbers of rows mean: ``min_samples_leaf`` counts copies
    (``min_weight_fraction_leaf`` does not), a bag draws copies.

    It fails where soft labels are wrong and sure, which no classifier can mend: see
    `aggregate.Calibrated` and ``temperature``. Where rows are few and
    features many, soft labels need another penalty than hard ones: choose it by a search.

    Parameters
    ----------
    estimator : classifier or regressor, optional
        By default a `LogisticRegression`.
    aggregator : aggregator, optional
        By default a `DawidSkene`.
    strategy : {"soft", "hard", "sample"}
        Train on probabilities, on the likeliest class (classes that tie share the row: a rule
        would favour one of them throughout), or on draws in any case.
    n_samples : int, default=10
        Draws, where labels are drawn.
    class_weight : None, "balanced" or mapping class -> weight
        c; "balanced" makes the masses :math:`\sum_i w_i p_{ik}` of all classes equal. The
        estimator's own "balanced" counts copies, and is refused.
    weight_by_confidence : bool, default=False
        Rows weigh as the probability of their likeliest class (on average 1). With "hard" that
        keeps some of what soft labels know, for the price of one fit.
    label_smoothing : float, default=0
        s of :math:`(1 - s) p_{ik} + s / K`.
    temperature : float, default=1
        T of :math:`p_{ik} \propto p_{ik}^{1/T}`, before smoothing; above 1 for softer labels.
    min_mass : float, default=1e-3
        Classes that are less probable get no copy of a row (before smoothing).
    random_state : int, Generator or None, default=0
        Seed of draws, and of every ``random_state`` within the estimator that is None.
    n_jobs : int, optional
        Processes over draws.

    Attributes
    ----------
    estimator_ : fitted estimator
        The mean of several with "draws" (``estimator_.estimators_``); with "targets", the
        regressor is ``estimator_.regressor_``.
    way_ : {"weights", "targets", "draws", "labels"}
        How the estimator was told the labels.
    aggregator_ : fitted aggregator
        None where there is one annotator, whose labels are taken as they are.
    classes_ : ndarray of shape (K,)
        Also those that no soft label names; their probability is 0.
    probas_ : ndarray of shape (N, K)
        Soft labels of the training rows, before temperature and smoothing.
    labels_ : ndarray of shape (N,)
        Their likeliest classes.
    n_unlabelled_ : int
        Rows without any vote or gold, which do not train.
    class_prior_, confusion_, annotator_skill_, annotators_, n_iter_, converged_, objective_path_
        Of the aggregator, where it has them.
    n_features_in_, feature_names_in_
        Of the estimator, where it has them.

    References
    ----------
    J. C. Peterson, R. M. Battleday, T. L. Griffiths and O. Russakovsky, Human uncertainty makes
    classification more robust, International Conference on Computer Vision, 2019 (training on
    the distribution of people's labels).

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import CrowdClassifier
    >>> X = np.array([[0.0], [0.5], [1.0], [3.0], [3.5], [4.0]])
    >>> votes = [[0, 0, 1], [0, 0, -1], [0, 1, 0], [1, 1, -1], [1, 0, 1], [-1, 1, 1]]
    >>> model = CrowdClassifier().fit(X, votes)
    >>> model.predict([[0.2], [3.8]])
    array([0, 1])
    >>> model.way_
    'weights'
    >>> model.score(X, [0, 0, 0, 1, 1, 1])
    1.0
    """

    def __init__(
        self,
        estimator: Any = None,
        aggregator: Any = None,
        *,
        strategy: str = "soft",
        n_samples: int = 10,
        class_weight: Any = None,
        weight_by_confidence: bool = False,
        label_smoothing: float = 0.0,
        temperature: float = 1.0,
        min_mass: float = 1e-3,
        random_state: int | np.random.Generator | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.aggregator = aggregator
        self.strategy = strategy
        self.n_samples = n_samples
        self.class_weight = class_weight
        self.weight_by_confidence = weight_by_confidence
        self.label_smoothing = label_smoothing
        self.temperature = temperature
        self.min_mass = min_mass
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        gold: Any = None,
        items: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> CrowdClassifier:
        """Aggregate the votes and train the estimator on the soft labels.

        Parameters
        ----------
        X : array-like, data frame, sparse table or list of shape (N, …)
            Features: whatever the estimator takes.
        y : Annotations or array-like of shape (N, M) or (N,)
            Votes: a table in which -1, NaN and None are missing, or a container; or a vector
            of labels, which are taken as they are, without an aggregator.
        gold : mapping item -> class or array-like of shape (N,), optional
            Known truth of some rows (-1, NaN, None: unknown).
        items : array-like of shape (N,), optional
            What the rows are called; items of a container are then found by name. Without it,
            row i is item i (a data frame whose index says otherwise is refused).
        sample_weight : array-like of shape (N,), optional
            Weights of the rows in the training of the estimator (not in the aggregation).
        groups : array-like of shape (N,), optional
            Rows that internal cross-validation (a search's, a calibration's) keeps together.

        Returns
        -------
        self
        """
        with all_or_nothing(self):
            self._check_parameters()
            self._forget()
            votes = self._read_votes(X, y, items)
            truth = gold_codes(gold, votes)
            once = votes.n_annotators == 1 and votes.labels_per_item.max() == 1
            probas = self._settled(votes, truth) if once else self._aggregate(votes, truth)
            labelled = np.asarray(votes.labels_per_item > 0)
            if truth is not None:
                labelled = labelled | (truth >= 0)
            return self._train(X, probas, labelled, sample_weight, groups)

    def fit_soft(
        self,
        X: Any,
        soft_labels: ArrayLike,
        *,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> CrowdClassifier:
        """Train the estimator on soft labels that are there already.

        Parameters
        ----------
        X : array-like, data frame, sparse table or list of shape (N, …)
            Features: whatever the estimator takes.
        soft_labels : array-like of shape (N, K)
            Probabilities of the classes; rows of zeros do not train.
        classes : array-like of shape (K,), optional
            What the columns are called; by default as in a data frame, else 0 to K - 1.
        sample_weight, groups
            As in `fit`.

        Returns
        -------
        self
        """
        self._check_parameters()
        probas = check_soft_labels(soft_labels)
        refuse_another_order(X, soft_labels, None, "soft labels")
        check_consistent_length(X, probas)
        n_classes = probas.shape[1]
        classes = named_columns(soft_labels) if classes is None else classes
        names = np.arange(n_classes) if classes is None else np.asarray(classes)
        if len(names) != n_classes or len(encode(names, "classes")[1]) != n_classes:
            raise ValueError(
                f"classes must name the {n_classes} columns of the soft labels, each differently; "
                f"got {names.tolist()}."
            )
        with all_or_nothing(self):
            self._forget()
            self.classes_ = names
            self.class_prior_ = probas.sum(axis=0) / max(probas.sum(), 1)
            labelled = np.asarray(probas.any(axis=1))
            return self._train(X, probas, labelled, sample_weight, groups)

    # Steps ---------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        self._check_estimators()
        check_choice("strategy", self.strategy, STRATEGIES)
        check_choice("weight_by_confidence", self.weight_by_confidence, (False, True))
        check_number("n_samples", self.n_samples, low=1, integer=True)
        check_number("label_smoothing", self.label_smoothing, low=0, high=1)
        check_number("temperature", self.temperature, low=0, low_open=True)
        check_number("min_mass", self.min_mass, low=0, high=1)

    def _forget(self) -> None:
        for name in ("aggregator_", "annotators_", "items_", *_FROM_AGGREGATOR):
            if hasattr(self, name):
                delattr(self, name)

    def _settled(self, votes: Annotations, truth: NDArray[np.int32] | None) -> Float:
        """Return one-hot labels: of one annotator, nothing tells who errs."""
        codes = np.full(votes.n_items, -1)
        codes[votes.item] = votes.label
        if truth is not None:
            codes = np.where(truth >= 0, truth, codes)
        probas = one_hot(codes, votes.n_classes)
        self.class_prior_ = probas.sum(axis=0) / probas.sum()
        probas[codes < 0] = self.class_prior_
        self.aggregator_: Any = None
        return probas

    def _aggregate(self, votes: Annotations, truth: NDArray[np.int32] | None) -> Float:
        aggregator = DawidSkene() if self.aggregator is None else clone(self.aggregator)
        known = None if truth is None else as_given(truth, votes)
        self.aggregator_ = aggregator.fit(votes, gold=known)
        for name in _FROM_AGGREGATOR:
            if hasattr(self.aggregator_, name):
                setattr(self, name, getattr(self.aggregator_, name))
        return np.asarray(self.aggregator_.probas_)
