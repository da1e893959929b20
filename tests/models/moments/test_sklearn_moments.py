from __future__ import annotations

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import CoupledNMF, MultiSPA, SpectralDawidSkene, SymmetricNMF, TensorMoments

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fell back to the majority vote"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@parametrize_with_checks(
    [
        SpectralDawidSkene(),
        MultiSPA(),
        CoupledNMF(),
        SymmetricNMF(n_init=2, max_iter=100),
        TensorMoments(max_iter=50),
    ]
)
def test_scikit_learn_accepts_it(estimator, check):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        check(estimator)
