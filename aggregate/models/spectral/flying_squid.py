"""FlyingSquid: accuracies of binary sources in closed form, from triplets of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number
from aggregate.models.spectral._triplets import triplets
from aggregate.models.spectral._two_coins import (
    Effects,
    Question,
    TwoCoinModel,
    covariances,
    fill_unknown,
    products,
)
from aggregate.models.voting._agreement import fit_rank_one

Float = NDArray[np.float64]


class FlyingSquid(TwoCoinModel):
    r"""Soft labels from accuracies that triplets of annotators give in closed form.

    Two classes first: answers :math:`u_{ij} = \pm 1` (missing where an annotator abstains)
    and truth :math:`t_i = \pm 1` with known mean b. In the model behind it,
    :math:`a_j = E[u_j t]` satisfies :math:`E[u_j u_l] = a_j a_l`, so that any three give

    .. math:: |a_j| = \sqrt{\left| E[u_j u_l] \, E[u_j u_m] / E[u_l u_m] \right|},

    each moment over the items that both label. The median over all triplets of j's partners
    is taken (or the mean), and the sign is positive: every annotator is taken to be better
    than chance, unless ``signs="fit"`` lets the pairs decide. With the mean answer
    :math:`\mu_j` and the class balance the two error rates follow,

    .. math::

        P(u_j = 1 \mid t = \pm 1) = \tfrac12 (1 + \mu_j \pm (1 \mp b)\, \delta_j), \qquad
        \delta_j = (a_j - \mu_j b) / (1 - b^2),

    and Bayes' rule the soft labels. ``centred=True`` uses covariances instead of products,
    :math:`\operatorname{cov}(u_j, u_l) = (1 - b^2) \delta_j \delta_l`, which holds for any
    two error rates, while :math:`E[u_j u_l] = a_j a_l` needs them equal or b = 0. With more
    than two classes each is asked for against the rest, always so unbalanced that covariances
    are the default; the hit rates fill the diagonals and the false alarms share out the rest.

    It fails where annotators share mistakes, where the given balance is far off, and where
    pairs share few items (a small divisor makes a triplet wild; the median helps).

    Parameters
    ----------
    class_prior : "uniform", array of shape (K,) or mapping class -> probability
        How often each class is true; votes do not tell here (see `SpectralMetaLearner`).
    combine : {"median", "mean"}, default="median"
        What to make of all triplets of an annotator.
    signs : {"positive", "fit"}, default="positive"
        Everybody better than chance, or as the least-squares fit of the pairs says.
    centred : bool, optional
        Covariances instead of products; by default where there are more than two classes.
    most_partners : int, default=30
        Partners of an annotator that are combined in triplets.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`; it changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the mean
        confusion, do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int or Generator, optional
        Seed of random ties.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    confusion_ : ndarray of shape (M, K, K)
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k).
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)

    References
    ----------
    D. Y. Fu, M. F. Chen, F. Sala, S. M. Hooper, K. Fatahalian and C. Ré, Fast and
    three-rious: speeding up weak supervision with triplet methods, ICML 2020, algorithm 1.

    Examples
    --------
    >>> from aggregate import FlyingSquid, simulate_annotations
    >>> crowd = simulate_annotations(2000, 8, 2, labels_per_item=6, random_state=0)
    >>> model = FlyingSquid().fit(crowd.annotations)
    >>> bool((model.labels_ == crowd.truth).mean() > 0.9)
    True
    """

    def __init__(
        self,
        *,
        class_prior: Any = "uniform",
        combine: str = "median",
        signs: str = "positive",
        centred: bool | None = None,
        most_partners: int = 30,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.class_prior = class_prior
        self.combine = combine
        self.signs = signs
        self.centred = centred
        self.most_partners = most_partners
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _effects(self, question: Question) -> Effects:
        check_choice("combine", self.combine, ("median", "mean"))
        check_choice("signs", self.signs, ("positive", "fit"))
        check_number("most_partners", self.most_partners, low=2, integer=True)
        centred = len(self.classes_) > 2 if self.centred is None else self.centred
        pairs = covariances(question) if centred else products(question)
        fit = fit_rank_one(pairs).skill
        size, combine = abs(fit), np.median if self.combine == "median" else np.mean
        for j, squares, _ in triplets(pairs, self.most_partners):
            if len(squares):
                size[j] = min(float(combine(np.sqrt(abs(squares)))), 1.0)
        signed = size if self.signs == "positive" else np.where(fit < 0, -size, size)
        balance = question.balance or 0.0
        if centred:
            effect = signed / np.sqrt(1 - balance**2)
        else:
            effect = (signed - question.mean * balance) / (1 - balance**2)
        given = np.bincount(question.annotator, minlength=len(effect))
        effect = fill_unknown(np.clip(effect, -1, 1), np.diff(pairs.pointers) > 0, given)
        return Effects(effect, balance)
