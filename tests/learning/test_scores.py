"""Every classifier of the room can be judged by a truth, or by votes in another order."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score
from sklearn.naive_bayes import GaussianNB

from aggregate import (
    Annotations,
    CCEMClassifier,
    CollaborativeRefiner,
    CrowdClassifier,
    CrowdLabRefiner,
    RaykarClassifier,
)
from aggregate.learning import out_of_fold_probas
from tests.learning.featured_crowd import featured_crowd

CLASSIFIERS = [
    CrowdClassifier(GaussianNB()),
    RaykarClassifier(C=1.0, n_folds=3),
    CCEMClassifier(),
    CrowdLabRefiner(GaussianNB(), n_folds=3),
    CollaborativeRefiner(GaussianNB(), n_folds=3, n_repeats=1),
]


@pytest.fixture(params=CLASSIFIERS, ids=lambda model: type(model).__name__)
def model(request):
    return clone(request.param)


@pytest.fixture(scope="module")
def crowd():
    X, votes, truth = featured_crowd(90)
    return X, votes.to_matrix(), truth


def test_cross_validation_is_judged_by_a_truth(model, crowd):
    X, table, truth = crowd
    known = np.where(np.arange(90) % 3 > 0, truth, -1)
    folds = KFold(3)
    wanted = []
    for learned, judged in folds.split(X):
        said = clone(model).fit(X[learned], table[learned]).predict(X[judged])
        counted = known[judged] >= 0
        wanted.append(np.mean(said[counted] == truth[judged][counted]))
    with config_context(enable_metadata_routing=True):
        judge = model.set_fit_request(gold=False).set_score_request(gold=True)
        found = cross_val_score(judge, X, table, cv=folds, params={"gold": known})
    assert found.tolist() == wanted


def test_votes_on_new_rows_are_found_by_name(model, crowd):
    X, table, _ = crowd
    model.fit(X[:60], table[:60])
    names = np.array([f"item {i}" for i in range(60, 90)])
    votes = Annotations.from_matrix(table[60:][::-1], items=names[::-1])
    wanted = model.score(X[60:], table[60:])
    assert model.score(X[60:], votes, items=names) == pytest.approx(wanted)
    with pytest.raises(ValueError, match=r"pass them \(items=\)"):
        model.score(X[60:80], votes)
    with pytest.raises(ValueError, match="10 items with labels are not among the rows"):
        model.score(X[60:80], votes, items=names[:20])


def test_frames_in_another_order_are_refused(model, crowd):
    X, table, _ = crowd
    names = [f"item {i}" for i in range(90)]
    X, votes = pd.DataFrame(X, index=names), pd.DataFrame(table, index=names)
    model.fit(X, votes)
    asked = [model.fit, model.score]
    if hasattr(model, "posterior"):
        asked.append(model.posterior)
    for ask in asked:
        for theirs in (votes[::-1], Annotations.from_matrix(table[::-1], items=names[::-1])):
            with pytest.raises(ValueError, match="in another order"):
                ask(X, theirs)


def test_a_truth_in_another_order_is_refused(model, crowd):
    X, table, truth = crowd
    names = [f"item {i}" for i in range(90)]
    X, truth = pd.DataFrame(X, index=names), pd.Series(truth, index=names)
    model.fit(X, table)
    assert model.score(X, truth) == model.score(X, truth.to_numpy())
    with pytest.raises(ValueError, match=r"truth in another order.*by truth\.reindex"):
        model.score(X, truth[::-1])


def test_soft_labels_in_another_order_are_refused(crowd):
    X, _, truth = crowd
    names = [f"item {i}" for i in range(90)]
    X, soft = pd.DataFrame(X, index=names), pd.DataFrame(np.eye(3)[truth], index=names)
    for ask in (CrowdClassifier().fit_soft, partial(out_of_fold_probas, GaussianNB())):
        ask(X, soft)
        with pytest.raises(ValueError, match=r"by soft_labels\.reindex\(X\.index\)"):
            ask(X, soft[::-1])
