"""How well a fit knows its annotators and classes: standard errors, intervals, draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.inspection import _variances as variances
from aggregate.inspection._averaged import averaged
from aggregate.inspection._draws import Laplace
from aggregate.inspection._estimates import (
    Uncertainty,
    beta_intervals,
    effective_labels,
    percentiles,
)
from aggregate.inspection._information import covariance
from aggregate.inspection._likelihood import (
    check_same_votes,
    estimated,
    has_likelihood,
    read_as_fitted,
)
from aggregate.inspection._resampling import Drawn, bootstrap, share_of_classes
from aggregate.inspection._shrinkage import judged, narrowed
from aggregate.models import Auto
from aggregate.models._gold import gold_codes

Float = NDArray[np.float64]

_DRAWS = 100
_CHEAP = 1_000_000  # annotations up to which draws are made unasked


def uncertainty(
    model: Any,
    annotations: Any,
    method: str = "information",
    *,
    level: float = 0.95,
    gold: Any = None,
    n_draws: int | None = None,
    n_bootstrap: int = 200,
    n_jobs: int | None = None,
    random_state: int | np.random.Generator | None = 0,
    verbose: bool = False,
) -> Uncertainty:
    r"""Return standard errors and intervals of everything a model estimated.

    "information": the parameters' coordinates :math:`\theta` (logarithms of the confusions and
    of the class prior) have about the covariance :math:`I^{-1}`, with the observed information

    .. math:: I = \sum_i \Bigl(\mathrm{E}_{q_i} \bigl[-\nabla^2 \ell_i(k)\bigr] -
        \mathrm{Cov}_{q_i} \bigl[\nabla \ell_i(k)\bigr]\Bigr) + \text{prior},

    :math:`\ell_i(k)` the log probability of truth k and the labels of item i, and
    :math:`q_i` the posterior: what known truths would tell, less what is lost because they
    are not known (Louis 1982). Up to 4,000 coordinates the matrix is inverted whole; above,
    annotators are coupled through the class prior alone, which makes the errors a little too
    small. Where labels seem to tell less than nothing, they are taken to tell nothing. A model
    without pseudo-labels is fitted on with one per row, shared out evenly, from where it
    ended: at certainties, maximum likelihood looks surer than it is. `HierarchicalDawidSkene`,
    which climbs a bound, goes on to a maximum of the likelihood with its own pseudo-labels.

    What the pseudo-labels say of annotators is then judged by all of them: how far they are
    from it on average is corrected for, and how much they vary about that takes the place of
    what the prior assumed (empirical Bayes). Each probability p of variance v has the interval
    of a Beta distribution of :math:`p (1 - p) / v` labels, which stays between 0 and 1. The
    prevalence is averaged over draws of the parameters.

    "bootstrap": the model is fitted again to items drawn with replacement, each time from where
    the fit ended; errors are standard deviations, intervals percentiles. Slower, for any model
    with confusions; right in large samples also where annotators' errors depend on each other
    within items, which the information takes for independent.

    Both fail where the votes do not determine the parameters (see `identifiability_report`) and
    say nothing of a model that is wrong. They hold on average over annotators: those who are
    far from everybody else are held less often, where they have a handful of labels.

    Parameters
    ----------
    model : fitted aggregator
        `DawidSkene`, `OneCoinDawidSkene`, `ClassConditionalDawidSkene`, `PooledDawidSkene`,
        `HierarchicalDawidSkene`, `IBCC`, or `Auto` (the errors of such members, and how far all
        members differ); with "bootstrap", any with ``confusion_``.
    annotations : Annotations or array-like of shape (N, M)
        What it was fitted to.
    method : {"information", "bootstrap"}
    level : float, default=0.95
        Coverage of the intervals.
    gold : mapping or array-like, optional
        The gold that it was fitted with. (Histories count as unknown.)
    n_draws : int, optional
        Draws of parameters for the prevalence; 0 linearises. By default 100 up to a million
        annotations, else 0.
    n_bootstrap : int, default=200
        Fits.
    n_jobs : int, optional
        Threads of the bootstrap. The results are the same.
    random_state : int or Generator, optional
        Seed.
    verbose : bool, default=False
        Show a progress bar of the fits.

    Returns
    -------
    Uncertainty

    Raises
    ------
    TypeError
        If the model maximises no likelihood of a known form, or has no confusions.
    ValueError
        If it was fitted to other annotators or classes, or its confusions are fixed.

    References
    ----------
    T. A. Louis, Finding the observed information matrix when using the EM algorithm, Journal
    of the Royal Statistical Society B 44(2):226-233, 1982, equation 3.2.

    C. N. Morris, Parametric empirical Bayes inference: theory and applications, Journal of the
    American Statistical Association 78(381):47-55, 1983, section 1.

    T. B. Armstrong, M. Kolesár and M. Plagborg-Møller, Robust empirical Bayes confidence
    intervals, Econometrica 90(6):2567-2602, 2022, section 2 (average coverage, and the
    distance from the prior's mean as a source of error).

    B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, Chapman and Hall, 1993,
    chapter 13.

    Examples
    --------
    >>> from aggregate import DawidSkene, simulate_annotations
    >>> from aggregate.inspection import uncertainty
    >>> crowd = simulate_annotations(300, 4, 2, labels_per_item=3, random_state=0)
    >>> model = DawidSkene().fit(crowd.annotations)
    >>> found = uncertainty(model, crowd.annotations)
    >>> found.skill.value.round(2), found.skill.standard_error.round(2)
    (array([0.76, 0.73, 0.56, 0.66]), array([0.07, 0.06, 0.06, 0.06]))
    """
    check_choice("method", method, ("information", "bootstrap"))
    check_number("level", level, low=0, high=1 - 1e-9, low_open=True)
    check_number("n_bootstrap", n_bootstrap, low=2, integer=True)
    annotations = read_as_fitted(model, annotations)
    if n_draws is None:
        n_draws = _DRAWS if annotations.n_annotations <= _CHEAP else 0
    check_number("n_draws", n_draws, low=0, integer=True)
    if method == "information":

        def errors_of(member: Any) -> Uncertainty:
            return _by_information(member, annotations, gold, level, n_draws, random_state)

        if isinstance(model, Auto):
            return averaged(model, annotations, level, errors_of)
        return errors_of(model)
    _check_confusions(model, annotations)
    drawn = bootstrap(
        model,
        annotations,
        gold,
        n_bootstrap=n_bootstrap,
        n_jobs=n_jobs,
        random_state=random_state,
        verbose=verbose,
    )
    return _by_bootstrap(model, annotations, drawn, level)


def has_error_bars(model: Any) -> bool:
    """Tell whether `uncertainty` knows a fitted model's information.

    Examples
    --------
    >>> from aggregate import MajorityVote, OneCoinDawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0]]
    >>> [has_error_bars(model.fit(votes)) for model in (OneCoinDawidSkene(), MajorityVote())]
    [True, False]
    """
    return isinstance(model, Auto) or has_likelihood(model)


def _by_information(
    model: Any,
    annotations: Annotations,
    gold: Any,
    level: float,
    n_draws: int,
    random_state: int | np.random.Generator | None,
) -> Uncertainty:
    estimate = estimated(model, annotations, gold)
    found = covariance(estimate)
    laplace = Laplace(estimate, found)
    crowd, unit = judged(estimate, found), estimate.unit
    rows, of_rows = crowd.confusion[unit], crowd.confusion_variance[unit]
    skill, of_skill = crowd.skill[unit], crowd.skill_variance[unit]
    truth = gold_codes(gold, annotations)
    middle, of_share = _share(laplace, truth, crowd.scale, n_draws, random_state)
    share, _ = share_of_classes(annotations, model.confusion_, model.class_prior_, truth)
    of_prior = variances.prior_variance(estimate, found)
    of_prior *= narrowed(estimate, found, variances.prior_change(estimate), crowd.scale)
    of_cells = variances.confusion_variance(estimate, found)[unit]
    return Uncertainty(
        method="information",
        level=level,
        annotators=annotations.annotators,
        classes=annotations.classes,
        n_labels=annotations.labels_per_annotator,
        confusion=beta_intervals(model.confusion_, rows, of_rows, level),
        skill=beta_intervals(model.annotator_skill_, skill, of_skill, level),
        class_prior=beta_intervals(model.class_prior_, estimate.class_prior, of_prior, level),
        prevalence=beta_intervals(share, middle, of_share, level),
        effective_labels=effective_labels(estimate.confusion, of_cells),
        _laplace=laplace,
    )


def _share(
    laplace: Laplace,
    truth: NDArray[np.int32] | None,
    scale: Float,
    n_draws: int,
    random_state: int | np.random.Generator | None,
) -> tuple[Float, Float]:
    """Return where the interval of each class's share among the items lies, and its variance."""
    estimate, found = laplace.estimate, laplace.found
    centre, own, shared = variances.prevalence(estimate, found)
    if n_draws:
        random = np.random.default_rng(random_state)
        drawn = [
            share_of_classes(estimate.votes, confusion, prior, truth)
            for confusion, prior in laplace.draw(n_draws, random)
        ]
        shares, owns = (np.stack(part) for part in zip(*drawn, strict=True))
        centre, own = shares.mean(axis=0), owns.mean(axis=0)
        shared = shares.var(axis=0, ddof=1) if n_draws > 1 else np.zeros_like(centre)
    return centre, own + shared * narrowed(estimate, found, found.slope, scale)


def _check_confusions(model: Any, annotations: Annotations) -> None:
    """Refuse what the bootstrap cannot fit again."""
    if not hasattr(model, "confusion_"):
        raise TypeError(
            f"{type(model).__name__} has no confusion_; uncertainty needs a model with "
            "confusion matrices, such as DawidSkene."
        )
    check_same_votes(model, annotations)


def _by_bootstrap(model: Any, annotations: Annotations, drawn: Drawn, level: float) -> Uncertainty:
    share = drawn.prevalence
    of_share = share.var(axis=0, ddof=1) + drawn.own.mean(axis=0)
    confusion = percentiles(model.confusion_, drawn.confusion, level)
    return Uncertainty(
        method="bootstrap",
        level=level,
        annotators=annotations.annotators,
        classes=annotations.classes,
        n_labels=annotations.labels_per_annotator,
        confusion=confusion,
        skill=percentiles(model.annotator_skill_, drawn.skill, level),
        class_prior=percentiles(model.class_prior_, drawn.class_prior, level),
        prevalence=beta_intervals(drawn.share, share.mean(axis=0), of_share, level),
        effective_labels=effective_labels(model.confusion_, np.square(confusion.standard_error)),
    )
