"""Which item to show to whom next, so that a budget of labels buys the most."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._encoding import match
from aggregate._tables import to_table
from aggregate._validation import check_number, first_few
from aggregate.annotations import Annotations
from aggregate.fusion import effective_labels
from aggregate.inspection._candidates import Candidates, everybody, given_pairs
from aggregate.inspection.chernoff import correlation_of
from aggregate.kernels.acquisition import best_label, imagine_label
from aggregate.models import BaseAggregator

Float = NDArray[np.float64]

_PARTICLES = 32


@dataclass(frozen=True, eq=False)
class NextLabels:
    """What `next_labels` returns: pairs to ask for, the most useful first.

    Attributes
    ----------
    items, annotators : ndarray of shape (B,)
        Show this item to this annotator.
    gain : ndarray of shape (B,)
        What the label is expected to bring, after those above it: information in nats, or
        cost saved.
    price : ndarray of shape (B,)
    expected_error : float
        Mean chance that a decision is wrong as things stand, by the model's own confidence.
    target_reached : bool
        Whether that is at most the target; then nothing is asked for.
    """

    items: NDArray[Any]
    annotators: NDArray[Any]
    gain: Float
    price: Float
    expected_error: float
    target_reached: bool

    def __len__(self) -> int:
        return len(self.items)

    def __str__(self) -> str:
        lines = [f"expected error now {self.expected_error:.1%}"]
        if self.target_reached:
            return lines[0] + ": the target is reached, no further label is needed"
        if not len(self):
            return lines[0] + ": nobody offered could add anything for the budget"
        lines.append(f"{len(self)} labels for {self.price.sum():g}, the most useful first")
        rows = zip(self.items[:10].tolist(), self.annotators.tolist(), self.gain, strict=False)
        lines += [f"  {item!s:>16}  by {who!s:<16} {gain:.4f}" for item, who, gain in rows]
        return "\n".join(lines)


def next_labels(
    model: BaseAggregator,
    annotations: Annotations,
    budget: float,
    *,
    price: float | Mapping[Any, float] = 1.0,
    costs: ArrayLike | None = None,
    candidates: tuple[ArrayLike, ArrayLike] | None = None,
    target_error: float | None = None,
    annotator_correlation: float | None = None,
    random_state: int | np.random.Generator | None = 0,
) -> NextLabels:
    r"""Return the (item, annotator) pairs whose labels are expected to tell the most.

    The label y of annotator j on item i, believed to be of class k with probability
    :math:`q_{ik}`, is expected to bring the information

    .. math:: I_{ij} = H\Bigl(\sum_k q_{ik} A_j[k, \cdot]\Bigr) - \sum_k q_{ik} H(A_j[k, \cdot])

    with H the entropy and A the confusions, or to save :math:`R(q_i) - \mathrm{E}_y R(q_i | y)` of
    the expected cost R of the best decision, if ``costs`` are given. Of r labels on one item,
    the next repeats what is known with the chance by which annotators err together: it is worth
    the growth of `aggregate.fusion.effective_labels`. Pairs are taken greedily by gain per
    price; what is asked for counts as (still unknown) labels of its item for the pairs after it,
    so that a batch does not ask ten people the same question.

    It trusts the model: where the soft labels are too sure, items that need labels look
    settled. Use an honest model (`aggregate.Auto`, `aggregate.Calibrated`).

    Parameters
    ----------
    model : aggregator
        Fitted, with confusion matrices.
    annotations : Annotations
        What is there: the items to choose from and who has labelled them.
    budget : float
        What the labels may cost in all.
    price : float or mapping annotator -> float, default=1
        Price of a label.
    costs : array-like of shape (K, K), optional
        ``costs[k, d]`` of deciding class d when the truth is k; ask for savings instead of
        information.
    candidates : (items, annotators), optional
        Pairs that can be had, two arrays of one length. By default every fitted annotator for
        every item that they have not labelled; of very many, those who tell the most.
    target_error : float, optional
        Ask only for items whose decision is more probably wrong than this, and for nothing
        once the mean over all items is at most this.
    annotator_correlation : float, optional
        ρ of the crowd; by default what the model has learned or was given.
    random_state : int or Generator, default=0
        Seed of the labels imagined for a batch.

    Returns
    -------
    NextLabels

    Raises
    ------
    ValueError
        If the model has no confusion matrices, or a price is missing or not above zero.

    References
    ----------
    D. V. Lindley, On a measure of the information provided by an experiment, Annals of
    Mathematical Statistics 27(4):986-1005, 1956.

    P. Welinder and P. Perona, Online crowdsourcing: rating annotators and obtaining
    cost-effective labels, CVPR Workshops 2010 (labels until an item is sure enough).

    Examples
    --------
    >>> from aggregate import Auto, next_labels, simulate_annotations
    >>> crowd = simulate_annotations(50, 6, 2, labels_per_item=2, random_state=0)
    >>> asked = next_labels(Auto().fit(crowd.annotations), crowd.annotations, budget=5)
    >>> len(asked), bool((asked.gain > 0).all())
    (5, True)
    """
    check_number("budget", budget, low=0)
    confusion = getattr(model, "confusion_", None)
    if confusion is None:
        raise ValueError(
            f"next_labels needs confusion matrices, and {type(model).__name__} is not fitted or "
            "has none: fit Auto, HierarchicalDawidSkene or another model that has."
        )
    probas = model.predict_proba(annotations)
    error = 1 - probas.max(axis=1)
    reached = target_error is not None and (not len(error) or error.mean() <= target_error)
    prices = _prices(price, model.annotators_)
    choice = _Greedy(
        to_table(confusion),
        probas,
        annotations.labels_per_item,
        correlation_of(model, annotator_correlation),
        prices,
        _costs(costs, len(model.classes_)),
        np.random.default_rng(random_state),
    )
    offered = _offers(model, annotations, candidates, choice)
    open_items = np.ones(len(error), bool) if target_error is None else error > target_error
    chosen, gains = choice.run(offered, np.flatnonzero(open_items), 0.0 if reached else budget)
    items, annotators = chosen.T
    return NextLabels(
        annotations.items[items],
        model.annotators_[annotators],
        gains,
        prices[annotators],
        float(error.mean()) if len(error) else 0.0,
        bool(reached),
    )


class _Greedy:
    """Pairs taken one by one, the largest gain per price first, by lazy evaluation."""

    def __init__(
        self,
        table: Float,
        probas: Float,
        n_labels: NDArray[np.int64],
        correlation: float,
        prices: Float,
        costs: Float,
        random: np.random.Generator,
    ) -> None:
        self.table, self.probas, self.prices, self.costs = table, probas, prices, costs
        self.n_labels, self.correlation, self.random = n_labels.copy(), correlation, random
        self.particles: dict[int, Float] = {}

    def worth(self, item: int) -> float:
        """Return the chance that the next label of an item is not a repetition."""
        labels = np.array([self.n_labels[item], self.n_labels[item] + 1])
        before, after = effective_labels(labels, self.correlation)
        return float(after - before)

    def best(self, item: int, annotators: NDArray[np.int64]) -> tuple[int, float]:
        """Return the best annotator's place among those offered, and the gain."""
        belief = self.particles.get(item, self.probas[item : item + 1])
        place, gain = best_label(
            belief, self.table, annotators, self.prices, self.worth(item), self.costs
        )
        return int(place), float(gain)

    def run(
        self, offered: Candidates, items: NDArray[np.intp], budget: float
    ) -> tuple[NDArray[np.int64], Float]:
        """Return pairs (item, annotator) and their gains until the budget is spent."""
        heap: list[tuple[float, int, int, float]] = []
        for item in items.tolist():
            self._push(heap, offered, item)
        chosen, gains, spent = [], [], 0.0
        cheapest = self.prices.min(initial=np.inf)
        while heap and spent + cheapest <= budget:
            _, item, annotator, gain = heapq.heappop(heap)
            if gain <= 0:
                continue
            if spent + self.prices[annotator] <= budget:
                chosen.append((item, annotator))
                gains.append(gain)
                spent += float(self.prices[annotator])
                self._imagine(item, annotator)
            offered.take(item, annotator)
            self._push(heap, offered, item)
        return np.array(chosen, dtype=np.int64).reshape(-1, 2), np.array(gains)

    def _push(self, heap: list[Any], offered: Candidates, item: int) -> None:
        annotators = offered.of(item)
        place, gain = self.best(item, annotators)
        if place >= 0:
            annotator = int(annotators[place])
            heapq.heappush(heap, (-gain / self.prices[annotator], item, annotator, gain))

    def _imagine(self, item: int, annotator: int) -> None:
        if item not in self.particles:
            self.particles[item] = np.repeat(self.probas[item : item + 1], _PARTICLES, axis=0)
        uniforms = (self.random.permutation(_PARTICLES) + self.random.random()) / _PARTICLES
        imagine_label(self.particles[item], self.table, annotator, self.worth(item), uniforms)
        self.n_labels[item] += 1


