"""Learning from votes that come in batches: `DawidSkene.partial_fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if

from aggregate._all_or_nothing import all_or_nothing
from aggregate._encoding import decode_table, match
from aggregate._validation import check_number, first_few
from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.models._abstention import AbstentionModel
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusions import Confusions
from aggregate.models._em import Counts
from aggregate.models._gold import gold_codes, score_on_gold
from aggregate.models._online import (
    FIRST_ROUNDS,
    ROUNDS,
    Batch,
    Known,
    Step,
    Stream,
    empty_stream,
    replacing,
    step_sizes,
)
from aggregate.models._problem import Structure, passes_over

Float = NDArray[np.float64]


class StreamingModel(AbstentionModel):
    """A confusion model that can learn batch by batch.

    A subclass has the parameters ``prior_strength``, ``class_prior``, ``init``,
    ``fix_confusion`` and ``forget`` besides those of the base, checks them by
    ``_check_parameters`` and says by ``_structure`` which confusions it allows.
    """

    _streams: ClassVar[bool] = True  # whether the E-step is that of soft labels
    _structure: Callable[[Float | None], Structure]
    _check_parameters: Callable[[], None]

    @available_if(lambda self: self._streams)
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        gold: Any = None,
        classes: Any = None,
        again: bool = False,
    ) -> StreamingModel:
        """Learn from one more batch of votes, which need not be kept afterwards.

        What was learned so far, by earlier calls or by `fit`, counts like votes that are not
        here. Every annotator has learning steps of their own; new ones may turn up at any
        time. With ``forget``, old labels fade.

        Parameters
        ----------
        X : Annotations or array-like of shape (n, M)
            Votes on a batch of items, all votes on an item in one batch. A table always has
            the same columns; containers may hold any annotators.
        y : None
            Ignored.
        gold : mapping item -> class or array-like of shape (n,), optional
            Known truth of some items of the batch.
        classes : array-like of shape (K,), optional
            In the first call: all classes that the stream will ever hold. By default, those
            of the first batch.
        again : bool, default=False
            The votes were passed before: old counts make room for theirs. Otherwise a vote
            that is passed twice counts like two. A few passes over stored batches come closer
            to what `fit` finds.

        Returns
        -------
        self
            ``items_``, ``probas_`` and ``labels_`` are those of this batch, by what is known
            after it; ``annotators_`` are in the order of their first batch; ``n_batches_``
            counts the calls.

        Raises
        ------
        ValueError
            If a label is none of the classes.
        """
        self._check_stream(again)
        with all_or_nothing(self):
            self._learn(self._next_batch(X, classes), gold, again)
        return self

    def _check_stream(self, again: bool) -> None:
        self._check_parameters()
        if self.forget is not None:
            check_number("forget", self.forget, low=1)
            if again:
                raise ValueError(
                    "a stream that forgets cannot go over votes again: leave out one of forget "
                    "and again=True."
                )
        for name, plain in (("fix_confusion", False), ("abstention", None), ("init", "votes")):
            value = getattr(self, name)
            if type(value) is not type(plain) or value != plain:
                raise ValueError(
                    f"partial_fit has no use for {name}={value!r}: leave it at {plain!r}, or use "
                    "fit."
                )

    def _next_batch(self, X: Any, classes: Any) -> Annotations:
        """Return a batch in the codes of the stream, which new annotators extend."""
        first = not hasattr(self, "classes_")
        annotations = self._read(X, reset=first)
        if first:
            given = annotations.classes if classes is None else decode_table(classes, "classes")
            self.classes_, self.annotators_ = given, annotations.annotators
            self.gold_given_ = np.zeros(len(self.annotators_), dtype=np.int64)
            self.gold_correct_ = self.gold_given_.copy()
            self._stream = empty_stream(len(given)).with_strangers(len(self.annotators_))
            self.n_batches_ = 0
        elif classes is not None and not np.array_equal(decode_table(classes, "c"), self.classes_):
            raise ValueError(
                f"classes must stay those of the first batch, {first_few(self.classes_)}; got "
                f"{first_few(classes)}."
            )
        elif not hasattr(self, "_stream"):
            self._continue_fit()
        label = match(annotations.classes, self.classes_)
        used = np.bincount(annotations.label, minlength=annotations.n_classes) > 0
        strange = annotations.classes[used & (label < 0)]
        if len(strange):
            raise ValueError(
                f"the batch holds classes that were not declared: {first_few(strange)}; the "
                f"stream has {first_few(self.classes_)}. Declare all of them in the first call "
                "of partial_fit (classes=)."
            )
        place = self._admit(annotations.annotators)
        return Annotations(
            annotations.item_ptr,
            place[annotations.annotator],
            label[annotations.label],
            annotations.items,
            self.annotators_,
            self.classes_,
        )

    def _admit(self, annotators: NDArray[Any]) -> NDArray[np.int32]:
        """Return the codes of annotators; those who are new get the next ones."""
        place = match(annotators, self.annotators_)
        new = place < 0
        if not new.any():
            return place
        place[new] = len(self.annotators_) + np.arange(new.sum())
        self.annotators_ = _join(self.annotators_, annotators[new])
        self.n_features_in_ = len(self.annotators_)
        self.__dict__.pop("feature_names_in_", None)  # no table has all the columns any more
        self._stream = self._stream.with_strangers(int(new.sum()))
        none = np.zeros(int(new.sum()), dtype=np.int64)
        self.gold_given_ = np.concatenate([self.gold_given_, none])
        self.gold_correct_ = np.concatenate([self.gold_correct_, none])
        return place

    def _learn(self, annotations: Annotations, gold: Any, again: bool) -> None:
        known = gold_codes(gold, annotations)
        new = annotations.labels_per_annotator.astype(np.float64)
        stream = self._stream
        heard = annotations.labels_per_item > 0
        n_items = int((heard if known is None else heard | (known >= 0)).sum())
        step = self._step_sizes(stream, new, n_items)
        if again:
            step = replacing(stream, new, n_items)
        batch = Batch(
            passes_over(annotations, known, self.n_jobs),
            stream,
            step,
            self._structure(None),
            ClassPrior(self.class_prior, self.classes_, self.prior_strength),
        )
        is_first = not stream.given.any()
        soft = clamp(vote_shares(annotations, n_jobs=self.n_jobs), known) if is_first else None
        n_rounds = FIRST_ROUNDS if is_first else ROUNDS
        state, mass, table = batch.learn(batch.start(soft), n_rounds)
        if again:
            given, n_items = np.maximum(stream.given, new), max(stream.n_items, n_items)
            self._stream = Stream(mass, table, given, n_items)
        else:
            self._stream = Stream(mass, table, stream.given + new, stream.n_items + n_items)
        self._keep_table(state.table, state.prior)
        if not again:
            on_gold, correct = score_on_gold(annotations, known)
            self.gold_given_ = self.gold_given_ + on_gold
            self.gold_correct_ = self.gold_correct_ + correct
        self.items_ = annotations.items
        self.probas_ = self._soft_labels(annotations, known)
        self.labels_ = self._decide(self.probas_)
        self.n_iter_, self.n_batches_ = n_rounds, self.n_batches_ + 1
        for name in ("objective_path_", "log_likelihood_", "converged_"):
            self.__dict__.pop(name, None)  # those of a fit to all votes at once

    def _step_sizes(self, stream: Stream, new: Float, n_items: int) -> Step:
        return step_sizes(stream, new, n_items, self.forget)

    def _remember_counts(self, counts: Counts) -> None:
        """Keep how much a fit knows, so that a stream can go on from it: (K,) and (M, K)."""
        n_classes = len(self.classes_)
        n_annotators = len(self.annotators_)
        n_responses = len(counts.table) // max(n_annotators, 1)
        rows = counts.table.reshape(n_annotators, n_responses, n_classes)[:, :n_classes]
        self._fitted_counts = Known(counts.mass, rows.sum(axis=1))
        for name in ("_stream", "n_batches_"):
            self.__dict__.pop(name, None)

    def _continue_fit(self) -> None:
        """Take the expected counts of a fit for those of a stream."""
        mass, rows = self._fitted_counts
        n_classes, structure = len(mass), self._structure(None)
        said = self.confusion_.transpose(0, 2, 1)
        table = (said * rows[:, np.newaxis]).reshape(-1, n_classes)
        if isinstance(structure, Confusions):  # at the optimum they follow from the M-step
            total = rows[:, np.newaxis] + self.prior_strength
            exact = said * total - structure.pseudo
            table = np.maximum(exact, 0.0).reshape(-1, n_classes)
        given = rows.sum(axis=1)
        self._stream = Stream(mass, np.ascontiguousarray(table), given, round(mass.sum()))
        self.n_batches_ = 0


def _join(known: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
    """Append names without changing any: numbers do not become text."""
    kinds = {known.dtype.kind, new.dtype.kind}
    if len(kinds) > 1 and not kinds <= set("iuf"):
        known, new = known.astype(object), new.astype(object)
    return np.concatenate([known, new])
