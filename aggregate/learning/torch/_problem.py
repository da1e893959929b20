"""All that a fit needs, checked: rows that train and rows that judge, in an order of their own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from aggregate.annotations import Annotations
from aggregate.learning.torch._inputs import Judges, Order, content_order, read_judges
from aggregate.learning.torch._parameters import asks_votes, check_batches
from aggregate.learning.torch._starts import FromVotes, from_votes, nothing_known
from aggregate.models._gold import gold_codes


class Problem(NamedTuple):
    """Features, votes, known truth (-1 where unknown, or None), and what is made of them.

    Attributes
    ----------
    X : ndarray or Tensor of shape (N, ...)
    votes : Annotations
    gold : ndarray of int32, shape (N,), or None
    alone : FromVotes
        What the votes alone say, zeros where nobody asks.
    order : Order
    train_rows, held_out_rows : ndarray of int64
        Rows that train, and rows set aside to judge.
    judges : Judges or None
        A validation set of the user's instead.
    n_unlabelled : int
    """

    X: Any
    votes: Annotations
    gold: Any
    alone: FromVotes
    order: Order
    train_rows: Any
    held_out_rows: Any
    judges: Judges | None
    n_unlabelled: int


def make_problem(
    model: Any,
    X: Any,
    votes: Annotations,
    gold: Any,
    validation_data: Any,
    random: np.random.Generator,
) -> Problem:
    """Return what the parameters of a classifier make of its input."""
    known = gold_codes(gold, votes)
    asked = asks_votes(model)
    alone = from_votes(model.aggregator, votes, gold) if asked else nothing_known(votes)
    judges = _judges(model, validation_data, votes, asked)
    counts = votes.labels_per_item > 0
    counts = counts if known is None else counts | (known >= 0)
    order = content_order(X, votes, random)
    rows = random.permutation(order.rows[counts[order.rows]])
    n_held_out = 0
    if judges is None and model.patience is not None:
        n_held_out = int(model.validation_fraction * len(rows))
        n_held_out = n_held_out if n_held_out > 1 else 0  # Max-MIG compares pairs of rows
    check_batches(model.loss, len(rows) - n_held_out, model.batch_size, votes.n_classes)
    return Problem(
        X,
        votes,
        known,
        alone,
        order,
        rows[n_held_out:],
        rows[:n_held_out],
        judges,
        int(votes.n_items - counts.sum()),
    )


def _judges(model: Any, validation_data: Any, votes: Annotations, asked: bool) -> Judges | None:
    """Return the user's validation set, with soft labels of its votes where the loss asks."""
    if validation_data is None:
        return None
    judges = read_judges(model, validation_data, votes.classes, votes.annotators)
    if judges.votes is None or not asked:
        return judges
    return judges._replace(soft=from_votes(model.aggregator, judges.votes, None).soft)
