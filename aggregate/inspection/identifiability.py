"""Identifiability: what these votes can teach at all, whatever the method, and what they cannot."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.inspection._facts import (
    against_rest,
    annotator_facts,
    class_facts,
    pair_facts,
    triple_facts,
)
from aggregate.inspection._identifiability_report import IdentifiabilityReport
from aggregate.inspection._reference import (
    fit_reference,
    names_doubtful,
    optima_beside,
    worth_fitting,
)
from aggregate.inspection.graph import overlap
from aggregate.inspection.health import check_health

_MIN_USES: Final = 10


def identifiability_report(
    annotations: Annotations,
    *,
    model: Any = None,
    min_overlap: int | None = None,
    min_items: int | None = None,
    n_starts: int | None = None,
    random_state: int | np.random.Generator | None = None,
) -> IdentifiabilityReport:
    r"""Tell what can be learned from these votes, what cannot, and what to do about it.

    A model of crowds writes what annotators j, l and m say of an item as

    .. math:: P(a, b, c) = \sum_{k=1}^{K} \pi_k A_j[k, a] A_l[k, b] A_m[k, c]

    with the class prior :math:`\pi` and the confusion matrices A, truth in the rows. The report
    asks whether the votes pin down the right-hand side, in the order in which things go wrong:

    1. *Connected?* Annotators who share no item, even through others, are never compared.
    2. *Do the classes show?* The table of all labels against the other labels on the same item
       has rank K only if the crowd tells K classes apart. Singular values are set against
       their standard error (over items); the same is done for each annotator and each pair.
    3. *Pairs and triples.* How many share enough items, carry rank K, and satisfy Kruskal's
       condition (`kruskal_holds`). Kruskal ranks below K come from the fitted confusions and
       count as far as they are clear of their sampling error.
    4. *Pairs alone?* Near-anchors (`separability`) and `sufficiently_scattered`, on the fitted
       confusions, for labels used ten times or more.
    5. *One answer?* EM from random starts (`explore_optima`).

    The cost is linear in the labels and in the co-labels (the sum of squared labels per item);
    above some ten million co-labels, a random sample of annotators stands for all as partners.

    **When it fails.** All of it presumes annotators who err independently: a shared mistake
    looks like agreement, and agreement like truth. "Clearly" means at least three standard
    errors, so that annotators with few labels are called unclear rather than bad. The
    conditions 3 and 4 suffice without being necessary, and 4 is judged on estimates, whose noise
    flatters it.

    Parameters
    ----------
    annotations : Annotations
    model : estimator with confusion matrices, optional
        Fitted to these annotations, or to be fitted; `DawidSkene` by default.
    min_overlap : int, optional
        Shared items that are enough for a pair or triple; by default 3 K², three per entry of
        a pair's table.
    min_items : int, optional
        Items shared with anybody that are enough for an annotator's own confusion matrix; by
        default 5 K, five per row.
    n_starts : int, optional
        Random starts of EM; by default 3 up to 300 000 labels and none beyond.
    random_state : int or Generator, optional
        Seed of starts and samples.

    Returns
    -------
    IdentifiabilityReport

    Raises
    ------
    ValueError
        If the model was fitted to other annotators or classes, or has no confusion matrices.

    References
    ----------
    J. B. Kruskal, Three-way arrays: rank and uniqueness of trilinear decompositions, with
    application to arithmetic complexity and statistics, Linear Algebra and its Applications
    18(2):95-138, 1977, theorem 4a.

    S. Ibrahim, X. Fu, N. Kargas and K. Huang, Crowdsourcing via pairwise co-occurrences:
    identifiability and algorithms, NeurIPS 2019, theorems 1 to 3.

    S. Ibrahim and X. Fu, Crowdsourcing via annotator co-occurrence imputation and provable
    symmetric nonnegative matrix factorization, ICML 2021, PMLR 139:4544-4554.

    Examples
    --------
    >>> from aggregate import identifiability_report, simulate_annotations
    >>> crowd = simulate_annotations(1000, 6, 2, labels_per_item=4, random_state=0)
    >>> report = identifiability_report(crowd.annotations, random_state=0)
    >>> report.level
    'yes'
    >>> report.triples.n_kruskal
    20
    >>> pair = crowd.annotations.select(annotators=[0, 1])
    >>> "No item has three annotators" in str(identifiability_report(pair, random_state=0))
    True
    """
    used, unused = _without_unused(annotations)
    for name, number in (("min_items", min_items), ("n_starts", n_starts)):
        if number is not None:
            check_number(name, number, low=0, integer=True)
    n_items = 5 * max(used.n_classes, 1) if min_items is None else int(min_items)
    random = np.random.default_rng(random_state)
    health = check_health(used)
    found = overlap(used, min_overlap=min_overlap, random_state=random)
    rest = against_rest(used, n_items)
    reference = fit_reference(used, model) if worth_fitting(used, rest.shared_items) else None
    pairs = pair_facts(used, found, health, random)
    ranks = rest.ranks.copy()  # a pair that carries rank K proves it of both
    ranks[pairs.codes[pairs.rank == used.n_classes].ravel()] = used.n_classes
    return IdentifiabilityReport(
        annotator_names=annotations.annotators,
        annotators=annotator_facts(used, found, health, rest, n_items),
        pairs=pairs,
        triples=triple_facts(used, found, reference, ranks, random),
        classes=class_facts(used, unused, rest, reference, _MIN_USES, random),
        n_components=health.n_components,
        share_of_largest=health.share_of_largest,
        optima=optima_beside(used, reference, n_starts, random),
        names_doubtful=names_doubtful(used, reference),
        min_overlap=found.min_overlap,
        min_items=n_items,
        is_complete=found.is_complete,
    )


def _without_unused(annotations: Annotations) -> tuple[Annotations, NDArray[Any]]:
    """Return the annotations over the classes that somebody used, and the other classes."""
    count = np.bincount(annotations.label, minlength=annotations.n_classes)
    place = np.cumsum(count > 0, dtype=np.int32) - np.int32(1)
    used = Annotations(
        annotations.item_ptr,
        annotations.annotator,
        place[annotations.label],
        annotations.items,
        annotations.annotators,
        annotations.classes[count > 0],
    )
    return used, annotations.classes[count == 0]
