"""What was estimated from which votes: the parameters of a fitted model as coordinates.

Every supported model is an exponential family of labels given the truth: the logarithm of a
confusion is linear in the coordinates, up to the row's normaliser. *Scores* are derivatives of
log probabilities in the coordinates; those of a row of confusions are a *window* of its block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.fusion import posterior
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

_ONE = 1.0  # pseudo-label per row (and item) where the model has none, shared out evenly


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
    crowd_weight : ndarray of shape (B, K) or None
        The pseudo-labels among ``weight``, where their shares were learned from all annotators.
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
    crowd_weight: Float | None = None

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
    pseudo, prior_pseudo = _pseudo_labels(model)
    confusion = np.asarray(model.confusion_, dtype=np.float64)
    prior = np.asarray(model.class_prior_, dtype=np.float64)
    soft = _textbook(annotations, confusion, prior, truth)
    counts = _counts(annotations, soft)
    kind = _kind(model)
    if pseudo is None:
        confusion = _smooth(kind, counts)
        pseudo = np.full((len(prior),) * 2, _ONE / len(prior))
    if prior_pseudo == 0:
        prior = _mass(annotations, soft, truth) + _ONE / len(prior)
        prior, prior_pseudo = prior / prior.sum(), _ONE
    soft = _textbook(annotations, confusion, prior, truth)
    counts = _counts(annotations, soft)
    found = _assemble(
        kind, annotations, soft, (confusion, prior), counts, pseudo,
        prior_pseudo, float(_mass(annotations, soft, truth).sum()),
    )  # fmt: skip
    if isinstance(model, HierarchicalDawidSkene):
        crowd = np.broadcast_to(pseudo.sum(axis=1), found.weight.shape)
        return replace(found, crowd_weight=crowd)
    return found


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


def _pseudo_labels(model: Any) -> tuple[Float | None, float]:
    """Return the pseudo-labels [k, y] of each row, None if there are none, and pseudo-items.

    Pseudo-items are -1 where the class prior is known.
    """
    n_classes = len(model.classes_)
    if isinstance(model, HierarchicalDawidSkene):
        return np.asarray(model.crowd_), float(model.prior_class) * n_classes
    if isinstance(model, IBCC):
        return model._pseudo(), float(model.prior_class) * n_classes
    strength = float(model.prior_strength)
    learned = isinstance(model.class_prior, str) and model.class_prior == "learned"
    shares = np.full((n_classes, n_classes), 1 / n_classes)
    return (strength * shares if strength > 0 else None), (strength if learned else -1.0)


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


def _smooth(kind: str, counts: Float) -> Float:
    """Return the confusions with one pseudo-label per row (or coin), away from 0 and 1."""
    n_classes = counts.shape[1]
    if kind in ("coin", "coins"):
        right = np.einsum("jkk->jk", counts)
        total = counts.sum(axis=2)
        if kind == "coin":
            right, total = (part.sum(axis=1, keepdims=True) for part in (right, total))
        chance = np.broadcast_to((right + _ONE / 2) / (total + _ONE), counts.shape[:2])
        confusion = np.empty_like(counts)
        confusion[:] = ((1 - chance) / max(n_classes - 1, 1))[:, :, np.newaxis]
        confusion[:, range(n_classes), range(n_classes)] = chance if n_classes > 1 else 1.0
        return confusion
    if kind == "pooled":
        counts = np.broadcast_to(counts.sum(axis=0), counts.shape)
    smooth = counts + _ONE / n_classes
    return np.asarray(smooth / smooth.sum(axis=2, keepdims=True))


def _assemble(
    kind: str,
    votes: Annotations,
    soft: Float,
    parameters: tuple[Float, Float],
    counts: Float,
    pseudo: Float,
    prior_pseudo: float,
    n_items: float,
) -> Estimated:
    confusion, prior = parameters
    n_annotators, n_classes, _ = confusion.shape
    unit = np.arange(n_annotators, dtype=np.int32)
    rows, labels = confusion, counts.sum(axis=2)
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
        share = 1 / n_classes if kind == "coin" else 1.0
    else:
        window = n_classes - 1
        is_label = np.eye(n_classes)[:, np.newaxis, :window]  # [y, 1, c]
        scores = is_label - rows[:, np.newaxis, :, :window]
        offset, width, share = classes * window, n_classes * window, 1.0
    known = prior_pseudo < 0
    prior_scores = np.eye(n_classes)[:, : n_classes - 1] - prior[: n_classes - 1]
    return Estimated(
        votes, soft, confusion, prior, unit, window, offset.astype(np.int64), width,
        np.ascontiguousarray(scores, dtype=np.float64),
        labels + share * pseudo.sum(axis=1),
        np.empty((n_classes, 0)) if known else np.ascontiguousarray(prior_scores),
        0.0 if known else n_items + prior_pseudo,
    )  # fmt: skip
