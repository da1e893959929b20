"""Losses refuse probabilities and raw scores where logarithms belong, and the other way round."""

from __future__ import annotations

import pytest
import torch

from aggregate.learning.torch import (
    CrowdLayer,
    VoteBatch,
    VoteTensors,
    coinnet_loss,
    conal_loss,
    coupled_cross_entropy,
    geocrowdnet_f_loss,
    geocrowdnet_w_loss,
    max_mig_loss,
    soft_cross_entropy,
    trace_loss,
    union_net_loss,
)

VOTES = VoteBatch(*torch.tensor([[0, 1, 3], [0, 1, 1], [2, 1, 0]]))
SCORES = torch.arange(12.0).reshape(4, 3) % 5 - 1
LOG_F = SCORES.log_softmax(dim=1)
LOG_A = torch.full((2, 3, 3), 1 / 3).log()
LOG_T = torch.full((3, 6), 1 / 6).log()
NOTHING = torch.zeros(3)

LOSSES = {
    "ccem": lambda log_f: coupled_cross_entropy(log_f, LOG_A, VOTES),
    "f": lambda log_f: geocrowdnet_f_loss(log_f, LOG_A, VOTES, 0.1),
    "w": lambda log_f: geocrowdnet_w_loss(log_f, LOG_A, VOTES, 0.0),
    "trace": lambda log_f: trace_loss(log_f, LOG_A, VOTES, 0.1),
    "conal": lambda log_f: conal_loss(log_f, LOG_A, LOG_A[0], NOTHING, VOTES),
    "coinnet": lambda log_f: coinnet_loss(log_f, LOG_A, torch.zeros(3, 3), VOTES),
    "unionnet": lambda log_f: union_net_loss(log_f, LOG_T, VOTES),
    "max-mig": lambda log_f: max_mig_loss(log_f, LOG_F, LOG_A[0, 0]),
    "soft": lambda log_f: soft_cross_entropy(log_f, LOG_F.exp()),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("wrong", [SCORES, LOG_F.exp()], ids=["scores", "probabilities"])
def test_what_are_no_logarithms(loss, wrong):
    assert torch.isfinite(LOSSES[loss](LOG_F))
    with pytest.raises(ValueError, match=r"log_f must hold logarithms .* Take log_softmax"):
        LOSSES[loss](wrong)


def test_confusions_that_are_no_logarithms():
    with pytest.raises(ValueError, match=r"log_confusion must hold logarithms .* got 0\.333"):
        coupled_cross_entropy(LOG_F, LOG_A.exp(), VOTES)


def test_logarithms_up_to_rounding():
    sure = torch.tensor([[1.001, 1e-9]] * 4, dtype=torch.float16).log()
    assert torch.isfinite(soft_cross_entropy(sure, torch.tensor([[1.0, 0.0]] * 4)))


@pytest.mark.parametrize("wrong", [SCORES, LOG_F], ids=["scores", "logarithms"])
def test_a_crowd_layer_takes_probabilities(wrong):
    with pytest.raises(ValueError, match="f must hold probabilities"):
        CrowdLayer(2, 3)(wrong)


def test_votes_of_a_table_are_no_annotations():
    with pytest.raises(
        TypeError, match=r"Annotations\.from_matrix\(table\) of a table\); got list"
    ):
        VoteTensors([[0, 1], [1, 1]])
