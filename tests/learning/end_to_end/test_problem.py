from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from aggregate import Annotations
from aggregate.learning.end_to_end._crowd import code_crowd
from aggregate.learning.end_to_end._networks import Network
from aggregate.learning.end_to_end._problem import CoupledProblem, Penalties
from aggregate.learning.end_to_end._start import diagonal_target

REGULARIZERS = (None, "geocrowdnet-f", "geocrowdnet-w", "trace")


def crowd(gold=False, seed=0, n_rows=9, n_classes=3):
    random = np.random.default_rng(seed)
    table = random.integers(-1, n_classes, (n_rows, 4))
    table[:n_classes, 0] = np.arange(n_classes)  # every class is used
    votes = Annotations.from_matrix(table)
    known = None
    if gold:
        known = np.full(n_rows, -1, dtype=np.int32)
        known[[1, 4]] = [2, 0]
    weight = random.uniform(0.5, 2, n_rows)
    by_label = random.uniform(0.5, 2, votes.n_annotations)
    return code_crowd(votes, known, weight, by_label), random.normal(size=(n_rows, 2))


def penalties(regularizer=None, strength=0.1):
    return Penalties(2.0, 1.5, diagonal_target(3, 0.7), regularizer, strength)


def naive_objective(point, X, crowd, network, penalties, hidden_units, activation):
    """Compute what the class says it does, loop by loop."""
    size = network.size
    if hidden_units is None:
        weights, intercepts = point[:6].reshape(2, 3), point[6:9]
        scores, squares = X @ weights + intercepts, (weights**2).sum()
    else:
        cut = np.cumsum([2 * hidden_units, hidden_units, 3 * hidden_units])
        first, by_first, second, by_second = np.split(point[:size], cut)
        hidden = X @ first.reshape(2, -1) + by_first
        hidden = np.tanh(hidden) if activation == "tanh" else hidden.clip(0)
        scores = hidden @ second.reshape(-1, 3) + by_second
        squares = (first**2).sum() + (second**2).sum()
    f = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    odds = np.exp(point[size:].reshape(4, 3, 3))
    A = odds / odds.sum(axis=2, keepdims=True)
    loss = 0.0
    total = crowd.weight.sum() + crowd.row_weight[crowd.gold >= 0].sum()
    for i, code, weight in zip(crowd.item, crowd.code, crowd.weight, strict=True):
        j, y = divmod(int(code), 3)
        known = crowd.gold[i]
        seen = f[i] if known < 0 else np.eye(3)[known]
        loss -= weight * math.log(sum(seen[k] * A[j, k, y] for k in range(3)))
    for i in np.flatnonzero(crowd.gold >= 0):
        loss -= crowd.row_weight[i] * math.log(f[i, crowd.gold[i]])
    loss += penalties.alpha / 2 * squares - penalties.anchor * (penalties.target * np.log(A)).sum()
    loss /= total
    if penalties.regularizer == "geocrowdnet-f":
        gram = f.T @ (crowd.row_weight[:, None] * f)
        loss -= penalties.strength * math.log(np.linalg.det(gram))
    elif penalties.regularizer == "geocrowdnet-w":
        gram = sum(confusion @ confusion.T for confusion in A)
        loss -= penalties.strength * math.log(np.linalg.det(gram))
    elif penalties.regularizer == "trace":
        loss += penalties.strength * sum(np.trace(confusion) for confusion in A)
    return loss


@pytest.mark.parametrize("gold", [False, True])
@pytest.mark.parametrize("regularizer", REGULARIZERS)
@pytest.mark.parametrize(("hidden_units", "activation"), [(None, "tanh"), (4, "tanh"), (4, "relu")])
def test_value_and_gradient(gold, regularizer, hidden_units, activation):
    labels, X = crowd(gold)
    network = Network(2, 3, hidden_units, activation)
    given = penalties(regularizer)
    problem = CoupledProblem(X, labels, network, given, None)
    point = np.random.default_rng(1).normal(size=network.size + 36)

    def oracle(point):
        return naive_objective(point, X, labels, network, given, hidden_units, activation)

    value, gradient = problem.objective(point)
    assert value == pytest.approx(oracle(point), rel=1e-6)  # a ridge of 1e-9 in the volumes
    step = 1e-6
    for place in range(len(point)):
        shift = step * (np.arange(len(point)) == place)
        slope = (oracle(point + shift) - oracle(point - shift)) / (2 * step)
        assert gradient[place] == pytest.approx(slope, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_sparse_features_do_the_same(regularizer):
    labels, X = crowd(gold=True)
    X[X < 0.3] = 0.0
    network = Network(2, 3, None, "tanh")
    point = np.random.default_rng(1).normal(size=network.size + 36)
    dense, sparse = (
        CoupledProblem(table, labels, network, penalties(regularizer), None).objective(point)
        for table in (X, csr_array(X))
    )
    assert sparse[0] == pytest.approx(dense[0], rel=1e-13)
    np.testing.assert_allclose(sparse[1], dense[1], rtol=1e-10, atol=1e-13)


def test_threads_change_no_bit():
    labels, X = crowd(n_rows=9000)
    network = Network(2, 3, None, "tanh")
    given = penalties("geocrowdnet-f")
    point = np.random.default_rng(1).normal(size=network.size + 36)
    serial = CoupledProblem(X, labels, network, given, None)
    assert len(serial.parts) > 1
    value, gradient = serial.objective(point)
    threaded = CoupledProblem(X, labels, network, given, 3).objective(point)
    assert threaded[0] == value
    np.testing.assert_array_equal(threaded[1], gradient)


def test_the_start_of_a_regularised_descent_may_be_singular():
    """With all weights zero, every row says the same and the volume is zero."""
    labels, X = crowd()
    network = Network(2, 3, None, "tanh")
    problem = CoupledProblem(X, labels, network, penalties("geocrowdnet-f"), None)
    value, gradient = problem.objective(np.zeros(network.size + 36))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_rows_are_taken_with_their_labels():
    labels, _ = crowd(gold=True)
    chosen = np.array([True, False, True, False, True, True, False, False, True])
    part = labels.take(chosen)
    assert part.n_rows == 5
    rows = np.flatnonzero(chosen)
    kept = np.isin(labels.item, rows)
    np.testing.assert_array_equal(rows[part.item], labels.item[kept])
    np.testing.assert_array_equal(part.code, labels.code[kept])
    np.testing.assert_array_equal(part.gold, labels.gold[chosen])
