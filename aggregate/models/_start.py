"""Where EM starts: vote shares, moments, given soft labels or confusions, the previous fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate._tables import check_confusion, to_table
from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.kernels.em import FLOOR
from aggregate.models._abstention import without_abstention
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._em import State
from aggregate.models._problem import Problem
from aggregate.models._remote import RemoteVotes
from aggregate.models._stored_passes import SharesOnDisk

Float = NDArray[np.float64]

FROM_MOMENTS = ("spectral", "multispa", "coupled-nmf", "symmetric-nmf", "tensor")


class Previous(NamedTuple):
    """What a warm start keeps of the fit before."""

    annotators: NDArray[Any]
    classes: NDArray[Any]
    confusion: Float
    class_prior: Float


def remember(model: ConfusionModel) -> Previous | None:
    """Return the parameters of a fitted model, or None before the first fit."""
    if not hasattr(model, "confusion_"):
        return None
    return Previous(model.annotators_, model.classes_, model.confusion_, model.class_prior_)


class Start:
    """Where EM starts from: what the user gave as ``init``, or the fit before.

    Parameters
    ----------
    init : str, array of shape (N, K), array of shape (M, K, K) or mapping
        As `DawidSkene` takes it.
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    default : ndarray of shape (K, K)
        Confusion of annotators for whom none is given.
    previous : Previous or None
        The fit to resume, which then counts instead of ``init``.
    n_jobs : int or None

    Attributes
    ----------
    gold_alone : bool, default=False
        Start from the confusions that gold items tell, and nothing else.
    """

    gold_alone = False

    def __init__(
        self,
        init: Any,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        default: Float,
        previous: Previous | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.init, self.previous, self.default = init, previous, default
        self.annotations, self.gold, self.n_jobs = annotations, gold, n_jobs

    def states(
        self, problem: Problem, n_init: int, random_state: int | np.random.Generator | None
    ) -> Iterator[State]:
        """Yield ``n_init`` states; all but the first from soft labels drawn around the votes."""
        random = np.random.default_rng(random_state)
        for turn in range(n_init):
            yield self.state(problem, turn, random)

    def state(self, problem: Problem, turn: int, random: np.random.Generator) -> State:
        """Return the first state, or a later one from soft labels drawn around the votes."""
        if self.gold_alone:
            return self._from_gold(problem)
        if turn == 0:
            return self._first(problem, random)
        drawn = _around_votes(self.annotations, random)
        return problem.from_soft_labels(clamp(drawn, self.gold))

    def _from_gold(self, problem: Problem) -> State:
        """Return what gold items say of the annotators; classes may be as frequent as they like."""
        told = shares_to_start_from(self.annotations, self.gold, self.n_jobs, gold_alone=True)
        table = problem.structure.maximise(problem.passes.count(told).table)
        return State(problem.class_prior.maximise(np.ones(self.annotations.n_classes)), table)

    def given_table(self) -> Float:
        """Return the kernels' table of the confusions that ``init`` gives."""
        shape = self._confusion_shape()
        if not self._gives_confusions():
            raise ValueError(
                "fix_confusion=True needs confusions to keep: pass them as init, an array of "
                f"shape {shape} or a mapping annotator -> {shape[1:]}."
            )
        given = self.init
        if isinstance(given, Mapping):
            given = _by_annotator(given, self.annotations.annotators, self.default)
        return to_table(check_confusion("init", given, shape))

    def _first(self, problem: Problem, random: np.random.Generator) -> State:
        if self.previous is not None:
            return self._resume(self.previous)
        if self._gives_confusions():
            uniform = np.ones(self.annotations.n_classes)
            return State(problem.class_prior.maximise(uniform), self.given_table())
        if isinstance(self.init, str) and self.init == "votes":
            shares = shares_to_start_from(self.annotations, self.gold, self.n_jobs)
            return problem.from_soft_labels(shares)
        if isinstance(self.init, str) and self.init in FROM_MOMENTS:
            # Those models import this file's neighbours: a later import breaks the circle.
            from aggregate.models.moments._moment_start import moment_start

            plain = without_abstention(problem, self.annotations, self.gold, self.n_jobs)
            return moment_start(self.init, self.annotations, self.gold, plain, random, self.n_jobs)
        soft_shape = (self.annotations.n_items, self.annotations.n_classes)
        if not isinstance(self.init, str) and np.shape(self.init) == soft_shape:
            return problem.from_soft_labels(clamp(_check_soft_labels(self.init), self.gold))
        got = repr(self.init) if isinstance(self.init, str) else f"shape {np.shape(self.init)}"
        raise ValueError(
            f"init must be 'votes', {', '.join(map(repr, FROM_MOMENTS))}, soft labels of shape "
            f"{soft_shape}, confusions of shape {self._confusion_shape()} or a mapping of them; "
            f"got {got}."
        )

    def _gives_confusions(self) -> bool:
        return isinstance(self.init, Mapping) or np.ndim(self.init) == 3

    def _confusion_shape(self) -> tuple[int, int, int]:
        n_classes = self.annotations.n_classes
        return self.annotations.n_annotators, n_classes, n_classes

    def _resume(self, previous: Previous) -> State:
        """Start from the fit before; annotators it did not know get the default."""
        classes = self.annotations.classes
        if not np.array_equal(previous.classes, classes):
            raise ValueError(
                "warm_start needs the classes of the previous fit "
                f"({first_few(previous.classes)}); now they are {first_few(classes)}. Declare "
                "all classes, or fit afresh."
            )
        known = dict(zip(previous.annotators.tolist(), previous.confusion, strict=True))
        stack = _by_annotator(known, self.annotations.annotators, self.default, strict=False)
        return State(np.maximum(previous.class_prior, FLOOR), to_table(stack))


