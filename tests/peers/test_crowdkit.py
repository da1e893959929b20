"""Beside crowd-kit: its data frame runs unchanged, and equal settings give equal answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aggregate import (
    GLAD,
    KOS,
    MACE,
    MMSR,
    Annotations,
    DawidSkene,
    MajorityVote,
    OneCoinDawidSkene,
    Wawa,
    ZeroBasedSkill,
    read_annotations,
    read_gold,
)
from aggregate.metrics import accuracy
from aggregate.models._class_prior import ClassPrior
from aggregate.models._em import run_em
from aggregate.models._gold import gold_codes
from aggregate.models.bayesian.mace import CopyOrSpam
from tests import problems
from tests.conftest import require_data

crowdkit = pytest.importorskip("crowdkit.aggregation", exc_type=ImportError)

# crowd-kit triggers warnings of pandas and NumPy that are none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

DATA = ("planted", "bluebird", "rte", "dog", "web")


@pytest.fixture
def frame(request):
    """Return the annotations as crowd-kit takes them: task, worker, label in any order."""
    if request.param != "planted":
        return pd.read_csv(require_data() / request.param / "annotations.csv")
    votes = problems.planted(0).votes
    table = {
        "task": [f"t{i}" for i in votes.item],
        "worker": [f"w{j}" for j in votes.annotator],
        "label": [f"class {y}" for y in votes.label],
    }
    return pd.DataFrame(table).sample(frac=1, random_state=0)


def both(frame, n_iter):
    """Return our soft labels and crowd-kit's after the same number of rounds.

    Each starts with an M-step on the vote shares. crowd-kit's objective may fall, which ends
    its loop early unless the tolerance forbids that.
    """
    theirs = crowdkit.DawidSkene(n_iter=n_iter, tol=-np.inf).fit(frame)
    ours = DawidSkene(
        prior_strength=0, max_iter=n_iter, tol=0, accelerate=False, annotator_correlation=0
    ).fit(Annotations.from_frame(frame))
    return ours.probas_, theirs.probas_.loc[ours.items_, ours.classes_].to_numpy()


@pytest.mark.parametrize("frame", DATA, indirect=True)
def test_majority_vote(frame):
    theirs = crowdkit.MajorityVote().fit(frame)
    ours = MajorityVote().fit(Annotations.from_frame(frame))
    probas = theirs.probas_.loc[ours.items_, ours.classes_].to_numpy()
    np.testing.assert_allclose(ours.probas_, probas, rtol=1e-12)


@pytest.mark.parametrize("frame", ["planted", "bluebird", "rte"], indirect=True)
@pytest.mark.parametrize("n_iter", [1, 2, 10])
def test_dawid_skene(frame, n_iter):
    ours, theirs = both(frame, n_iter)
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


@pytest.mark.parametrize("frame", ["dog", "web"], indirect=True)
@pytest.mark.parametrize("n_iter", [1, 2, 10])
def test_dawid_skene_where_counts_are_zero(frame, n_iter):
    """Here annotators never gave some labels: crowd-kit floors those counts, we the shares.

    An item for which every class is impossible in that sense may then differ.
    """
    ours, theirs = both(frame, n_iter)
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.997
    assert np.median(abs(ours - theirs).max(axis=1)) < 1e-4


def in_order(table):
    """Return crowd-kit's scores with items and classes sorted, as ours are, none below 0."""
    scores = table.sort_index().sort_index(axis=1).to_numpy()
    return scores - np.minimum(scores.min(axis=1, keepdims=True), 0)


def real_crowd(name):
    """Return votes, truth codes and crowd-kit's frame, in codes."""
    folder = require_data() / name
    votes = read_annotations(folder / "annotations.csv")
    truth = gold_codes(
        dict(zip(*map(list, read_gold(folder / "truth.csv")[:2]), strict=True)), votes
    )
    table = {"task": votes.item, "worker": votes.annotator, "label": votes.label}
    return votes, truth, pd.DataFrame(table).astype(int)


