from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator

from aggregate import (
    CATD,
    CRH,
    Annotations,
    DawidSkene,
    LogOddsVote,
    Wawa,
    ZenCrowd,
    ZeroBasedSkill,
    simulate_annotations,
)
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes
from aggregate.models.voting._agreement import agreement_table, fit_rank_one
from tests import problems
from tests.models.voting import oracle

MODELS = [ZeroBasedSkill, CRH, CATD, LogOddsVote, ZenCrowd]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def full(seed, **options):
    """Return votes in which every annotator has a label, and their triples and shape."""
    votes = problems.planted(seed, n_items=60, n_annotators=6, **options).votes
    return votes, problems.triples(votes), problems.shape(votes)


@each_model
def test_check_estimator(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        check_estimator(model())


class TestOracles:
    @pytest.mark.parametrize(("loss", "scale"), [("mean", "max"), ("sum", "total")])
    def test_crh(self, loss, scale):
        votes, triples, shape = full(0)
        wanted = oracle.iterate(
            triples, shape, lambda x, n: oracle.crh(x, n, 0.3, loss == "mean", scale == "max")
        )
        found = CRH(loss=loss, scale=scale, smoothing=0.3).fit(votes).annotator_weight_
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)

    def test_catd(self):
        votes, triples, shape = full(1)
        wanted = oracle.iterate(triples, shape, lambda x, n: oracle.catd(x, n, 0.1, 0.2))
        found = CATD(significance=0.1, smoothing=0.2).fit(votes).annotator_weight_
        np.testing.assert_allclose(found, wanted, rtol=1e-12)

    def test_zero_based_skill(self):
        votes, triples, shape = full(2)
        model = ZeroBasedSkill(max_iter=7, tol=0, learning_rate=0.6, reduce_every=3, reduce_by=0.7)
        with pytest.warns(ConvergenceWarning, match="max_iter=7"):
            model.fit(votes)
        wanted = oracle.zero_based(triples, shape, 7, 0.6, 3, 0.7)
        np.testing.assert_allclose(model.annotator_weight_, wanted, rtol=1e-12)

    def test_agreement(self):
        votes = problems.ragged(3, n_labels=60)
        shared, value = oracle.agreement(problems.triples(votes), 5, 3)
        table = agreement_table(votes)
        np.testing.assert_array_equal(table.matrix(table.shared).toarray(), shared)
        known = shared > 0
        np.testing.assert_allclose(
            table.matrix(table.value).toarray()[known], value[known], rtol=1e-12, atol=1e-12
        )

    def test_zencrowd(self):
        votes, triples, shape = full(4)
        model = ZenCrowd(tol=1e-14, max_iter=2000).fit(votes)
        wanted, objectives = oracle.reliabilities(triples, shape, 4.0, 0.7, 300)
        np.testing.assert_allclose(model.annotator_skill_, wanted, atol=1e-5)
        assert model.objective_path_[-1] == pytest.approx(objectives[-1], rel=1e-9)


