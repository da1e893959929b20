"""The two ways to fit Raykar's model: one climb of the likelihood, or rounds with an estimator."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aggregate._tables import to_confusion
from aggregate.annotations import Annotations
from aggregate.learning._folds import row_keys
from aggregate.learning._votes import take_items
from aggregate.learning.raykar._climb import Climb, climb, warn_unless_converged
from aggregate.learning.raykar._crowd_rows import CrowdRows
from aggregate.learning.raykar._joint_likelihood import JointLikelihood
from aggregate.learning.raykar._left_out_rows import (
    FALLBACK,
    Codes,
    choose_penalty,
    folds_of,
    left_out_log_probas,
)
from aggregate.learning.raykar._rounds import SETTLED, AnnotatorCounts, run_rounds
from aggregate.learning.raykar._scaled_features import scale_features
from aggregate.learning.soft_labels._expansion import take_rows
from aggregate.learning.soft_labels._fold_fit import as_rows, fit_soft
from aggregate.learning.soft_labels._targets import names_for_estimators

Float = NDArray[np.float64]
Gold = NDArray[np.int32] | None


class Options(NamedTuple):
    """Parameters of `RaykarClassifier` under which it fits."""

    C: Any
    standardize: bool
    stranger: Float
    strength: float
    n_folds: int | None
    max_iter: int
    tol: float
    random_state: Any
    progress: str | None


class Fitted(NamedTuple):
    """What a fit leaves."""

    rows: Codes
    """The rows that trained; the next two are in their order."""
    left_out: Float
    """Log probabilities of those rows, by a classifier that did not see them."""
    confusion: Float
    class_prior: Float
    objective_path: Float
    n_iter: int
    converged: bool
    attributes: dict[str, Any]
    """What only one of the two ways can tell."""


class _Sorted(NamedTuple):
    """The rows that train, in an order that does not depend on where they stood."""

    place: Codes
    crowd: CrowdRows
    folds: Codes | None


def fit_jointly(X: Any, votes: Annotations, gold: Gold, options: Options) -> Fitted:
    """Maximise the joint likelihood of logistic regression and confusions."""
    place, crowd, folds = _sort(X, votes, gold, options)
    C, scores = _penalty(crowd, folds, options)
    problem = _problem(crowd, C, options)
    climbed = climb(
        problem,
        problem.start(),
        max_iter=options.max_iter,
        tol=options.tol,
        progress=options.progress,
    )
    warn_unless_converged(climbed, options.max_iter, options.tol)
    coefficients, intercept = crowd.features.on_user_scale(
        climbed.point.weights, climbed.point.intercept
    )
    attributes = {"coef_": coefficients, "intercept_": intercept, "C_": C, **scores}
    return Fitted(
        place,
        _honest(problem, climbed, folds, C, options),
        to_confusion(climbed.point.table),
        climbed.view.posterior.mean(axis=0),
        climbed.objective_path,
        climbed.n_iter,
        climbed.converged,
        attributes,
    )


def fit_in_rounds(
    X: Any,
    votes: Annotations,
    gold: Gold,
    options: Options,
    estimator: Any,
    bootstrapped: bool,
    n_rounds: int,
) -> Fitted:
    """Alternate between a classifier asked out of fold, annotators and labels."""
    attributes: dict[str, Any] = {}
    if estimator is None:
        estimator, attributes = _regression(X, votes, gold, options)
    place = _trained(votes, gold)
    crowd_gold = None if gold is None else gold[place]
    annotators = AnnotatorCounts(
        take_items(votes, place), crowd_gold, options.stranger, options.strength
    )
    X = take_rows(as_rows(X), place)
    random = np.random.default_rng(options.random_state)
    rounds = run_rounds(
        estimator,
        X,
        annotators,
        bootstrapped=bootstrapped,
        n_folds=options.n_folds or 2,
        n_rounds=n_rounds,
        random_state=random,
    )
    if not rounds.converged:
        _warn(rounds.changed, n_rounds)
    attributes["temperature_"] = rounds.temperature
    names, seed = names_for_estimators(votes.classes), int(random.integers(2**31 - 1))
    attributes["estimator_"] = fit_soft(estimator, X, rounds.posterior, None, seed, names)
    return Fitted(
        place,
        rounds.log_probas,
        to_confusion(rounds.table),
        rounds.posterior.mean(axis=0),
        rounds.objective_path,
        len(rounds.objective_path),
        rounds.converged,
        attributes,
    )


def _trained(votes: Annotations, gold: Gold) -> Codes:
    """Return the rows with a label or gold."""
    trained = votes.labels_per_item > 0
    if gold is not None:
        trained = trained | (gold >= 0)
    return np.flatnonzero(trained)


def _sort(X: Any, votes: Annotations, gold: Gold, options: Options) -> _Sorted:
    place = _trained(votes, gold)
    keys = row_keys(X[place], np.random.default_rng(options.random_state))
    order = np.argsort(keys, kind="stable")
    place, keys = place[order], keys[order]
    crowd = CrowdRows(
        scale_features(X[place], options.standardize),
        take_items(votes, place),
        None if gold is None else gold[place],
    )
    folds = None if options.n_folds is None else folds_of(crowd, keys, options.n_folds)
    return _Sorted(place, crowd, folds)


def _problem(crowd: CrowdRows, C: float, options: Options) -> JointLikelihood:
    return JointLikelihood(crowd, options.stranger, options.strength, C)


def _penalty(
    crowd: CrowdRows, folds: Codes | None, options: Options
) -> tuple[float, dict[str, Float]]:
    if not isinstance(options.C, str):
        return float(options.C), {}
    if folds is None:
        return FALLBACK, {"C_scores_": np.empty((0, 2))}
    C, scores = choose_penalty(
        crowd,
        folds,
        partial(_problem, options=options),
        max_iter=options.max_iter,
        tol=options.tol,
    )
    return C, {"C_scores_": scores}


def _honest(
    problem: JointLikelihood, climbed: Climb, folds: Codes | None, C: float, options: Options
) -> Float:
    """Return log probabilities of the training rows, out of fold where there are folds."""
    if folds is None:
        return problem.classify(climbed.point)[0]
    return left_out_log_probas(
        problem.rows,
        folds,
        partial(_problem, C=C, options=options),
        climbed.point,
        max_iter=options.max_iter,
        tol=options.tol,
    )


def _regression(
    X: Any, votes: Annotations, gold: Gold, options: Options
) -> tuple[Any, dict[str, Any]]:
    """Return logistic regression as an estimator, with the penalty of the joint fit."""
    _, crowd, folds = _sort(X, votes, gold, options)
    C, scores = _penalty(crowd, folds, options)
    estimator = LogisticRegression(C=C, max_iter=1000)
    if options.standardize:
        estimator = make_pipeline(StandardScaler(with_mean=not issparse(X)), estimator)
    return estimator, {"C_": C, **scores}


def _warn(changed: float, n_rounds: int) -> None:
    warnings.warn(
        f"{changed:.1%} of the rows still changed their likeliest class in the last of "
        f"n_rounds={n_rounds} rounds, more than {SETTLED:.0%}. Raise n_rounds, or take a "
        "classifier that fits less closely.",
        ConvergenceWarning,
        stacklevel=5,
    )
