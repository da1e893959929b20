"""Nothing is shown, every figure is drawn once and closed; crowds of several sizes."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot


@pytest.fixture(autouse=True)
def no_screen():
    with matplotlib.rc_context({"backend": "agg"}):
        yield
        for number in pyplot.get_fignums():  # warnings of the layout come with the drawing
            pyplot.figure(number).canvas.draw()
        pyplot.close("all")


@pytest.fixture
def crowd():
    """Return a function that makes a fitted crowd of any size, without fitting it."""

    def make(n_annotators, n_classes=3, seed=0):
        random = np.random.default_rng(seed)
        confusion = random.dirichlet(np.ones(n_classes), (n_annotators, n_classes))
        confusion = 0.5 * confusion + 0.5 * np.eye(n_classes)
        prior = random.dirichlet(np.full(n_classes, 5.0))
        return SimpleNamespace(
            confusion_=confusion,
            class_prior_=prior,
            annotator_skill_=np.einsum("k,jkk->j", prior, confusion),
            annotators_=np.array([f"person-{j}" for j in range(n_annotators)]),
            classes_=np.array([f"class-{k}" for k in range(n_classes)]),
        )

    return make


@pytest.fixture
def intervals():
    """Return a function that puts intervals about the figures of a crowd."""

    def make(model, level=0.95):
        def about(value):
            return SimpleNamespace(low=0.8 * value, high=0.5 + 0.5 * value)

        return SimpleNamespace(
            level=level,
            confusion=about(model.confusion_),
            skill=about(model.annotator_skill_),
            n_labels=np.arange(len(model.annotators_)) + 1,
        )

    return make
