"""The log determinant of a small Gram matrix, with a gradient, also where it is near singular."""

from __future__ import annotations

from typing import Final

import torch

JITTER: Final = 1e-12  # times the mean of the diagonal; below what a value to 1e-6 can show


def log_det_gram(gram: torch.Tensor, *, jitter: float = JITTER) -> torch.Tensor:
    r"""Return :math:`\log\det(G + \epsilon I)` of a positive semi-definite matrix.

    .. math:: \epsilon = \mathrm{jitter} \cdot \operatorname{tr}(G) / K

    By a Cholesky factor in double precision, whatever the precision of ``gram``. The jitter
    bounds value and gradient where G has lost rank: K classes that look alike give a very
    negative number and a gradient that drives them apart, never NaN. Where G is well
    conditioned it changes nothing that can be seen.

    Parameters
    ----------
    gram : Tensor of shape (K, K)
    jitter : float

    Returns
    -------
    Tensor
        A double-precision scalar.

    Raises
    ------
    ValueError
        If ``gram`` holds what is not finite.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch.log_det import log_det_gram
    >>> round(float(log_det_gram(torch.diag(torch.tensor([2.0, 8.0])))), 6)
    2.772589
    """
    gram = gram.double()
    if not bool(torch.isfinite(gram).all()):
        raise ValueError(
            "the Gram matrix holds values that are not finite: the network's output has "
            "overflowed. Lower the learning rate or scale the features."
        )
    gram = (gram + gram.T) / 2
    n = len(gram)
    mean = torch.diagonal(gram).sum() / n
    # Rounding in G, not its scale, is what a failed factor suffers from: then more jitter.
    for more in (jitter, max(jitter, 1e-10), max(jitter, 1e-7)):
        eye = torch.eye(n, dtype=gram.dtype, device=gram.device)
        factor, info = torch.linalg.cholesky_ex(gram + more * mean * eye)
        if int(info) == 0:
            return 2 * torch.log(torch.diagonal(factor)).sum()
    raise ValueError("the Gram matrix is not positive semi-definite.")
