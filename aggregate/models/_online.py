"""What a stream of votes leaves behind: expected counts that grow, or fade, batch by batch.

Stochastic EM keeps running averages of the expected counts and takes a step towards those of
each batch, ``s ← (1 - γ) s + γ E[batch]``. Here every annotator has steps of their own, so that
somebody who turns up late learns as fast as the first did. Labels that came early were counted
when little was known and must lose weight; an annotator with few labels can spare none. So the
u-th label of an annotator weighs u + 200, which makes γ = 1 - W(n) / W(n + m) for m labels after
n, with W(n) = n (n + 400): first like 1/n, in the long run like 2/n. With forgetting, the step
is never less than 1 - exp(-m / window). Within a batch, a few rounds of EM settle its own soft
labels before they are counted.

O. Cappé and E. Moulines, On-line expectation-maximization algorithm for latent data models,
Journal of the Royal Statistical Society B 71(3):593-613, 2009, section 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.models._class_prior import ClassPrior
from aggregate.models._em import Counts, State
from aggregate.models._passes import Passes
from aggregate.models._problem import Structure

Float = NDArray[np.float64]

OFFSET = 200.0  # labels of an annotator that count nearly alike
FIRST_ROUNDS = 30  # of EM on the first batch, which finds out what the classes are
ROUNDS = 3  # on each later one: more change nothing that could be measured


class Stream(NamedTuple):
    """What is left of the votes so far.

    Expected items per class (K,) and expected labels per truth in the kernels' layout
    (M·K, K), weighted; and how many labels each annotator has given (M,), on how many items.
    """

    mass: Float
    table: Float
    given: Float
    n_items: int

    def with_strangers(self, n_new: int) -> Stream:
        """Return the stream with annotators behind the others who have said nothing yet."""
        rows = np.zeros((n_new * len(self.mass), len(self.mass)))
        return Stream(
            self.mass,
            np.concatenate([self.table, rows]),
            np.concatenate([self.given, np.zeros(n_new)]),
            self.n_items,
        )


class Known(NamedTuple):
    """How much a fit knows: expected items per class (K,), labels per truth (M, K)."""

    mass: Float
    rows: Float


class Step(NamedTuple):
    """Weights of old counts and of a batch's, for each annotator (M,) and for the classes."""

    keep: Float
    add: Float
    keep_mass: float
    add_mass: float


def empty_stream(n_classes: int) -> Stream:
    """Return the stream before the first vote, of no annotator."""
    return Stream(np.zeros(n_classes), np.zeros((0, n_classes)), np.zeros(0), 0)


def step_sizes(stream: Stream, new: Float, n_items: int, forget: float | None = None) -> Step:
    """Return the weights for a batch of ``n_items`` with ``new`` labels by each annotator.

    The class prior fades as fast as the annotators of the batch do on average. Labels of one
    batch count alike, and their weight is what it would be in smaller batches: the size of the
    batches does not matter.

    Examples
    --------
    >>> stream = Stream(np.array([50.0]), np.array([[100.0]]), np.array([100.0]), 50)
    >>> step = step_sizes(stream, np.array([100.0]), 50)
    >>> step.keep.round(3), step.add.round(3)
    (array([0.833]), array([1.167]))
    """
    held = stream.table.reshape(len(new), -1).sum(axis=1)
    faded = np.zeros_like(new) if forget is None else new / forget
    mean = np.array([(new * faded).sum() / max(new.sum(), 1.0)])
    keep, add = _weights(stream.given, held, new, faded)
    seen, mass = np.array([float(stream.n_items)]), np.array([stream.mass.sum()])
    keep_mass, add_mass = _weights(seen, mass, np.array([float(n_items)]), mean)
    return Step(keep, add, float(keep_mass[0]), float(add_mass[0]))


def _weights(given: Float, held: Float, new: Float, faded: Float) -> tuple[Float, Float]:
    """Return the factors of old and new counts; ``held`` is what the old ones add up to."""
    after = given + new
    before = given * (given + 2 * OFFSET)
    step = 1 - np.divide(before, after * (after + 2 * OFFSET), out=np.ones_like(new), where=new > 0)
    step = np.maximum(step, -np.expm1(-faded))
    share = np.divide(-np.expm1(-faded), faded, out=np.ones_like(new), where=faded > 0)
    total = held * np.exp(-faded) + new * share
    keep = np.divide(total * (1 - step), held, out=np.zeros_like(new), where=held > 0)
    add = np.divide(total * step, new, out=np.ones_like(new), where=new > 0)
    return keep, add


def replacing(stream: Stream, new: Float, n_items: int) -> Step:
    """Return the weights of votes passed once more: old counts make room for so many labels.

    Examples
    --------
    >>> stream = Stream(np.array([60.0, 40.0]), np.zeros((4, 2)), np.array([80.0]), 100)
    >>> replacing(stream, np.array([20.0]), 10)
    Step(keep=array([0.75]), add=array([1.]), keep_mass=0.9, add_mass=1.0)
    """
    keep = 1 - new / np.maximum(stream.given, np.maximum(new, 1.0))
    keep_mass = 1 - n_items / max(stream.n_items, n_items, 1)
    return Step(keep, np.ones_like(new), keep_mass, 1.0)


class Batch:
    """A batch of votes, what came before it, and what may be learned of both.

    Parameters
    ----------
    passes : Passes
        Over the batch, in the codes of the stream.
    before : Stream
    step : Step
    structure : Structure
    class_prior : ClassPrior
    """

    def __init__(
        self,
        passes: Passes,
        before: Stream,
        step: Step,
        structure: Structure,
        class_prior: ClassPrior,
    ) -> None:
        n_classes = len(before.mass)
        self.passes, self.structure, self.class_prior = passes, structure, class_prior
        self.before = before
        self.mass, self.add_mass = before.mass * step.keep_mass, step.add_mass
        self.table = before.table * np.repeat(step.keep, n_classes)[:, np.newaxis]
        self.add = np.repeat(step.add, n_classes)[:, np.newaxis]

    def start(self, soft_labels: Float | None) -> State:
        """Return the parameters to begin with: those so far, or from soft labels."""
        if soft_labels is None:
            return self._maximise(self.before.mass, self.before.table)
        return self._maximise(*self._joined(self.passes.count(soft_labels)))

    def learn(self, state: State, n_rounds: int) -> tuple[State, Float, Float]:
        """Return the parameters after so many rounds, and the counts that they follow from."""
        mass, table = self.mass, self.table
        for _ in range(n_rounds):
            mass, table = self._joined(self.passes.expect(state))
            state = self._maximise(mass, table)
        return state, mass, table

    def _joined(self, counts: Counts) -> tuple[Float, Float]:
        mass = self.mass + self.add_mass * counts.mass
        return mass, self.table + self.add * counts.table

    def _maximise(self, mass: Float, table: Float) -> State:
        return State(self.class_prior.maximise(mass), self.structure.maximise(table))
