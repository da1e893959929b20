"""What was estimated from which votes: the parameters of a fitted model as coordinates.

Every supported model is an exponential family of labels given the truth: the logarithm of a
confusion is linear in the coordinates, up to the row's normaliser. *Scores* are derivatives of
log probabilities in the coordinates; those of a row of confusions are a *window* of its block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.fusion import posterior
from aggregate.inspection._beliefs import Belief, belief_of
from aggregate.inspection._maximum import maximum
from aggregate.models import (
    IBCC,
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HierarchicalDawidSkene,
    HybridDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
)
from aggregate.models._gold import gold_codes

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimated:
    """A fitted model's parameters, what they rest on and how they may vary.

    Attributes
    ----------
    votes : Annotations
    posterior : ndarray of shape (N, K)
        Textbook posteriors; they count annotators as independent.
    confusion : ndarray of shape (M, K, K)
    class_prior : ndarray of shape (K,)
    unit : ndarray of int32, shape (M,)
        Block of each annotator, of B.
    window : int
        Coordinates of a row of confusions, W.
    offset : ndarray of int64, shape (K,)
        Where the window of truth k begins in a block.
    width : int
        Coordinates of a block, D.
    scores : ndarray of shape (B, K, K, W)
        ``scores[b, y, k]`` of label y if the truth is k.
    weight : ndarray of shape (B, K)
        Labels on items of class k that a block rests on, pseudo-labels included.
    prior_scores : ndarray of shape (K, K - 1) or (K, 0)
        Score of truth k in the prior's coordinates; none if the prior is known.
    prior_weight : float
        Items that the class prior rests on, pseudo-items included.
    believed_weight : ndarray of shape (B, K)
        The pseudo-labels among ``weight``.
    belief : Belief
        What they say.
    learned : bool
        Whether they were learned from all annotators.
    """

    votes: Annotations
    posterior: Float
    confusion: Float
    class_prior: Float
    unit: NDArray[np.int32]
    window: int
    offset: NDArray[np.int64]
    width: int
    scores: Float
    weight: Float
    prior_scores: Float
    prior_weight: float
    believed_weight: Float
    belief: Belief
    learned: bool

    @property
    def n_blocks(self) -> int:
        """Number of blocks, B."""
        return len(self.weight)

    @property
    def n_parameters(self) -> int:
        """Number of coordinates, B·D + P."""
        return self.n_blocks * self.width + self.prior_scores.shape[1]

    @property
    def of_block(self) -> Float:
        """Confusions of each block, shape (B, K, K)."""
        if self.n_blocks == len(self.confusion):
            return self.confusion
        return self.confusion[:1]


def estimated(model: Any, annotations: Annotations, gold: Any) -> Estimated:
    """Return the parameters of a model and what they rest on.

    Raises
    ------
    TypeError
        If the model maximises no likelihood of a supported form.
    ValueError
        If it was fitted to other annotators or classes, or nothing was estimated.
    """
    check_model(model, annotations)
    truth = gold_codes(gold, annotations)
    belief = belief_of(model)
    confusion, prior = maximum(model, belief, annotations, gold)
    soft = _textbook(annotations, confusion, prior, truth)
    return _assemble(
        _kind(model), annotations, soft, (confusion, prior), belief,
        float(_mass(annotations, soft, truth).sum()),
        isinstance(model, HierarchicalDawidSkene),
    )  # fmt: skip


def read_as_fitted(model: Any, votes: Any) -> Annotations:
    """Return votes as annotations; a table is read as the fitted model reads one."""
    check_is_fitted(model)
    if isinstance(votes, Annotations):
        return votes
    read: Annotations = model._read(votes, reset=False)
    return read


def check_model(model: Any, annotations: Annotations) -> None:
    """Refuse a model whose likelihood is unknown, or that was fitted to other votes."""
    if not _kind(model):
        raise TypeError(
            f"{type(model).__name__} maximises no likelihood whose information is known here. "
            "Standard errors come with DawidSkene, OneCoinDawidSkene, ClassConditionalDawidSkene, "
            "PooledDawidSkene, HierarchicalDawidSkene and IBCC; method='bootstrap' takes any model "
            "with confusions."
        )
    if getattr(model, "abstention", None) is not None:
        raise TypeError(
            "uncertainty does not know abstentions as evidence yet; leave out abstention=, so "
            "that they count as missing."
        )
    check_same_votes(model, annotations)


def check_same_votes(model: Any, annotations: Annotations) -> None:
    """Refuse a model that estimated nothing, or was fitted to other votes."""
    if getattr(model, "fix_confusion", False):
        raise ValueError("the confusions are fixed (fix_confusion=True): they have no error.")
    for name, fitted, given in (
        ("annotators", model.annotators_, annotations.annotators),
        ("classes", model.classes_, annotations.classes),
    ):
        if not np.array_equal(fitted, given):
            raise ValueError(
                f"the model was fitted to other {name} than those of the annotations: "
                f"{first_few(fitted)} against {first_few(given)}. Pass what it was fitted to."
            )


def has_likelihood(model: Any) -> bool:
    """Tell whether the observed information of a fitted model is known here."""
    fixed = getattr(model, "fix_confusion", False)
    return bool(_kind(model)) and not fixed and getattr(model, "abstention", None) is None


def _kind(model: Any) -> str:
    """Return which family of confusions a model has, nothing if its likelihood is unknown."""
    if not isinstance(model, FastDawidSkene | HybridDawidSkene):
        for known, kind in (
            (OneCoinDawidSkene, "coin"),
            (ClassConditionalDawidSkene, "coins"),
            (PooledDawidSkene, "pooled"),
            (DawidSkene, "full"),
            (HierarchicalDawidSkene, "full"),
            (IBCC, "full"),
        ):
            if isinstance(model, known):
                return kind
    return ""


def _textbook(
    votes: Annotations, confusion: Float, prior: Float, truth: NDArray[np.int32] | None
) -> Float:
    return posterior(votes, confusion, prior, annotator_correlation=0.0, gold=truth)


def _counts(votes: Annotations, soft: Float) -> Float:
    """Return the expected number of labels ``[j, k, y]``."""
    n_annotators, n_classes = votes.n_annotators, votes.n_classes
    row = votes.annotator.astype(np.int64) * n_classes + votes.label
    size = n_annotators * n_classes
    parts = [np.bincount(row, soft[votes.item, k], minlength=size) for k in range(n_classes)]
    table = np.stack(parts).reshape(n_classes, n_annotators, n_classes).astype(np.float64)
    return table.transpose(1, 0, 2)


def _mass(votes: Annotations, soft: Float, truth: NDArray[np.int32] | None) -> Float:
    """Return the expected items of each class among those that say something."""
    telling = votes.labels_per_item > 0
    if truth is not None:
        telling = telling | (truth >= 0)
    return np.asarray(soft[telling].sum(axis=0))


def _assemble(
    kind: str,
    votes: Annotations,
    soft: Float,
    parameters: tuple[Float, Float],
    belief: Belief,
    n_items: float,
    learned: bool,
) -> Estimated:
    confusion, prior = parameters
    n_annotators, n_classes, _ = confusion.shape
    unit = np.arange(n_annotators, dtype=np.int32)
    rows, labels = confusion, _counts(votes, soft).sum(axis=2)
    if kind == "pooled":
        unit, rows = np.zeros_like(unit), confusion[:1]
        labels = labels.sum(axis=0, keepdims=True)
    classes = np.arange(n_classes)
    if kind in ("coin", "coins") or n_classes == 1:  # of one class, a coin that never falls
        right = np.equal.outer(classes, classes)  # [y, k]
        scores = right - np.einsum("bkk->bk", rows)[:, np.newaxis, :]
        scores = scores[..., np.newaxis]
        offset = np.zeros(n_classes, dtype=np.int64) if kind == "coin" else classes
        width, window = (1 if kind == "coin" else n_classes), 1
    else:
        window = n_classes - 1
        is_label = np.eye(n_classes)[:, np.newaxis, :window]  # [y, 1, c]
        scores = is_label - rows[:, np.newaxis, :, :window]
        offset, width = classes * window, n_classes * window
    pseudo = belief.strength / (n_classes if kind == "coin" else 1)
    prior_scores = np.eye(n_classes)[:, : n_classes - 1] - prior[: n_classes - 1]
    known = belief.items < 0
    return Estimated(
        votes, soft, confusion, prior, unit, window, offset.astype(np.int64), width,
        np.ascontiguousarray(scores, dtype=np.float64), labels + pseudo,
        np.empty((n_classes, 0)) if known else np.ascontiguousarray(prior_scores),
        0.0 if known else n_items + belief.items,
        np.broadcast_to(pseudo, labels.shape), belief, learned,
    )  # fmt: skip
