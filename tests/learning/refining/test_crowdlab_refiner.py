"""CrowdLabRefiner: the classifier among the annotators, round by round."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import Annotations
from aggregate.learning import CrowdLabRefiner, posterior_with_classifier
from aggregate.learning.soft_labels._temperature import best_temperature, scale
from aggregate.learning.soft_labels.out_of_fold import OutOfFold


@parametrize_with_checks(
    [CrowdLabRefiner(), CrowdLabRefiner(GaussianNB(), consensus="posterior", max_iter=3)]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learn(estimator, check):
    check(estimator)


def crowd(n_rows=150, n_classes=3, n_annotators=4, right=0.6, missing=0.3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n_rows)
    X = rng.normal(size=(n_rows, 4)) + 2.5 * np.eye(4)[truth]
    shape = (n_rows, n_annotators)
    wrong = (truth[:, None] + rng.integers(1, n_classes, size=shape)) % n_classes
    votes = np.where(rng.random(shape) < right, truth[:, None], wrong)
    keep = rng.random(shape) > missing
    keep[np.arange(n_rows), rng.integers(n_annotators, size=n_rows)] = True
    return X, np.where(keep, votes, -1), truth


def one_round_by_hand(X, votes, folds):
    """Vote shares, a fit per fold, a temperature from a grid, CROWDLAB's average: in loops."""
    shares, majority = shares_by_hand(votes)
    probas = left_out_by_hand(X, shares, folds)
    costs = []
    grid = np.linspace(1, 3, 2001)
    for t in grid:
        soft = probas ** (1 / t) / (probas ** (1 / t)).sum(axis=1, keepdims=True)
        costs.append(-(majority * np.log(soft)).sum())
    t = grid[np.argmin(costs)]
    soft = probas ** (1 / t) / (probas ** (1 / t)).sum(axis=1, keepdims=True)
    agree, weight, w = weights_by_hand(votes, majority, soft)
    found = w * soft
    n_classes = votes.max() + 1
    for i, row in enumerate(votes):
        for j in np.flatnonzero(row >= 0):
            others = (1 - agree) / (n_classes - 1)
            found[i] += weight[j] * np.where(np.arange(n_classes) == row[j], agree, others)
    return found / found.sum(axis=1, keepdims=True), w, t


def shares_by_hand(votes):
    """Return the shares of the votes, and of the classes that lead."""
    shares, majority = np.zeros((2, len(votes), votes.max() + 1))
    for i in range(len(votes)):
        for y in votes[i][votes[i] >= 0]:
            shares[i, y] += 1
        majority[i] = shares[i] == shares[i].max()
        majority[i] /= majority[i].sum()
        shares[i] /= shares[i].sum()
    return shares, majority


def left_out_by_hand(X, shares, folds):
    """Return probabilities by a classifier fitted to the other folds."""
    n_classes = shares.shape[1]
    probas = np.empty_like(shares)
    for fold in range(folds.max() + 1):
        inside = folds != fold
        model = LogisticRegression(tol=1e-8, max_iter=1000).fit(
            np.repeat(X[inside], n_classes, axis=0),
            np.tile(np.arange(n_classes), inside.sum()),
            shares[inside].ravel(),
        )
        probas[~inside] = model.predict_proba(X[~inside])
    return probas


def weights_by_hand(votes, majority, soft):
    """Return how often votes are right, and what each annotator and the classifier weigh."""
    several = (votes >= 0).sum(axis=1) > 1
    base = 1 - majority[several].sum(axis=0).max() / several.sum()
    right = [majority[i, y] for i in np.flatnonzero(several) for y in votes[i] if y >= 0]
    agree = (sum(right) + 1.4) / (len(right) + 2)
    weight = []
    for j in range(votes.shape[1]):
        met = alike = 0
        for i in np.flatnonzero(votes[:, j] >= 0):
            others = np.delete(votes[i], j)
            met += (others >= 0).sum()
            alike += (others == votes[i, j]).sum()
        weight.append(max(1 - (1 - (alike + 1.4) / (met + 2)) / base, 1e-6))
    said = np.zeros_like(soft)
    said[np.arange(len(soft)), soft.argmax(axis=1)] = 1
    error = 1 - ((said * majority)[several].sum() + 1.4) / (several.sum() + 2)
    return agree, weight, max(1 - error / base, 1e-6) * np.sqrt((votes >= 0).sum() / len(votes))


