"""A network and the annotators learned together, in scikit-learn's manners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from aggregate._all_or_nothing import all_or_nothing
from aggregate.fusion import decide
from aggregate.learning._base import BaseCrowdClassifier
from aggregate.learning._crowd_summary import class_shares, confusions_of
from aggregate.learning._votes import refuse_another_order
from aggregate.learning.torch._fitting import Fit, best_fit
from aggregate.learning.torch._inputs import read_features
from aggregate.learning.torch._networks import predict_log, to_tensor
from aggregate.learning.torch._parameters import check_parameters, recipe_of, settings_of
from aggregate.learning.torch._problem import Problem, make_problem
from aggregate.learning.torch._starts import combine
from aggregate.learning.torch.losses._head import Head
from aggregate.learning.torch.votes import VoteTensors

Float = NDArray[np.float64]


class TorchCrowdClassifier(BaseCrowdClassifier):
    r"""Any PyTorch module, trained on the votes of annotators who are learned with it.

    The module gives scores of the classes, f is their softmax, and each loss says in its own way
    how f and an annotator make a label:

    ==================  ========================================================================
    ``loss``            what is minimised
    ==================  ========================================================================
    "ccem"              coupled cross-entropy with a confusion matrix per annotator
    "geocrowdnet-f"     the same, minus λ log det F'F: where every class has items without doubt
    "geocrowdnet-w"     the same, minus λ log det of the stacked confusions: where there are
                        experts and few items
    "trace"             the same, plus λ times the traces after a warm-up
    "crowd-layer"       cross-entropy of a free linear map per annotator
    "max-mig"           minus the information that features and votes share
    "conal"             a mixture of a shared and an individual confusion matrix
    "unionnet"          one transition matrix from classes to pairs (annotator, label)
    "coinnet"           confusion matrices, and exceptions for a few items
    "soft"              cross-entropy against soft labels made before (``aggregator``)
    ==================  ========================================================================

    With one label per item and unreliable annotators every loss may find its way to a solution
    that explains the votes and not the truth; the start near the identity is what keeps it off.

    Parameters
    ----------
    module : torch.nn.Module, callable or None
        Takes a batch of rows of X, returns scores of shape (B, K), not their softmax. A module is
        copied and its weights are where training starts. A class or function is called as
        ``module(n_features=..., n_classes=..., **module_params)`` under each seed; ``n_features``
        is the number of columns, or the shape of a row that is no vector. None is one hidden layer
        on standardised features (``hidden=128``, ``dropout=0``), in double precision.
    loss : str or callable
        See above; or a subclass of `aggregate.learning.torch.losses._head.Head`.
    regularization : float, optional
        λ; by default what was published for the loss.
    loss_params, module_params : dict, optional
        Further keywords for loss and module. ``module__x`` in `set_params` (and so in a grid
        search) sets ``x`` of the latter.
    aggregator : {"majority", "dawid-skene"} or aggregator
        What makes soft labels of the votes for "soft", for the warm-up and for a start from them.
    init : {"identity", "aggregator"}
        Where confusion matrices start.
    warm_up_epochs : int, optional
        First epochs, in which the module is trained on soft labels alone; by default 3 for
        "crowd-layer" and "coinnet", whose parameters explain any votes while the module knows
        nothing, and none for the others.
    optimizer : {"adam", "adamw", "sgd"} or callable
        A callable takes groups of parameters and ``lr``.
    lr : float, default=0.001
    crowd_lr : float, optional
        Of the annotators' parameters; ten times ``lr`` by default.
    weight_decay : float, default=1e-4
        Of the module's weights; the annotators' do not decay.
    batch_size : int, default=64
        Items at most in a batch; batches are of nearly one size.
    max_epochs : int, default=100
    patience : int or None, default=10
        Epochs without a better held-out loss after which training ends; the best epoch is kept.
        None trains all rows for ``max_epochs``.
    validation_fraction : float, default=0.1
        Share of the labelled rows set aside for that, so that no truth is needed.
    validation_metric : {"loss", "error"}
        What is measured there: the loss of the votes without its penalty (of a truth: the log
        loss), or the share of votes (of the truth) that the module does not predict.
    n_init : int, default=1
        Starts; the one with the least held-out loss (without one: training loss) is kept.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`, for ``probas_``.
    device : {"cpu", "cuda", ...}, default="cpu"
    verbose : bool, default=False
        Show progress.
    random_state : int, Generator or None, default=0
        Seed of weights, batches and drop-out; None for others in each fit. PyTorch's own
        generators are left alone.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
    module_ : torch.nn.Module
        The trained module, in evaluation mode.
    head_ : torch.nn.Module
        The loss with the annotators' parameters (they stand in an order that their votes decide).
    confusion_ : ndarray of shape (M, K, K)
        Truth in the rows. Losses without such tables have them read off ``probas_``.
    probas_, labels_ : ndarray of shape (N, K), (N,)
        Of the training rows, from module *and* votes; `predict_proba` knows the features alone.
    class_prior_, annotator_skill_ : ndarray of shape (K,), (M,)
    n_unlabelled_ : int
        Rows without votes and known truth; they do not train.
    objective_path_, held_out_path_ : ndarray
        Mean training loss and held-out loss after each epoch.
    n_iter_, converged_ : int, bool
        Epochs run; whether patience ended them.
    outlier_score_ : ndarray of shape (N,)
        "coinnet" only: how far each training row is an exception.

    References
    ----------
    See the functions of `aggregate.learning.torch`.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.learning.torch import TorchCrowdClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> truth = (X[:, 0] > 0).astype(int)
    >>> wrong = rng.random((300, 3)) < [0.1, 0.3, 0.4]
    >>> votes = np.where(wrong, 1 - truth[:, None], truth[:, None])
    >>> model = TorchCrowdClassifier(lr=0.01, random_state=0).fit(X, votes)
    >>> bool(model.score(X, truth) > 0.95)
    True
    >>> model.annotator_skill_.round(1)
    array([0.9, 0.7, 0.6])
    """

    def __init__(
        self,
        module: Any = None,
        *,
        loss: Any = "ccem",
        regularization: float | None = None,
        loss_params: dict[str, Any] | None = None,
        module_params: dict[str, Any] | None = None,
        aggregator: Any = "majority",
        init: str = "identity",
        warm_up_epochs: int | None = None,
        optimizer: Any = "adam",
        lr: float = 1e-3,
        crowd_lr: float | None = None,
        weight_decay: float = 1e-4,
        batch_size: int = 64,
        max_epochs: int = 100,
        patience: int | None = 10,
        validation_fraction: float = 0.1,
        validation_metric: str = "loss",
        n_init: int = 1,
        annotator_correlation: float = 0.4,
        device: Any = "cpu",
        verbose: bool = False,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.module = module
        self.loss = loss
        self.regularization = regularization
        self.loss_params = loss_params
        self.module_params = module_params
        self.aggregator = aggregator
        self.init = init
        self.warm_up_epochs = warm_up_epochs
        self.optimizer = optimizer
        self.lr = lr
        self.crowd_lr = crowd_lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.validation_metric = validation_metric
        self.n_init = n_init
        self.annotator_correlation = annotator_correlation
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any, *, gold: Any = None, items: Any = None, validation_data: Any = None
    ) -> TorchCrowdClassifier:
        """Learn module and annotators from features and votes.

        Parameters
        ----------
        X : array-like or Tensor of shape (N, D) or (N, ...)
            Features, images. An array is converted to the module's dtype, a tensor is not.
        y : array-like of shape (N, M) or (N,), or Annotations
            Votes; -1, NaN and None are missing in a table. A vector is one annotator.
        gold : array-like of shape (N,) or mapping item -> class, optional
            Known truth of some rows.
        items : array-like of shape (N,), optional
            Names of the rows, by which items of Annotations are found.
        validation_data : (X, y) or (X, y, items), optional
            Rows that judge each epoch instead of some of the training rows: with votes by the same
            annotators, or with their truth (a vector).

        Returns
        -------
        self
        """
        with all_or_nothing(self):
            check_parameters(self)
            refuse_another_order(X, y, items)
            X = read_features(self, X, reset=True)
            votes = self._read_votes(X, y, items)
            random = np.random.default_rng(self.random_state)
            problem = make_problem(self, X, votes, gold, validation_data, random)
            self.n_unlabelled_ = problem.n_unlabelled
            seeds = random.integers(2**62, size=self.n_init)
            self._keep(best_fit(problem, recipe_of(self), settings_of(self), seeds), problem)
        return self

    def _keep(self, fit: Fit, problem: Problem) -> None:
        """Set what is public of the best start."""
        votes = problem.votes
        self.module_, self.head_ = fit.net, fit.head
        x = to_tensor(problem.X, self.module_, self.device)
        f = predict_log(self.module_, x, votes.n_classes).double().exp().cpu().numpy()
        with torch.no_grad():
            table = fit.head.confusion()
            for name, value in self._extras(fit, problem).items():
                setattr(self, name, value)
        if table is None:
            confusion = confusions_of(votes, f)
        else:
            confusion = table.double().cpu().numpy()[problem.order.annotator_code]
            confusion /= confusion.sum(axis=2, keepdims=True)
        self.probas_ = combine(f, votes, confusion, problem.gold, self.annotator_correlation)
        counted = np.ones(votes.n_items, dtype=bool)
        self.class_prior_ = class_shares(self.probas_, counted)
        self.labels_ = self.classes_[decide(self.probas_, class_prior=self.class_prior_)]
        self.confusion_ = confusion
        self.annotator_skill_ = np.einsum("jkk,k->j", confusion, self.class_prior_)
        self.objective_path_ = np.array(fit.trained.path)
        self.held_out_path_ = np.array(fit.trained.judged)
        self.n_iter_, self.converged_ = fit.trained.n_epochs, fit.trained.converged

    def _extras(self, fit: Fit, problem: Problem) -> dict[str, Any]:
        """Return what only this loss knows of the votes that trained."""
        if type(fit.head).extras is Head.extras:
            return {}
        codes = problem.order.annotator_code
        tensors = VoteTensors(problem.votes, annotator_code=codes, device=self.device)
        return fit.head.extras(tensors)

    def predict_proba(self, X: Any) -> Float:
        """Return the probability of each class for each row of X, from the module alone.

        Parameters
        ----------
        X : array-like or Tensor of shape (N, D) or (N, ...)

        Returns
        -------
        ndarray of shape (N, K)
        """
        check_is_fitted(self)
        X = read_features(self, X, reset=False)
        x = to_tensor(X, self.module_, self.device)
        log_f = predict_log(self.module_, x, len(self.classes_))
        probas: Float = log_f.double().exp().cpu().numpy()
        return probas / probas.sum(axis=1, keepdims=True)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, and those of the module as ``module__x``."""
        params: dict[str, Any] = super().get_params(deep=deep)
        if deep and isinstance(self.module_params, Mapping):
            inner = self.module_params.items()
            params.update({f"module__{name}": value for name, value in inner})
        return params

    def set_params(self, **params: Any) -> TorchCrowdClassifier:
        """Set parameters; ``module__x`` sets ``x`` in a copy of ``module_params``."""
        inner = {k[len("module__") :]: v for k, v in params.items() if k.startswith("module__")}
        super().set_params(**{k: v for k, v in params.items() if not k.startswith("module__")})
        if inner:
            self.module_params = {**(self.module_params or {}), **inner}
        return self
