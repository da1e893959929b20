"""EM's starts from moments: the estimators of confusions by the names `DawidSkene` takes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.models._em import State
from aggregate.models._problem import Problem
from aggregate.models.moments._moment_model import MomentModel
from aggregate.models.moments.coupled_nmf import CoupledNMF
from aggregate.models.moments.multi_spa import MultiSPA
from aggregate.models.moments.spectral_dawid_skene import SpectralDawidSkene
from aggregate.models.moments.symmetric_nmf import SymmetricNMF
from aggregate.models.moments.tensor_moments import TensorMoments

_MODELS: Final[dict[str, type[MomentModel]]] = {
    "spectral": SpectralDawidSkene,
    "multispa": MultiSPA,
    "coupled-nmf": CoupledNMF,
    "symmetric-nmf": SymmetricNMF,
    "tensor": TensorMoments,
}


def moment_start(
    name: str,
    annotations: Annotations,
    gold: NDArray[np.int32] | None,
    problem: Problem,
    random: np.random.Generator,
    n_jobs: int | None,
) -> State:
    """Return the state that an estimator with its default parameters finds."""
    model = _MODELS[name](n_jobs=n_jobs)
    return model.solve(annotations, gold, problem, random).state