@pytest.fixture
def allowed(monkeypatch):
    """Let Wawa and ZeroBasedSkill answer: since scikit-learn 1.7 they are told unfitted."""
    from crowdkit.aggregation.classification import wawa, zero_based_skill

    for module in (wawa, zero_based_skill):
        monkeypatch.setattr(module, "check_is_fitted", lambda *_, **__: None)


@pytest.mark.parametrize("name", ["Wawa", "ZeroBasedSkill"])
def test_weighted_votes_are_refused_by_scikit_learn(binary, name):
    """The reason why two of crowd-kit's models fail wherever ours are installed beside them."""
    import sklearn

    if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 7):
        pytest.skip("scikit-learn before 1.7")
    with pytest.raises(AttributeError, match="__sklearn_tags__"):
        getattr(crowdkit, name)().fit_predict(binary.frame())


@pytest.mark.parametrize(("name", "ours"), [("Wawa", Wawa()), ("ZeroBasedSkill", ZeroBasedSkill())])
def test_weighted_votes(allowed, binary, name, ours):
    """Five labels and two classes leave no tie: equal to rounding."""
    theirs = getattr(crowdkit, name)().fit(binary.frame())
    theirs.predict(binary.frame())
    np.testing.assert_allclose(ours.fit(binary.votes).probas_, in_order(theirs.probas_), rtol=1e-12)


def test_wawa_of_crowd_kit_follows_the_order_of_rows_where_classes_tie(allowed):
    """With ties the peer takes whichever class comes first in its table; we split them."""
    votes = Annotations.from_matrix([[0, 1], [0, 1], [0, -1], [1, 0], [1, 1]])
    table = {"task": votes.item, "worker": votes.annotator, "label": votes.label}
    frame = pd.DataFrame(table).astype(int)
    skills = [
        crowdkit.Wawa().fit(rows).skills_.sort_index().to_numpy() for rows in (frame, frame[::-1])
    ]
    assert not np.allclose(*skills)
    again = Annotations.from_columns(*frame[::-1].to_numpy().T)
    np.testing.assert_array_equal(Wawa().fit(votes).probas_, Wawa().fit(again).probas_)


@pytest.mark.parametrize("frame", ["planted", "web"], indirect=True)
def test_one_coin_once_the_peer_is_made_to_converge(frame):
    """Its stopping rule reads a bound that may fall; without it, both find one optimum."""
    theirs = crowdkit.OneCoinDawidSkene(n_iter=60, tol=-np.inf).fit(frame)
    ours = OneCoinDawidSkene(prior_strength=0, annotator_correlation=0, max_iter=5000, tol=1e-14)
    ours.fit(Annotations.from_frame(frame))
    probas = theirs.probas_.loc[ours.items_, ours.classes_].to_numpy()
    np.testing.assert_allclose(ours.probas_, probas, atol=1e-3)


def glad_objective(votes, ability, log_ease):
    """Return the log posterior of Whitehill et al. (2009) with normal priors of mean 1."""
    from scipy.special import log_expit, logsumexp

    n_classes = votes.n_classes
    joint = np.full((votes.n_items, n_classes), -np.log(n_classes))
    for item, who, label in zip(votes.item, votes.annotator, votes.label, strict=True):
        x = ability[who] * np.exp(log_ease[item])
        for k in range(n_classes):
            wrong = log_expit(-x) - np.log(n_classes - 1)
            joint[item, k] += log_expit(x) if k == label else wrong
    prior = ((ability - 1) ** 2).sum() / 2 + ((log_ease - 1) ** 2).sum() / 2
    return logsumexp(joint, axis=1).sum() - prior


