r"""Losses of direct preference optimisation, clean and under flipped labels, with gradients.

They are reference functions: NumPy, one number per pair. All take the same logits,

.. math:: z = \beta \Bigl(\log \frac{\pi(y_c | x)}{\pi_{ref}(y_c | x)}
              - \log \frac{\pi(y_r | x)}{\pi_{ref}(y_r | x)}\Bigr),

positive where the policy has moved towards the chosen answer c and away from the rejected r.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number, first_few

Float = NDArray[np.float64]


def preference_logits(
    policy_chosen: ArrayLike,
    policy_rejected: ArrayLike,
    reference_chosen: ArrayLike,
    reference_rejected: ArrayLike,
    *,
    beta: float = 0.1,
) -> Float:
    """Return β · (log ratio of the chosen answer - log ratio of the rejected one).

    Parameters
    ----------
    policy_chosen, policy_rejected : array-like of shape (n,)
        Log probabilities of the answers under the policy, summed over tokens.
    reference_chosen, reference_rejected : array-like of shape (n,)
        The same under the reference.
    beta : float, default=0.1
        Above zero; how dearly the policy pays for leaving the reference.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If the shapes differ: (n,) beside (n, 1) would make a table of all pairs.

    Examples
    --------
    >>> preference_logits([-10.0], [-12.0], [-11.0], [-11.0], beta=0.5)
    array([1.])
    """
    check_number("beta", beta, low=0, low_open=True)
    parts = (policy_chosen, reference_chosen, policy_rejected, reference_rejected)
    chosen, before_chosen, rejected, before_rejected = [np.asarray(p, float) for p in parts]
    shapes = [np.shape(part) for part in parts]
    if len(set(shapes) - {()}) > 1:
        raise ValueError(
            "the four log probabilities must be of one shape, a number per pair; got "
            f"{', '.join(map(str, shapes))}."
        )
    return np.asarray(beta * ((chosen - before_chosen) - (rejected - before_rejected)))


def dpo_loss(logits: ArrayLike) -> Float:
    r"""Return :math:`-\log \sigma(z)` for each pair.

    References
    ----------
    R. Rafailov, A. Sharma, E. Mitchell, S. Ermon, C. D. Manning and C. Finn, Direct preference
    optimization: your language model is secretly a reward model, NeurIPS 2023, equation 7.

    Examples
    --------
    >>> dpo_loss([0.0, 2.0]).round(3)
    array([0.693, 0.127])
    """
    return np.asarray(np.logaddexp(0.0, -_finite(logits)))


def dpo_gradient(logits: ArrayLike) -> Float:
    r"""Return the derivative of `dpo_loss` by the logits, :math:`\sigma(z) - 1`."""
    return _sigmoid(_finite(logits)) - 1


def cdpo_loss(logits: ArrayLike, flip_rate: ArrayLike) -> Float:
    r"""Return :math:`(1 - \varepsilon) \, \ell(z) + \varepsilon \, \ell(-z)`, conservative DPO.

    With ε the probability that the pair is the wrong way round *given its votes*, this is the
    expected clean loss: the cross-entropy with the soft label 1 - ε. Its minimum is at the finite
    logit :math:`\log((1 - \varepsilon) / \varepsilon)`.

    Parameters
    ----------
    logits : array-like of shape (n,)
    flip_rate : float or array-like of shape (n,)
        ε from 0 to 1.

    References
    ----------
    E. Mitchell, A note on DPO with noisy preferences and relationship to IPO, 2023.

    Examples
    --------
    >>> cdpo_loss([2.0], 0.25).round(3)
    array([0.627])
    """
    z, rate = _finite(logits), _rates(flip_rate, 1.0, logits)
    return (1 - rate) * dpo_loss(z) + rate * dpo_loss(-z)


def cdpo_gradient(logits: ArrayLike, flip_rate: ArrayLike) -> Float:
    r"""Return the derivative of `cdpo_loss` by z, :math:`\sigma(z) - (1 - \varepsilon)`."""
    return _sigmoid(_finite(logits)) - (1 - _rates(flip_rate, 1.0, logits))


def rdpo_loss(logits: ArrayLike, flip_rate: ArrayLike) -> Float:
    r"""Return :math:`\frac{(1 - \varepsilon) \ell(z) - \varepsilon \ell(-z)}{1 - 2 \varepsilon}`.

    With ε the rate at which the source of the label flips it, *before the label is seen*, the mean
    of this loss over flips is the clean loss: it is unbiased, for any z. The price is variance, by
    the factor :math:`1 / (1 - 2 \varepsilon)^2`, and a loss that single pairs can drive below zero
    without end: stop early, or use cDPO.

    Parameters
    ----------
    logits : array-like of shape (n,)
    flip_rate : float or array-like of shape (n,)
        ε from 0 to less than 1/2. (Beyond 1/2, swap the answers and take 1 - ε.)

    Raises
    ------
    ValueError
        If a rate is 1/2 or more: such a label tells nothing, and the loss has no finite value.

    References
    ----------
    S. R. Chowdhury, A. Kini and N. Natarajan, Provably robust DPO: aligning language models with
    noisy feedback, ICML 2024.

    N. Natarajan, I. S. Dhillon, P. Ravikumar and A. Tewari, Learning with noisy labels, NIPS 2013,
    lemma 1.

    Examples
    --------
    >>> rdpo_loss([2.0], 0.25).round(3)
    array([-0.873])
    """
    z, rate = _finite(logits), _rates(flip_rate, 0.5, logits)
    return ((1 - rate) * dpo_loss(z) - rate * dpo_loss(-z)) / (1 - 2 * rate)


def rdpo_gradient(logits: ArrayLike, flip_rate: ArrayLike) -> Float:
    r"""Return the derivative of `rdpo_loss` by the logits.

    .. math:: \sigma(z) - \frac{1 - \varepsilon}{1 - 2 \varepsilon}
    """
    rate = _rates(flip_rate, 0.5, logits)
    return _sigmoid(_finite(logits)) - (1 - rate) / (1 - 2 * rate)


def ipo_loss(logits: ArrayLike, *, beta: float = 0.1) -> Float:
    r"""Return :math:`(z / \beta - 1 / (2 \beta))^2`, which stops pulling at a finite margin.

    Parameters
    ----------
    logits : array-like of shape (n,)
    beta : float, default=0.1
        That of the logits.

    References
    ----------
    M. G. Azar, Z. D. Guo, B. Piot, R. Munos, M. Rowland, M. Valko and D. Calandriello, A general
    theoretical paradigm to understand learning from human preferences, AISTATS 2024.

    Examples
    --------
    >>> ipo_loss([0.5, 0.0], beta=0.5)
    array([0., 1.])
    """
    check_number("beta", beta, low=0, low_open=True)
    return np.asarray(((_finite(logits) - 0.5) / beta) ** 2)


def ipo_gradient(logits: ArrayLike, *, beta: float = 0.1) -> Float:
    r"""Return the derivative of `ipo_loss` by the logits, :math:`2 (z - 1/2) / \beta^2`."""
    check_number("beta", beta, low=0, low_open=True)
    return np.asarray(2 * (_finite(logits) - 0.5) / beta**2)


def _sigmoid(z: Float) -> Float:
    return np.asarray(np.exp(-np.logaddexp(0.0, -z)))


def _finite(logits: ArrayLike) -> Float:
    z = np.asarray(logits, dtype=np.float64)
    if not np.isfinite(z).all():
        raise ValueError(f"logits must be finite; got {first_few(z[~np.isfinite(z)])}.")
    return z


def _rates(flip_rate: ArrayLike, limit: float, logits: ArrayLike) -> Float:
    rate = np.asarray(flip_rate, dtype=np.float64)
    if rate.ndim and np.ndim(logits) and rate.shape != np.shape(logits):
        raise ValueError(
            "flip_rate must be a number, or one for each pair; got shape "
            f"{rate.shape} beside logits of shape {np.shape(logits)}."
        )
    below = rate < limit if limit < 1 else rate <= limit
    wrong = ~((rate >= 0) & below)
    if wrong.any():
        bound = f"less than {limit}" if limit < 1 else f"at most {limit}"
        remedy = (
            " A label that is flipped half the time tells nothing: leave it out, or clip the rate "
            "(np.minimum(rate, 0.45)); beyond 1/2, swap the answers and take 1 - rate."
        )
        given = first_few(np.atleast_1d(rate[wrong]))
        raise ValueError(
            f"flip_rate must be at least 0 and {bound}; got {given}.{remedy if limit < 1 else ''}"
        )
    return rate
