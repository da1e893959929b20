from __future__ import annotations

from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate.learning.end_to_end import CCEMClassifier


@parametrize_with_checks(
    [
        CCEMClassifier(),
        CCEMClassifier(hidden_units=4, alpha=1.0, tol=1e-3),
    ]
)
def test_the_rules_of_scikit_learn(estimator, check):
    check(estimator)
