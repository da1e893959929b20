"""The user's network: built, copied, asked; and a small one for those who bring none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from aggregate.learning.torch.standardise import Standardise

_MOST_ROWS = 1024  # asked at once when predicting, which bounds the memory


class OneHiddenLayer(nn.Module):
    """Standardised features, one hidden layer of rectified units, a score per class.

    Parameters
    ----------
    n_features : int
    n_classes : int
    hidden : int
        Units; 0 gives a linear classifier.
    dropout : float
    """

    def __init__(
        self, n_features: int, n_classes: int, *, hidden: int = 128, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.standardise = Standardise(n_features)
        first = hidden or n_classes
        layers: list[Any] = [nn.Linear(n_features, first)]
        if hidden:
            layers += [nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, n_classes)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (B, K)."""
        return self.layers(self.standardise(x))


def build(
    module: Any, n_features: Any, n_classes: int, params: Mapping[str, Any] | None
) -> nn.Module:
    """Return a network of the user's kind: a copy of a module, or a new one from a callable.

    Parameters
    ----------
    module : None, nn.Module or callable
        A callable (a class, say) is given ``n_features``, ``n_classes`` and the parameters.
    n_features : int or tuple of int
        Columns of X, or the shape of one row where a row is no vector.
    n_classes : int
    params : mapping, optional
        Further keywords.
    """
    options = dict(params or {})
    if module is None:
        width = int(np.prod(n_features))
        return OneHiddenLayer(width, n_classes, **options).double()
    if isinstance(module, nn.Module):
        if options:
            raise ValueError(
                f"module_params ({', '.join(options)}) are for a class or function that builds the "
                "module; module is one already. Pass its class instead."
            )
        return deepcopy(module)
    if not isinstance(module, Callable):  # type: ignore[arg-type]
        raise TypeError(
            "module must be a torch.nn.Module, a class or function that returns one, or None; got "
            f"{module!r}."
        )
    try:
        made = module(n_features=n_features, n_classes=n_classes, **options)
    except TypeError as error:
        given = ", ".join(["n_features", "n_classes", *options])
        raise TypeError(
            f"module could not be built from {given}: {error}. Let it take these keywords, or pass "
            "a module that is made already, as Net()."
        ) from error
    if not isinstance(made, nn.Module):
        raise TypeError(f"module must return a torch.nn.Module; got {made!r}.")
    return made


def real_dtype(net: nn.Module) -> torch.dtype:
    """Return the dtype in which the network computes: that of its first real parameter."""
    for parameter in net.parameters():
        if parameter.is_floating_point():
            return parameter.dtype
    return torch.get_default_dtype()


def to_tensor(X: Any, net: nn.Module, device: Any) -> torch.Tensor:
    """Return features for a network: tensors as they are, arrays in the network's own dtype."""
    if isinstance(X, torch.Tensor):
        return X.to(device)
    array = np.ascontiguousarray(X)
    if not array.flags.writeable:
        array = array.copy()
    return torch.from_numpy(array).to(device=device, dtype=real_dtype(net))


def log_probabilities(net: nn.Module, x: torch.Tensor, n_classes: int) -> torch.Tensor:
    """Return the log-softmax of the network's scores, or say what is wrong with them."""
    scores = _scores(net, x)
    if not isinstance(scores, torch.Tensor) or scores.shape != (len(x), n_classes):
        got = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise ValueError(
            f"the module must return one score (logit) per class, a tensor of shape "
            f"{(len(x), n_classes)} for this batch; got {got}."
        )
    if not bool(torch.isfinite(scores).all()):
        raise ValueError(
            "the module returned scores that are not finite. Lower lr, scale the features, or look "
            "for values in X that overflow."
        )
    return torch.log_softmax(scores, dim=1)


def _scores(net: nn.Module, x: torch.Tensor) -> Any:
    """Return what the module says of a batch; an error tells what it was given."""
    try:
        return net(x)
    except RuntimeError as error:
        note = f"Here: the module was given a batch of X of shape {tuple(x.shape)}, {x.dtype}."
        own = real_dtype(net)
        if x.is_floating_point() and x.dtype != own:
            note += f" Its weights are {own}, and tensors are not converted: pass X.to({own})."
        error.add_note(note)
        raise


def try_out(net: nn.Module, x: torch.Tensor, n_classes: int) -> None:
    """Refuse a module that cannot read the rows, or that ends in a softmax.

    Another softmax, which is taken of what it returns, would blunt it.
    """
    net.eval()
    with torch.no_grad():
        scores = _scores(net, x[:_MOST_ROWS])
    if not isinstance(scores, torch.Tensor) or scores.dim() != 2 or n_classes == 1:
        return  # said better where it is used
    if bool((scores >= 0).all()) and bool(((scores.sum(dim=1) - 1).abs() < 1e-4).all()):
        raise ValueError(
            "the module returns probabilities: no value is negative and every row sums to one. A "
            "softmax is taken of what it returns, so leave its own last softmax out."
        )


def predict_log(net: nn.Module, x: torch.Tensor, n_classes: int) -> torch.Tensor:
    """Return log probabilities of all rows, without gradients, some rows at a time."""
    training = net.training
    net.eval()
    with torch.no_grad():
        parts = [log_probabilities(net, part, n_classes) for part in torch.split(x, _MOST_ROWS)]
    net.train(training)
    return torch.cat(parts)
