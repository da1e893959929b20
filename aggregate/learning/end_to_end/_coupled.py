"""From checked data to a fitted classifier, and from features to its opinion."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from aggregate.annotations import Annotations
from aggregate.fusion import decide, from_log_joint, log_joint
from aggregate.learning._base import BaseCrowdClassifier
from aggregate.learning.end_to_end._crowd import Crowd
from aggregate.learning.end_to_end._descents import Settings, fit_coupled
from aggregate.learning.end_to_end._networks import Network
from aggregate.learning.end_to_end._penalty_choice import Choice, choose_penalties, folds_of
from aggregate.learning.end_to_end._problem import Penalties
from aggregate.learning.end_to_end._scaling import find_scaling
from aggregate.learning.end_to_end._solver import Descent
from aggregate.learning.end_to_end._start import diagonal_target
from aggregate.learning.end_to_end.conditions import find_conditions

Float = NDArray[np.float64]

_MANY = 300  # rows with labels, below which nothing is said about identifiability
_LEAST = 1e-300


class CoupledClassifier(BaseCrowdClassifier):
    """What `CCEMClassifier` does once its parameters and data have been checked."""

    def _fit(self, X: Any, votes: Annotations, crowd: Crowd) -> None:
        self.n_unlabelled_ = int(((votes.labels_per_item == 0) & (crowd.gold < 0)).sum())
        tells = crowd.tells()
        if not tells.any():
            raise ValueError("the weights of all labels are zero; nothing is left to learn from.")
        train = crowd.take(tells)
        self._check_sizes(train)
        given = X if tells.all() else X[tells]
        self._scaling = find_scaling(given, train.row_weight, self.standardize)
        scaled = self._scaling.apply(given)
        self._network = Network(X.shape[1], votes.n_classes, self.hidden_units, self.activation)
        seed = int(np.random.default_rng(self.random_state).integers(2**32))
        n_init = self.n_init if self.hidden_units is not None else 1  # others would be the same
        settings = Settings(self.init, n_init, self.max_iter, self.tol, self.n_jobs, seed)
        penalties = self._choose(given, scaled, train, settings)
        settings = settings._replace(progress=type(self).__name__ if self.verbose else None)
        found = fit_coupled(scaled, train, self._network, penalties, settings)
        self._keep(found)
        self._label_training_rows(X, votes, crowd, tells)
        self._warn(found, train)

    def _check_sizes(self, crowd: Crowd) -> None:
        if crowd.n_classes > 1 and self.prior_accuracy * crowd.n_classes <= 1:
            raise ValueError(
                f"prior_accuracy must be above chance, 1/{crowd.n_classes}, for the anchor to "
                f"name the classes; got {self.prior_accuracy}."
            )
        if self.regularizer == "geocrowdnet-f" and crowd.n_rows < crowd.n_classes:
            raise ValueError(
                f"regularizer='geocrowdnet-f' needs at least as many rows with labels as classes; "
                f"there are {crowd.n_rows} rows and {crowd.n_classes} classes. Use "
                "regularizer=None."
            )

    def _choose(self, X: Any, scaled: Any, crowd: Crowd, settings: Settings) -> Penalties:
        """Return the penalties, those that are left to the data by labels of rows left out."""
        given = {
            "alpha": self.alpha,
            "strength": 0.0 if self.regularizer is None else self.regularization,
        }
        left_open = [name for name, value in given.items() if isinstance(value, str)]
        numbers = {name: 0.0 if name in left_open else float(given[name]) for name in given}
        target = diagonal_target(crowd.n_classes, float(self.prior_accuracy))
        penalties = Penalties(
            alpha=numbers["alpha"],
            anchor=float(self.prior_strength),
            target=target,
            regularizer=self.regularizer,
            strength=numbers["strength"],
        )
        choices: dict[str, Choice] = {}
        if left_open:
            folds = folds_of(X, crowd, self.n_folds, np.random.default_rng(settings.seed))
            penalties, choices = choose_penalties(
                penalties, left_open, scaled, crowd, self._network, settings, folds
            )
        names = {"alpha": "alpha", "strength": "regularization"}
        self.choices_ = {names[key]: choice for key, choice in choices.items()}
        self.alpha_, self.regularization_ = penalties.alpha, penalties.strength
        return penalties

    def _keep(self, found: Descent) -> None:
        """Set the attributes that a descent carries."""
        n_classes = len(self.classes_)
        self._weights = found.point[: self._network.size]
        logits = found.point[self._network.size :].reshape(-1, n_classes, n_classes)
        self.confusion_ = softmax(logits, axis=2)
        layers = self._network.layers(self._weights)
        first = self._scaling.in_original_units(*layers[0])
        self.coefs_ = [first[0], *(weights.copy() for weights, _ in layers[1:])]
        self.intercepts_ = [first[1], *(intercepts.copy() for _, intercepts in layers[1:])]
        self.objective_path_, self.n_iter_ = found.path, max(found.n_iter, 1)
        self.gradient_norm_, self.converged_ = found.gradient_norm, found.converged

    def _label_training_rows(
        self, X: Any, votes: Annotations, crowd: Crowd, tells: NDArray[np.bool_]
    ) -> None:
        """Set what the fit says of the training rows and of the annotators."""
        soft = self._classify(X)
        weight = crowd.row_weight[tells]
        self.class_prior_ = weight @ soft[tells] / weight.sum()
        self.annotator_skill_ = np.einsum("jkk,k->j", self.confusion_, self.class_prior_)
        log_prior = np.log(np.maximum(soft, _LEAST))
        scores = log_joint(votes, self.confusion_, log_prior=log_prior, n_jobs=self.n_jobs)
        self.probas_ = from_log_joint(
            votes,
            scores,
            annotator_correlation=self.annotator_correlation,
            other_voices=1,  # the classifier, which these very labels have taught
            gold=crowd.gold,
            n_jobs=self.n_jobs,
        )
        self.labels_ = self.classes_[decide(self.probas_, class_prior=self.class_prior_)]
        self.conditions_ = find_conditions(
            np.where(tells[:, np.newaxis], soft, 0.0),
            self.confusion_,
            crowd.uses(),
            self.classes_,
            self.annotators_,
        )

    def _warn(self, found: Descent, crowd: Crowd) -> None:
        if not found.converged and self.tol > 0:
            remedy = f"Raise max_iter (now {self.max_iter}), alpha or tol"
            if not found.exhausted:
                remedy = "No step lowers the objective any more, to rounding: raise tol"
            if not self.standardize:
                remedy = f"Features of unlike size want standardize=True. {remedy}"
            warnings.warn(
                f"the descent stopped after {found.n_iter} steps at a slope of "
                f"{found.gradient_norm:.1e}, above tol={self.tol:g}. {remedy}; tol=0 says that "
                "stopping early is meant.",
                ConvergenceWarning,
                stacklevel=4,
            )
        held = self.conditions_.has_anchors or self.conditions_.has_specialists
        if not held and crowd.n_annotators > 1 and crowd.n_rows >= _MANY:
            warnings.warn(
                "nothing pins this fit down: some classes have neither an item that the "
                "classifier is sure of nor a label kept for them. print(model.identifiability()) "
                "names them; gold= for some items would help.",
                UserWarning,
                stacklevel=4,
            )

    def _classify(self, X: Any) -> Float:
        scores, _ = self._network.scores(self._weights, self._scaling.apply(X))
        return np.asarray(softmax(scores, axis=1))

    def predict_proba(self, X: Any) -> Float:
        """Return the classifier's probability of each class; no votes are needed.

        Parameters
        ----------
        X : array-like or sparse table of shape (N, D)
            Features.

        Returns
        -------
        ndarray of shape (N, K)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return self._classify(X)

    def identifiability(self) -> str:
        """Tell in words how far classifier and annotators are determined, and by what.

        Returns
        -------
        str
            What ``conditions_`` says, with advice on the regulariser.
        """
        check_is_fitted(self)
        return str(self.conditions_)

    def __sklearn_tags__(self) -> Any:
        """Say that sparse features are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
