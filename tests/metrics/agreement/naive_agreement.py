"""Coefficients of agreement straight from their definitions, in loops. Imports no package.

``items`` is a list of lists: the labels of each item.
"""

from __future__ import annotations

import math


def difference(a, b, scale, labels):
    """Return Krippendorff's squared difference of two labels."""
    if scale == "nominal":
        return float(a != b)
    if scale == "interval":
        return (a - b) ** 2
    if scale == "ratio":
        return 0.0 if a == b else ((a - b) / (a + b)) ** 2
    low, high = min(a, b), max(a, b)
    between = sum(1 for label in labels if low <= label <= high)
    ends = sum(1 for label in labels if label in (a, b))
    return (between - ends / 2) ** 2 if a != b else 0.0


def alpha(items, scale):
    """Return Krippendorff's alpha by the sums over all pairs of labels."""
    paired = [item for item in items if len(item) >= 2]
    labels = [label for item in paired for label in item]
    n = len(labels)
    seen = math.fsum(
        difference(item[a], item[b], scale, labels) / (len(item) - 1)
        for item in paired
        for a in range(len(item))
        for b in range(len(item))
        if a != b
    )
    chance = math.fsum(difference(a, b, scale, labels) for a in labels for b in labels)
    return 1 - (n - 1) * seen / chance


def credit(a, b, weights, classes):
    """Return the credit of two labels."""
    if weights is None:
        return float(a == b)
    widest = max(classes) - min(classes)
    apart = abs(a - b) / widest
    return 1 - (apart if weights == "linear" else apart**2)


def chance_corrected(items, rule, weights, classes):
    """Return observed and expected agreement of Gwet's handbook, chapter on missing ratings."""
    items = [item for item in items if item]
    paired = [item for item in items if len(item) >= 2]
    per_item = []
    for item in paired:
        pairs = [
            credit(item[a], item[b], weights, classes)
            for a in range(len(item))
            for b in range(len(item))
            if a != b
        ]
        per_item.append(sum(pairs) / len(pairs))
    observed = sum(per_item) / len(paired)
    share = {y: sum(item.count(y) / len(item) for item in items) / len(items) for y in classes}
    credits = {(a, b): credit(a, b, weights, classes) for a in classes for b in classes}
    if rule == "percent":
        expected = 0.0
    elif rule == "brennan-prediger":
        expected = sum(credits.values()) / len(classes) ** 2
    elif rule == "fleiss":
        expected = sum(credits[a, b] * share[a] * share[b] for a in classes for b in classes)
    else:
        scale = sum(credits.values()) / (len(classes) * (len(classes) - 1))
        expected = scale * sum(p * (1 - p) for p in share.values())
    return observed, expected


def chance_error(items, rule, classes):
    """Return Gwet's standard error (2008, equations 26 and 28); every item has two labels."""
    n = len(items)
    observed, expected = chance_corrected(items, rule, None, classes)
    value = (observed - expected) / (1 - expected)
    share = {y: sum(item.count(y) / len(item) for item in items) / n for y in classes}
    total = 0.0
    for item in items:
        m = len(item)
        agree = sum(item.count(y) * (item.count(y) - 1) for y in classes) / (m * (m - 1))
        own = (agree - expected) / (1 - expected)
        if rule == "fleiss":
            mine = sum(share[y] * item.count(y) / m for y in classes)
        elif rule == "gwet":
            k = len(classes)
            mine = sum(item.count(y) / m * (1 - share[y]) for y in classes) / (k - 1)
        else:
            mine = expected
        total += (own - 2 * (1 - value) * (mine - expected) / (1 - expected) - value) ** 2
    return math.sqrt(total / (n * (n - 1)))


def cohen(table, weights):
    """Return weighted kappa and its standard error of a square table of counts."""
    k = len(table)
    n = sum(map(sum, table))
    p = [[cell / n for cell in row] for row in table]
    rows = [sum(p[a]) for a in range(k)]
    columns = [sum(p[a][b] for a in range(k)) for b in range(k)]
    observed = sum(weights[a][b] * p[a][b] for a in range(k) for b in range(k))
    expected = sum(weights[a][b] * rows[a] * columns[b] for a in range(k) for b in range(k))
    value = (observed - expected) / (1 - expected)
    row_mean = [sum(weights[a][b] * columns[b] for b in range(k)) for a in range(k)]
    column_mean = [sum(weights[a][b] * rows[a] for a in range(k)) for b in range(k)]
    total = 0.0
    for a in range(k):
        for b in range(k):
            mean = row_mean[a] + column_mean[b]
            total += p[a][b] * (weights[a][b] * (1 - expected) - mean * (1 - observed)) ** 2
    total -= (observed * expected - 2 * expected + observed) ** 2
    return value, math.sqrt(total / n) / (1 - expected) ** 2
