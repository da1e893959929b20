"""Raykar's model: a classifier and its annotators, each learned with the help of the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._all_or_nothing import all_or_nothing
from aggregate._validation import check_choice, check_number, check_number_or_auto
from aggregate.annotations import Annotations
from aggregate.learning._votes import refuse_another_order
from aggregate.learning.raykar._ways_to_fit import Fitted, Options, fit_in_rounds, fit_jointly
from aggregate.learning.raykar._with_annotators import ClassifierWithAnnotators
from aggregate.learning.soft_labels._estimator_kinds import check_estimator_kind
from aggregate.models._confusions import prior_confusion
from aggregate.models._gold import gold_codes
from aggregate.models._new_items import UNKNOWN_ANNOTATORS


class RaykarClassifier(ClassifierWithAnnotators):
    r"""Learn a classifier and the annotators' confusions together, by one likelihood.

    Items with few votes are hard to judge from votes alone, and so are annotators with few items.
    Where items have features, a classifier can stand in: the class of row i is k with probability
    :math:`f_k(x_i)`, and annotator j, looking at a row of class k, says y with probability
    :math:`A_j[k, y]`. Classifier and annotators together maximise

    .. math::

        \sum_i \log \sum_k f_k(x_i) \prod_{e \in i} A_{j_e}[k, y_e]
        + s \sum_{j,k,y} B[k, y] \log A_j[k, y] + \frac{s}{K} \sum_k \log f_k(\bar x)
        - \frac{1}{2C} \|W\|^2.

    :math:`f` is multinomial logistic regression with weights W; the other terms are the prior of
    `DawidSkene`, its pseudo-items standing at the mean of the features (at zero, if sparse). With
    two classes the penalty counts twice, so that C is scikit-learn's.
    Without features this is `DawidSkene`; with gold for every row, logistic regression. Plain EM
    alternates between posteriors and both kinds of parameters; this fit climbs the same
    objective by quasi-Newton steps, which takes several times fewer passes. It never falls.

    With ``estimator``, any classifier with ``predict_proba`` takes the place of f. It is trained
    on soft labels and asked out of fold, so that it does not confirm what it was told. No
    objective rises then; rounds end when at most one row in a hundred changes its likeliest class.

    It fails where the features tell the annotators' shared mistakes: the classifier learns
    those, and judges annotators by them. With one annotator, or one label per row by annotators
    who differ little, noise and overlap of the classes cannot be told apart. A linear f that is
    wrong for the data pulls the labels of its own rows after it.

    Parameters
    ----------
    estimator : classifier, optional
        With ``predict_proba``; cloned. By default, logistic regression as above.
    method : {"raykar", "mbem"}, default="raykar"
        "mbem" is model-bootstrapped EM, for one label per row: annotators are judged by what the
        classifier predicts (out of fold), labels by the annotators and the class prior alone.
    C : float or "auto", default="auto"
        Inverse strength of the penalty on W, as in scikit-learn's `LogisticRegression`; "auto"
        takes the value (from 0.0001 to 100, by half powers of ten) that makes the votes on left-out
        rows likeliest, chosen on at most 5000 rows; 0.1 where there are fewer different rows
        than folds.
    standardize : bool, default=True
        Bring features to mean zero and standard deviation one (sparse ones are not centred)
        before the penalty applies. ``coef_`` is for the features as given.
    prior_strength : float, default=4
        Pseudo-labels per row of each confusion matrix, and pseudo-items; 0 for none.
    prior_accuracy : float, default=0.7
        Share of the pseudo-labels on the diagonal.
    n_folds : int or None, default=5
        Folds for C="auto", for ``probas_`` and for an estimator; None does without, at the price
        of confidence (see ``probas_``), and needs a number for C and no estimator.
    n_rounds : int, default=10
        Most rounds with an estimator, or by "mbem".
    max_iter : int, default=1000
        Most steps of the climb; nearly each takes one pass over the rows. The first 20 at most
        move the classifier alone, while annotators stay as the votes suggest.
    tol : float, default=1e-8
        Stop when the objective rises by less than this share of itself.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`, how far annotators err together. The classifier learned
        from them and counts as one more: a row's posterior is raised to the power
        :math:`1/(1 + r\rho)`, r its labels. No label changes.
    unknown_annotators : {"prior", "ignore", "error"}
        In `posterior`: labels by annotators who were not in the fit count with the prior's mean
        confusion, do not count, or are refused.
    random_state : int or Generator, default=0
        Seed of the folds, and of an estimator that has none.
    verbose : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    coef_ : ndarray of shape (K, D)
    intercept_ : ndarray of shape (K,)
        Of the default classifier, for features as given; also with two classes, a row for each.
    estimator_ : classifier
        The ``estimator``, trained on the soft labels of all rows.
    temperature_ : float
        By which its out-of-fold log probabilities were divided to be as sure as they were right;
        `posterior` does so, `predict_proba` leaves them as the estimator gives them.
    confusion_ : ndarray of shape (M, K, K)
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k).
    class_prior_ : ndarray of shape (K,)
        Mean posterior of the training rows.
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random row.
    probas_ : ndarray of shape (N, K)
        Soft labels of the training rows: votes, and a classifier that was fitted to the other
        folds (to all rows without ``n_folds``, which makes them too sure). A row without votes has
        the classifier's word.
    labels_ : ndarray of shape (N,)
    C_ : float
        The C of the fit.
    C_scores_ : ndarray of shape (number tried, 2)
        With "auto": each C and the mean log likelihood of the votes per left-out row.
    objective_path_ : ndarray
        The objective after each step, which never falls; with an estimator, the log likelihood of
        the votes after each round, which may.
    n_iter_ : int
        Steps or rounds.
    converged_ : bool
    n_unlabelled_ : int
        Rows without votes and gold, which did not train.

    References
    ----------
    V. C. Raykar, S. Yu, L. H. Zhao, G. H. Valadez, C. Florin, L. Bogoni and L. Moy, Learning from
    crowds, Journal of Machine Learning Research 11:1297-1322, 2010, sections 2 and 3.

    A. Khetan, Z. C. Lipton and A. Anandkumar, Learning from noisy singly-labeled data,
    International Conference on Learning Representations, 2018, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import RaykarClassifier
    >>> X = np.linspace(-2, 2, 40).reshape(-1, 1)
    >>> votes = np.repeat(X > 0, 3, axis=1).astype(int)
    >>> votes[::4, 0] = 1 - votes[::4, 0]  # the first annotator errs on every fourth row
    >>> model = RaykarClassifier(C=10).fit(X, votes)
    >>> model.predict([[-1.5], [1.5]])
    array([0, 1])
    >>> model.annotator_skill_.argmin()
    np.int64(0)
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        method: str = "raykar",
        C: float | str = "auto",
        standardize: bool = True,
        prior_strength: float = 4.0,
        prior_accuracy: float = 0.7,
        n_folds: int | None = 5,
        n_rounds: int = 10,
        max_iter: int = 1000,
        tol: float = 1e-8,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        random_state: int | np.random.Generator | None = 0,
        verbose: bool = False,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.C = C
        self.standardize = standardize
        self.prior_strength = prior_strength
        self.prior_accuracy = prior_accuracy
        self.n_folds = n_folds
        self.n_rounds = n_rounds
        self.max_iter = max_iter
        self.tol = tol
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, *, gold: Any = None, items: Any = None) -> RaykarClassifier:
        """Learn the classifier and the annotators.

        Parameters
        ----------
        X : array-like or sparse table of shape (N, D)
            Features; with ``estimator``, whatever that takes.
        y : Annotations, array-like of shape (N, M) or (N,)
            Votes; -1, NaN and None are missing in a table. A vector is one annotator.
        gold : mapping item -> class or array-like of shape (N,), optional
            Known truth of some rows; they are held to it.
        items : array-like of shape (N,), optional
            Names of the rows, by which the items of Annotations are then found.

        Returns
        -------
        self
        """
        self._check_parameters()
        refuse_another_order(X, y, items)
        with all_or_nothing(self):
            X = self._check_features(X, reset=True)
            votes = self._read_votes(X, y, items)
            truth = gold_codes(gold, votes)
            options = self._options(votes.n_classes)
            rounds = self.estimator is not None or self.method == "mbem"
            fit = self._rounds if rounds else fit_jointly
            self._keep(fit(X, votes, truth, options), X, votes, truth)
        return self

    def _options(self, n_classes: int) -> Options:
        return Options(
            C=self.C,
            standardize=self.standardize,
            stranger=prior_confusion(n_classes, self.prior_accuracy),
            strength=self.prior_strength,
            n_folds=self.n_folds,
            max_iter=self.max_iter,
            tol=self.tol,
            random_state=self.random_state,
            progress=type(self).__name__ if self.verbose else None,
        )

    def _rounds(
        self, X: Any, votes: Annotations, gold: NDArray[np.int32] | None, options: Options
    ) -> Fitted:
        return fit_in_rounds(
            X, votes, gold, options, self.estimator, self.method == "mbem", self.n_rounds
        )

    def _check_parameters(self) -> None:
        if self.estimator is not None:
            check_estimator_kind(self.estimator)
        check_choice("method", self.method, ("raykar", "mbem"))
        check_choice("unknown_annotators", self.unknown_annotators, UNKNOWN_ANNOTATORS)
        check_number("prior_strength", self.prior_strength, low=0)
        check_number("prior_accuracy", self.prior_accuracy, low=0, high=1)
        check_number("n_rounds", self.n_rounds, low=1, integer=True)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)
        check_number_or_auto("C", self.C, low=0, low_open=True)
        if self.n_folds is not None:
            check_number("n_folds", self.n_folds, low=2, integer=True)
        elif isinstance(self.C, str) or self.estimator is not None or self.method == "mbem":
            raise ValueError(
                "n_folds=None leaves no rows out, which C='auto', an estimator and method='mbem' "
                "all need: give a number for C, or for n_folds."
            )