class TestCertificates:
    def test_zero_based_skill_ends_in_a_fixed_point(self):
        votes, triples, (n_items, n_annotators, n_classes) = full(5)
        skill = ZeroBasedSkill().fit(votes).annotator_weight_
        ahead = oracle.winners(oracle.shares(triples, n_items, n_classes, skill))
        right, given = oracle.agreed(triples, ahead, n_annotators)
        np.testing.assert_allclose(skill, right / given, atol=1e-9)

    def test_its_first_round_is_wawa(self):
        votes = full(6)[0]
        with pytest.warns(ConvergenceWarning):
            model = ZeroBasedSkill(max_iter=1, tol=0).fit(votes)
        np.testing.assert_allclose(
            model.annotator_weight_, Wawa().fit(votes).annotator_weight_, rtol=1e-12
        )

    def test_zencrowd_never_falls(self):
        path = ZenCrowd().fit(full(7)[0]).objective_path_
        assert np.diff(path).min() >= -1e-9 * abs(path[-1])

    def test_rank_one_finds_exact_skills_whatever_their_sign(self):
        skill = np.array([0.9, 0.7, -0.5, 0.2, 0.6])
        votes = Annotations.from_matrix(np.zeros((3, 5), dtype=int), classes=[0, 1])
        pairs = agreement_table(votes)
        exact = skill[pairs.first] * skill[pairs.partner]
        fit = fit_rank_one(pairs._replace(value=exact), ridge=0.0)
        np.testing.assert_allclose(fit.skill, skill, atol=1e-7)
        assert fit.converged

    def test_log_odds_weigh_the_votes(self):
        votes, p = full(8, n_classes=2)[0], np.array([0.9, 0.8, 0.7, 0.6, 0.55, 0.3])
        model = LogOddsVote(accuracies=p, annotator_correlation=0).fit(votes)
        margin = np.zeros(votes.n_items)
        np.add.at(margin, votes.item, np.log(p / (1 - p))[votes.annotator] * (2 * votes.label - 1))
        np.testing.assert_allclose(model.probas_[:, 1], 1 / (1 + np.exp(-margin)), rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_accuracies_are_recovered_and_the_error_falls(n_classes):
    """One-coin annotators, two of them worse than chance, with a skewed class prior."""
    truth = np.array([0.9, 0.8, 0.75, 0.7, 0.6, 0.85, 0.1, 0.15])
    spread = (1 - truth) / (n_classes - 1)
    confusion = np.broadcast_to(spread[:, np.newaxis, np.newaxis], (8, n_classes, n_classes))
    confusion = confusion.copy()
    confusion[:, np.arange(n_classes), np.arange(n_classes)] = truth[:, np.newaxis]
    prior = np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum()
    for model in (LogOddsVote(), ZenCrowd(class_prior="learned")):
        errors = []
        for n_items in (500, 20000):
            votes = simulate_annotations(
                n_items, 8, n_classes, labels_per_item=6, confusion=confusion, class_prior=prior,
                random_state=0,
            ).annotations  # fmt: skip
            errors.append(abs(model.fit(votes).annotator_skill_ - truth).max())
        assert errors[1] < min(0.025, errors[0])


def test_catd_does_not_trust_a_lucky_newcomer():
    table = np.full((40, 4), -1)
    table[:, :3] = np.arange(40)[:, np.newaxis] % 2
    table[:4, 2] = 1 - table[:4, 2]
    table[0, 3] = 0
    weight = CATD().fit(table).annotator_weight_
    assert weight[3] < weight[2] < weight[0]
    published = CRH(loss="sum", smoothing=1e-8).fit(table).annotator_weight_
    assert published[3] == pytest.approx(published[0])  # what CATD was made against


@each_model
class TestContract:
    def test_order_and_names_do_not_matter(self, model):
        votes = problems.planted(9, n_items=80, n_annotators=7, per_item=4).votes
        random = np.random.default_rng(9)
        rows = random.permutation(votes.n_annotations)
        rename = np.array(["c", "a", "b"])
        other = Annotations.from_columns(
            votes.item[rows], votes.annotator[rows], rename[votes.label[rows]]
        )
        found, wanted = model().fit(other), model().fit(votes)
        places = np.argsort(np.asarray(other.items, dtype=int))
        columns = [list(other.classes).index(name) for name in rename]
        np.testing.assert_allclose(found.probas_[places][:, columns], wanted.probas_, atol=1e-7)

    def test_gold_is_held(self, model):
        votes = problems.planted(10).votes
        gold = {0: 2, 5: 1, 6: 0}
        probas = model().fit(votes, gold=gold).probas_
        for item, truth in gold.items():
            assert probas[item, truth] == 1.0

    def test_new_items_and_strangers(self, model):
        planted = problems.planted(11)
        fitted = model().fit(planted.votes)
        np.testing.assert_array_equal(fitted.predict_proba(planted.votes), fitted.probas_)
        new = Annotations.from_columns([0, 0, 1], [0, 99, 99], [1, 1, 2])
        probas = fitted.predict_proba(new)
        assert probas[0].argmax() == 1
        assert probas[1].argmax() == 2
        ignoring = model(unknown_annotators="ignore").fit(planted.votes)
        np.testing.assert_allclose(ignoring.predict_proba(new)[1], ignoring.class_prior_)
        with pytest.raises(ValueError, match="not in the fit"):
            model(unknown_annotators="error").fit(planted.votes).predict_proba(new)

    @problems.degenerate_tables
    def test_degenerate_votes_give_probabilities(self, model, table):
        fitted = model().fit(table)
        assert np.isfinite(fitted.probas_).all()
        np.testing.assert_allclose(fitted.probas_.sum(axis=1), 1)
        assert np.isfinite(fitted.score(table))

    def test_six_hundred_labels_on_an_item(self, model):
        random = np.random.default_rng(12)
        truth = random.integers(0, 2, size=20)
        right = random.random((20, 600)) < 0.7
        votes = np.where(right, truth[:, np.newaxis], 1 - truth[:, np.newaxis])
        fitted = model().fit(votes)
        np.testing.assert_array_equal(fitted.labels_, truth)
        assert np.isfinite(fitted.probas_).all()

    def test_spammers_do_no_harm(self, model):
        random = np.random.default_rng(13)
        truth = random.integers(0, 3, size=300)
        right = random.random((300, 6)) < 0.85
        honest = np.where(right, truth[:, np.newaxis], random.integers(0, 3, size=(300, 6)))
        spam = random.integers(0, 3, size=(300, 4))
        spam[:, 0] = 0
        fitted = model().fit(np.hstack([honest, spam]))
        assert (fitted.labels_ == truth).mean() > 0.95
        assert fitted.annotator_skill_[:6].min() > fitted.annotator_skill_[6:].max()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (CRH(loss="median"), "loss must be one of"),
        (CRH(smoothing=0), "smoothing must be"),
        (CATD(significance=2), "significance must be"),
        (ZeroBasedSkill(learning_rate=0), "learning_rate must be"),
        (ZeroBasedSkill(max_iter=0), "max_iter must be"),
        (ZenCrowd(prior_strength=-1), "prior_strength must be"),
        (LogOddsVote(accuracies="best"), "accuracies must be one of"),
        (LogOddsVote(accuracies=[0.5]), "one number for each of the 2"),
        (LogOddsVote(accuracies=[0.5, 1.5]), "between 0 and 1; wrong"),
        (LogOddsVote(accuracies={"eve": 0.5}), "names no annotator"),
        (LogOddsVote(class_prior=[0.2, 0.2]), "sum to 1"),
    ],
)
def test_refusals_say_why(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit([[0, 1], [1, 1]])


def test_accuracies_by_name():
    votes = Annotations.from_columns([0, 0, 1], ["ann", "bob", "cyd"], ["x", "y", "y"])
    model = LogOddsVote(accuracies={"bob": 0.9, "ann": 0.7}).fit(votes)
    np.testing.assert_allclose(model.annotator_skill_, [0.7, 0.75, 0.75])  # half a label away


# Zheng et al., PVLDB 10(5), 2017, table 6: D_Product, percent correct (CATD within a tie of it).
@pytest.mark.parametrize(
    ("name", "model", "published"),
    [
        ("product", CRH(loss="sum", smoothing=1e-8), 89.81),
        ("product", CATD(smoothing=1e-9), 92.67),
        ("product", ZenCrowd(), 92.80),
        ("sentiment_polarity", ZenCrowd(), 91.6),
    ],
    ids=["PM", "CATD", "ZC", "one-coin"],
)
def test_published_numbers(real, name, model, published):
    votes, truth = real(name)
    soft = model.fit(votes).probas_
    assert 100 * accuracy(soft, gold_codes(truth, votes)) == pytest.approx(published, abs=0.05)


def test_one_coin_beats_the_vote_and_needs_no_more_than_confusions_do(real):
    votes, truth = real("dog")
    codes = gold_codes(truth, votes)
    scores = [accuracy(m.fit(votes).probas_, codes) for m in (ZenCrowd(), DawidSkene())]
    assert min(scores) > 0.83
