"""How far confusion matrices are from explaining the label pairs, and which way to change them."""

from __future__ import annotations

from aggregate._jit import kernel


@kernel
def pair_misfit(pairs, blocks, weight, confusion, prior, residual, gradient):
    """Return the weighted squared error over all pairs, and add its gradient.

    Parameters
    ----------
    pairs : ndarray of int32, shape (P, 2)
    blocks : ndarray of shape (P, K, K)
        Joint frequencies of the two annotators' labels.
    weight : ndarray of shape (P,)
    confusion : ndarray of shape (M, K, K)
        ``confusion[j, k, y]`` = P(annotator j says y | truth k).
    prior : ndarray of shape (K,)
    residual : ndarray of shape (K, K)
        Room for one pair's error.
    gradient : ndarray of shape (M, K, K)
        Added to.

    Returns
    -------
    float
        Sum over pairs of ``weight`` times the squared Frobenius norm of
        ``confusion[j].T @ diag(prior) @ confusion[l] - block``.
    """
    n_classes = prior.shape[0]
    loss = 0.0
    for p in range(pairs.shape[0]):
        one, two = pairs[p, 0], pairs[p, 1]
        total = 0.0
        for a in range(n_classes):
            for b in range(n_classes):
                value = -blocks[p, a, b]
                for k in range(n_classes):
                    value += prior[k] * confusion[one, k, a] * confusion[two, k, b]
                residual[a, b] = value
                total += value * value
        loss += weight[p] * total
        for k in range(n_classes):
            scale = 2.0 * weight[p] * prior[k]
            for a in range(n_classes):
                for b in range(n_classes):
                    gradient[one, k, a] += scale * residual[a, b] * confusion[two, k, b]
                    gradient[two, k, b] += scale * residual[a, b] * confusion[one, k, a]
    return loss
