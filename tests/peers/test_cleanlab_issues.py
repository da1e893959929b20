"""Beside cleanlab: confident joint, wrong labels, scores; ActiveLab; CROWDLAB with a classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aggregate.learning import CrowdLabRefiner, find_label_issues, out_of_fold_probas, relabel_queue
from tests.peers.conftest import drawn

multiannotator = pytest.importorskip("cleanlab.multiannotator", exc_type=ImportError)
count = pytest.importorskip("cleanlab.count", exc_type=ImportError)
peer_filter = pytest.importorskip("cleanlab.filter", exc_type=ImportError)
rank = pytest.importorskip("cleanlab.rank", exc_type=ImportError)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def digits():
    X, truth = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(truth)) < 0.1
    labels = np.where(wrong, (truth + rng.integers(1, 10, len(truth))) % 10, truth)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    return out_of_fold_probas(model, X, np.eye(10)[labels]), labels


def test_thresholds_and_confident_joint_are_the_same(digits):
    probas, labels = digits
    ours = find_label_issues(probas, labels).items
    np.testing.assert_allclose(ours.thresholds, count.get_confident_thresholds(labels, probas))
    theirs = count.compute_confident_joint(labels, probas, calibrate=False)
    np.testing.assert_array_equal(ours.confident_joint, theirs)
    joint = count.estimate_joint(labels, probas)
    np.testing.assert_allclose(ours.joint, joint, atol=2e-3)  # theirs rounds to whole labels


@pytest.mark.parametrize(
    ("method", "theirs", "least"),
    [
        ("class", "prune_by_class", 0.98),
        ("confident", "confident_learning", 0.99),
        # Expected numbers of rare pairs are rounded otherwise.
        ("noise_rate", "prune_by_noise_rate", 0.92),
        ("both", "both", 0.92),
    ],
)
def test_nearly_the_same_labels_are_called_wrong(digits, method, theirs, least):
    probas, labels = digits
    ours = find_label_issues(probas, labels, method=method).items.is_issue
    peer = peer_filter.find_label_issues(labels, probas, filter_by=theirs)
    assert (ours & peer).sum() / (ours | peer).sum() > least


@pytest.mark.parametrize(
    "score", ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
)
def test_scores_are_the_same(digits, score):
    probas, labels = digits
    ours = find_label_issues(probas, labels, score=score).items.quality
    theirs = rank.get_label_quality_scores(labels, probas, method=score)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def features(truth, n_classes):
    rng = np.random.default_rng(1)
    return rng.normal(size=(len(truth), n_classes)) + 2 * np.eye(n_classes)[truth]


def floats(crowd):
    table = crowd.matrix().astype(float)
    table[table < 0] = np.nan
    return pd.DataFrame(table)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_one_round_of_the_refiner(n_classes):
    crowd = drawn(n_classes)
    model = CrowdLabRefiner(max_iter=1, temperature=1.0)
    model.fit(features(crowd.truth, n_classes), crowd.votes)
    theirs = multiannotator.get_label_quality_multiannotator(
        floats(crowd), model.classifier_probas_, return_detailed_quality=False, verbose=False
    )["label_quality"]
    same = model.labels_ == theirs["consensus_label"].to_numpy()
    assert same.mean() > 0.98
    quality = theirs["consensus_quality_score"].to_numpy()
    assert np.corrcoef(model.quality_[same], quality[same])[0, 1] > 0.95


@pytest.mark.parametrize("n_classes", [2, 4])
def test_relabel_scores(n_classes, monkeypatch):
    crowd = drawn(n_classes)
    model = CrowdLabRefiner(max_iter=1).fit(features(crowd.truth, n_classes), crowd.votes)
    # The peer would fit a second temperature, to the shares of the votes.
    monkeypatch.setattr(multiannotator, "find_best_temp_scaler", lambda *_: 1.0)
    theirs, _ = multiannotator.get_active_learning_scores(floats(crowd), model.classifier_probas_)
    ours = relabel_queue(model, crowd.votes, method="activelab")
    score = np.empty(len(theirs))
    score[ours.items] = ours.score
    assert spearmanr(score, theirs).statistic > 0.95
    worst = set(np.argsort(theirs)[:30].tolist())
    assert len(worst & set(ours.items[:30].tolist())) >= 24
