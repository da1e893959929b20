"""The classifiers that are learned beside the annotators: scores of the classes and their slopes.

A network is a shape; its numbers are one flat vector, so that a solver may move classifier and
annotators at once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

ACTIVATIONS: Final = ("tanh", "relu")


class Network:
    """Multinomial logistic regression, or a network with one hidden layer.

    Parameters
    ----------
    n_features, n_classes : int
    hidden_units : int or None
        Width of the hidden layer; None for logistic regression.
    activation : {"tanh", "relu"}
        Of the hidden units.
    """

    def __init__(
        self, n_features: int, n_classes: int, hidden_units: int | None, activation: str
    ) -> None:
        self.activation = activation
        widths = [n_features, n_classes]
        if hidden_units is not None:
            widths.insert(1, int(hidden_units))
        self.shapes = list(pairwise(widths))
        self.size = sum((n_in + 1) * n_out for n_in, n_out in self.shapes)

    def layers(self, point: Float) -> list[tuple[Float, Float]]:
        """Return weights (inputs x outputs) and intercepts of each layer, as views."""
        found, begin = [], 0
        for n_in, n_out in self.shapes:
            middle = begin + n_in * n_out
            end = middle + n_out
            found.append((point[begin:middle].reshape(n_in, n_out), point[middle:end]))
            begin = end
        return found

    def penalised(self) -> Float:
        """Return 1 for each weight and 0 for each intercept."""
        mask = np.zeros(self.size)
        for weights, _ in self.layers(mask):
            weights[:] = 1.0
        return mask

    def start(self, random: np.random.Generator) -> Float:
        """Return numbers to start from: zeros, or small random weights before hidden units.

        The variance keeps that of the inputs in either direction (Glorot and Bengio, 2010).
        """
        point = np.zeros(self.size)
        if len(self.shapes) > 1:
            for weights, _ in self.layers(point):
                bound = np.sqrt(6.0 / sum(weights.shape))
                weights[:] = random.uniform(-bound, bound, weights.shape)
        return point

    def scores(self, point: Float, X: Any) -> tuple[Float, Float | None]:
        """Return the scores of the classes, (rows, K), and the hidden values."""
        layers = self.layers(point)
        hidden = None
        if len(layers) == 2:
            weights, intercepts = layers[0]
            hidden = X @ weights
            hidden += intercepts
            if self.activation == "tanh":
                np.tanh(hidden, out=hidden)
            else:
                np.maximum(hidden, 0.0, out=hidden)
        weights, intercepts = layers[-1]
        scores = (X if hidden is None else hidden) @ weights
        scores += intercepts
        return scores, hidden

    def slope(self, point: Float, X: Any, hidden: Float | None, by_scores: Float) -> Float:
        """Return the derivative by the network's numbers, from the one by the scores."""
        gradient = np.empty(self.size)
        layers, slopes = self.layers(point), self.layers(gradient)
        if hidden is not None:
            slopes[1][0][:] = hidden.T @ by_scores
            slopes[1][1][:] = by_scores.sum(axis=0)
            by_scores = by_scores @ layers[1][0].T
            if self.activation == "tanh":
                by_scores *= 1.0 - hidden**2
            else:
                by_scores *= hidden > 0
        slopes[0][0][:] = X.T @ by_scores
        slopes[0][1][:] = by_scores.sum(axis=0)
        return gradient