def test_glad_reaches_a_higher_posterior(crowd):
    """The peer ends after a round or two, somewhat below; the labels hardly differ."""
    theirs = crowdkit.GLAD().fit(crowd.frame())
    ours = GLAD().fit(crowd.votes)
    mine = glad_objective(crowd.votes, ours.annotator_ability_, -np.log(ours.item_difficulty_))
    other = glad_objective(
        crowd.votes, theirs.alphas_.sort_index().to_numpy(), theirs.betas_.sort_index().to_numpy()
    )
    assert other < mine < other + 0.05 * abs(other)
    alike = ours.probas_.argmax(axis=1) == in_order(theirs.probas_).argmax(axis=1)
    assert alike.mean() > 0.98


def test_maces_restarts_are_one_and_the_same(binary):
    """The peer seeds every restart alike, so ten cost ten times as much as one and are one."""
    one, ten = (crowdkit.MACE(n_restarts=n, n_iter=5).fit(binary.frame()) for n in (1, 10))
    np.testing.assert_array_equal(one.thetas_, ten.thetas_)


@pytest.mark.parametrize("name", ["bluebird", "rte"])
def test_mace_of_crowd_kit_continued_ends_where_ours_does(real, name):
    """Fifty rounds are too few for it: from its soft labels on, both end at one optimum."""
    votes, truth, frame = real_crowd(name)
    theirs = in_order(crowdkit.MACE(n_restarts=1).fit(frame).probas_)
    ours = MACE(class_prior="uniform", random_state=0).fit(votes)
    pseudo = np.array([0.5, 0.5, *[10.0] * votes.n_classes])
    prior = ClassPrior("uniform", votes.classes, 1.0)
    problem = CopyOrSpam(votes, None, pseudo, prior, True, None)
    fit = run_em(
        problem.step, problem.from_soft_labels(theirs), max_iter=2000, tol=1e-8, accelerate=False
    )
    assert fit.objective_path[-1] == pytest.approx(ours.objective_path_[-1], rel=1e-5)
    assert fit.objective_path[0] < ours.objective_path_[-1] - 0.5
    assert accuracy(ours.probas_, truth) > accuracy(theirs, truth)


def test_kos(binary):
    theirs = crowdkit.KOS().fit_predict(binary.frame()).sort_index()
    np.testing.assert_array_equal(KOS().fit(binary.votes).labels_, theirs.to_numpy())


@pytest.mark.parametrize("name", ["rte", "web"])
def test_mmsr_is_better_where_pairs_share_few_items(real, name):
    """The peer gives a pair with one common item the weight of a pair with a hundred."""
    votes, truth, frame = real_crowd(name)
    theirs = in_order(crowdkit.MMSR(n_iter=200).fit_predict_score(frame))
    assert accuracy(MMSR().fit(votes).probas_, truth) > accuracy(theirs, truth) + 0.05


def test_mmsr_where_everybody_labelled_everything(full):
    theirs = in_order(crowdkit.MMSR().fit_predict_score(full.frame()))
    ours = MMSR().fit(full.votes)
    assert (ours.probas_.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.99


@pytest.mark.parametrize("name", ["bluebird", "face_sentiment"])
@pytest.mark.parametrize("model", ["GLAD", "M-MSR", "Wawa", "ZeroBasedSkill"])
def test_accuracy_is_that_of_the_peer(real, allowed, name, model):
    """Within 0.3 points where nothing is wrong with the peer."""
    votes, truth, frame = real_crowd(name)
    kit, ours = {
        "GLAD": (crowdkit.GLAD(), GLAD()),
        "M-MSR": (crowdkit.MMSR(), MMSR()),
        "Wawa": (crowdkit.Wawa(), Wawa()),
        "ZeroBasedSkill": (crowdkit.ZeroBasedSkill(), ZeroBasedSkill()),
    }[model]
    kit.fit(frame).predict(frame) if hasattr(kit, "predict") else kit.fit_predict(frame)
    theirs = in_order(kit.scores_ if model == "M-MSR" else kit.probas_)
    assert accuracy(ours.fit(votes).probas_, truth) >= accuracy(theirs, truth) - 0.003
