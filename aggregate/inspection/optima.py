"""Optima of EM side by side: the same one, the same with classes renamed, or another answer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.factorization import match_columns
from aggregate.fusion import log_joint, vote_shares
from aggregate.models import DawidSkene
from aggregate.models._responses import answers_to

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

SAME: Final = "same"
SWAPPED: Final = "swapped"
DIFFERENT: Final = "different"
_FEW_ITEMS: Final = 0.02
_CLOSE: Final = 2.0  # standard errors
_PASSES: Final = 300


@dataclass(frozen=True, eq=False)
class LabelSwap:
    """What `label_swaps` returns.

    Attributes
    ----------
    permutation : ndarray of int, shape (K,)
        ``confusion_b[:, permutation]`` is nearest to ``confusion_a``: class ``permutation[k]``
        of b is class k of a.
    is_swapped : bool
        Whether the permutation moves any class.
    distance : float
        Mean total variation between the rows after the permutation, from 0 to 1.
    distance_as_named : float
        The same without it.
    """

    permutation: Codes
    is_swapped: bool
    distance: float
    distance_as_named: float


def label_swaps(
    confusion_a: ArrayLike, confusion_b: ArrayLike, weights: ArrayLike | None = None
) -> LabelSwap:
    r"""Find out whether two sets of confusion matrices differ by the names of the classes.

    .. math:: \min_\sigma \sum_j w_j \sum_{k,y} \bigl(A_j[k, y] - B_j[\sigma(k), y]\bigr)^2

    where :math:`A_j` and :math:`B_j` are annotator j's matrices, truth in the rows,
    :math:`w_j` the weight and σ one permutation of the classes common to all annotators. The
    likelihood of votes is the same for all K! names of the classes, so every fit has such
    twins; only the belief that annotators are mostly right tells them apart. The best
    permutation is an assignment problem, solved exactly.

    **When it fails.** Classes that all annotators treat alike can be exchanged at no cost;
    names are then kept where that is as good. Annotators of different components of the crowd
    may be swapped separately, which one permutation cannot show.

    Parameters
    ----------
    confusion_a, confusion_b : array-like of shape (M, K, L)
        Two estimates for the same annotators.
    weights : array-like of shape (M,), optional
        For example how many labels each annotator gave; equal by default.

    Returns
    -------
    LabelSwap

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not finite.

    References
    ----------
    H. W. Kuhn, The Hungarian method for the assignment problem, Naval Research Logistics
    Quarterly 2:83-97, 1955.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.inspection import label_swaps
    >>> first = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.7, 0.3], [0.4, 0.6]]])
    >>> found = label_swaps(first, first[:, ::-1])
    >>> found.is_swapped, found.permutation, found.distance
    (True, array([1, 0]), 0.0)
    """
    a, b = np.asarray(confusion_a, dtype=np.float64), np.asarray(confusion_b, dtype=np.float64)
    finite = a.ndim == 3 and a.shape == b.shape and np.isfinite(a).all() and np.isfinite(b).all()
    if not finite:
        raise ValueError(
            "the confusions must be finite, both of one shape (M, K, L); "
            f"got {a.shape} and {b.shape}."
        )
    w = np.ones(len(a)) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != (len(a),) or not (np.isfinite(w) & (w >= 0)).all():
        raise ValueError(f"weights must be {len(a)} finite non-negative numbers.")
    names = np.arange(a.shape[1])
    order = match_columns(_stack(b, w), _stack(a, w)) if a.size else names
    if _squares(a, b[:, order], w) >= _squares(a, b, w) - 1e-12 * max(w.sum(), 1e-300):
        order = names
    swapped = bool((order != names).any())
    return LabelSwap(order, swapped, _variation(a, b[:, order], w), _variation(a, b, w))


def _stack(confusion: Float, weights: Float) -> Float:
    weighted = np.sqrt(weights)[:, np.newaxis, np.newaxis] * confusion
    return weighted.transpose(0, 2, 1).reshape(-1, confusion.shape[1])


def _squares(a: Float, b: Float, weights: Float) -> float:
    return float((weights * np.square(a - b).sum(axis=(1, 2))).sum())


def _variation(a: Float, b: Float, weights: Float) -> float:
    rows = max(a.shape[1], 1) * max(float(weights.sum()), 1e-300)
    return float((weights * np.abs(a - b).sum(axis=(1, 2)) / 2).sum() / rows)


@dataclass(frozen=True, eq=False)
class Optima:
    """Where EM ends from random starts: what `explore_optima` returns.

    Attributes
    ----------
    kinds : tuple of {"same", "swapped", "different"}
        Each random start's optimum beside the one reached from the votes: the same, the same
        with classes renamed, or genuinely different.
    changed : ndarray of shape (n_starts,)
        Share of items with another label, after the best renaming.
    gains : ndarray of shape (n_starts,)
        Log likelihood above that reached from the votes.
    gain_errors : ndarray of shape (n_starts,)
        Standard errors of the gains over items (Vuong 1989).
    swaps : tuple of LabelSwap
    """

    kinds: tuple[str, ...]
    changed: Float
    gains: Float
    gain_errors: Float
    swaps: tuple[LabelSwap, ...]

    @property
    def is_rival(self) -> NDArray[np.bool_]:
        """Mark different optima not clearly less likely than the one from the votes."""
        different = np.array([kind == DIFFERENT for kind in self.kinds], dtype=bool)
        return np.asarray(different & (self.gains >= -_CLOSE * self.gain_errors))

    @property
    def rivals(self) -> int:
        """Number of those."""
        return int(self.is_rival.sum())

    def __str__(self) -> str:
        """Tell it in a sentence."""
        counts = [f"{self.kinds.count(kind)} {kind}" for kind in (SAME, SWAPPED, DIFFERENT)]
        return (
            f"Of {len(self.kinds)} random starts EM ended at an optimum: {', '.join(counts)} "
            f"({self.rivals} not clearly less likely than the one from the votes)."
        )


def explore_optima(
    annotations: Annotations,
    *,
    model: Any = None,
    reference: Any = None,
    n_starts: int = 5,
    random_state: int | np.random.Generator | None = None,
) -> Optima:
    """Run EM from random starts and tell whether it always finds the same answer.

    A start takes the shares of the votes, sends every class to a random mixture of classes,
    and mixes the result half and half with noise of its own for each item. If such starts end
    at a different answer of about the same likelihood, the votes do not decide between them.
    Optima that are permutations of each other are one answer under several names.

    **When it fails.** A few starts that agree prove nothing about those not tried. Starts that
    end at less likely optima are no cause for worry: EM starts from the votes.

    Parameters
    ----------
    annotations : Annotations
    model : estimator with the parameter ``init``, optional
        `DawidSkene` by default; it is not changed.
    reference : fitted estimator, optional
        The same model fitted from the votes, if there is one already.
    n_starts : int, default=5
    random_state : int or Generator, optional
        Seed.

    Returns
    -------
    Optima

    Raises
    ------
    ValueError
        If there is no label.

    References
    ----------
    Q. H. Vuong, Likelihood ratio tests for model selection and non-nested hypotheses,
    Econometrica 57(2):307-333, 1989.

    Examples
    --------
    >>> from aggregate import simulate_annotations
    >>> from aggregate.inspection import explore_optima
    >>> crowd = simulate_annotations(500, 10, 2, labels_per_item=5, random_state=0)
    >>> found = explore_optima(crowd.annotations, n_starts=3, random_state=0)
    >>> found.rivals
    0
    """
    check_number("n_starts", n_starts, low=0, integer=True)
    model = DawidSkene(max_iter=_PASSES) if model is None else model
    first = fit_quietly(model, annotations) if reference is None else reference
    random = np.random.default_rng(random_state)
    answers = answers_to(model, annotations)
    shares = vote_shares(answers)
    swaps, changed, gains, errors = [], [], [], []
    labelled = answers.labels_per_item > 0
    likely = _log_likelihoods(answers, first)
    for _ in range(n_starts):
        start = _scramble(shares, random)
        other = fit_quietly(clone(model).set_params(init=start), annotations)
        swap = label_swaps(first.confusion_, other.confusion_, answers.labels_per_annotator)
        swaps.append(swap)
        renamed = other.probas_[:, swap.permutation].argmax(axis=1)
        differs = (renamed != first.probas_.argmax(axis=1))[labelled]
        changed.append(float(differs.mean()) if len(differs) else 0.0)
        gain = _log_likelihoods(answers, other) - likely
        gains.append(float(gain.sum()))
        errors.append(float(gain.std() * np.sqrt(len(gain))) if len(gain) else 0.0)
    kinds = tuple(
        DIFFERENT if share > _FEW_ITEMS else SWAPPED if swap.is_swapped else SAME
        for share, swap in zip(changed, swaps, strict=True)
    )
    return Optima(kinds, np.array(changed), np.array(gains), np.array(errors), tuple(swaps))


def _log_likelihoods(annotations: Annotations, model: Any) -> Float:
    """Return the log likelihood of each item's labels, shape (N,)."""
    joint = log_joint(annotations, model.confusion_, model.class_prior_)
    return np.asarray(np.logaddexp.reduce(joint, axis=1))


def _scramble(shares: Float, random: np.random.Generator) -> Float:
    n_items, n_classes = shares.shape
    mixture = random.dirichlet(np.full(n_classes, 0.5), size=n_classes)
    noise = random.dirichlet(np.ones(n_classes), size=n_items)
    soft = shares @ mixture + noise
    return np.asarray(soft / soft.sum(axis=1, keepdims=True))


def fit_quietly(model: Any, annotations: Annotations) -> Any:
    """Fit a copy of a model, content with where EM stands when its passes run out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(model).fit(annotations)
