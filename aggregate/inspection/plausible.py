"""Plausible truths: whole sets of labels drawn at random, for whatever is computed from them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion import average_posterior, log_joint, posterior
from aggregate.fusion.posterior import clamp
from aggregate.inspection._draws import Laplace, Parameters
from aggregate.inspection._information import covariance
from aggregate.inspection._likelihood import (
    check_same_votes,
    estimated,
    has_likelihood,
    read_as_fitted,
)
from aggregate.models import Auto
from aggregate.models._gold import gold_codes
from aggregate.models.ensembles._scores import log_scores

Float = NDArray[np.float64]


def sample_labels(
    model: Any,
    annotations: Any,
    n_draws: int = 100,
    *,
    vary_parameters: bool = False,
    gold: Any = None,
    random_state: int | np.random.Generator | None = None,
) -> NDArray[Any]:
    """Draw truths that the votes leave plausible: compute with each, look at the spread.

    What is computed from the likeliest labels (a share, a regression, the accuracy of a
    classifier) looks surer than it is, since the labels may be wrong. Computed from each of many
    plausible sets of labels, its spread shows how much that matters; it adds to the spread that
    the computation itself admits, as in multiple imputation.

    Each item's class is drawn from its soft label, independently. With ``vary_parameters``,
    every set has confusions and a class prior of its own, drawn by Laplace's approximation, so
    that errors that all items share (an annotator judged too kindly) vary between sets, too. Of an
    `Auto`, each set is by a member drawn by its weight; those whose likelihood is not known here
    keep their parameters.

    Parameters
    ----------
    model : fitted aggregator
        With ``vary_parameters``, one that `uncertainty` takes by its information.
    annotations : Annotations or array-like of shape (N, M)
        Votes on the items; with ``vary_parameters``, those of the fit.
    n_draws : int, default=100
        Sets of labels.
    vary_parameters : bool, default=False
        Draw the parameters as well.
    gold : mapping or array-like, optional
        Items whose truth is known keep it.
    random_state : int or Generator, optional
        Seed.

    Returns
    -------
    ndarray of shape (n_draws, N)
        Classes.

    Raises
    ------
    TypeError
        If parameters are to vary and the model maximises no likelihood of a known form.

    References
    ----------
    D. B. Rubin, Multiple Imputation for Nonresponse in Surveys, Wiley, 1987, chapter 3.

    Examples
    --------
    >>> from aggregate import DawidSkene, simulate_annotations
    >>> from aggregate.inspection import sample_labels
    >>> crowd = simulate_annotations(300, 4, 2, labels_per_item=3, random_state=0)
    >>> model = DawidSkene().fit(crowd.annotations)
    >>> drawn = sample_labels(model, crowd.annotations, 200, random_state=0)
    >>> drawn.shape
    (200, 300)
    >>> share = (drawn == 1).mean(axis=1)  # of the class 1 in every set
    >>> bool(abs(share.mean() - model.probas_[:, 1].mean()) < 0.01)
    True
    """
    check_number("n_draws", n_draws, low=1, integer=True)
    annotations = read_as_fitted(model, annotations)
    random = np.random.default_rng(random_state)
    truth = gold_codes(gold, annotations)
    codes = np.empty((n_draws, annotations.n_items), dtype=np.int64)
    if not vary_parameters:
        soft = clamp(model.predict_proba(annotations), truth)
        soft_labels: Iterator[Float] = repeat(soft)
    elif isinstance(model, Auto):
        soft_labels = _of_members(model, annotations, gold, random)
    else:
        soft_labels = _of_one(model, annotations, gold, random)
    for row, soft in zip(codes, soft_labels, strict=False):
        row[:] = _draw(soft, random)
    return np.asarray(model.classes_[codes])


def _of_one(
    model: Any, annotations: Annotations, gold: Any, random: np.random.Generator
) -> Iterator[Float]:
    """Yield soft labels by parameters drawn for each."""
    for confusion, prior in _parameters(model, annotations, gold, random):
        yield posterior(
            annotations,
            confusion,
            prior,
            annotator_correlation=model.annotator_correlation,
            gold=gold_codes(gold, annotations),
        )


def _of_members(
    model: Auto, annotations: Annotations, gold: Any, random: np.random.Generator
) -> Iterator[Float]:
    """Yield soft labels by a member drawn for each, with parameters of its own if it has any."""
    check_same_votes(model, annotations)
    truth = gold_codes(gold, annotations)
    members = list(model.members_.values())
    drawn = [
        _parameters(member, annotations, gold, random) if has_likelihood(member) else None
        for member in members
    ]
    while True:
        which = int(random.choice(len(members), p=model.member_weights_))
        parameters = drawn[which]
        if parameters is None:
            scores = log_scores(members[which], annotations)
        else:
            scores = log_joint(annotations, *next(parameters))
        yield average_posterior(annotations, scores, model.belief_, gold=truth)


def _parameters(
    model: Any, annotations: Annotations, gold: Any, random: np.random.Generator
) -> Iterator[Parameters]:
    """Yield plausible parameters without end; nothing is computed before the first."""
    estimate = estimated(model, annotations, gold)
    laplace = Laplace(estimate, covariance(estimate))
    while True:
        yield from laplace.draw(1, random)


def _draw(soft: Float, random: np.random.Generator) -> NDArray[np.int64]:
    """Return a class for each row of probabilities."""
    height = random.random((len(soft), 1)) * soft.sum(axis=1, keepdims=True)
    below = (height >= np.cumsum(soft, axis=1)).sum(axis=1)
    return np.minimum(below, soft.shape[1] - 1)
