"""A classifier trained on labels that classifiers of the single annotators have sifted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion import vote_counts
from aggregate.learning.refining._agree_disagree import Refined, refine_agree_disagree
from aggregate.learning.refining._refiner import Gold, Refiner
from aggregate.learning.soft_labels._expansion import take_rows
from aggregate.learning.soft_labels._targets import one_hot
from aggregate.learning.soft_labels.out_of_fold import OutOfFold
from aggregate.models import DawidSkene
from aggregate.models._gold import as_given

Float = NDArray[np.float64]


class CollaborativeRefiner(Refiner):
    """Trains one classifier on labels that one sub-model per annotator has chosen or dropped.

    Each annotator's labels train a sub-model. Where annotators disagree, the sub-models' losses
    tell which of the labels given fits the features best; where all agree, items that every
    sub-model finds among its worst are dropped. What is left trains the classifier, with
    weights. See `refine_agree_disagree` for the rules.

    This is our reconstruction of collaborative refining (CRL) from its published description, for
    any scikit-learn classifier: out-of-fold losses instead of losses by epoch, refits with other
    folds in their place, noise rates from Dawid-Skene. It is not the authors' algorithm, and their
    figures do not apply to it.

    It wants few annotators with many labels each. Annotators with few labels, or of one class,
    share a sub-model; in a crowd of passers-by little more than that is left, and the union over
    many sub-models keeps nearly everything. It fails where the features tell the annotators'
    shared mistakes. On the four sets it was tried on, the classifier at the end was on the whole no
    better than one trained on the vote's shares, though the labels were: see the guide.

    Parameters
    ----------
    estimator : classifier, optional
        With ``predict_proba``, for the sub-models and for the end; by default logistic regression
        on standardised features.
    n_folds : int, default=5
        Folds of the sub-models' out-of-fold probabilities.
    n_repeats : int, default=3
        Versions of each sub-model, with other folds.
    min_labels : int, optional
        Annotators with fewer labels share a sub-model; by default, ten per class.
    noise_rate : "auto" or float or array-like of shape (M,)
        Share of wrong labels among those nobody contradicts: estimated by Dawid-Skene (0 where no
        item has two labels, since nothing tells), or given, for all or by annotator.
    random_state : int, Generator or None, default=0
        Seed of the folds and of the classifiers.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    probas_ : ndarray of shape (N, K)
        Soft labels of the training rows: of those in dispute, how the labels given compare; of
        kept ones, their label; of dropped ones and rows without votes, what the classifier, which
        did not see them, says.
    labels_ : ndarray of shape (N,)
    weight_ : ndarray of shape (N,)
        What each row counted in the training; 0 for those dropped.
    agreed_ : ndarray of bool, shape (N,)
        Rows whose labels are all the same.
    sub_models_ : list of ndarray
        The annotators of each sub-model.
    noise_rate_ : ndarray of shape (R,)
        By sub-model.
    confusion_ : ndarray of shape (M, K, K)
        P(annotator j says y | truth k), counted with the labels for the truth.
    annotator_skill_ : ndarray of shape (M,)
        Chance of a right label, from the confusions.
    class_prior_ : ndarray of shape (K,)
    estimator_ : classifier
    n_unlabelled_ : int
    n_iter_ : int
        1.
    converged_ : bool

    References
    ----------
    B. Han, Y. Sun, Y. Zhang, C. Zhang, J. Hu, Y. Li, J. Zhou, J. Ye and J. He, Collaborative
    refining for learning from inaccurate labels, NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.learning import CollaborativeRefiner
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=200)
    >>> X = rng.normal(size=(200, 3)) + 2 * truth[:, None]
    >>> right = rng.random((200, 3)) < [0.9, 0.6, 0.6]
    >>> votes = np.where(right, truth[:, None], 1 - truth[:, None])
    >>> model = CollaborativeRefiner().fit(X, votes)
    >>> majority = votes.mean(axis=1) > 0.5
    >>> [round(float(np.mean(labels == truth)), 2) for labels in (majority, model.labels_)]
    [0.85, 0.95]
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_folds: int = 5,
        n_repeats: int = 3,
        min_labels: int | None = None,
        noise_rate: str | float | ArrayLike = "auto",
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.estimator = estimator
        self.n_folds = n_folds
        self.n_repeats = n_repeats
        self.min_labels = min_labels
        self.noise_rate = noise_rate
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_number("n_repeats", self.n_repeats, low=1, integer=True)
        if self.min_labels is not None:
            check_number("min_labels", self.min_labels, low=1, integer=True)
        if isinstance(self.noise_rate, str) and self.noise_rate != "auto":
            raise ValueError(f"noise_rate must be numbers or 'auto'; got {self.noise_rate!r}.")

    def _refine(self, X: Any, votes: Annotations, gold: Gold, random: np.random.Generator) -> None:
        views = _views(votes, self.min_labels or 10 * votes.n_classes)
        self.sub_models_ = [votes.annotators[members] for members in views]
        probas = self._sub_model_probas(X, votes, views, random)
        self.noise_rate_ = self._noise_rates(votes, views, gold)
        refined = refine_agree_disagree(votes, probas, self.noise_rate_)
        self._learn(X, votes, refined, gold, random)

    def _sub_model_probas(
        self,
        X: Any,
        votes: Annotations,
        views: list[NDArray[np.int64]],
        random: np.random.Generator,
    ) -> Float:
        """Return what each sub-model says of the rows with votes, out of fold, (T, R, N, K).

        Of others it says nothing: they would be dealt to folds, too, and so move labelled ones.
        """
        rows = np.flatnonzero(votes.labels_per_item > 0)
        given = take_rows(X, rows)
        shares = [_shares(votes, members)[rows] for members in views]
        seeds = random.integers(2**31 - 1, size=self.n_repeats).tolist()
        shape = len(seeds), len(views), votes.n_items, votes.n_classes
        probas = np.full(shape, 1 / votes.n_classes)
        for version, seed in enumerate(seeds):  # the same for all, so that order means nothing
            for view, soft in enumerate(shares):
                left_out = OutOfFold(given, soft, n_folds=self.n_folds, random_state=seed)
                probas[version, view, rows] = left_out.probas(self._estimator(), soft)
        return probas

    def _noise_rates(self, votes: Annotations, views: list[NDArray[np.int64]], gold: Gold) -> Float:
        """Return the share of wrong labels among uncontradicted ones, by sub-model."""
        given = vote_counts(votes) > 0
        agreed = given.sum(axis=1) == 1
        if isinstance(self.noise_rate, str):
            if votes.labels_per_item.max() < 2:
                return np.zeros(len(views))
            known = None if gold is None else as_given(gold, votes)
            wrong = 1 - DawidSkene().fit(votes, gold=known).probas_
            doubt = wrong[votes.item, votes.label] * agreed[votes.item]
            counted = agreed[votes.item].astype(float)
        else:
            rates = np.asarray(self.noise_rate, dtype=np.float64)
            if rates.shape not in ((), (votes.n_annotators,)):
                raise ValueError(
                    f"noise_rate must be a number or one for each of the {votes.n_annotators} "
                    f"annotators; got shape {rates.shape}."
                )
            counted = np.ones(votes.n_annotations)
            doubt = np.broadcast_to(rates, votes.n_annotators)[votes.annotator]
        sums = [np.bincount(votes.annotator, v, votes.n_annotators) for v in (doubt, counted)]
        return np.array([sums[0][v].sum() / max(sums[1][v].sum(), 1) for v in views])

    def _learn(
        self, X: Any, votes: Annotations, refined: Refined, gold: Gold, random: np.random.Generator
    ) -> None:
        labels, weight = refined.labels.copy(), refined.weight.copy()
        soft = refined.soft_labels.copy()
        if gold is not None:
            known = gold >= 0
            labels[known], weight[known] = gold[known], 1.0
            soft[known] = one_hot(gold[known].astype(np.int64), votes.n_classes)
        self.agreed_, self.weight_ = refined.agreed, weight
        self.n_unlabelled_ = int((labels < 0).sum())
        targets = one_hot(labels, votes.n_classes) * (weight > 0)[:, np.newaxis]
        self.class_prior_ = (targets * weight[:, np.newaxis]).sum(axis=0) / weight.sum()
        partial = None if ((weight == 0) | (weight == 1)).all() else weight
        self._train(X, targets, partial, random)
        unseen = weight == 0
        if unseen.any():
            soft[unseen] = self.predict_proba(X)[unseen]
        self._keep(votes, soft)
        diagonal = np.diagonal(self.confusion_, axis1=1, axis2=2)
        self.annotator_skill_ = np.asarray(diagonal @ self.class_prior_)
        self.n_iter_, self.converged_ = 1, True


def _views(votes: Annotations, min_labels: int) -> list[NDArray[np.int64]]:
    """Return the annotators of each sub-model: with enough labels alone, the rest together."""
    table = np.zeros((votes.n_annotators, votes.n_classes), dtype=np.int64)
    np.add.at(table, (votes.annotator, votes.label), 1)
    alone = (table.sum(axis=1) >= min_labels) & ((table > 0).sum(axis=1) > 1)
    views = [np.array([j]) for j in np.flatnonzero(alone).tolist()]
    rest = np.flatnonzero(~alone & (table.sum(axis=1) > 0))
    rows = len(np.unique(votes.item[~alone[votes.annotator]]))
    if rows >= (min_labels if views else 1):
        views.append(rest)
    return views


def _shares(votes: Annotations, members: NDArray[np.int64]) -> Float:
    """Return the shares of the votes of some annotators; zero where they gave none."""
    weights = np.zeros(votes.n_annotators)
    weights[members] = 1.0
    counts = vote_counts(votes, weights)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