def test_one_round_against_loops():
    X, votes, _ = crowd()
    shares = np.stack([(votes == k).sum(axis=1) for k in range(3)], axis=1).astype(float)
    shares /= shares.sum(axis=1, keepdims=True)
    folds = OutOfFold(X, shares, random_state=np.random.default_rng(0)).folds
    expected, weight, temperature = one_round_by_hand(X, votes, folds)
    ours = CrowdLabRefiner(LogisticRegression(tol=1e-8, max_iter=1000), max_iter=1).fit(X, votes)
    assert ours.temperature_ == pytest.approx(temperature, abs=2e-3)
    assert ours.classifier_weight_ == pytest.approx(weight, abs=1e-9)
    np.testing.assert_allclose(ours.probas_, expected, atol=1e-4)
    np.testing.assert_array_equal(ours.quality_, ours.probas_.max(axis=1))


def test_better_than_the_vote_and_than_its_own_start():
    gains = []
    for seed in range(3):
        X, votes, truth = crowd(seed=seed)
        shares = np.stack([(votes == k).sum(axis=1) for k in range(3)], axis=1)
        majority = (shares.argmax(axis=1) == truth).mean()
        model = CrowdLabRefiner().fit(X, votes)
        gains.append((model.labels_ == truth).mean() - majority)
        assert model.converged_
        assert model.score(X, truth) > 0.85
        diagonal = model.confusion_[:, np.arange(3), np.arange(3)].mean()
        assert diagonal == pytest.approx(0.6, abs=0.1)
        np.testing.assert_allclose(model.confusion_.sum(axis=2), 1)
    assert min(gains) > 0.1


def test_posterior_for_consensus():
    X, votes, truth = crowd(n_rows=300)
    average, posterior = (
        CrowdLabRefiner(consensus=c).fit(X, votes) for c in ("crowdlab", "posterior")
    )
    own = [model.probas_[np.arange(300), truth] for model in (average, posterior)]
    assert np.log(own[1]).mean() > np.log(own[0]).mean() + 0.1
    assert posterior.score(X, truth) >= average.score(X, truth) - 0.01
    assert posterior.converged_
    blank = np.where(np.arange(300)[:, None] < 20, -1, votes)
    gold = np.where(np.arange(300) < 10, truth, -1)
    model = CrowdLabRefiner(consensus="posterior").fit(X, blank, gold=gold)
    np.testing.assert_array_equal(model.labels_[:10], truth[:10])
    np.testing.assert_allclose(model.probas_[10:20], model.classifier_probas_[10:20])
    again = posterior_with_classifier(model, blank)
    assert abs(again - model.probas_).max() < 0.1  # the confusions are those of the final labels


def test_features_that_say_nothing_do_little_harm():
    X, votes, truth = crowd(n_rows=300, n_annotators=5, right=0.75, missing=0.2)
    noise = np.random.default_rng(1).normal(size=X.shape)
    model = CrowdLabRefiner().fit(noise, votes)
    shares = np.stack([(votes == k).sum(axis=1) for k in range(3)], axis=1)
    assert model.classifier_weight_ < 0.3 * model.annotator_weight_.min()
    assert (model.labels_ == truth).mean() > (shares.argmax(axis=1) == truth).mean() - 0.01


def test_order_and_names_mean_nothing():
    X, votes, _ = crowd()
    model = CrowdLabRefiner().fit(X, votes)
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(len(X)), rng.permutation(votes.shape[1])
    other = CrowdLabRefiner().fit(X[rows], votes[rows][:, columns])
    np.testing.assert_allclose(other.probas_, model.probas_[rows], atol=1e-10)
    np.testing.assert_allclose(other.annotator_weight_, model.annotator_weight_[columns])
    names = np.array(["c", "a", "b"], dtype=object)  # their order is another
    renamed = np.where(votes >= 0, names[votes], None)
    third = CrowdLabRefiner(LogisticRegression(tol=1e-8)).fit(X, renamed)
    plain = CrowdLabRefiner(LogisticRegression(tol=1e-8)).fit(X, votes)
    np.testing.assert_array_equal(third.labels_, names[plain.labels_])
    np.testing.assert_allclose(third.probas_[:, [2, 0, 1]], plain.probas_, atol=1e-3)


