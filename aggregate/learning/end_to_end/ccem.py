"""A classifier and its annotators, learned at once from features and votes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import validate_data

from aggregate._all_or_nothing import all_or_nothing
from aggregate.learning._votes import refuse_another_order
from aggregate.learning.end_to_end._coupled import CoupledClassifier
from aggregate.learning.end_to_end._crowd import code_crowd
from aggregate.learning.end_to_end._parameters import (
    check_parameters,
    weights_of_labels,
)
from aggregate.learning.soft_labels._expansion import check_weights
from aggregate.models._gold import gold_codes


class CCEMClassifier(CoupledClassifier):
    r"""A classifier learned from noisy labels together with its annotators.

    Annotator j is taken to say y of an item with features x with probability

    .. math:: P(y \mid x, j) = \sum_k f_k(x) A_j[k, y],

    f the classifier (multinomial logistic regression, or a network with one hidden layer) and
    :math:`A_j` the annotator's confusion matrix, truth in the rows. The fit minimises the
    coupled cross-entropy of the E labels with weights :math:`w_e`,

    .. math::

        L(f, A) = -\frac1W \sum_e w_e \log \sum_k f_k(x_{i_e}) A_{j_e}[k, y_e], \qquad
        W = \sum_e w_e,

    plus :math:`\alpha \lVert\theta\rVert^2 / 2W` for the weights of the classifier (not its
    intercepts) on features of unit variance, plus :math:`c / W` times the cross-entropy between
    each row of :math:`A_j` and that of an annotator who is right with probability
    ``prior_accuracy``: c pseudo-labels per row. Rows of :math:`A_j` are softmaxes of logits. The
    anchor on the diagonal names the classes, and keeps annotators with few labels typical; without
    it the likeliest solutions are often degenerate.

    Labels alone may not tell a change of the classifier from one of all annotators. A regulariser
    decides:

    ``"geocrowdnet-f"``
        :math:`-\lambda \log\det \sum_i f(x_i) f(x_i)^\top`: the classifier as sure as the labels
        allow. For items that are clear cases of every class, and annotators who all err.
    ``"geocrowdnet-w"``
        :math:`-\lambda \log\det \sum_j A_j A_j^\top`: the annotators as sharp as the labels
        allow. For annotators who know some class for certain, and items that are all doubtful.
    ``"trace"``
        :math:`+\lambda \sum_j \mathrm{tr} A_j`: the annotators as poor as the labels allow. It
        sums over annotators, so that λ has to fall with their number.

    `identifiability` tells which of these the fit suggests.

    The solver is L-BFGS on all labels at once, with exact gradients; no step raises the objective.
    A regulariser joins in once the descent without it has ended. What `predict_proba` gives is the
    classifier's opinion; ``probas_`` of the training rows also hear the votes.

    It fails where annotators err together in a way that the features tell (what they all mistake
    is then learned), where most annotators are worse than chance, and where the classifier is too
    poor for the classes. Few labels per item are no obstacle, one suffices.

    Parameters
    ----------
    hidden_units : int, optional
        Width of a hidden layer; None for logistic regression.
    activation : {"tanh", "relu"}
        Of the hidden units.
    regularizer : {None, "geocrowdnet-f", "geocrowdnet-w", "trace"}
        See above.
    regularization : float or "auto", default="auto"
        λ. With "auto", that of 0, 0.001, 0.003, 0.01, 0.03, 0.1 and 0.3 whose fits tell best
        what the annotators said of rows left out (the coupled cross-entropy there); no truth is
        needed, but W may come out too strong where many annotators have few labels each. For
        "trace", those numbers are divided by the number of annotators.
    alpha : float or "auto", default=10
        Strength of the penalty on weights, in labels: about 1/C of scikit-learn's
        `LogisticRegression`. "auto" chooses among 100, 30, 10, 3, 1 and 0.3 in the same way,
        before λ.
    init : {"identity", "majority-vote", "dawid-skene"} or array of shape (M, K, K)
        Where the annotators start: at the anchor, as the votes or `aggregate.DawidSkene` see
        them, or at given confusions. All but the first train the classifier on them at once.
    prior_accuracy : float, default=0.7
        Diagonal of the anchor, above 1/K. The logits start at :math:`s I` with
        :math:`s = \log(a (K - 1) / (1 - a))`; the published start, s = 1, is
        ``e / (e + K - 1)``.
    prior_strength : float, default=4
        c, pseudo-labels per row of each confusion matrix.
    standardize : bool, default=True
        Bring features to mean 0 and variance 1 before the fit (sparse ones are divided only).
        ``coefs_`` are in the units of X either way; ``alpha`` acts on the scaled ones.
    n_init : int, default=1
        Starts of a network with hidden units, from other random weights; the lowest objective
        wins.
    n_folds : int, default=5
        Parts of the rows that are left out in turn, for "auto".
    max_iter : int, default=2000
        Most steps of a descent.
    tol : float, default=1e-5
        Stop where the objective changes by less per unit of any (scaled) parameter. A
        looser one is quick and may leave single probabilities visibly off. A "relu" network
        has kinks and may never become that flat; "tanh" does.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`, for ``probas_``; the classifier counts as one more
        annotator, since these annotators have taught it.
    n_jobs : int, optional
        Threads; -1 for all processors. (Those of the linear algebra library come on top.)
    random_state : int or Generator, default=0
        Seed of the folds and of the network's weights.
    verbose : bool, default=False
        Show progress bars.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs x outputs) and intercepts of each layer, in the units of X.
    confusion_ : ndarray of shape (M, K, K)
    class_prior_ : ndarray of shape (K,)
        Mean opinion of the classifier on the training rows.
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item.
    probas_ : ndarray of shape (N, K)
        Soft labels of the training rows, from classifier and votes.
    labels_ : ndarray of shape (N,)
    alpha_, regularization_ : float
        The penalties used.
    choices_ : dict
        For each penalty left to the data, ``values``, ``loss``, ``error`` and ``chosen``.
    conditions_ : IdentifiabilityConditions
        Anchor points and specialists found in the fit.
    objective_path_ : ndarray
        The objective, regulariser included, after each step of the last descent; it never rises.
    gradient_norm_ : float
        Steepest slope at the end: a certificate of a stationary point.
    n_iter_ : int
        Steps.
    converged_ : bool
    n_features_in_, n_unlabelled_ : int
        Columns of X; rows with neither label nor gold, which train nothing.

    References
    ----------
    F. Rodrigues and F. C. Pereira, Deep learning from crowds, AAAI 2018.

    R. Tanno, A. Saeedi, S. Sankaranarayanan, D. C. Alexander and N. Silberman, Learning from noisy
    labels by regularized estimation of annotator confusion, CVPR 2019.

    S. Ibrahim, T. Nguyen and X. Fu, Deep learning from crowdsourced labels: coupled cross-entropy
    minimization, identifiability, and regularization, ICLR 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.learning import CCEMClassifier
    >>> X = np.array([[-2.0], [-1.5], [-1.0], [1.0], [1.5], [2.0]])
    >>> votes = [[0, 0, -1], [0, 1, 0], [0, -1, 1], [1, 1, -1], [-1, 1, 1], [1, 0, 0]]
    >>> model = CCEMClassifier(alpha=1).fit(X, votes)
    >>> model.predict([[-3.0], [3.0]])
    array([0, 1])
    >>> model.labels_
    array([0, 0, 0, 1, 1, 1])
    """

    def __init__(
        self,
        *,
        hidden_units: int | None = None,
        activation: str = "tanh",
        regularizer: str | None = None,
        regularization: float | str = "auto",
        alpha: float | str = 10.0,
        init: Any = "identity",
        prior_accuracy: float = 0.7,
        prior_strength: float = 4.0,
        standardize: bool = True,
        n_init: int = 1,
        n_folds: int = 5,
        max_iter: int = 2000,
        tol: float = 1e-5,
        annotator_correlation: float = 0.4,
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = 0,
        verbose: bool = False,
    ) -> None:
        self.hidden_units = hidden_units
        self.activation = activation
        self.regularizer = regularizer
        self.regularization = regularization
        self.alpha = alpha
        self.init = init
        self.prior_accuracy = prior_accuracy
        self.prior_strength = prior_strength
        self.standardize = standardize
        self.n_init = n_init
        self.n_folds = n_folds
        self.max_iter = max_iter
        self.tol = tol
        self.annotator_correlation = annotator_correlation
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        gold: Any = None,
        items: Any = None,
        sample_weight: ArrayLike | None = None,
        label_weight: ArrayLike | None = None,
    ) -> CCEMClassifier:
        """Learn classifier and annotators.

        Parameters
        ----------
        X : array-like or sparse table of shape (N, D)
            Features.
        y : array-like of shape (N, M), Annotations, or array-like of shape (N,)
            Votes: a table in which NaN, None and -1 are missing, a container, or a vector of
            labels by one annotator.
        gold : mapping item -> class or array-like of shape (N,), optional
            Known truth of some rows. It counts as one more label, always right, to the
            classifier, and as what the annotators saw.
        items : array-like of shape (N,), optional
            Names of the rows, by which items of a container are found.
        sample_weight : array-like of shape (N,), optional
            How often each row counts; a row of weight 0 trains nothing. Penalties count labels,
            so that weights should be about 1 on average.
        label_weight : array-like of shape (N, M) or (E,), optional
            Weights of single labels, beside the table or in the container's order.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If features, votes, weights or parameters are not as said, or nothing is left to
            learn from.

        Warns
        -----
        ConvergenceWarning
            If the descent ran out of steps.
        UserWarning
            If 300 rows or more show neither anchor points nor specialists.
        """
        with all_or_nothing(self):
            check_parameters(self)
            refuse_another_order(X, y, items)
            X = validate_data(self, X, accept_sparse="csr", dtype=np.float64)
            votes = self._read_votes(X, y, items)
            weight = check_weights(sample_weight, X.shape[0])
            by_label = None if label_weight is None else weights_of_labels(label_weight, votes, y)
            crowd = code_crowd(votes, gold_codes(gold, votes), weight, by_label)
            self._fit(X, votes, crowd)
        return self