def _offers(
    model: BaseAggregator, annotations: Annotations, candidates: Any, choice: _Greedy
) -> Candidates:
    known = match(annotations.annotators, model.annotators_)
    who = known[annotations.annotator]
    done = (annotations.item[who >= 0].astype(np.int64), who[who >= 0].astype(np.int64))
    if candidates is not None:
        return given_pairs(candidates, annotations.items, model.annotators_, done)
    usual = choice.probas.mean(axis=0, keepdims=True) if len(choice.probas) else None
    return everybody(choice.table, usual, choice.prices, done, annotations.n_items)


def _prices(price: float | Mapping[Any, float], annotators: NDArray[Any]) -> Float:
    if isinstance(price, Mapping):
        missing = [name for name in annotators.tolist() if name not in price]
        if missing:
            raise ValueError(f"price must name every annotator; missing are {first_few(missing)}.")
        values = np.array([price[name] for name in annotators.tolist()], dtype=np.float64)
    else:
        check_number("price", price, low=0, low_open=True)
        values = np.full(len(annotators), float(price))
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        raise ValueError(f"prices must be above zero; wrong for {first_few(annotators[wrong])}.")
    return values


def _costs(costs: ArrayLike | None, n_classes: int) -> Float:
    if costs is None:
        return np.empty((0, 0))
    table = np.asarray(costs, dtype=np.float64)
    if table.shape != (n_classes, n_classes) or not np.isfinite(table).all():
        raise ValueError(
            f"costs must be a finite table of shape {(n_classes, n_classes)}, truth in the rows; "
            f"got shape {table.shape}."
        )
    return np.ascontiguousarray(table)