def test_rows_without_votes_and_items_by_name():
    X, votes, truth = crowd()
    blank = votes.copy()
    blank[:30] = -1
    model = CrowdLabRefiner().fit(X, blank)
    assert model.n_unlabelled_ == 30
    np.testing.assert_allclose(model.probas_[:30], model.classifier_probas_[:30])
    assert (model.labels_[:30] == truth[:30]).mean() > 0.8
    named = Annotations.from_matrix(blank[30:], items=np.arange(30, 150))
    again = CrowdLabRefiner().fit(X, named, items=np.arange(150))
    np.testing.assert_allclose(again.probas_, model.probas_, atol=1e-12)
    without = CrowdLabRefiner().fit(X[30:], blank[30:])
    # The rows that did not train changed the folds, hence no more than the draw of the folds.
    assert (without.labels_ == model.labels_[30:]).mean() > 0.95


def test_gold_is_held_and_trains():
    X, votes, truth = crowd()
    votes[:40] = -1
    gold = np.full(150, -1)
    gold[:80] = truth[:80]
    model = CrowdLabRefiner().fit(X, votes, gold=gold)
    np.testing.assert_array_equal(model.probas_[:80], np.eye(3)[truth[:80]])
    assert model.n_unlabelled_ == 0
    same = CrowdLabRefiner().fit(X, votes, gold=dict(enumerate(truth[:80].tolist())))
    np.testing.assert_array_equal(same.probas_, model.probas_)


def test_a_temperature_softens_a_classifier_that_is_too_sure():
    X, votes, _ = crowd(right=0.55)
    nearest = KNeighborsClassifier(1)
    fitted = CrowdLabRefiner(nearest, strategy="hard", max_iter=1).fit(X, votes)
    assert fitted.temperature_ > 5
    raw = CrowdLabRefiner(nearest, strategy="hard", max_iter=1, temperature=1.0).fit(X, votes)
    assert raw.temperature_ == 1
    sure = raw.classifier_probas_.max(axis=1) > 1 - 1e-9
    assert 0.6 < sure.mean() < 1  # not where the nearest row's majority is a tie, which is shared
    assert fitted.quality_.mean() < raw.quality_.mean()


def test_temperature_against_a_grid():
    rng = np.random.default_rng(0)
    probas = rng.dirichlet([0.3] * 3, size=80)
    targets = rng.dirichlet([1.0] * 3, size=80)
    targets[:5] = 0
    grid = np.geomspace(0.05, 100, 4000)
    costs = [-(targets * np.log(np.maximum(scale(probas, t), 1e-300))).sum() for t in grid]
    assert best_temperature(probas, targets) == pytest.approx(grid[np.argmin(costs)], rel=3e-3)
    assert best_temperature(np.full((3, 2), 0.5), np.eye(2)[[0, 1, 1]]) == 1


def test_rounds_run_out():
    X, votes, _ = crowd(right=0.5)
    with pytest.warns(ConvergenceWarning, match="Raise tol or max_iter"):
        model = CrowdLabRefiner(max_iter=2, tol=0).fit(X, votes)
    assert not model.converged_
    assert model.n_iter_ == len(model.changed_) == 2


def test_little_to_learn_from():
    X, votes, _ = crowd()
    one = CrowdLabRefiner().fit(X, np.where(votes >= 0, 7, -1))
    assert (one.predict(X) == 7).all()
    np.testing.assert_array_equal(one.probas_, np.ones((150, 1)))
    with pytest.raises(ValueError, match="at least two labelled rows"):
        CrowdLabRefiner().fit(X[:3], [[0, 1], [-1, -1], [-1, -1]])
    with pytest.raises(ValueError, match="no label at all"):
        CrowdLabRefiner().fit(X[:3], Annotations.from_columns([], [], [], known_items=[0, 1, 2]))


def test_refusals():
    X, votes, _ = crowd(n_rows=20)
    with pytest.raises(ValueError, match="strategy"):
        CrowdLabRefiner(strategy="sample").fit(X, votes)
    with pytest.raises(ValueError, match="temperature"):
        CrowdLabRefiner(temperature=0.0).fit(X, votes)
    with pytest.raises(ValueError, match="temperature must be a number or 'auto'"):
        CrowdLabRefiner(temperature="fit").fit(X, votes)
    with pytest.raises(ValueError, match="consensus"):
        CrowdLabRefiner(consensus="mean").fit(X, votes)
    with pytest.raises(ValueError, match="max_iter"):
        CrowdLabRefiner(max_iter=0).fit(X, votes)