def shares_to_start_from(
    annotations: Annotations | RemoteVotes,
    gold: NDArray[np.int32] | None,
    n_jobs: int | None,
    *,
    gold_alone: bool = False,
) -> Any:
    """Return the shares of the votes, gold items held to it, in the form that passes count.

    With ``gold_alone``, the other items have no share of any class.
    """
    if isinstance(annotations, RemoteVotes):
        return annotations.shares(gold, gold_alone=gold_alone)
    if annotations.on_disk:
        return SharesOnDisk(annotations, gold, np.zeros_like if gold_alone else None)
    return first_guess(annotations, gold, n_jobs, gold_alone=gold_alone)


def first_guess(
    annotations: Annotations,
    gold: NDArray[np.int32] | None,
    n_jobs: int | None,
    *,
    gold_alone: bool = False,
) -> Float:
    """Return the same in memory, wherever the annotations are."""
    if gold_alone:
        return clamp(np.zeros((annotations.n_items, annotations.n_classes)), gold)
    return clamp(vote_shares(annotations, n_jobs=n_jobs), gold)


def _by_annotator(
    given: Mapping[Any, Any], annotators: NDArray[Any], default: Float, strict: bool = True
) -> Float:
    """Put confusions in the annotators' order; ``default`` for those that are not given."""
    names = np.empty(len(given), dtype=object)
    names[:] = list(given)
    place = match(names, annotators)
    if strict and (place < 0).any():
        raise ValueError(f"init names annotators without a vote: {first_few(names[place < 0])}.")
    stack = np.repeat(default[np.newaxis], len(annotators), axis=0)
    for j, (name, confusion) in zip(place, given.items(), strict=True):
        if np.shape(confusion) != default.shape:
            raise ValueError(
                f"the confusion of annotator {name!r} must have shape {default.shape}; got "
                f"{np.shape(confusion)}."
            )
        if j >= 0:
            stack[j] = confusion
    return stack


def _check_soft_labels(given: Any) -> Float:
    soft = np.array(given, dtype=np.float64)
    wrong = ~np.isfinite(soft).all(axis=1) | (soft < 0).any(axis=1)
    wrong |= abs(soft.sum(axis=1) - 1) > 1e-6
    if wrong.any():
        raise ValueError(
            "init must hold soft labels, non-negative rows that sum to 1; wrong in the rows "
            f"{first_few(np.flatnonzero(wrong))}."
        )
    return soft


def _around_votes(annotations: Annotations, random: np.random.Generator) -> Float:
    """Draw each item's soft label from a Dirichlet distribution around its votes."""
    votes = vote_shares(annotations) * annotations.labels_per_item[:, np.newaxis]
    draws = random.standard_gamma(votes + 1)
    return draws / draws.sum(axis=1, keepdims=True)
