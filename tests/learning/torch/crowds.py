"""Planted crowds with features: a mixture of blobs, some who know and more who guess."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import nn

QUICK = {"lr": 0.01, "max_epochs": 40, "patience": 5, "random_state": 0}


class Planted(NamedTuple):
    X: np.ndarray
    table: np.ndarray
    truth: np.ndarray
    confusion: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def planted(seed=0, n_items=400, n_classes=3, n_annotators=8, per_item=3, spread=1.0):
    """Draw blobs on a circle and votes by three good annotators and others who mostly guess."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(n_classes) / n_classes
    centre = 3 * np.column_stack([np.cos(angle), np.sin(angle)])
    truth, y_test = rng.integers(0, n_classes, size=(2, n_items))
    X = centre[truth] + spread * rng.normal(size=(n_items, 2))
    X_test = centre[y_test] + spread * rng.normal(size=(n_items, 2))
    right = np.where(np.arange(n_annotators) < 3, 0.85, 0.4)
    wrong = (1 - right) / (n_classes - 1)
    confusion = np.broadcast_to(wrong[:, None, None], (n_annotators, n_classes, n_classes)).copy()
    confusion[:, np.arange(n_classes), np.arange(n_classes)] = right[:, None]
    table = np.full((n_items, n_annotators), -1)
    for i in range(n_items):
        for j in rng.choice(n_annotators, size=per_item, replace=False):
            table[i, j] = rng.choice(n_classes, p=confusion[j, truth[i]])
    return Planted(X, table, truth, confusion, X_test, y_test)


class Net(nn.Module):
    """A user's module in single precision."""

    def __init__(self, n_features, n_classes, width=16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(width, n_classes),
        )  # fmt: skip

    def forward(self, x):
        return self.layers(x)
