"""Preference losses against NumPy's, in value and gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aggregate.learning.preferences import losses as in_numpy
from aggregate.learning.torch import preference_losses as in_torch

RNG = np.random.default_rng(0)
Z = np.concatenate([RNG.normal(scale=3, size=50), [0.0, 40.0, -40.0, 700.0, -700.0]])
LOW = RNG.uniform(0, 0.49, size=len(Z))
RATE = RNG.uniform(0, 1, size=len(Z))

CASES = [
    ("dpo", (), {}),
    ("cdpo", (RATE,), {}),
    ("cdpo", (0.3,), {}),
    ("rdpo", (LOW,), {}),
    ("rdpo", (0.2,), {}),
    ("ipo", (), {"beta": 0.3}),
]


@pytest.mark.parametrize(("name", "rates", "options"), CASES)
def test_value_and_gradient(name, rates, options):
    z = torch.tensor(Z, requires_grad=True)
    loss = getattr(in_torch, f"{name}_loss")(z, *rates, **options)
    loss.sum().backward()
    wanted = getattr(in_numpy, f"{name}_loss")(Z, *rates, **options)
    slope = getattr(in_numpy, f"{name}_gradient")(Z, *rates, **options)
    np.testing.assert_allclose(loss.detach(), wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(z.grad, slope, rtol=1e-6, atol=1e-6)


def test_logits():
    parts = RNG.normal(size=(4, 9))
    found = in_torch.preference_logits(*torch.from_numpy(parts), beta=0.2)
    np.testing.assert_allclose(found, in_numpy.preference_logits(*parts, beta=0.2))
    with pytest.raises(ValueError, match="beta must be a number above 0"):
        in_torch.preference_logits(*torch.zeros(4, 1), beta=0)


def test_finite_differences():
    z, rate = torch.tensor(Z[:20], requires_grad=True), torch.tensor(LOW[:20])
    assert torch.autograd.gradcheck(lambda z: in_torch.rdpo_loss(z, rate), (z,))
    assert torch.autograd.gradcheck(lambda z: in_torch.cdpo_loss(z, rate), (z,))


def test_rates_out_of_range():
    z = torch.zeros(2)
    with pytest.raises(ValueError, match=r"less than 0.5; got 0.5. Swap the answers"):
        in_torch.rdpo_loss(z, torch.tensor([0.1, 0.5]))
    with pytest.raises(ValueError, match=r"at most 1.0; got 1.2\.$"):
        in_torch.cdpo_loss(z, 1.2)
    with pytest.raises(ValueError, match="got nan"):
        in_torch.cdpo_loss(z, float("nan"))


def test_a_column_beside_a_row_is_refused():
    """They would broadcast to a table of all pairs, and its mean would be a wrong loss."""
    z, rates = torch.zeros(3), torch.full((3, 1), 0.1)
    for call in (in_torch.cdpo_loss, in_torch.rdpo_loss):
        with pytest.raises(ValueError, match=r"shape \(3, 1\) beside logits of shape \(3,\)"):
            call(z, rates)
    with pytest.raises(ValueError, match=r"of one shape.*\(3, 1\)"):
        in_torch.preference_logits(z, rates, z, z)
    assert in_torch.preference_logits(z, z, 0.0, 0.0).shape == (3,)  # no reference


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_does_not_blur_the_rates(dtype):
    z = torch.tensor([1.0, -2.0], dtype=dtype, requires_grad=True)  # exact in half precision
    rates = [0.45, 0.4499]
    for name in ("cdpo", "rdpo"):
        loss = getattr(in_torch, f"{name}_loss")(z, torch.tensor(rates))
        assert loss.dtype == torch.float32
        wanted = getattr(in_numpy, f"{name}_loss")([1.0, -2.0], rates)
        np.testing.assert_allclose(loss.detach(), wanted, rtol=1e-5)
        (slope,) = torch.autograd.grad(loss.sum(), z)
        assert slope.dtype == dtype
    assert torch.isfinite(in_torch.rdpo_loss(z, 0.4999)).all()  # in half precision it is 1/2
