"""Raykar's model in plain loops, straight from the formulas; nothing here imports the package.

Votes are a list of triples (row, annotator, label) of codes; ``confusion[j][k][y]`` is
P(annotator j says y | truth k).
"""

from __future__ import annotations

import math

import numpy as np


def softmax(scores):
    odds = np.exp(scores - np.max(scores))
    return odds / odds.sum()


def joint(X, votes, weights, intercept, confusion):
    """Return log P(truth k, votes of row i) for every i and k."""
    out = np.empty((len(X), len(intercept)))
    for i in range(len(X)):
        probas = softmax(weights.T @ X[i] + intercept)
        for k in range(len(intercept)):
            out[i, k] = math.log(probas[k])
            out[i, k] += math.fsum(math.log(confusion[j][k][y]) for r, j, y in votes if r == i)
    return out


def objective(X, votes, weights, intercept, confusion, *, strength, accuracy, C, gold=None):
    """Return the penalised log likelihood of classifier and annotators."""
    n_classes = len(intercept)
    scores = joint(X, votes, weights, intercept, confusion)
    value = 0.0
    for i in range(len(X)):
        known = gold is not None and gold[i] >= 0
        value += scores[i, gold[i]] if known else np.logaddexp.reduce(scores[i])
    for table in confusion:
        for k in range(n_classes):
            for y in range(n_classes):
                share = accuracy if k == y else (1 - accuracy) / (n_classes - 1)
                value += strength * share * math.log(table[k][y])
    value += strength / n_classes * np.log(softmax(intercept)).sum()
    doubled = 2 if n_classes == 2 else 1  # two columns of weights where one would do
    return value - doubled / (2 * C) * (weights**2).sum()


def published_binary(X, labels, *, strength, accuracy, C, passes):
    """Run the EM of section 2 of Raykar et al.: sensitivities, specificities, a weight vector.

    ``labels[i][j]`` is 0, 1, or -1 where annotator j has not seen row i. The Beta priors and the
    Gaussian prior are those of the paper with pseudo-counts ``strength`` times the accuracy; the
    same number of pseudo-items, half of them positive, stands at x = 0.
    """
    n_rows, n_annotators = labels.shape
    design = np.column_stack([X, np.ones(n_rows)])
    centre = np.zeros(design.shape[1])
    centre[-1] = 1.0
    precision = np.eye(design.shape[1]) / C
    precision[-1, -1] = 0.0
    right, wrong = strength * accuracy, strength * (1 - accuracy)
    mu = np.array([row[row >= 0].mean() for row in labels])
    w = np.zeros(design.shape[1])
    for _ in range(passes):
        alpha, beta = np.empty(n_annotators), np.empty(n_annotators)
        for j in range(n_annotators):
            seen = labels[:, j] >= 0
            y, m = labels[seen, j], mu[seen]
            alpha[j] = (right + (m * y).sum()) / (right + wrong + m.sum())
            beta[j] = (right + ((1 - m) * (1 - y)).sum()) / (right + wrong + (1 - m).sum())
        for _ in range(30):  # Newton-Raphson
            p = 1 / (1 + np.exp(-design @ w))
            p0 = 1 / (1 + math.exp(-centre @ w))
            gradient = design.T @ (mu - p) + strength * (0.5 - p0) * centre - precision @ w
            curvature = (design * (p * (1 - p))[:, None]).T @ design + precision
            curvature += strength * p0 * (1 - p0) * np.outer(centre, centre)
            w = w + np.linalg.solve(curvature, gradient)
        p = 1 / (1 + np.exp(-design @ w))
        for i in range(n_rows):
            a, b = p[i], 1 - p[i]
            for j in range(n_annotators):
                if labels[i, j] >= 0:
                    a *= alpha[j] if labels[i, j] == 1 else 1 - alpha[j]
                    b *= 1 - beta[j] if labels[i, j] == 1 else beta[j]
            mu[i] = a / (a + b)
    return w, alpha, beta, mu


def planted(
    seed, n_rows, n_annotators, n_classes, *, per_row, n_features=5, right=(0.4, 0.9), spread=1.0
):
    """Draw features, truth by a multinomial logistic model, and votes as a table with -1."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(n_features, n_classes)) * spread
    X = rng.normal(size=(n_rows, n_features))
    truth = np.array([rng.choice(n_classes, p=softmax(weights.T @ x)) for x in X])
    confusion = np.empty((n_annotators, n_classes, n_classes))
    for j in range(n_annotators):
        for k in range(n_classes):
            share = rng.uniform(*right) if n_classes > 1 else 1.0
            confusion[j, k] = rng.dirichlet(np.ones(n_classes))
            confusion[j, k, k] = 0.0
            confusion[j, k] *= (1 - share) / max(confusion[j, k].sum(), 1e-300)
            confusion[j, k, k] = share
    table = np.full((n_rows, n_annotators), -1)
    for i in range(n_rows):
        for j in rng.choice(n_annotators, size=per_row, replace=False):
            table[i, j] = rng.choice(n_classes, p=confusion[j, truth[i]])
    return X, table, truth, confusion


def triples(table):
    """Return the entries of a table with -1 where there is none."""
    return [(i, j, table[i, j]) for i, j in zip(*np.nonzero(table >= 0), strict=True)]
