"""Where the information is taken: at an inner maximum of the likelihood and the pseudo-labels.

A curvature tells how well parameters are known only where a function has its maximum, and tells
nothing at certainties, where maximum likelihood often ends. So fits go on from where they ended:
those without pseudo-labels with one for each row, shared out evenly; those that climbed a
variational bound with their own pseudo-labels, now by the likelihood itself, if these are those
of the crowd. (Of a stiffer belief the bound's end is the better one: it is pulled less.)
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate._tables import to_confusion, to_table
from aggregate.annotations import Annotations
from aggregate.inspection._beliefs import Belief
from aggregate.kernels.em import FLOOR
from aggregate.models import HierarchicalDawidSkene
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusions import Confusions
from aggregate.models._em import State
from aggregate.models._gold import gold_codes
from aggregate.models._problem import Problem

Float = NDArray[np.float64]

_PASSES = 1000
_NEAR = 1e-9  # relative rise of the objective at which the climb ends


def maximum(model: Any, belief: Belief, annotations: Annotations, gold: Any) -> tuple[Float, Float]:
    """Return confusions (M, K, K) and class prior (K,) near a fit, at an inner maximum."""
    if not belief.own:
        model = _away_from_the_edge(model, belief, annotations, gold)
    confusion = np.asarray(model.confusion_, dtype=np.float64)
    prior = np.asarray(model.class_prior_, dtype=np.float64)
    if isinstance(model, HierarchicalDawidSkene):
        return _up_the_likelihood(confusion, prior, belief, annotations, gold)
    return confusion, prior


def _away_from_the_edge(model: Any, belief: Belief, annotations: Annotations, gold: Any) -> Any:
    """Return the model fitted on with a pseudo-label per row (or coin)."""
    again = copy.copy(model)
    again.set_params(
        prior_strength=belief.strength[0], prior_accuracy=belief.expected[0, 0], warm_start=True,
        n_init=1, checkpoint=None, verbose=False,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        return again.fit(annotations, gold=gold)


def _up_the_likelihood(
    confusion: Float, prior: Float, belief: Belief, annotations: Annotations, gold: Any
) -> tuple[Float, Float]:
    """Climb from a variational fit by EM with the same pseudo-labels."""
    pseudo = np.broadcast_to(belief.expected * belief.strength[:, np.newaxis], confusion.shape)
    problem = Problem(
        annotations,
        gold_codes(gold, annotations),
        Confusions(belief.expected, 0.0, pseudo),
        ClassPrior("learned", annotations.classes, belief.items),
    )
    start = State(np.maximum(prior, FLOOR), to_table(confusion))
    end = problem.climb(start, max_iter=_PASSES, tol=_NEAR).state
    return to_confusion(end.table), end.prior
