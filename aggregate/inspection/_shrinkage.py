r"""What pseudo-labels do to the estimates, judged by the crowd itself.

Pseudo-labels pull every annotator towards what they believe of one. A posterior interval takes
them at their word: annotators vary about that belief as Dirichlet rows would, each row by itself.
The crowd shows how far annotators are from it, and how alike; skills, above all, vary more than
independent rows would let them.

An estimate that is a share a belief m and a share 1 - a labels errs by the noise of the labels and
by a times the distance of the annotator from m. That distance has, over annotators, a mean and a
variance, which the estimates tell by the EM algorithm for normal effects with known noise. The
mean is corrected for, the variance counts as error: intervals then hold on average over the
annotators, whatever the belief (C. N. Morris, Parametric empirical Bayes inference, Journal of
the American Statistical Association 78(381):47-55, 1983, section 1; T. B. Armstrong, M. Kolesár
and M. Plagborg-Møller, Robust empirical Bayes confidence intervals, Econometrica
90(6):2567-2602, 2022, section 2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.inspection import _variances as variances
from aggregate.inspection._estimates import effective_labels
from aggregate.inspection._information import Covariance, of_labels
from aggregate.inspection._likelihood import Estimated

Float = NDArray[np.float64]

_ROUNDS = 100
_ENOUGH = 1e-3  # relative change of the spread at which the rounds end
_TINY = 1e-9


class Judged(NamedTuple):
    """Centres and variances of confusions (B, K, K) and skills (B,), and what was learned.

    ``scale`` (K,) compares the annotators' variance about their mean with the believed one.
    """

    confusion: Float
    confusion_variance: Float
    skill: Float
    skill_variance: Float
    scale: Float


def judged(estimate: Estimated, found: Covariance) -> Judged:
    """Return estimates and their variances with the belief corrected by the crowd."""
    rows, prior, belief = estimate.of_block, estimate.class_prior, estimate.belief
    n_blocks, n_classes, _ = rows.shape
    variance = variances.confusion_variance(estimate, found)
    labels = effective_labels(rows, variance)
    pulled = np.minimum(belief.strength / np.maximum(labels, _TINY), 1.0)
    expected = belief.expected
    spread = expected * (1 - expected) / (belief.strength[:, np.newaxis] + 1)
    flat = (n_blocks, n_classes**2)
    cells = _judge(
        rows.reshape(flat), variance.reshape(flat), expected.ravel(),
        np.repeat(pulled, n_classes, axis=1), spread.ravel(), estimate.learned,
    )  # fmt: skip
    skill = np.einsum("bkk,k->b", rows, prior)
    weight = prior if estimate.width == 1 else prior**2
    skills = _judge(
        skill[:, np.newaxis], variances.skill_variance(estimate, found)[:, np.newaxis],
        np.array([prior @ np.diag(expected)]), (pulled @ prior)[:, np.newaxis],
        np.array([weight @ np.diag(spread)]), estimate.learned,
    )  # fmt: skip
    total = np.maximum(spread.sum(axis=1), _TINY)
    scale = cells.spread.reshape(n_classes, n_classes).sum(axis=1) / total
    if belief.own:
        rows, variance = (part.reshape(rows.shape) for part in (cells.centre, cells.variance))
    return Judged(rows, variance, skills.centre[:, 0], skills.variance[:, 0], scale)


class _Found(NamedTuple):
    centre: Float
    variance: Float
    spread: Float


def _judge(
    value: Float, variance: Float, belief: Float, pulled: Float, believed: Float, learned: bool
) -> _Found:
    """Return centres and variances, (B, Q), and the annotators' variance about their mean.

    Parameters
    ----------
    value, variance : ndarray of shape (B, Q)
        Estimates of B annotators and their posterior variances under the belief.
    belief, believed : ndarray of shape (Q,)
        Mean and variance of annotators as believed. It counts as one annotator.
    pulled : ndarray of shape (B, Q)
        Share of the belief in the estimates.
    learned : bool
        Whether the belief was learned from the annotators: its mean then stays.
    """
    share = 1 - pulled
    noise = share * variance
    gap = value - belief
    at = np.clip(value, _TINY, 1 - _TINY)
    spread, shift, doubt = believed, np.zeros_like(believed), np.zeros_like(believed)
    for _ in range(_ROUNDS):
        middle = np.clip(belief + shift, _TINY, 1 - _TINY)
        # Noise as of a typical annotator: that of an own estimate near 0 or 1 looks too small.
        total = share**2 * spread + noise * middle * (1 - middle) / (at * (1 - at))
        kept = _ratio(share**2 * spread, total)
        own = _ratio(share * gap, total)
        if not learned:
            precision = _ratio(share**2, total).sum(axis=0) + 1 / np.maximum(believed, _TINY)
            shift, doubt = own.sum(axis=0) / precision, 1 / precision
        away = spread * own - kept * shift
        about = away**2 + spread * (1 - kept) + kept**2 * doubt
        before = spread
        spread = (believed + about.sum(axis=0)) / (len(value) + (0 if learned else 1))
        if (abs(spread - before) <= _ENOUGH * before).all():
            break
    shift = np.clip(belief + shift, _TINY, 1 - _TINY) - belief
    return _Found(value + pulled * shift, noise + pulled**2 * (spread + doubt), spread)


def _ratio(above: Float, below: Float) -> Float:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def narrowed(estimate: Estimated, found: Covariance, change: Float, scale: Float) -> Float:
    """Return the share of the variance of some quantities that remains when the crowd judges.

    Parameters
    ----------
    change : ndarray of shape (Q, B·D + P)
        Derivatives of the quantities.
    scale : ndarray of shape (K,)
        The annotators' variance over the believed one.
    """
    if estimate.learned:  # the crowd has judged already
        return np.ones(len(change))
    n_blocks, width = estimate.n_blocks, estimate.width
    of_blocks = change[:, : n_blocks * width].reshape(-1, n_blocks, width)
    of_prior = change[:, n_blocks * width :]
    if found.whole is not None:
        moved = change @ found.whole
        inner = moved[:, : n_blocks * width].reshape(of_blocks.shape)
        variance = (moved * change).sum(axis=1)
    else:
        inner = np.einsum("qbd,bcd->qbc", of_blocks, found.blocks)
        inner += np.einsum("qp,bcp->qbc", of_prior, found.border)
        outer = np.einsum("qbc,bcp->qp", of_blocks, found.border) + of_prior @ found.corner
        variance = (inner * of_blocks).sum(axis=(1, 2)) + (outer * of_prior).sum(axis=1)
    pull = of_labels(estimate, estimate.believed_weight * (1 - scale))
    less = np.einsum("qbc,bcd,qbd->q", inner, pull, inner, optimize=True)
    return np.clip(1 - _ratio(less, variance), 0.0, None)
