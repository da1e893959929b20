"""DPO and its robust relatives: gradients, unbiasedness under flips, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from aggregate.learning import (
    cdpo_gradient,
    cdpo_loss,
    dpo_gradient,
    dpo_loss,
    ipo_gradient,
    ipo_loss,
    preference_logits,
    rdpo_gradient,
    rdpo_loss,
)

logits = st.floats(-30, 30)
rates = st.floats(0, 0.49)


@given(logits, rates)
def test_values_by_hand(z, rate):
    up, down = -math.log(1 / (1 + math.exp(-z))), -math.log(1 / (1 + math.exp(z)))
    assert float(dpo_loss(z)) == pytest.approx(up, rel=1e-9, abs=1e-12)
    assert float(cdpo_loss(z, rate)) == pytest.approx((1 - rate) * up + rate * down, abs=1e-9)
    expected = ((1 - rate) * up - rate * down) / (1 - 2 * rate)
    assert float(rdpo_loss(z, rate)) == pytest.approx(expected, rel=1e-7, abs=1e-7)
    assert float(ipo_loss(z, beta=0.2)) == pytest.approx((z / 0.2 - 1 / 0.4) ** 2)


@given(logits, rates)
def test_rdpo_is_unbiased_under_flips(z, rate):
    """The mean over "as it is" and "flipped" is the clean loss, and so is the gradient."""
    mean = (1 - rate) * rdpo_loss(z, rate) + rate * rdpo_loss(-z, rate)
    assert float(mean) == pytest.approx(float(dpo_loss(z)), abs=1e-9)
    # Flipping turns the logit's sign, hence the gradient's.
    slope = (1 - rate) * rdpo_gradient(z, rate) - rate * rdpo_gradient(-z, rate)
    assert float(slope) == pytest.approx(float(dpo_gradient(z)), abs=1e-9)


@given(logits, rates)
def test_plain_dpo_is_biased_by_flips(z, rate):
    mean = (1 - rate) * dpo_loss(z) + rate * dpo_loss(-z)
    assert float(mean) == pytest.approx(float(cdpo_loss(z, rate)), abs=1e-9)
    assert float(mean - dpo_loss(z)) == pytest.approx(rate * z, abs=1e-7)


@given(st.floats(-8, 8), rates)
def test_gradients_against_differences(z, rate):
    step = 1e-6
    pairs = [
        (dpo_loss, dpo_gradient),
        (lambda x: cdpo_loss(x, rate), lambda x: cdpo_gradient(x, rate)),
        (lambda x: rdpo_loss(x, rate), lambda x: rdpo_gradient(x, rate)),
        (lambda x: ipo_loss(x, beta=0.5), lambda x: ipo_gradient(x, beta=0.5)),
    ]
    for loss, gradient in pairs:
        slope = (loss(z + step) - loss(z - step)) / (2 * step)
        assert float(gradient(z)) == pytest.approx(float(slope), rel=1e-5, abs=1e-6)


@given(logits)
def test_all_are_dpo_without_flips(z):
    assert float(cdpo_loss(z, 0.0)) == float(rdpo_loss(z, 0.0)) == float(dpo_loss(z))


def test_where_the_minima_are():
    z = np.linspace(-5, 5, 100001)
    assert z[cdpo_loss(z, 0.2).argmin()] == pytest.approx(math.log(0.8 / 0.2), abs=1e-3)
    assert z[ipo_loss(z, beta=0.3).argmin()] == pytest.approx(0.5, abs=1e-3)
    assert (np.diff(rdpo_loss(z, 0.2)) < 0).all()  # no minimum: it falls without end


def test_extreme_logits_do_not_overflow():
    z = np.array([-1e4, 1e4])
    np.testing.assert_allclose(dpo_loss(z), [1e4, 0])
    np.testing.assert_allclose(dpo_gradient(z), [-1, 0])
    assert np.isfinite(rdpo_loss(z, 0.4)).all()


def test_logits():
    found = preference_logits([-1.0, -3.0], [-2.0, -2.0], [-1.5, -3.0], [-1.5, -2.5], beta=2.0)
    np.testing.assert_allclose(found, [2 * (0.5 + 0.5), 2 * (0.0 - 0.5)])


def test_rdpo_learns_what_clean_labels_teach():
    """A linear reward, pairs flipped by annotators of three known rates."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, 3))
    weights = np.array([1.0, -1.0, 0.5])
    sign = np.where(rng.random(20_000) < 1 / (1 + np.exp(-features @ weights)), 1.0, -1.0)
    rate = np.array([0.05, 0.2, 0.4])[rng.integers(3, size=20_000)]
    noisy = np.where(rng.random(20_000) < rate, -sign, sign)

    def fitted(signs, loss, gradient):
        signed = features * signs[:, None]
        return minimize(
            lambda w: (loss(signed @ w).mean(), (gradient(signed @ w)[:, None] * signed).mean(0)),
            np.zeros(3),
            jac=True,
        ).x

    clean = fitted(sign, dpo_loss, dpo_gradient)
    robust = fitted(noisy, lambda z: rdpo_loss(z, rate), lambda z: rdpo_gradient(z, rate))
    plain = fitted(noisy, dpo_loss, dpo_gradient)
    assert abs(robust - clean).max() < 0.1
    assert abs(plain - clean).max() > 0.3


@pytest.mark.parametrize("rate", [0.5, 0.7, -0.1, np.nan])
def test_rates_that_rdpo_refuses(rate):
    with pytest.raises(ValueError, match=r"less than 0.5; got .* leave it out, or clip"):
        rdpo_loss([1.0], rate)
    with pytest.raises(ValueError, match="flip_rate"):
        rdpo_gradient([1.0, 1.0], [0.1, rate])


def test_refusals():
    assert float(cdpo_loss(1.0, 0.9)) > 0  # a soft label may favour the other side
    with pytest.raises(ValueError, match="at most 1"):
        cdpo_loss([1.0], 1.1)
    with pytest.raises(ValueError, match="logits must be finite"):
        dpo_loss([np.nan])
    with pytest.raises(ValueError, match="beta"):
        ipo_loss([1.0], beta=0)
    with pytest.raises(ValueError, match="beta"):
        preference_logits([0], [0], [0], [0], beta=-1.0)


def test_a_column_beside_a_row_is_refused():
    """They would broadcast to a table of all pairs, and its mean would be a wrong loss."""
    z, rates = np.zeros(3), np.full((3, 1), 0.1)
    for call in (cdpo_loss, cdpo_gradient, rdpo_loss, rdpo_gradient):
        with pytest.raises(ValueError, match=r"shape \(3, 1\) beside logits of shape \(3,\)"):
            call(z, rates)
    with pytest.raises(ValueError, match=r"of one shape.*\(3,\), \(3,\), \(3, 1\)"):
        preference_logits(z, rates, z, z)
    assert preference_logits(z, z, 0.0, 0.0).shape == (3,)  # no reference
    assert rdpo_loss(1.0, [0.1, 0.2]).shape == (2,)
