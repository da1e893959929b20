from __future__ import annotations

import pytest

import aggregate
from aggregate.models import make_model, model_names


def test_every_public_model_has_a_name():
    named = {type(make_model(name)).__name__ for name in model_names()}
    public = {name for name in aggregate.models.__all__ if name[0].isupper()}
    assert named == public - {"BaseAggregator"}, (
        "give the new model a line in aggregate/_model_names.py"
    )


def test_options_that_a_model_lacks_are_left_out():
    assert make_model("dawid-skene", max_iter=7, verbose=True).get_params()["max_iter"] == 7
    assert "max_iter" not in make_model("majority-vote", max_iter=7).get_params()
    with pytest.raises(ValueError, match="model must be one of"):
        make_model("best")
