r"""Losses of direct preference optimisation for training, clean and under flipped labels.

The same functions as `aggregate.learning.preferences.losses`, of tensors and without a mean: one
number per pair. Soft labels of pairs give cDPO its rates, annotators' error rates give rDPO its.
Losses with rates are computed, and returned, in single precision at least.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import logsigmoid

from aggregate._validation import check_number


def preference_logits(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    *,
    beta: float = 0.1,
) -> torch.Tensor:
    r"""Return :math:`z`, β times the log ratio of the chosen answer minus that of the rejected.

    Parameters
    ----------
    policy_chosen, policy_rejected : Tensor of shape (n,)
        Log probabilities of the answers under the policy, summed over tokens.
    reference_chosen, reference_rejected : Tensor of shape (n,)
        The same under the reference.
    beta : float, default=0.1
        Above zero.

    Returns
    -------
    Tensor of shape (n,)

    Raises
    ------
    ValueError
        If the shapes differ: (n,) beside (n, 1) would make a table of all pairs.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import preference_logits
    >>> preference_logits(*torch.tensor([[-10.0], [-12.0], [-11.0], [-11.0]]), beta=0.5)
    tensor([1.])
    """
    check_number("beta", beta, low=0, low_open=True)
    parts = (policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    shapes = [tuple(part.shape) for part in parts if isinstance(part, torch.Tensor)]
    if len(set(shapes) - {()}) > 1:
        raise ValueError(
            "the four log probabilities must be of one shape, a number per pair; got "
            f"{', '.join(map(str, shapes))}."
        )
    chosen, rejected = policy_chosen - reference_chosen, policy_rejected - reference_rejected
    return beta * (chosen - rejected)


def dpo_loss(logits: torch.Tensor) -> torch.Tensor:
    r"""Return :math:`-\log \sigma(z)` for each pair.

    Parameters
    ----------
    logits : Tensor of shape (n,)
        From `preference_logits`.

    Returns
    -------
    Tensor of shape (n,)

    References
    ----------
    R. Rafailov, A. Sharma, E. Mitchell, S. Ermon, C. D. Manning, C. Finn, Direct preference
    optimization: your language model is secretly a reward model, NeurIPS 2023, equation 7.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import dpo_loss
    >>> dpo_loss(torch.tensor([0.0, 2.0]))
    tensor([0.6931, 0.1269])
    """
    return -logsigmoid(logits)


def cdpo_loss(logits: torch.Tensor, flip_rate: Any) -> torch.Tensor:
    r"""Return :math:`(1 - \varepsilon) \, \ell(z) + \varepsilon \, \ell(-z)`, conservative DPO.

    ε is the probability that the pair is the wrong way round given its votes: one minus the soft
    label of the answer that is called chosen.

    Parameters
    ----------
    logits : Tensor of shape (n,)
    flip_rate : float or Tensor of shape (n,)
        ε from 0 to 1.

    Returns
    -------
    Tensor of shape (n,)

    Raises
    ------
    ValueError
        If a rate is out of its range, or the shapes differ.

    References
    ----------
    E. Mitchell, A note on DPO with noisy preferences and relationship to IPO, 2023.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import cdpo_loss
    >>> cdpo_loss(torch.tensor([2.0]), 0.25)
    tensor([0.6269])
    """
    z = _single(logits)
    rate = _rates(flip_rate, z, 1.0)
    return (1 - rate) * dpo_loss(z) + rate * dpo_loss(-z)


def rdpo_loss(logits: torch.Tensor, flip_rate: Any) -> torch.Tensor:
    r"""Return :math:`\frac{(1 - \varepsilon) \ell(z) - \varepsilon \ell(-z)}{1 - 2 \varepsilon}`.

    ε is the rate at which whoever labels the pair flips it, before the label is seen. The mean over
    flips is the clean loss. Single pairs can drive it below zero without end, so stop early.

    Parameters
    ----------
    logits : Tensor of shape (n,)
    flip_rate : float or Tensor of shape (n,)
        ε from 0 to less than 1/2.

    Returns
    -------
    Tensor of shape (n,)

    Raises
    ------
    ValueError
        If a rate is 1/2 or more: such a label tells nothing; or if the shapes differ.

    References
    ----------
    S. R. Chowdhury, A. Kini, N. Natarajan, Provably robust DPO: aligning language models with noisy
    feedback, ICML 2024.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import rdpo_loss
    >>> rdpo_loss(torch.tensor([2.0]), 0.25)
    tensor([-0.8731])
    """
    z = _single(logits)
    rate = _rates(flip_rate, z, 0.5)
    return ((1 - rate) * dpo_loss(z) - rate * dpo_loss(-z)) / (1 - 2 * rate)


def ipo_loss(logits: torch.Tensor, *, beta: float = 0.1) -> torch.Tensor:
    r"""Return :math:`(z / \beta - 1 / (2 \beta))^2`, which stops pulling at a finite margin.

    Parameters
    ----------
    logits : Tensor of shape (n,)
    beta : float, default=0.1
        That of the logits.

    Returns
    -------
    Tensor of shape (n,)

    References
    ----------
    M. G. Azar, Z. D. Guo, B. Piot, R. Munos, M. Rowland, M. Valko, D. Calandriello, A general
    theoretical paradigm to understand learning from human preferences, AISTATS 2024, equation 17.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import ipo_loss
    >>> ipo_loss(torch.tensor([0.5, 0.0]), beta=0.5)
    tensor([0., 1.])
    """
    check_number("beta", beta, low=0, low_open=True)
    return ((logits - 0.5) / beta).square()


def _single(logits: torch.Tensor) -> torch.Tensor:
    """Return logits in single precision at least: half of it blurs rates near 1/2."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _rates(flip_rate: Any, logits: torch.Tensor, limit: float) -> torch.Tensor:
    """Return the rates beside the logits, refusing what is no such rate."""
    rate = torch.as_tensor(flip_rate, dtype=logits.dtype, device=logits.device)
    if rate.dim() and logits.dim() and rate.shape != logits.shape:
        raise ValueError(
            "flip_rate must be a number, or one for each pair; got shape "
            f"{tuple(rate.shape)} beside logits of shape {tuple(logits.shape)}."
        )
    right = (rate >= 0) & ((rate <= limit) if limit == 1 else (rate < limit))
    if not bool(right.all()):
        bound = f"at most {limit}" if limit == 1 else f"less than {limit}"
        remedy = "" if limit == 1 else " Swap the answers of pairs beyond 1/2 and take 1 - rate."
        wrong = float(rate.detach()[~right].flatten()[0])
        raise ValueError(f"flip_rate must be at least 0 and {bound}; got {wrong:.6g}.{remedy}")
    return rate
