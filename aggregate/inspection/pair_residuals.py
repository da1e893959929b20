"""Pairs of annotators who agree more than their confusions explain: copying, collusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from aggregate.annotations import Annotations
from aggregate.moments import pair_moments

Float = NDArray[np.float64]

_FEW_PAIRS = 20  # below, the pairs' own spread says nothing


@dataclass(frozen=True, eq=False)
class PairResiduals:
    """What `pair_residuals` returns.

    Attributes
    ----------
    pairs : ndarray of int32, shape (P, 2)
        Annotator codes.
    shared : ndarray of shape (P,)
        Common items.
    residual : ndarray of shape (P,)
        Root mean square, over all K·K cells, of the frequencies seen less those expected.
    excess : ndarray of shape (P,)
        Agreements beyond those expected, in standard errors, after the crowd's own middle and
        spread are taken out.
    p_value : ndarray of shape (P,)
        Chance of so much agreement for a pair like the rest of the crowd.
    """

    pairs: NDArray[np.int32]
    shared: Float
    residual: Float
    excess: Float
    p_value: Float


def pair_residuals(
    annotations: Annotations,
    confusion: Float,
    class_prior: Float,
    *,
    min_shared: int = 20,
    n_jobs: int | None = None,
) -> PairResiduals:
    r"""Compare how pairs agree with what a model of independent annotators expects.

    The model expects :math:`\hat R_{jl} = A_j^\top D A_l` of the co-occurrence of j and l, D the
    diagonal matrix of the class prior: a sum of K terms (of rank K - 1 once centred). A pair
    that copies from each other agrees more often than the trace of it. Items that are hard for
    everybody raise all pairs alike; so the excess is measured from the median pair, in units of
    the pairs' own spread (their median absolute deviation, where that is above the
    sampling error).

    This is a picture of the pairs, quick for any crowd; the p-values are those of a normal
    approximation. Who copies is for `aggregate.dependence_report` to tell.

    It fails where copies are so many that the model takes them for the truth (see
    `aggregate.DependentGroups`), and where the confusions rest on few labels.

    Parameters
    ----------
    annotations : Annotations
    confusion : ndarray of shape (M, K, K)
        A, truth in the rows.
    class_prior : ndarray of shape (K,)
    min_shared : int
        Common items that make a pair worth comparing.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    PairResiduals

    References
    ----------
    P. A. Traganitis and G. B. Giannakis, Detecting adversaries in crowdsourcing, ICDM 2021
    (adversaries leave residuals in the fit of the pairs' co-occurrence).

    B. Efron, Large-scale simultaneous hypothesis testing: the choice of a null hypothesis,
    Journal of the American Statistical Association 99(465):96-104, 2004 (the empirical null).

    Examples
    --------
    >>> from aggregate import DawidSkene, simulate_annotations
    >>> from aggregate.inspection import pair_residuals
    >>> crowd = simulate_annotations(200, 8, 2, labels_per_item=8, random_state=0)
    >>> model = DawidSkene().fit(crowd.annotations)
    >>> found = pair_residuals(crowd.annotations, model.confusion_, model.class_prior_)
    >>> len(found.pairs), bool(found.p_value.min() * 28 > 0.01)
    (28, True)
    """
    moments = pair_moments(annotations, n_jobs=n_jobs)
    moments = moments.select(moments.totals >= min_shared)
    one, other = confusion[moments.pairs[:, 0]], confusion[moments.pairs[:, 1]]
    expected = np.einsum("k,pka,pkb->pab", class_prior, one, other)
    residual = np.sqrt(np.square(moments.blocks - expected).mean(axis=(1, 2)))
    chance = np.einsum("paa->p", expected).clip(1e-9, 1 - 1e-9)
    seen = np.einsum("paa->p", moments.blocks)
    excess = (seen - chance) / np.sqrt(chance * (1 - chance) / moments.totals)
    if len(excess) >= _FEW_PAIRS:
        middle = float(np.median(excess))
        spread = 1.4826 * float(np.median(abs(excess - middle)))
        excess = (excess - middle) / max(spread, 1.0)
    return PairResiduals(moments.pairs, moments.totals, residual, excess, norm.sf(excess))
